"""Why a stack failed, from its events. Pure."""

from collections.abc import Sequence

from culm.aws import launches
from culm.plan.observed import Described

MOST_CAUSES = 4
CONSEQUENCES = ("Resource creation cancelled", "Resource update cancelled", "Resource deletion cancelled")
"""What CloudFormation says of the others when one has failed."""
GROUP = "AWS::AutoScaling::AutoScalingGroup"
HINTS = {
    "is not authorized to perform": "the one who makes the stack needs this right, too: docs/guide/aws.md",
    "already exists": "something of this name is there, and not culm's: give the target a `name:` of its own",
    "maximum number of": "a limit of the account: Service Quotas raises it",
    "limit exceeded": "a limit of the account: Service Quotas raises it",
    "service linked role": "the account's first cluster: the same again finds the role",
    "Snapshot": "see the database in the console",
}


def causes(events: Sequence[Described]) -> list[str]:
    """Return what failed first in the newest attempt; `events` are DescribeStackEvents', the newest first."""
    failed = []
    for event in events:
        if began(event):
            break
        reason = event.get("ResourceStatusReason", "")
        if event["ResourceStatus"].endswith("_FAILED") and not reason.startswith(CONSEQUENCES) and not whole(event):
            failed.append(f"{event['LogicalResourceId']} ({event['ResourceType']}): {reason}")
    return failed[::-1][:MOST_CAUSES]


def outcome(events: Sequence[Described], since: str) -> str | None:
    """Return the status in which an operation on the stack has ended; None while it goes on.

    `events` are the newest ones, newest first; `since` is the id of the last one before the operation. The stack's
    description alone cannot tell: right after an update has begun it may still show how the one before it ended.
    """
    for event in events:
        if event["EventId"] == since:
            return None
        if whole(event):
            status: str = event["ResourceStatus"]
            return None if status.endswith("_IN_PROGRESS") else status
    return None


def began(event: Described) -> bool:
    """Return whether an operation that somebody ordered began with this event."""
    return whole(event) and event.get("ResourceStatusReason", "") == "User Initiated"


def whole(event: Described) -> bool:
    """Return whether an event is about the stack itself, not a resource in it."""
    return bool(event["PhysicalResourceId"] == event["StackId"])


def hint(causes: Sequence[str]) -> str:
    """Return what to try for the first of these causes that is known; empty for others."""
    known = (advice for cause in causes for words, advice in HINTS.items() if words in cause)
    of_groups = (launches.hint(cause) for cause in causes if GROUP in cause)
    return next(known, "") or next(filter(None, of_groups), "")
