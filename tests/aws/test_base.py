"""The whole way on another project's AWS: the base stack, the deploy on it, and away with both."""

from collections.abc import Iterator

import pytest
from tests.aws.conftest import Shop
from tests.aws.inventory import inventory
from tests.deploy.aws.completed import complete

pytestmark = pytest.mark.filterwarnings("ignore:Tried to parse AWS")
"""moto has no bucket policies in its CloudFormation, and says so."""
BUCKET = "culm-bamboo-123456789012-us-east-1"
IMAGES = {f"repository bamboo/{name}" for name in ("accounts", "accounts-migrate", "web")}
MAY_WRITE = {
    *("ecr.CompleteLayerUpload", "ecr.InitiateLayerUpload", "ecr.PutImage", "ecr.UploadLayerPart"),
    *("ecs.RegisterTaskDefinition", "ecs.RunTask", "ecs.CreateService"),
    *("elasticloadbalancing.CreateTargetGroup", "elasticloadbalancing.ModifyTargetGroupAttributes"),
    *("elasticloadbalancing.CreateRule", "s3.PutObject", "s3.PutBucketVersioning"),
}
"""Versioning is the stack's, but moto's CloudFormation makes buckets without."""


@pytest.fixture
def on_a_stack(shop: Shop) -> Iterator[Shop]:
    """An account without anything, and its CloudFormation complete."""
    shop.account.empty()
    with pytest.MonkeyPatch.context() as patch:
        complete(patch)
        yield shop


def test_from_an_empty_account_and_back(on_a_stack: Shop) -> None:
    shop = on_a_stack
    shop.culm("aws", "bootstrap", "--yes")
    shop.calls()
    base = inventory(shop.account)
    assert base >= {"stack culm-bamboo", "cluster bamboo", "load balancer bamboo", f"bucket {BUCKET}", *IMAGES}

    assert [outcome.changed for outcome in shop.up()] == [True, True]
    first = shop.writes()
    assert {call.replace("elbv2.", "elasticloadbalancing.") for call in first} <= MAY_WRITE, "the base is all there"
    assert inventory(shop.account) - base >= {"service accounts", "service web", "target group bamboo-web"}
    assert [outcome.changed for outcome in shop.up()] == [False, False]
    assert shop.writes() == []

    shop.culm("down")
    assert inventory(shop.account) == base
    assert [outcome.changed for outcome in shop.up()] == [True, True]

    shop.culm("aws", "destroy", "--yes")
    left = {thing for thing in inventory(shop.account) if not thing.startswith("role AWSServiceRole")}
    assert left == {f"bucket {BUCKET}", *IMAGES}
    shop.culm("aws", "bootstrap", "--yes")
    shop.culm("aws", "destroy", "--yes", "--vault", "--repositories")
    assert {thing for thing in inventory(shop.account) if not thing.startswith("role AWSServiceRole")} == set()
