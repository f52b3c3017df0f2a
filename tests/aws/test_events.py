"""Why a stack failed: the first reasons of the newest attempt, on one screen."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from culm.aws.events import causes, hint, outcome

STACK = "arn:aws:cloudformation:us-east-1:123456789012:stack/culm-bamboo/1"


def event(name: str, status: str, reason: str = "", kind: str = "AWS::IAM::Role") -> dict[str, Any]:
    return {
        "StackId": STACK,
        "LogicalResourceId": name,
        "PhysicalResourceId": STACK if name == "culm-bamboo" else name.lower(),
        "ResourceType": kind,
        "ResourceStatus": status,
        "ResourceStatusReason": reason,
    }


OLD = [
    event("culm-bamboo", "CREATE_IN_PROGRESS", "User Initiated"),
    event("Vault", "CREATE_FAILED", "an old story"),
    event("culm-bamboo", "ROLLBACK_COMPLETE"),
]
NEW = [
    event("culm-bamboo", "UPDATE_IN_PROGRESS", "User Initiated"),
    event("RoleOfWeb", "CREATE_IN_PROGRESS"),
    event("RoleOfWeb", "CREATE_FAILED", "bamboo-web already exists"),
    event("Instances", "UPDATE_FAILED", "Resource update cancelled"),
    event("LogsOfWeb", "CREATE_FAILED", "You have reached the maximum number of groups", "AWS::Logs::LogGroup"),
    event("culm-bamboo", "UPDATE_ROLLBACK_IN_PROGRESS", "The following resource(s) failed to create: [RoleOfWeb]"),
]


def test_the_causes_are_told_in_the_order_in_which_they_happened_without_their_consequences() -> None:
    assert causes([*OLD, *NEW][::-1]) == [
        "RoleOfWeb (AWS::IAM::Role): bamboo-web already exists",
        "LogsOfWeb (AWS::Logs::LogGroup): You have reached the maximum number of groups",
    ]


def test_a_successful_attempt_has_no_causes() -> None:
    assert causes([*OLD, event("culm-bamboo", "UPDATE_IN_PROGRESS", "User Initiated")][::-1]) == []


def test_known_causes_come_with_a_way_out() -> None:
    assert "a `name:` of its own" in hint(causes(NEW[::-1]))
    assert "Service Quotas" in hint(["LogsOfWeb: You have reached the maximum number of groups"])
    assert hint(["something new"]) == ""
    quota = "You have requested more vCPU capacity than your current vCPU limit of 1 allows."
    assert "Service Quotas" in hint([f"Instances (AWS::AutoScaling::AutoScalingGroup): {quota}"])
    assert hint(["Database (AWS::RDS::DBInstance): DYNAMIC is no such thing"]) == ""


HISTORY = (
    *("CREATE_IN_PROGRESS", "resource", "CREATE_COMPLETE"),
    *("UPDATE_IN_PROGRESS", "resource", "resource"),
    *("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "UPDATE_COMPLETE"),
)
"""A stack's life: its own statuses, and events of what is in it. The update is what is waited for."""
BEFORE_THE_UPDATE = 2
"""Index of the newest event when the update was ordered."""


def seen_until(end: int) -> list[dict[str, str]]:
    """The events up to one of them, the newest first."""
    return [
        {
            "EventId": str(number),
            "StackId": "stack",
            "PhysicalResourceId": "resource" if status == "resource" else "stack",
            "ResourceStatus": status,
        }
        for number, status in enumerate(HISTORY[: end + 1])
    ][::-1]


@given(st.integers(BEFORE_THE_UPDATE, len(HISTORY) - 1), st.integers(1, len(HISTORY)))
def test_an_update_is_never_taken_for_ended_by_a_view_that_lags_behind(until: int, page: int) -> None:
    """Events are seen up to some moment since the update was ordered, and a page of them at most."""
    ended = outcome(seen_until(until)[:page], str(BEFORE_THE_UPDATE))
    assert ended == ("UPDATE_COMPLETE" if until == len(HISTORY) - 1 else None)
