"""Instances that join late, or never: what is said, and when it is given up."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from moto.backends import get_backend
from tests.aws.conftest import ACCOUNT, QUIET, REGION, Account, Team

from culm.aws import base, joining, launches
from culm.errors import CulmError, TimedOut
from culm.target.connection import Target

FREE_TIER = (
    "The specified instance type is not eligible for Free Tier. For a list of Free Tier instance types, run "
    "'describe-instance-types' with the filter 'free-tier-eligible=true'. Launching EC2 instance failed."
)


@pytest.fixture
def target(team: Team, account: Account) -> Target:
    target = team.target(account.endpoint)
    base.bootstrap(target, team.project, QUIET)
    return target


def joins(account: Account) -> Callable[[float], None]:
    """One more instance each time that somebody pauses."""
    reservations = account.client("ec2").describe_instances()["Reservations"]
    waiting = [i["InstanceId"] for r in reservations for i in r["Instances"]]

    def pause(_: float) -> None:
        get_backend("ecs")[ACCOUNT][REGION].register_container_instance("bamboo", waiting.pop())

    return pause


def minutes() -> Callable[[], float]:
    ticks: Iterator[float] = iter(range(0, 1_000_000, 60))
    return lambda: float(next(ticks))


def test_as_many_instances_as_culm_yml_says_are_waited_for(team: Team, account: Account, target: Target) -> None:
    said: list[str] = []
    joining.wait(target, team.project, said.append, joins(account))
    assert said == [
        "0 of 2 instances have joined cluster bamboo",
        "1 of 2 instances have joined cluster bamboo",
    ]


def test_instances_that_run_and_do_not_join_are_given_up_with_what_to_look_at(team: Team, target: Target) -> None:
    with pytest.raises(TimedOut, match="0 of 2 instances have joined cluster bamboo after 600 s") as late:
        joining.wait(target, team.project, lambda _: None, lambda _: None, minutes())
    assert "a public address or a NAT" in late.value.hint


def activity(status: str, message: str = "") -> dict[str, Any]:
    return {"StatusCode": status, "StatusMessage": message, "Cause": "an instance was started"}


@pytest.mark.parametrize(
    ("activities", "reason"),
    [
        ([], None),
        ([activity("InProgress"), activity("Failed", "old")], None),
        ([activity("Successful"), activity("Failed", "old")], None),
        ([activity("WaitingForInstanceId"), activity("Failed", "old")], None),
        ([activity("Cancelled"), activity("Failed", "old")], "old"),
        ([activity("Failed", FREE_TIER), activity("Failed", "old")], FREE_TIER),
    ],
)
def test_only_the_newest_launch_attempt_counts(activities: list[dict[str, Any]], reason: str | None) -> None:
    assert launches.failure(activities) == reason


@pytest.mark.parametrize(
    ("reason", "advice"),
    [
        (FREE_TIER, "2 x t3.micro"),
        ("We currently do not have sufficient t2.micro capacity in the Availability Zone", "another instance type"),
        ("You have requested more vCPU capacity than your current vCPU limit of 0 allows", "Service Quotas"),
        ("The image id '[ami-1]' does not exist. AMI not found", "culm aws refresh"),
        ("The AMI ID ami-1 does not exist. Launching EC2 instance failed.", "culm aws refresh"),
        ("The disk of AMI ami-1 is larger than the instance's. Launching EC2 instance failed.", "describe-scaling"),
        ("You are not authorized to perform this operation.", "give the account's role AWSServiceRoleForAutoScaling"),
        ("Something that nobody has seen", "describe-scaling-activities"),
    ],
)
def test_each_kind_of_failed_launch_has_its_way_out(reason: str, advice: str) -> None:
    assert advice in (launches.hint(reason) or joining.ACTIVITIES_COMMAND)


def test_a_launch_that_fails_is_told_at_once_with_the_way_out(
    team: Team, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(joining, "activities", lambda target, project: [activity("Failed", FREE_TIER)])
    with pytest.raises(CulmError, match=r"0 of 2 instances have joined cluster bamboo; .*not eligible") as refusal:
        joining.wait(target, team.project, lambda _: None, lambda _: None)
    assert "2 x t3.micro" in refusal.value.hint
