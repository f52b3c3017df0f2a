"""AWS does not know everywhere at once what it has been told: what was just made may not be found for some seconds.

https://docs.aws.amazon.com/ec2/latest/devguide/eventual-consistency.html
"""

from collections.abc import Callable, Generator
from typing import Any

from culm.target.clock import Clock
from culm.target.polling import intervals

SECONDS = 15.0
"""How long something that was made may not be found before that is believed."""

THERE = frozenset(
    {
        *("BucketAlreadyOwnedByYou", "DuplicateListener", "DuplicateTargetGroupName", "EntityAlreadyExists"),
        *("RepositoryAlreadyExistsException", "ResourceAlreadyExistsException"),
    }
)
"""Answers to making what a look has not shown yet."""

DRAINING, DRAINING_SECONDS = "still Draining", 120.0
"""ECS makes no service of a name whose last one still has tasks that stop."""

NOT_YET = (
    ("ClientException", "TaskDefinition not found"),
    ("ClusterNotFoundException", ""),
    ("InvalidParameterException", "does not have an associated load balancer"),
    ("ListenerNotFound", ""),
    ("NoSuchEntity", ""),
    ("ObjectNotFoundException", "No scalable target registered"),
    ("RuleNotFound", ""),
    ("ServiceNotFoundException", ""),
    ("TargetGroupNotFound", ""),
    ("ValidationException", "ECS service doesn't exist"),
)
"""Codes of answers that do not find what another call has just made, and what their messages say."""


def made(act: Callable[[], Any]) -> Any:
    """Return the call's answer; None when the thing exists already."""
    from botocore.exceptions import ClientError

    try:
        return act()
    except ClientError as error:
        if error.response["Error"]["Code"] in THERE:
            return None
        raise


def until_known(call: Callable[[], Any], clock: Clock, seconds: float = SECONDS) -> Generator[float, None, Any]:
    """Call AWS, and again for up to `seconds` while it does not find what the call stands on.

    Yields the seconds to wait before it goes on. Returns the answer, or raises what AWS said last.
    """
    from botocore.exceptions import ClientError

    started = clock.seconds()
    for pause in intervals(0.2, 2.0):
        try:
            return call()
        except ClientError as error:
            problem = error.response["Error"]
            if DRAINING in problem.get("Message", "") and clock.seconds() - started <= DRAINING_SECONDS:
                yield pause
                continue
            pending = any(problem["Code"] == code and words in problem.get("Message", "") for code, words in NOT_YET)
            if not pending or clock.seconds() - started > seconds:
                raise
        yield pause
    raise AssertionError("intervals do not end")


def once_known(call: Callable[[], Any], seconds: float = SECONDS) -> Any:
    """Call as `until_known` does, waiting here, and return the answer."""
    clock = Clock()
    waiting = until_known(call, clock, seconds)
    while True:
        try:
            clock.wait((), next(waiting))
        except StopIteration as end:
            return end.value
