"""From an account with nothing in it, and back: the stack, the services on it, and all that comes after."""

import json
import os

import pytest
from botocore.exceptions import ClientError
from tests.amazon.conftest import Shop
from tests.amazon.inventory import inventory
from tests.amazon.launches import FAILURES
from tests.amazon.test_diff import differences
from tests.amazon.wire import Answer
from tests.based import based

from culm.cli.agreement import await_instances, ensure
from culm.console import Console
from culm.core.decide.policy_documents import parse
from culm.errors import CulmError
from culm.operate.exec import instance_session
from culm.operate.exec.task_session import Command
from culm.render import permissions
from culm.target.connection import Target

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
    web = {"name": "web", "changed": True, "error": None}
    [went_back] = json.loads(shop.culm("rollback", "web", "--json"))["services"]
    assert {**web, "revision": 1}.items() <= went_back.items()
    assert json.loads(shop.culm("scale", "web", "2", "--json")) == {"services": [{**web, "count": 2}]}
    assert shop.writes() == ["ecs.UpdateService", "ecs.UpdateService"]

    removed = json.loads(shop.culm("down", "--json"))["removed"]
    assert {"kind": "service", "name": "web"} in removed
    assert inventory(shop.account) == based

    shop.culm("aws", "destroy", "--yes")
    left = {name for name in inventory(shop.account) if not name.startswith("role AWSServiceRoleFor")}
    assert left == KEPT


@pytest.mark.filterwarnings("ignore:Tried to parse AWS")
def test_a_fleet_that_does_not_start_and_a_region_that_is_another_one_are_told_with_the_way_out(shop: Shop) -> None:
    shop.account.empty()
    advice = {
        "not offered": "in zones that have it",
        "not eligible": "2 x t3.micro",
        "capacity": "another instance type",
        "quota": "Service Quotas",
        "image": "culm aws refresh",
    }
    for kind, reason in FAILURES.items():  # the first one while the stack is made
        shop.account.fail_launches(reason)
        with pytest.raises(CulmError) as failure:
            shop.culm("aws", "bootstrap", "--yes")
        assert failure.value.what == f"0 of 2 instances have started; the next one does not start: {reason}"
        assert advice[kind] in failure.value.hint
    with pytest.raises(CulmError, match="0 of 2 instances have joined cluster bamboo; the next one does not start"):
        await_instances(shop.target, shop.project, Console(shop.told))
    shop.account.fail_launches("")

    manifest = (shop.folder / "culm.yml").read_text()
    shop.write("culm.yml", manifest.replace("region: us-east-1", "region: eu-west-1"))
    for command in ("plan",), ("status",), ("aws", "bootstrap", "--yes"), ("aws", "diff"):
        with pytest.raises(CulmError, match="bamboo is in us-east-1, and target stg says eu-west-1") as elsewhere:
            shop.culm(*command)
        assert elsewhere.value.hint.startswith("region: us-east-1; or,")
    with pytest.raises(CulmError, match="bamboo is in us-east-1, and target stg says eu-west-1"):
        ensure(Target(shop.project.targets["stg"]), shop.project, Console(shop.told), yes=True)
    with pytest.raises(CulmError, match="Cluster not found") as nothing_there:
        shop.culm("rollback", "web")
    assert "`region:`" in nothing_there.value.hint
    shop.write("culm.yml", manifest)

    shop.culm("aws", "bootstrap")
    await_instances(shop.target, shop.project, Console(shop.told))
    assert [outcome.changed for outcome in shop.up()] == [True, True]
    enters_an_instance(shop)


def enters_an_instance(shop: Shop) -> None:
    """`culm aws shell` as far as Amazon's door: the stream behind it is that of `culm exec`."""
    [group] = shop.account.client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"]
    instance = group["Instances"][0]["InstanceId"]
    session = {"SessionId": "ada-1", "StreamUrl": "wss://ssm.example/ada-1", "TokenValue": "token"}
    answers = [Answer(status=200, body=json.dumps(session)), Answer(code="TargetNotConnected", message="it is not")]
    shop.calls()
    shop.wire.set(lambda call, _: answers.pop(0) if call == "ssm.StartSession" else None)
    listing = Command(words=("ls", "/var/log/ecs"), terminal=False)
    opened = instance_session.begin(shop.target, shop.project, instance[:12], listing)
    assert (opened.id, opened.url, opened.token) == ("ada-1", "wss://ssm.example/ada-1", "token")
    [asked] = [call["parameters"] for call in shop.calls() if call["operation"] == "StartSession"]
    assert (asked["Target"], asked["DocumentName"]) == (instance, "AWS-StartInteractiveCommand")
    assert asked["Parameters"]["command"][0].endswith(" culm ls /var/log/ecs")
    with pytest.raises(CulmError, match=f"Session Manager does not reach {instance}"):
        instance_session.begin(shop.target, shop.project, instance, listing)
    with pytest.raises(CulmError, match="bamboo has several instances i-") as several:
        instance_session.begin(shop.target, shop.project, "i-", listing)
    assert instance in several.value.hint
    with pytest.raises(CulmError, match="bamboo has no instance i-0other"):
        instance_session.begin(shop.target, shop.project, "i-0other", listing)
    shop.wire.set(None)


@pytest.mark.skipif("CULM_SEEDS" not in os.environ, reason="a minute: in the nightly run, or make seeds")
@pytest.mark.timeout(600)
@pytest.mark.filterwarnings("ignore:Tried to parse AWS")
def test_thirty_services_from_bootstrap_to_destroy_their_deploys_by_ci_with_its_own_policy_alone(shop: Shop) -> None:
    shop.account.empty()
    names = [f"s{number:02}" for number in range(30)]
    for name in names:
        shop.write(f"{name}/Dockerfile", 'FROM base\nEXPOSE 8000\nCMD ["sh"]\n')
    target = f"{{provider: aws, region: us-east-1, github: team/shop, endpoint_url: '{shop.account.url}'}}"
    services = "".join(f"  {name}: {{memory: 32, cpu: 32}}\n" for name in names)
    manifest = f"name: bamboo\ntargets: {{stg: {target}}}\ndefaults: {{settle: 0}}\nservices:\n{services}"
    shop.write("culm.yml", manifest)
    shop.culm("aws", "bootstrap", "--yes")
    shop.calls()

    project = shop.project
    surroundings = based(shop.target, project).surroundings
    shop.wire.policy = parse(json.dumps(permissions.deploy_policy(project, surroundings)))
    ensure(shop.target, project, Console(shop.told), yes=False)
    assert [outcome.changed for outcome in shop.up()] == [True] * 30
    assert shop.writes().count("ecs.CreateService") == 30
    assert [outcome.changed for outcome in shop.up()] == [False] * 30
    assert shop.writes() == []
    assert differences(shop) == []

    shop.write("s07/Dockerfile", 'FROM base\nEXPOSE 8000\nCMD ["sh", "-c", "true"]\n')
    [outcome] = shop.up("s07")
    assert outcome.changed
    assert shop.writes() == ["ecs.RegisterTaskDefinition", "ecs.UpdateService"]
    with pytest.raises(ClientError, match="AccessDenied"):
        shop.target.client("ecs").create_cluster(clusterName="another")
    shop.wire.policy = None

    shop.culm("down")
    shop.culm("aws", "destroy", "--yes", "--vault", "--repositories")
    left = {name for name in inventory(shop.account) if not name.startswith("role AWSServiceRoleFor")}
    assert left == {"bucket culm-templates-123456789012-us-east-1"}, "of all stacks of the account, and empty"
