"""What goes wrong on the way to AWS ends in a clear state and message, and the same command goes on from there."""

import json
from typing import Any, cast

import pytest
from tests.amazon.conftest import Shop
from tests.amazon.inventory import inventory
from tests.amazon.machines import Fate
from tests.amazon.wire import Answer

from culm.cli.planning import of_target
from culm.console import Console
from culm.deploy import base
from culm.deploy.build.host import HostBuilder
from culm.deploy.lock import unlock
from culm.deploy.up import BrokenOff, Up
from culm.errors import CulmError
from culm.plan.plan import Plan, ServicePlan
from culm.target.faults import Denied

THROTTLING = {"ec2": "RequestLimitExceeded", "s3": "SlowDown", "elbv2": "Throttling"}
ME = "arn:aws:sts::123456789012:assumed-role/dev/ada"


def test_throttled_calls_are_made_again_a_little_later(shop: Shop) -> None:
    def busy(call: str, times: int) -> Answer | None:
        service, _, operation = call.partition(".")
        if times > 1 or operation not in ("CreateCluster", "CreateRule", "RunTask", "CreateService", "DescribeSubnets"):
            return None
        return Answer(THROTTLING.get(service, "ThrottlingException"), "Rate exceeded", 503 if service == "s3" else 400)

    shop.wire.set(busy)
    shop.up()
    again = {call["operation"]: call["retries"] for call in shop.calls() if "retries" in call}
    assert again == {"CreateCluster": 1, "CreateRule": 1, "RunTask": 1, "CreateService": 1, "DescribeSubnets": 1}
    assert len(shop.account.machines.history) == 3, "one migration and two services: nothing was done twice"


def test_what_was_just_made_may_not_be_found_for_a_while(shop: Shop) -> None:
    """The first looks after each creation see nothing, and what is built on it is refused at first."""
    unseen = {
        "ecr.CreateRepository": ("ecr.DescribeRepositories", Answer(status=200, body='{"repositories": []}')),
        "iam.CreateRole": ("iam.GetRole", Answer("NoSuchEntity", "cannot be found", 404)),
        "logs.CreateLogGroup": ("logs.DescribeLogGroups", Answer(status=200, body='{"logGroups": []}')),
        "ecs.RunTask": ("ecs.DescribeTasks", Answer(status=200, body='{"tasks": [], "failures": []}')),
        "ecs.CreateService": ("ecs.DescribeServices", Answer(status=200, body='{"services": [], "failures": []}')),
    }
    hidden: dict[str, int] = {}
    refused = {"ecs.CreateService": "The target group does not have an associated load balancer."}

    def stale(call: str, times: int) -> Answer | None:
        if call in refused and times == 1:
            return Answer("InvalidParameterException", refused[call])
        if call in unseen:
            hidden.setdefault(unseen[call][0], 2)
        if hidden.get(call, 0) > 0:
            hidden[call] -= 1
            return next(answer for read, answer in unseen.values() if read == call)
        return None

    shop.wire.set(stale)
    shop.up()
    shop.wire.set(None)
    shop.calls()
    shop.up()
    assert shop.writes() == []
    assert set(hidden.values()) == {0}
    assert len(shop.account.machines.history) == 3, "one migration and two services: nothing was done twice"


def test_what_a_service_was_before_is_not_taken_for_what_it_was_told_to_be(shop: Shop) -> None:
    shop.up()
    shop.write("web/Dockerfile", 'FROM base\nEXPOSE 8000\nCMD ["sh", "-c", "true"]\n')
    [before] = shop.account.client("ecs").describe_services(cluster="bamboo", services=["web"])["services"]
    [deployment] = before["deployments"]
    kept = ("id", "status", "rolloutState", "runningCount", "pendingCount", "desiredCount", "taskDefinition")
    deployments = [{name: deployment[name] for name in kept}]
    service = {"serviceName": "web", "status": "ACTIVE", "taskDefinition": before["taskDefinition"]}
    service["deployments"] = deployments
    old = json.dumps({"services": [service]})
    told: list[str] = []

    def late(call: str, _: int) -> Answer | None:
        if call == "ecs.UpdateService":
            told.append(call)
        if call == "ecs.DescribeServices" and 0 < len(told) < 4:
            told.append(call)
            return Answer(status=200, body=old)
        return None

    shop.wire.set(late)
    shop.up("web")
    assert len(told) == 4
    assert any("bamboo-web:2 runs" in line for line in shop.account.machines.history)


def test_credentials_that_expire_half_way_end_it_and_new_ones_go_on_from_there(shop: Shop) -> None:
    gone: list[str] = []

    def expiring(call: str, _: int) -> Answer | None:
        if gone or call == "ecs.RunTask":
            gone.append(call)
            return Answer("ExpiredTokenException", "The security token included in the request is expired")
        return None

    shop.wire.set(expiring)
    with pytest.raises(CulmError, match="expired") as failure:
        shop.up()
    assert "log in again" in failure.value.hint
    assert not any(name.startswith("service accounts") for name in inventory(shop.account))
    shop.wire.set(None)
    unlock(shop.target, shop.project)  # nobody could give it back; else it opens when its process ends
    shop.up()
    shop.calls()
    shop.up()
    assert shop.writes() == []


@pytest.mark.parametrize("denied", ["iam:CreateRole", "ecs:RunTask", "ecs:CreateService", "ecr:GetAuthorizationToken"])
def test_a_denied_call_names_the_action_the_resource_and_the_statement_to_add(shop: Shop, denied: str) -> None:
    service, _, operation = denied.partition(":")
    what = f"arn:aws:{service}:us-east-1:123456789012:something/bamboo"

    def refusing(call: str, _: int) -> Answer | None:
        if call != f"{service}.{operation}":
            return None
        message = f"User: {ME} is not authorized to perform: {denied} on resource: {what}"
        return Answer("AccessDenied" if service == "iam" else "AccessDeniedException", message, 403)

    shop.wire.set(refusing)
    with pytest.raises(Denied) as failure:
        shop.up()
    assert failure.value.what == f"you may not {denied} on {what}"
    assert f'{{"Effect": "Allow", "Action": "{denied}", "Resource": "{what}"}}' in failure.value.hint
    shop.wire.set(None)
    shop.up()


def test_scaling_without_its_policy_is_taken_back_and_the_next_up_makes_both(shop: Shop) -> None:
    manifest = (shop.folder / "culm.yml").read_text()
    shop.write("culm.yml", manifest.replace("path: /*", "path: /*, count: 1-2, scale: requests 500"))

    def refusing(call: str, times: int) -> Answer | None:
        if call == "application-autoscaling.PutScalingPolicy":
            if times == 1:
                return Answer("ObjectNotFoundException", "No scalable target registered for service namespace: ecs")
            return Answer("LimitExceededException", "Exceeded the limit of scaling policies", 400)
        return None

    shop.wire.set(refusing)
    with pytest.raises(CulmError, match="Exceeded the limit of scaling policies"):
        shop.up()
    autoscaling = shop.account.client("application-autoscaling")
    assert autoscaling.describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"] == []
    shop.wire.set(None)
    shop.up()
    [target] = autoscaling.describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"]
    assert (target["ResourceId"], target["MinCapacity"], target["MaxCapacity"]) == ("service/bamboo/web", 1, 2)
    shop.calls()
    shop.up()
    assert shop.writes() == []
    shop.write("culm.yml", manifest)
    shop.up()
    assert autoscaling.describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"] == []


STEPS = (
    *("s3.CreateBucket", "iam.CreateRole", "elbv2.CreateListener", "s3.PutBucketVersioning"),
    *("ecs.RegisterTaskDefinition", "ecs.RunTask", "elbv2.CreateRule", "ecs.CreateService"),
)
"""Of a first `up`, in its order."""


@pytest.mark.parametrize("step", STEPS)
def test_after_ctrl_c_at_any_step_the_next_up_goes_on_from_there(shop: Shop, step: str) -> None:
    shop.wire.interrupt(step)
    with pytest.raises((KeyboardInterrupt, BrokenOff)):
        shop.up()
    assert shop.wire.sent[step] >= 1
    assert not shop.wire.interrupting
    shop.wire.sent.clear()
    shop.up()
    there = [name for name in sorted(inventory(shop.account)) if name.startswith(("service", "task definition"))]
    assert there == [
        *("service accounts", "service web"),
        *("task definition bamboo-accounts-migrate:1", "task definition bamboo-accounts:1"),
        "task definition bamboo-web:1",
    ]
    ran = [line for line in shop.account.machines.history if "migrate" in line]
    assert len(ran) == 1, "a migration that an interrupted deploy has begun is waited for, not begun again"


class Cut:
    """A plan whose second service is asked for at the moment of a Ctrl-C."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self.handed_out: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._plan, name)

    def service(self, name: str) -> ServicePlan:
        self.handed_out.append(name)
        if len(self.handed_out) == 2:
            raise KeyboardInterrupt
        return self._plan.service(name)


def test_ctrl_c_while_services_are_handed_out_keeps_none_waiting_for_the_others(shop: Shop) -> None:
    builder = HostBuilder()
    cut = Cut(of_target(shop.project, shop.target, builder, list(shop.project.services)))
    with pytest.raises(BrokenOff):
        Up(shop.project, shop.target, builder, Console(shop.told)).run(cast(Plan, cut))
    assert len(cut.handed_out) == 2
    shop.up()
    [web] = shop.account.client("ecs").describe_services(cluster="bamboo", services=["web"])["services"]
    assert web["status"] == "ACTIVE"


@pytest.mark.parametrize(
    ("reason", "hint"),
    [
        ("CannotStartContainerError: exec /app: exec format error", "the image is for another processor"),
        ("CannotPullContainerError: write /var/lib/docker/tmp: no space left on device", "the instance's disk is full"),
        ("CannotPullContainerError: dial tcp 52.1.2.3:443: i/o timeout", "its subnet needs a route"),
    ],
)
def test_what_is_wrong_with_an_instance_is_on_the_failure_screen(shop: Shop, reason: str, hint: str) -> None:
    shop.account.machines.fates["bamboo-web"] = Fate(
        exit_code=None, reason=reason, stop_code="TaskFailedToStart", stopped_reason="Task failed to start"
    )
    with pytest.raises(CulmError) as failure:
        shop.up("web")
    assert reason in failure.value.what
    assert hint in failure.value.hint


def test_agents_that_are_disconnected_are_named(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.up()
    monkeypatch.setitem(base.INSTANCE_SECONDS, "aws", 0.0)
    for instance in shop.account.backend("ecs").container_instances["bamboo"].values():
        instance.agent_connected = False
    shop.write("web/Dockerfile", 'FROM base\nEXPOSE 8000\nCMD ["sh", "-c", "true"]\n')
    with pytest.raises(CulmError, match=r"(?s)takes tasks.*instance i-\w+: its agent is disconnected") as failure:
        shop.up("web")
    assert "the auto scaling group starts another" in failure.value.hint


def test_a_cluster_that_no_instance_joins_says_what_they_need(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(base.INSTANCE_SECONDS, "aws", 0.0)
    ec2 = shop.account.client("ec2")
    for reservation in ec2.describe_instances()["Reservations"]:
        ec2.terminate_instances(InstanceIds=[one["InstanceId"] for one in reservation["Instances"]])
    with pytest.raises(CulmError, match="no container instance has joined cluster bamboo") as failure:
        shop.up()
    assert "a subnet with a route to the internet" in failure.value.hint
