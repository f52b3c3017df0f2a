"""A revision that crashes, or whose target is unhealthy, trips the breaker; the last good one goes on, in ECS's words.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html
"""

from collections.abc import Callable
from typing import Any

import pytest
from tests.acceptance.conftest import Cluster
from tests.scenarios.stand import eventually
from tests.traffic import free_port

NAME = "breaker"
Deploy = Callable[..., dict[str, Any]]


def counting(rollback: bool) -> dict[str, Any]:
    threshold = {"type": "COUNT", "value": 2}
    return {
        "deploymentCircuitBreaker": {"enable": True, "rollback": rollback, "thresholdConfiguration": threshold},
        "minimumHealthyPercent": 100,
        "maximumPercent": 200,
    }


@pytest.fixture(scope="module")
def deploy(cluster: Cluster) -> Deploy:
    """Creates the service, or gives it another revision; the service as it is answered."""
    cluster.ecs.create_cluster(clusterName=NAME)

    def deploy(name: str, revision: str, **changed: Any) -> dict[str, Any]:
        found = cluster.ecs.describe_services(cluster=NAME, services=[name])["services"]
        if not found:
            given = {"serviceName": name, "desiredCount": 1, "deploymentConfiguration": counting(True), **changed}
            return dict(cluster.ecs.create_service(cluster=NAME, taskDefinition=revision, **given)["service"])
        return dict(cluster.ecs.update_service(cluster=NAME, service=name, taskDefinition=revision)["service"])

    return deploy


def primary(cluster: Cluster, name: str) -> dict[str, Any]:
    found = cluster.service(NAME, name)["deployments"]
    return next(d for d in found if d["status"] == "PRIMARY")


def completed(cluster: Cluster, name: str, revision: str) -> dict[str, Any]:
    def look() -> bool:
        now = primary(cluster, name)
        return (now["taskDefinition"], now["rolloutState"]) == (revision, "COMPLETED")

    try:
        eventually(look)
    except AssertionError as error:
        raise AssertionError("\n".join(messages(cluster, name))) from error
    return primary(cluster, name)


def history(cluster: Cluster, name: str) -> list[str]:
    """The service deployments' states, oldest first."""
    found = cluster.ecs.list_service_deployments(cluster=NAME, service=name)["serviceDeployments"]
    return [deployment["status"] for deployment in reversed(found)]


def messages(cluster: Cluster, name: str) -> list[str]:
    return [event["message"] for event in cluster.service(NAME, name)["events"]]


def test_a_crash_loop_is_rolled_back(cluster: Cluster, deploy: Deploy) -> None:
    good, bad = cluster.register("crash"), cluster.register("crash", "broken", healthCheck=None)
    deploy("crash", good)
    before = completed(cluster, "crash", good)
    [task] = cluster.ecs.list_tasks(cluster=NAME, serviceName="crash")["taskArns"]

    failed = deploy("crash", bad)["deployments"][0]["id"]
    after = completed(cluster, "crash", good)

    assert after["id"] == before["id"]
    assert cluster.ecs.list_tasks(cluster=NAME, serviceName="crash")["taskArns"] == [task]
    told = messages(cluster, "crash")
    assert f"(service crash) (deployment {failed}) deployment failed: tasks failed to start." in told
    assert f"(service crash) rolling back to deployment {before['id']}." in told
    assert history(cluster, "crash") == ["SUCCESSFUL", "ROLLBACK_SUCCESSFUL"]


def test_without_rollback_it_stays_failed_and_the_old_task_serves(cluster: Cluster, deploy: Deploy) -> None:
    good, bad = cluster.register("stays"), cluster.register("stays", "broken", healthCheck=None)
    deploy("stays", good, deploymentConfiguration=counting(False))
    completed(cluster, "stays", good)

    deploy("stays", bad)
    eventually(lambda: primary(cluster, "stays")["rolloutState"] == "FAILED")

    reason = primary(cluster, "stays")["rolloutStateReason"]
    assert reason == "ECS deployment circuit breaker: tasks failed to start."
    assert cluster.service(NAME, "stays")["runningCount"] == 1
    assert history(cluster, "stays") == ["SUCCESSFUL", "STOPPED"]


def test_an_unhealthy_target_is_rolled_back(cluster: Cluster, deploy: Deploy) -> None:
    ports = {"portMappings": [{"containerPort": 80, "hostPort": 0}], "healthCheck": None}
    good, bad = cluster.register("web", "web", **ports), cluster.register("web", "1", **ports)
    group = target_group(cluster)
    balancers = [{"targetGroupArn": group, "containerName": "app", "containerPort": 80}]
    deploy("web", good, loadBalancers=balancers, healthCheckGracePeriodSeconds=1)
    completed(cluster, "web", good)

    deploy("web", bad)
    completed(cluster, "web", good)

    told = messages(cluster, "web")
    assert any("is unhealthy in (target-group" in message for message in told), told
    assert history(cluster, "web") == ["SUCCESSFUL", "ROLLBACK_SUCCESSFUL"]


def test_a_deployment_is_stopped_on_request(cluster: Cluster, deploy: Deploy) -> None:
    good = cluster.register("stop")
    slow = cluster.register("stop", "2", healthCheck={"command": ["CMD-SHELL", "false"], "interval": 30})
    deploy("stop", good)
    completed(cluster, "stop", good)
    deploy("stop", slow)

    arn = cluster.service(NAME, "stop")["currentServiceDeployment"]
    cluster.ecs.stop_service_deployment(serviceDeploymentArn=arn, stopType="ROLLBACK")

    completed(cluster, "stop", good)
    assert history(cluster, "stop") == ["SUCCESSFUL", "ROLLBACK_SUCCESSFUL"]


def target_group(cluster: Cluster) -> str:
    subnets = [f"subnet-{'0' * 16}{zone}" for zone in "ab"]
    [balancer] = cluster.elbv2.create_load_balancer(Name=NAME, Subnets=subnets)["LoadBalancers"]
    [group] = cluster.elbv2.create_target_group(
        Name=NAME,
        Protocol="HTTP",
        Port=80,
        VpcId=balancer["VpcId"],
        HealthCheckIntervalSeconds=5,
        HealthCheckTimeoutSeconds=2,
        HealthyThresholdCount=2,
        UnhealthyThresholdCount=2,
    )["TargetGroups"]
    delay = [{"Key": "deregistration_delay.timeout_seconds", "Value": "0"}]
    cluster.elbv2.modify_target_group_attributes(TargetGroupArn=group["TargetGroupArn"], Attributes=delay)
    forward = [{"Type": "forward", "TargetGroupArn": group["TargetGroupArn"]}]
    cluster.elbv2.create_listener(
        LoadBalancerArn=balancer["LoadBalancerArn"], Protocol="HTTP", Port=free_port(), DefaultActions=forward
    )
    return str(group["TargetGroupArn"])
