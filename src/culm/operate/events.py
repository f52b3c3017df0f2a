"""What has happened to services and jobs, in one timeline.

It has ECS's events, deployments' states, tasks that stopped, and runs that never started. Of the last nothing in ECS
tells: the local cluster writes them into the job's log, in a stream of its own. Amazon does not.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Literal

from culm import render
from culm.core.model.arn import last
from culm.core.model.record import record
from culm.operate.ecs_words import in_plain_words
from culm.plan.observed import Described
from culm.project.project import Project
from culm.target.connection import Target
from culm.target.observe import DESCRIBE_AT_ONCE, active_cluster, or_none, tasks

Kind = Literal["event", "deployment", "task", "schedule"]
STREAM = "schedule/"
"""How the names of log streams begin that tell of runs which never started."""


@record
class Entry:
    key: str
    """Of its own: the same happening has the same key in every look."""
    at: datetime
    service: str
    kind: Kind
    message: str


class Timeline:
    """Looks again and again; tells each happening once. ECS keeps 100 events a service, stopped tasks for an hour."""

    def __init__(self, target: Target, project: Project, names: Collection[str]) -> None:
        self.target = target
        self.project = project
        self.names = [name for name in names if name in project.services]
        self.jobs = [name for name in names if name in project.jobs]
        self.shown: set[str] = set()

    def read(self) -> list[Entry]:
        """Return entries that were not returned before, in order of time."""
        if active_cluster(self.target, self.project.name) is None:
            return []
        ecs, cluster = self.target.client("ecs"), self.project.name
        entries: list[Entry] = []
        for start in range(0, len(self.names), DESCRIBE_AT_ONCE):
            some = self.names[start : start + DESCRIBE_AT_ONCE]
            entries += of_services(ecs.describe_services(cluster=cluster, services=some)["services"])
        entries += of_tasks(
            tasks(ecs, cluster, desiredStatus="STOPPED"), owners(self.project, [*self.names, *self.jobs])
        )
        if self.target.settings.provider == "local":
            entries += (entry for name in self.jobs for entry in of_schedule(name, self._left_out(name)))
        new = [entry for entry in entries if entry.key not in self.shown]
        self.shown |= {entry.key for entry in new}
        return sorted(new, key=lambda entry: entry.at)

    def _left_out(self, name: str) -> list[Described]:
        """Return the lines of a job's log that tell of runs which never started."""
        pages = self.target.client("logs").get_paginator("filter_log_events")
        group = render.log_group(self.project, self.project.jobs[name])
        asked = pages.paginate(logGroupName=group, logStreamNamePrefix=STREAM)
        return or_none(lambda: [event for page in asked for event in page["events"]], "ResourceNotFoundException") or []


def owners(project: Project, names: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Return the service of each task group, and what its tasks are.

    `service:NAME` is a service's own, `family:...` of its migrations or of a job's runs.
    """
    groups: dict[str, tuple[str, str]] = {}
    for name in names:
        if name in project.jobs:
            groups[f"family:{render.family(project, project.jobs[name])}"] = (name, "run")
        else:
            migration = render.family(project, project.services[name], migrate=True)
            groups |= {f"service:{name}": (name, "task"), f"family:{migration}": (name, "migration")}
    return groups


def of_services(services: Iterable[Described]) -> Iterator[Entry]:
    """Yield the events and the deployments of described services, as ECS keeps them."""
    for service in services:
        name = service["serviceName"]
        for event in service.get("events", ()):
            yield Entry(key=event["id"], at=event["createdAt"], service=name, kind="event", message=event["message"])
        for deployment in service.get("deployments", ()):
            state = deployment.get("rolloutState") or deployment["status"]
            reason = f": {deployment.get('rolloutStateReason', '')}" if state == "FAILED" else ""
            yield Entry(
                key=f"{deployment['id']} {state}",
                at=deployment.get("updatedAt") or deployment["createdAt"],
                service=name,
                kind="deployment",
                message=f"deployment {last(deployment['id'])} of {last(deployment['taskDefinition'])}: {state}{reason}",
            )


def of_schedule(name: str, lines: Iterable[Described]) -> Iterator[Entry]:
    """Yield the runs of a job that never started, as its log has them."""
    for line in lines:
        at = datetime.fromtimestamp(line["timestamp"] / 1000, UTC)
        yield Entry(key=line["eventId"], at=at, service=name, kind="schedule", message=line["message"])


def of_tasks(stopped: Iterable[Described], owners: Mapping[str, tuple[str, str]]) -> Iterator[Entry]:
    """Yield an entry for each task that has stopped; `owners` says by group which service or job it was of."""
    for task in stopped:
        name, what = owners.get(task.get("group", ""), ("", ""))
        if not name or "stoppedAt" not in task:
            continue
        yield Entry(
            key=task["taskArn"],
            at=task["stoppedAt"],
            service=name,
            kind="task",
            message=f"{what} {last(task['taskArn'])} of {last(task['taskDefinitionArn'])} stopped: {ending(task)}",
        )


def ending(task: Described) -> str:
    """Return how a task ended: `EssentialContainerExited, ...; accounts: exit code 3`."""
    why = ", ".join(filter(None, (task.get("stopCode"), task.get("stoppedReason"))))
    codes = [ending_of(container) for container in task.get("containers", ())]
    return "; ".join(filter(None, (why, *codes)))


def ending_of(container: Described) -> str:
    """Return how a container has ended, in words; empty where ECS says nothing of it."""
    words = [f"exit code {container['exitCode']}"] if "exitCode" in container else []
    words += [container["reason"]] if container.get("reason") else []
    return f"{container['name']}: {', '.join(words)}" if words else ""


def brief(entry: Entry) -> str:
    """Return the message for people, who see the service beside it."""
    return in_plain_words(entry.message, entry.service)


def report(entry: Entry) -> dict[str, Any]:
    """Return an entry as `--json` has it."""
    return {
        "at": entry.at.isoformat(timespec="milliseconds"),
        "service": entry.service,
        "kind": entry.kind,
        "message": entry.message,
    }
