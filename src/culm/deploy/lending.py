"""A service gives up its slot for its own migration, and gets it back whatever becomes of that.

While it is lent, the service wants no task and bears a tag that says how many it wanted: if this process dies in the
middle, the next deploy of anything here finds the tag and gives the slot back.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from culm.deploy.wait import until_steady
from culm.errors import CulmError, TimedOut
from culm.project.project import Project, Service
from culm.target.connection import Target
from culm.target.observe import tasks
from culm.target.polling import intervals

TAG = "culm:lends"
STOP_SECONDS = 120.0
Say = Callable[[str], None]


def lent(found: Mapping[str, Any] | None) -> int | None:
    """How many tasks a described service wanted before it lent its slot; None: it does not lend it."""
    tags = {tag["key"]: tag["value"] for tag in (found or {}).get("tags", ())}
    return int(tags[TAG]) if TAG in tags else None


@contextmanager
def slot_of(
    target: Target, project: Project, one: Service, found: Mapping[str, Any], say: Say, progress: Say
) -> Iterator[Mapping[str, Any]]:
    """Stop the service's tasks; gives the service as it is described then.

    Whatever fails before the service is told what comes next, the version that was there starts again.
    """
    count = lent(found)
    if count is None:
        count = int(found["desiredCount"])
        say("stops: its migration needs its slot")
        target.client("ecs").tag_resource(resourceArn=found["serviceArn"], tags=[{"key": TAG, "value": str(count)}])
    try:
        scale(target, project, one.name, 0)
        until_gone(target, project, one, progress)
        yield {**found, "desiredCount": 0, "tags": [{"key": TAG, "value": str(count)}]}
    except BaseException as failure:
        give_back(target, project, found, count)
        if isinstance(failure, CulmError):
            say("starts again as it was")
            started_again(target, project, one, progress, failure)
        raise


def started_again(target: Target, project: Project, one: Service, progress: Say, failure: CulmError) -> None:
    try:
        until_steady(target, project, one, progress, fresh=False)
    except CulmError as error:
        raise CulmError(f"{failure.what}\nand then {error.what}", failure.hint) from error


def give_back(target: Target, project: Project, found: Mapping[str, Any], count: int) -> None:
    """The service wants its tasks again; the tag goes last, so that no crash forgets them."""
    scale(target, project, found["serviceName"], count)
    returned(target, found)


def returned(target: Target, found: Mapping[str, Any]) -> None:
    """Nothing is lent any more."""
    target.client("ecs").untag_resource(resourceArn=found["serviceArn"], tagKeys=[TAG])


def scale(target: Target, project: Project, name: str, count: int) -> None:
    target.client("ecs").update_service(cluster=project.name, service=name, desiredCount=count)


def until_gone(target: Target, project: Project, one: Service, progress: Say) -> None:
    """A stopping task holds its room until it has STOPPED."""
    ecs = target.client("ecs")
    started = time.monotonic()
    for pause in intervals(longest=target.longest_pause):
        there = [
            task
            for status in ("RUNNING", "STOPPED")
            for task in tasks(ecs, project.name, serviceName=one.name, desiredStatus=status)
            if task["lastStatus"] != "STOPPED"
        ]
        if not there:
            return
        progress(f"{len(there)} stopping")
        if time.monotonic() - started > STOP_SECONDS:
            raise TimedOut(f"{one.name} did not stop in {STOP_SECONDS:.0f} s", f"culm logs {one.name}")
        time.sleep(pause)
