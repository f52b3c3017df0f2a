"""Jobs against what is live: which schedules have to be made, changed or taken away. Pure."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any

from culm.core.decide.firing import next_firing, parse
from culm.core.decide.ledger import Fleet, Need
from culm.core.decide.placement import refusal
from culm.core.decide.state import ClusterState
from culm.core.model.record import record
from culm.plan.diff import same, task_definition_is
from culm.plan.observed import Described
from culm.project.project import Project, Service
from culm.render import Surroundings, jobs, task_definition


@record
class LiveJob:
    """What is on the target of one job."""

    schedule: Described | None
    """As GetSchedule describes it."""
    revision: Described | None
    """The task definition that the schedule runs."""


@record
class JobPlan:
    """What a deploy does for one job; nothing, where both are false."""

    name: str
    registers: bool
    changes: tuple[str, ...]
    """What is different about the schedule, for people; `new` where there is none."""

    @property
    def anything(self) -> bool:
        return self.registers or bool(self.changes)


def plan_of(project: Project, job: Service, live: LiveJob, image: str, surroundings: Surroundings) -> JobPlan:
    """`image` is what its container is to run."""
    wanted = task_definition(project, job, image, None, surroundings)
    registers = not task_definition_is(wanted, live.revision)
    arn = str((live.revision or {}).get("taskDefinitionArn", ""))
    if live.schedule is None:
        return JobPlan(name=job.name, registers=registers, changes=("new",))
    described = jobs.schedule(project, job, arn, surroundings)
    return JobPlan(name=job.name, registers=registers, changes=tuple(differences(described, live.schedule)))


def differences(wanted: Mapping[str, Any], live: Described) -> Sequence[str]:
    """Members of the schedule that are otherwise, `old -> new` where they are short."""
    listed = []
    for member, value in wanted.items():
        if not same(value, live.get(member)):
            short = isinstance(value, str)
            listed.append(f"{member}: {live.get(member)} -> {value}" if short else member)
    return listed


def next_run(schedule: Described, zone: Any, now: float) -> float | None:
    """Epoch seconds; None: never again, or it is turned off."""
    if schedule.get("State") != "ENABLED":
        return None
    created = schedule["CreationDate"].timestamp() if "CreationDate" in schedule else now
    return next_firing(parse(schedule["ScheduleExpression"]), zone, now, created)


def notes(jobs: Iterable[Service], state: ClusterState, zone_of: Callable[[str], tzinfo]) -> list[str]:
    """What a plan says of jobs: when each runs next, and whether the cluster, as it will be, has room for its task."""
    return [f"job {job.name}: {timing(job, state.now, zone_of)}; {room(job, state)}" for job in jobs]


def timing(job: Service, now: float, zone_of: Callable[[str], tzinfo]) -> str:
    assert job.schedule is not None, "a job has a schedule"
    written = f"{job.schedule.expression} in {job.schedule.zone}"
    following = next_firing(parse(job.schedule.expression), zone_of(job.schedule.zone), now, now)
    if following is None:
        return f"{written}, which never comes again"
    return f"{written}, next {datetime.fromtimestamp(following, UTC):%Y-%m-%d %H:%M} UTC"


def room(job: Service, state: ClusterState) -> str:
    """A job that finds no room is tried again, and given up in the end."""
    memory = job.memory + sum(beside.memory for beside in job.sidecars.values())
    cpu = job.cpu + sum(beside.cpu for beside in job.sidecars.values())
    if any(refusal(Need(cpu=cpu, memory=memory), node) is None for node in Fleet.of(state)):
        return f"an instance has {memory} MiB for it"
    return f"no instance has {memory} MiB for it beside the services, so its runs would be given up"
