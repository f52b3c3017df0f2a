"""A target on AWS that sleeps: by hand, by the schedules of its stack, and woken by a request."""

import json
import re
import threading
from typing import Any

import pytest
from moto.backends import get_backend
from tests.amazon.amazon import ACCOUNT
from tests.amazon.conftest import Shop
from tests.amazon.permissions import refused
from tests.amazon.test_diff import differences
from tests.amazon.wakes import function, pass_time, schedules, stack
from tests.amazon.wire import READS
from tests.based import based

from culm.core.decide.policy_documents import parse
from culm.deploy.lock import KEY
from culm.render import permissions

pytestmark = pytest.mark.filterwarnings("ignore:Tried to parse AWS")  # moto's CloudFormation does not make everything

SLEEP = "{hours: 'mon-fri 08:00-20:00 Europe/Berlin', wake: on-request, ignore: [UptimeRobot]}"
ASLEEP = "asleep until 08:00 (mon-fri, Europe/Berlin); wake it: culm wake --target stg"


@pytest.fixture
def sleeper(shop: Shop) -> Shop:
    """`web` calls `accounts`; all sleep outside office hours, the database with them."""
    shop.account.empty()
    target = f"{{provider: aws, region: us-east-1, endpoint_url: '{shop.account.url}', sleep: {SLEEP}}}"
    (shop.folder / "accounts" / "Dockerfile.migrate").unlink()
    shop.write(
        "culm.yml",
        f"name: bamboo\ntargets: {{stg: {target}}}\ndefaults: {{settle: 0}}\n"
        "databases: {main: {engine: postgres, rds: {sleep: true}}}\n"
        "services:\n  accounts: {count: 2}\n  web: {path: /*, after: [accounts]}\n",
    )
    shop.culm("aws", "bootstrap", "--yes")
    shop.up()
    shop.calls()
    return shop


def state(shop: Shop) -> dict[str, Any]:
    """Counts of services, instances of the group, status of the database, and whether the rule takes every request."""
    ecs, elb = shop.account.client("ecs"), shop.account.client("elbv2")
    services = ecs.describe_services(cluster="bamboo", services=["accounts", "web"])["services"]
    [group] = shop.account.client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"]
    [database] = shop.account.client("rds").describe_db_instances()["DBInstances"]
    [listener] = elb.describe_listeners(
        LoadBalancerArn=elb.describe_load_balancers(Names=["bamboo"])["LoadBalancers"][0]["LoadBalancerArn"]
    )["Listeners"]
    [rule] = [
        each for each in elb.describe_rules(ListenerArn=listener["ListenerArn"])["Rules"] if each["Priority"] == "1"
    ]
    return {
        "services": {each["serviceName"]: each["desiredCount"] for each in services},
        "instances": (group["MinSize"], group["DesiredCapacity"], len(group["Instances"])),
        "database": database["DBInstanceStatus"],
        "answers": rule["Conditions"][0]["Field"] == "path-pattern",
    }


def allowed_writes(shop: Shop) -> list[str]:
    """What was called since the last time, none of it beyond the role of CI's deploys."""
    calls, settings = shop.calls(), shop.project.targets["stg"]
    policy = permissions.deploy_policy(shop.project, based(shop.target, shop.project).surroundings, settings)
    shop.calls()
    assert refused(calls, parse(json.dumps(policy))) == ["autoscaling:UpdateAutoScalingGroup on *"]
    [groups] = [
        each["Resource"] for each in policy["Statement"] if each["Sid"] == "Sleep"
    ]  # whose names the judge lacks
    assert groups.endswith(":autoScalingGroupName/culm-bamboo-*")
    made = [call for call in calls if call["parameters"].get("Key") != KEY]
    return [f"{call['service']}.{call['operation']}" for call in made if not call["operation"].startswith(READS)]


AWAKE = {"services": {"accounts": 2, "web": 1}, "instances": (2, 2, 2), "database": "available", "answers": False}
OFF = {"services": {"accounts": 0, "web": 0}, "instances": (0, 0, 0), "database": "stopped", "answers": True}


def test_the_roles_of_schedules_and_function_allow_what_these_call_and_no_more(sleeper: Shop) -> None:
    resources, listed = stack(sleeper.account), schedules(sleeper.account)
    called = {each["Target"]["Arn"].rpartition("aws-sdk:")[2].lower() for each in listed.values()}
    called = {each.replace("elasticloadbalancingv2", "elasticloadbalancing") for each in called}
    assert {each.lower() for each in actions(resources["SleepRole"])} == called
    code = resources["WakeFunction"]["Properties"]["Code"]["ZipFile"]
    names = {"rds": "rds", "fleet": "autoscaling", "ecs": "ecs", "elb": "elasticloadbalancing"}
    own = {f"{names[client]}:{verb.replace('_', '')}" for client, verb in re.findall(r"(\w+)\.(\w+_\w+)\(", code)}
    logs = {"logs:createlogstream", "logs:putlogevents"}
    assert {each.lower() for each in actions(resources["WakeRole"])} == own | logs


def actions(role: dict[str, Any]) -> list[str]:
    statements = role["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
    given = [each["Action"] for each in statements]
    return [action for each in given for action in ([each] if isinstance(each, str) else each)]


def test_sleep_stops_all_wake_starts_all_and_neither_leaves_a_difference(sleeper: Shop) -> None:
    shop = sleeper
    assert state(shop) == AWAKE
    slept = json.loads(shop.culm("sleep", "--json"))
    assert state(shop) == OFF
    assert shop.told.getvalue().count("stopping the instances, database bamboo-main") == 1
    assert slept["saved"]["dollars_an_hour"] > 0
    assert allowed_writes(shop) == [
        *("ecs.TagResource", "ecs.UpdateService") * 2,
        *("elbv2.ModifyRule", "autoscaling.UpdateAutoScalingGroup", "rds.StopDBInstance"),
    ]
    assert differences(shop) == []
    shop.culm("sleep")
    assert shop.writes() == [], "who sleeps is left alone"
    assert shop.told.getvalue().count("stopping") == 1, "what stopped before is not told as stopping"
    assert "asleep (2)" in shop.culm("status")

    shop.culm("wake")
    assert state(shop) == AWAKE
    woken = allowed_writes(shop)
    assert woken[:2] == ["rds.StartDBInstance", "autoscaling.UpdateAutoScalingGroup"]
    assert woken[-1] == "elbv2.ModifyRule"
    assert woken.count("ecs.UpdateService") == 2
    assert differences(shop) == []
    shop.culm("wake")
    assert shop.writes() == [], "nothing wakes twice"

    [database] = get_backend("rds")[ACCOUNT]["us-east-1"].databases.values()
    database.status = "backing-up"
    backed_up = threading.Timer(1.0, setattr, (database, "status", "available"))
    backed_up.start()
    shop.culm("wake")
    backed_up.join()
    assert shop.writes() == [], "a database that is backed up is no stopped one"


def test_the_clock_of_the_stack_does_the_same(sleeper: Shop) -> None:
    shop, listed = sleeper, schedules(sleeper.account)
    assert {name: each["ScheduleExpression"] for name, each in listed.items()} == {
        "bamboo.wakes.DatabaseMain": "cron(45 7 ? * MON-FRI *)",
        "bamboo.wakes.Instances": "cron(52 7 ? * MON-FRI *)",
        "bamboo.wakes.OfAccounts": "cron(55 7 ? * MON-FRI *)",
        "bamboo.wakes.OfWeb": "cron(56 7 ? * MON-FRI *)",
        "bamboo.wakes.SleepersRule": "cron(0 8 ? * MON-FRI *)",
        "bamboo.sleeps.SleepersRule": "cron(0 20 ? * MON-FRI *)",
        "bamboo.sleeps.OfWeb": "cron(1 20 ? * MON-FRI *)",
        "bamboo.sleeps.OfAccounts": "cron(2 20 ? * MON-FRI *)",
        "bamboo.sleeps.Instances": "cron(10 20 ? * MON-FRI *)",
        "bamboo.sleeps.DatabaseMain": "cron(12 20 ? * MON-FRI *)",
    }
    assert {each["ScheduleExpressionTimezone"] for each in listed.values()} == {"Europe/Berlin"}

    evening = []
    for name in pass_time(shop.account, "2027-03-26T12:00", "2027-03-29T07:00"):  # clocks go forward on the Sunday
        shop.culm("status")  # a look takes the machines a step on
        evening.append(name)
    order = ["SleepersRule", "OfWeb", "OfAccounts", "Instances", "DatabaseMain"]
    assert evening == [f"bamboo.sleeps.{name}" for name in order]
    assert state(shop) == OFF
    assert differences(shop) == []
    assert "asleep (1)" in shop.culm("status")

    morning = list(pass_time(shop.account, "2027-03-29T07:00", "2027-03-29T12:00"))
    order = ["DatabaseMain", "Instances", "OfAccounts", "OfWeb", "SleepersRule"]
    assert morning == [f"bamboo.wakes.{name}" for name in order]
    shop.culm("status")
    assert state(shop) == AWAKE
    assert differences(shop) == []
    shop.calls()
    shop.culm("wake")
    assert shop.writes() == [], "nothing wakes twice"


def test_a_deploy_while_all_sleeps_deploys_and_sleeps_on_or_wakes(sleeper: Shop) -> None:
    shop = sleeper
    shop.culm("sleep")
    ecs = shop.account.client("ecs")
    shop.write("accounts/new.txt", "new")
    shop.write("accounts/Dockerfile", 'FROM base\nCOPY new.txt /\nEXPOSE 8000\nCMD ["sh"]\n')
    shop.deploy("accounts")
    assert state(shop) == OFF
    [service] = ecs.describe_services(cluster="bamboo", services=["accounts"])["services"]
    assert service["taskDefinition"].endswith(":2")
    assert differences(shop) == []
    shop.calls()
    shop.deploy("accounts")
    assert shop.writes() == [], "instances do not start for nothing"
    shop.deploy("accounts", "web", wake=True)
    assert state(shop) == AWAKE


def test_a_request_wakes_all_once_by_the_function_of_the_stack(sleeper: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop, ask = sleeper, function(sleeper.account, monkeypatch)
    shop.culm("sleep")
    shop.calls()
    monitor = ask(**{"user-agent": "Mozilla/5.0 uptimerobot/2.0"})
    assert (monitor["statusCode"], monitor["body"]) == (503, f"{ASLEEP}\n")
    assert state(shop) == OFF

    first = ask("/shop", accept="text/html,*/*")
    assert first["statusCode"] == 503
    assert first["headers"]["Retry-After"] == "15"
    assert "content=15>" in first["body"]
    assert "about 15 minutes" in first["body"]
    assert state(shop) == {**OFF, "instances": (2, 2, 2), "database": "available"}
    again = ask("/shop")
    assert (again["headers"]["Retry-After"], again["body"]) == ("5", "waking: this takes about 15 minutes\n")
    shop.culm("status")
    assert ask("/shop")["body"] == "awake\n"
    assert state(shop) == AWAKE
    assert differences(shop) == []
