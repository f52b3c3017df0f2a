"""Who is told of what goes wrong: the rules, judged by moto's event bus with events as AWS documents them."""

import json
from typing import Any

import pytest
from moto.events.models import EventPattern
from tests.aws.conftest import ACCOUNT, REGION, Team
from tests.aws.test_template import VARIANTS

from culm import render
from culm.aws import cost
from culm.aws.template import template
from culm.cli.price_lists import load
from culm.core.decide.policies import evaluate
from culm.core.decide.policy_documents import parse
from culm.core.model.policies import Ask
from culm.errors import UsageError
from culm.project.project import Project
from culm.render import messages, permissions

ECS = f"arn:aws:ecs:{REGION}:{ACCOUNT}"
CLUSTER = f"{ECS}:cluster/bamboo"
BUCKET = render.vault_bucket("bamboo", ACCOUNT, REGION)
FILLED = {
    "Cluster.Arn": CLUSTER,
    "ErrorAlarm.Arn": f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:culm-bamboo-ErrorAlarm",
    "Instances1": "culm-bamboo-Instances1-a",
    "Instances2": "culm-bamboo-Instances2-b",
}


def of_ecs(kind: str, detail: dict[str, Any], resource: str = "") -> dict[str, Any]:
    detail = {"clusterArn": CLUSTER, **detail}
    return {"source": "aws.ecs", "detail-type": kind, "resources": [resource], "detail": detail}


def of_alarm(before: str, state: str, alarm: str = FILLED["ErrorAlarm.Arn"]) -> dict[str, Any]:
    detail = {"state": {"value": state}, "previousState": {"value": before}}
    return {
        "source": "aws.cloudwatch",
        "detail-type": "CloudWatch Alarm State Change",
        "resources": [alarm],
        "detail": detail,
    }


def of_group(name: str, kind: str = "EC2 Instance Launch Unsuccessful") -> dict[str, Any]:
    return {"source": "aws.autoscaling", "detail-type": kind, "detail": {"AutoScalingGroupName": name}}


def stopped(reason: str, container: str = "", cluster: str = CLUSTER) -> dict[str, Any]:
    containers = [{"name": "web", "exitCode": 1}, {"name": "proxy", "reason": container}]
    detail = {"lastStatus": "STOPPED", "stoppedReason": reason, "containers": containers, "clusterArn": cluster}
    return of_ecs("ECS Task State Change", detail)


ROLL, SERVICE = "ECS Deployment State Change", f"{ECS}:service/bamboo/web"
TOLD = {
    "a roll that failed": ("DeployFailed", of_ecs(ROLL, {"eventName": "SERVICE_DEPLOYMENT_FAILED"}, SERVICE)),
    "a container that was out of memory": (
        "OutOfMemory",
        stopped("Essential container in task exited", "OutOfMemoryError: Container killed due to memory usage"),
    ),
    "a task that a target group found unhealthy": (
        "Unhealthy",
        stopped("Task failed ELB health checks in (target-group arn:aws:elasticloadbalancing:1)"),
    ),
    "a task for which there was no room": (
        "NoRoom",
        of_ecs("ECS Service Action", {"eventName": "SERVICE_TASK_PLACEMENT_FAILURE", "reason": "RESOURCE:MEMORY"}),
    ),
    "an instance whose agent is gone": (
        "InstanceLost",
        of_ecs("ECS Container Instance State Change", {"agentConnected": False, "ec2InstanceId": "i-1"}),
    ),
    "an instance that AWS could not start": ("NoInstance", of_group("culm-bamboo-Instances2-b")),
    "errors that are too many": ("Alarm", of_alarm("OK", "ALARM")),
    "errors that are no more": ("Alarm", of_alarm("ALARM", "OK")),
}
NOT_TOLD = {
    "a roll that went well": of_ecs(ROLL, {"eventName": "SERVICE_DEPLOYMENT_COMPLETED"}, SERVICE),
    "another project's roll": of_ecs(
        ROLL, {"eventName": "SERVICE_DEPLOYMENT_FAILED"}, SERVICE.replace("/bamboo/", "/bamboo-prd/")
    ),
    "a task that was replaced": stopped("Scaling activity initiated by (deployment ecs-svc/1)"),
    "another cluster's task out of memory": stopped("", "OutOfMemoryError: x", cluster=f"{CLUSTER}-prd"),
    "an instance that answers": of_ecs("ECS Container Instance State Change", {"agentConnected": True}),
    "another project's instance": of_group("culm-payroll-Instances-a"),
    "an instance that was started": of_group("culm-bamboo-Instances1-a", "EC2 Instance Launch Successful"),
    "an alarm that has its first numbers": of_alarm("INSUFFICIENT_DATA", "OK"),
    "another alarm": of_alarm("OK", "ALARM", alarm="arn:aws:cloudwatch:us-east-1:1:alarm:other"),
}


def made(project: Project, team: Team) -> dict[str, Any]:
    return dict(template(project, team.target().settings, BUCKET).resources)


def filled(value: Any) -> Any:
    """A pattern as CloudFormation would hand it over."""
    match value:
        case dict():
            return {key: filled(inner) for key, inner in value.items()}
        case list() | tuple():
            return [filled(inner) for inner in value]
        case str():
            text = FILLED.get(str(value), str(value))
            return text.replace("${AWS::AccountId}", ACCOUNT).replace("${AWS::Region}", REGION)
        case _:
            return value


@pytest.fixture
def rules(team: Team) -> dict[str, EventPattern]:
    team.writes(*VARIANTS["notify"])
    return {
        name.removeprefix("Rule"): EventPattern.load(json.dumps(filled(body["Properties"]["EventPattern"])))
        for name, body in made(team.project, team).items()
        if body["Type"] == "AWS::Events::Rule"
    }


def picked(rules: dict[str, EventPattern], event: dict[str, Any]) -> list[str]:
    """Names of the rules that take an event. EventBridge looks into objects of an array one by one, moto does not."""
    containers = event["detail"].get("containers", [None])
    details = [event["detail"] | ({"containers": each} if each else {}) for each in containers]
    events: list[Any] = [
        {"account": ACCOUNT, "region": REGION, "resources": [], **event, "detail": each} for each in details
    ]
    return [name for name, pattern in rules.items() if any(pattern.matches_event(each) for each in events)]


def test_each_thing_that_goes_wrong_is_told_by_one_rule(rules: dict[str, EventPattern]) -> None:
    assert {what: picked(rules, event) for what, (_, event) in TOLD.items()} == {
        what: [rule] for what, (rule, _) in TOLD.items()
    }


def test_what_goes_well_or_is_another_projects_is_not_told(rules: dict[str, EventPattern]) -> None:
    assert {what: picked(rules, event) for what, event in NOT_TOLD.items()} == {what: [] for what in NOT_TOLD}


def test_what_a_deploy_tells_is_told_of_its_own_project_alone(team: Team, rules: dict[str, EventPattern]) -> None:
    [entry] = messages.event(team.project, "there is no room")["Entries"]
    event = {"source": entry["Source"], "detail-type": entry["DetailType"], "detail": json.loads(entry["Detail"])}
    assert picked(rules, event) == ["ToldByDeploy"]
    event["detail"]["project"] = "bamboo-prd"
    assert picked(rules, event) == []


def test_a_webhook_gets_json_and_people_a_sentence_with_every_part_that_is_named(team: Team) -> None:
    team.writes(*VARIANTS["notify"])
    resources = made(team.project, team)
    for name, body in resources.items():
        if body["Type"] != "AWS::Events::Rule":
            continue
        by_mail, by_webhook = (target["InputTransformer"] for target in body["Properties"]["Targets"])
        text = json.loads(by_webhook["InputTemplate"])["text"]
        assert json.loads(by_mail["InputTemplate"]) == text
        assert all(f"<{part}>" in text for part in by_webhook["InputPathsMap"]), name
    endpoint = resources["Webhook"]["Properties"]["InvocationEndpoint"]
    assert endpoint == "{{resolve:secretsmanager:bamboo/webhook}}", "its URL is a secret, and in no template"


@pytest.mark.parametrize(
    ("notify", "there", "not_there", "dollars"),
    [
        ("{email: ops@example.com}", "Messages", "Webhook", 0.30),
        ("{webhook: bamboo/webhook, errors: 20}", "Webhook", "Messages", 0.70),
    ],
)
def test_each_alone_makes_what_it_takes_and_the_bill_says_what_it_costs(
    team: Team, notify: str, there: str, not_there: str, dollars: float
) -> None:
    prices = load("us-east-1")
    team.writes("stg: {provider: aws}")
    before = cost.cost(team.project, team.target().settings, prices).dollars
    team.writes(f"stg: {{provider: aws, notify: {notify}}}")
    resources = made(team.project, team)
    assert there in resources
    assert not_there not in resources
    after = cost.cost(team.project, team.target().settings, prices).dollars
    assert round(after - before, 2) == dollars


def test_who_deploys_may_tell_of_it_and_put_no_other_events_on_the_bus(team: Team) -> None:
    team.writes(*VARIANTS["notify"])
    around = render.Surroundings(
        env="stg", region=REGION, account=ACCOUNT, vault=BUCKET, vpc="", subnets=(), port=0, instances=""
    )
    policy = parse(json.dumps(permissions.deploy_policy(team.project, around, team.target().settings)))

    def may(source: str) -> bool:
        bus = f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/default"
        context = {"events:source": (source,)}
        return evaluate(
            Ask(action="events:PutEvents", resource=bus, account=ACCOUNT, context=context), [policy]
        ).allowed

    assert may("culm")
    assert not may("aws.ecs")


@pytest.mark.parametrize(
    ("target", "refusal"),
    [
        ("stg: {provider: aws, notify: {errors: 3}}", "notify: tells nobody"),
        ("stg: {provider: aws, notify: {email: ops}}", "no e-mail address"),
        ("stg: {provider: aws, notify: {webhook: 'https://hooks.slack.com/services/T/B/x'}}", "no secret's name"),
        ("stg: {provider: aws, notify: {email: a@b.org, errors: 0}}", "no percentage from 1 to 100"),
        ("local: {notify: {email: a@b.org}}", "only aws sends e-mail"),
    ],
)
def test_what_tells_nobody_is_refused(team: Team, target: str, refusal: str) -> None:
    team.writes(target)
    with pytest.raises(UsageError) as caught:
        team.target()
    assert refusal in f"{caught.value.what} {caught.value.hint}"
