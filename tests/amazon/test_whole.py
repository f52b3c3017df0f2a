"""From an account with nothing in it, and back: the stack, the services on it, and all that comes after."""

import pytest
from tests.amazon.conftest import Shop
from tests.amazon.inventory import inventory

from culm.cli.agreement import ensure
from culm.console import Console

KEPT = {
    *("repository bamboo/accounts", "repository bamboo/accounts-migrate", "repository bamboo/web"),
    "bucket culm-bamboo-123456789012-us-east-1",
}
"""What `culm aws destroy` leaves unless it is told to take it."""


@pytest.mark.filterwarnings("ignore:Tried to parse AWS")  # moto's CloudFormation does not make everything
def test_bootstrap_up_deploy_rollback_scale_down_and_destroy(shop: Shop) -> None:
    shop.culm("aws", "bootstrap", "--yes")
    based = inventory(shop.account)
    assert {"stack culm-bamboo", "cluster bamboo", "load balancer bamboo", *KEPT} <= based
    shop.calls()

    shop.up()
    first = shop.writes()
    bases = ("cloudformation.", "iam.", "ecs.CreateCluster", "ecr.Create", "elbv2.CreateLoad", "elbv2.CreateListener")
    assert [write for write in first if write.startswith(bases)] == [], "the stack has made what services stand on"
    assert first.count("ecs.CreateService") == 2

    ensure(shop.target, shop.project, Console(shop.told), yes=False)
    assert [outcome.changed for outcome in shop.up()] == [False, False]
    assert shop.writes() == []

    shop.write("web/Dockerfile", 'FROM base\nEXPOSE 8000\nCMD ["sh", "-c", "true"]\n')
    shop.up("web")
    assert shop.writes() == ["ecs.RegisterTaskDefinition", "ecs.UpdateService"]
    shop.culm("rollback", "web")
    shop.culm("scale", "web", "2")
    assert shop.writes() == ["ecs.UpdateService", "ecs.UpdateService"]

    shop.culm("down")
    assert inventory(shop.account) == based

    shop.culm("aws", "destroy", "--yes")
    left = {name for name in inventory(shop.account) if not name.startswith("role AWSServiceRoleFor")}
    assert left == KEPT
