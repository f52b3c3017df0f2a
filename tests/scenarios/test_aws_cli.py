"""Amazon's own command, pointed at the local cluster, tells the story that culm tells."""

import json
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from tests.scenarios.stand import Stand, eventually

COMMANDS = [Path(sys.executable).parent / "aws", Path("/usr/bin/aws")]
"""The one that the tests come with, and what a distribution has."""
SERVICES = {"accounts", "catalog", "notices", "orders"}


@pytest.fixture(params=COMMANDS, ids=["wheel", "distribution"])
def aws(request: pytest.FixtureRequest, bamboo: Stand) -> Any:
    if not request.param.exists():
        pytest.skip(f"no {request.param} here")
    environment = {**bamboo.aws, "AWS_PAGER": "", "AWS_DEFAULT_OUTPUT": "json"}

    def call(*words: str) -> Any:
        command = [str(request.param), "--endpoint-url", environment["AWS_ENDPOINT_URL"], *words]
        said = bamboo.run(command, environment=environment)
        assert said.status == 0, said.screen
        return json.loads(said.out)

    return call


def test_ecs_tells_services_tasks_and_instances(aws: Any) -> None:
    described = aws("ecs", "describe-services", "--cluster", "bamboo", "--services", *sorted(SERVICES))
    services = {service["serviceName"]: service for service in described["services"]}
    assert described["failures"] == []
    assert {name: (s["status"], s["desiredCount"], s["runningCount"]) for name, s in services.items()} == {
        name: ("ACTIVE", 1, 1) for name in SERVICES
    }

    arns = aws("ecs", "list-tasks", "--cluster", "bamboo")["taskArns"]
    tasks = aws("ecs", "describe-tasks", "--cluster", "bamboo", "--tasks", *arns)["tasks"]
    assert {task["group"] for task in tasks} == {f"service:{name}" for name in SERVICES}
    assert {task["taskDefinitionArn"] for task in tasks} == {s["taskDefinition"] for s in services.values()}

    homes = aws("ecs", "list-container-instances", "--cluster", "bamboo")["containerInstanceArns"]
    told = aws("ecs", "describe-container-instances", "--cluster", "bamboo", "--container-instances", *homes)
    assert {i["containerInstanceArn"]: i["runningTasksCount"] for i in told["containerInstances"]} == {
        task["containerInstanceArn"]: 2 for task in tasks
    }


def test_elbv2_tells_where_requests_go(aws: Any, bamboo: Stand) -> None:
    [balancer] = aws("elbv2", "describe-load-balancers", "--names", "bamboo")["LoadBalancers"]
    [listener] = aws("elbv2", "describe-listeners", "--load-balancer-arn", balancer["LoadBalancerArn"])["Listeners"]
    assert listener["Port"] == bamboo.port

    rules = aws("elbv2", "describe-rules", "--listener-arn", listener["ListenerArn"])["Rules"]
    groups = {
        rule["Conditions"][0]["Values"][0]: rule["Actions"][0]["TargetGroupArn"]
        for rule in rules
        if not rule["IsDefault"]
    }
    assert set(groups) == {f"/{name}/*" for name in SERVICES}

    ports = {
        binding["hostPort"]
        for task in bamboo.tasks().values()
        for container in task["containers"]
        for binding in container["networkBindings"]
    }
    seen = set()
    for group in groups.values():
        [target] = aws("elbv2", "describe-target-health", "--target-group-arn", group)["TargetHealthDescriptions"]
        assert target["TargetHealth"]["State"] == "healthy"
        seen.add(target["Target"]["Port"])
    assert seen == ports


def test_ecr_has_two_repositories_a_service(aws: Any) -> None:
    names = {each["repositoryName"] for each in aws("ecr", "describe-repositories")["repositories"]}

    assert names == {f"bamboo/{name}{what}" for name in SERVICES for what in ("", "-migrate")}


def test_logs_hold_what_a_service_wrote(aws: Any, bamboo: Stand) -> None:
    bamboo.get("/accounts/999")

    def told() -> list[str]:
        words = ("--log-group-name", "/culm/bamboo/accounts", "--filter-pattern", '"/accounts/999"')
        return [event["message"] for event in aws("logs", "filter-log-events", *words)["events"]]

    assert "404" in eventually(told)[0]


def test_urls_that_the_cli_presigns_are_good_for_whoever_has_them(bamboo: Stand) -> None:
    """The wheel signs them in S3's older way."""
    vault = "s3://culm-bamboo-000000000000-us-east-1/local/accounts/database.url"
    said = bamboo.run([str(COMMANDS[0]), "s3", "presign", vault], environment=bamboo.aws)
    url = said.out.strip()
    with urllib.request.urlopen(url) as answer:
        assert answer.read().startswith(b"postgresql://")
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(url.replace("accounts", "orders"))
    with refused.value:
        assert refused.value.code == 403
