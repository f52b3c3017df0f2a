"""`culm diff` of a target on AWS: the stack first, then what is deployed on it."""

import pytest
from tests.amazon.conftest import Shop

from culm.operate.drift.compare import compare
from culm.operate.drift.look import look
from culm.operate.drift.stack import compare_stack
from culm.target.connection import Target

pytestmark = pytest.mark.filterwarnings("ignore:Tried to parse AWS")


@pytest.fixture
def on_a_stack(shop: Shop) -> Shop:
    shop.account.empty()
    return shop


def differences(shop: Shop) -> list[tuple[str, str, str | None, str | None]]:
    """As `culm diff --no-images` has them."""
    project = shop.project
    target = Target(project.targets["stg"])
    below = compare_stack(target, project)
    rows = below + compare(project, project.targets["stg"], look(target, project, None))
    return [(row.what, row.field, row.wanted, row.live) for row in rows]


def test_the_stack_and_what_is_deployed_on_it_are_compared(on_a_stack: Shop) -> None:
    shop = on_a_stack
    assert differences(shop)[0] == ("stack culm-bamboo", "", "there", None)
    text = (shop.folder / "culm.yml").read_text()
    shop.write("culm.yml", text.replace("web: {path: /*}", "web: {path: /*, files: {/srv/conf/a: a.conf}}"))
    shop.write("a.conf", "listen 80;")
    shop.culm("aws", "bootstrap", "--yes")
    missing = {what for what, field, wanted, _ in differences(shop) if (field, wanted) == ("", "there")}
    assert {"service accounts", "service web"} <= missing, "nothing is behind the load balancer yet"
    shop.culm("vault", "put", "stg/web/a.conf", str(shop.folder / "a.conf"))
    shop.up()
    assert differences(shop) == []
    assert shop.culm("diff", "--no-images") == "bamboo on stg is as culm.yml says\n"

    manifest = shop.folder / "culm.yml"
    manifest.write_text(manifest.read_text().replace("provider: aws,", "provider: aws, retention: 30,"))
    ecs = shop.account.client("ecs")
    ecs.update_service(cluster="bamboo", service="web", desiredCount=3)
    found = differences(shop)
    assert ("service web", "desiredCount", "1", "3") in found
    assert {(field, wanted, live) for what, field, wanted, live in found if what.startswith("stack: ")} == {
        ("RetentionInDays", "30", "14")
    }
