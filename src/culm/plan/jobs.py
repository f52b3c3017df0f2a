"""Jobs against what is live: which schedules have to be made, changed or taken away. Pure.

A job's lane follows the services' and has two steps: its revision, and the schedule that runs it. Nothing takes them
back: a schedule is changed by the last of them, as a whole, and goes on as it was where that fails.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, tzinfo
from typing import Any

from culm.core.decide.firing import next_firing, parse
from culm.core.decide.ledger import Fleet, Need
from culm.core.decide.placement import refusal
from culm.core.decide.state import ClusterState
from culm.core.model.record import record
from culm.plan.calls import Call, ResultOf
from culm.plan.diff import same, task_definition_is
from culm.plan.observed import Described, LiveJob, Survey
from culm.plan.steps import Revision, Step
from culm.project.project import Project, Service
from culm.render import Surroundings, family, files, jobs, task_definition

BUILT = "built on deploy"
"""Stands for an image that is not in its repository yet."""
SCHEDULES = "the schedules"
"""The lane in which schedules of jobs are deleted that are gone; no job can have such a name."""


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
    """Return what deploying a job would change; `image` is what its container is to run."""
    wanted = task_definition(project, job, image, None, surroundings)
    registers = not task_definition_is(wanted, live.revision)
    arn = str((live.revision or {}).get("taskDefinitionArn", ""))
    if live.schedule is None:
        return JobPlan(name=job.name, registers=registers, changes=("new",))
    described = jobs.schedule(project, job, arn, surroundings)
    return JobPlan(name=job.name, registers=registers, changes=tuple(differences(described, live.schedule)))


def differences(wanted: Mapping[str, Any], live: Described) -> Sequence[str]:
    """Return the members of the schedule that are otherwise, `old -> new` where they are short."""
    listed = []
    for member, value in wanted.items():
        if not same(value, live.get(member)):
            short = isinstance(value, str)
            listed.append(f"{member}: {live.get(member)} -> {value}" if short else member)
    return listed


def next_run(schedule: Described, zone: Any, now: float) -> float | None:
    """Return when a job runs next, in epoch seconds; None where it never does again, or is turned off."""
    if schedule.get("State") != "ENABLED":
        return None
    created = schedule["CreationDate"].timestamp() if "CreationDate" in schedule else now
    return next_firing(parse(schedule["ScheduleExpression"]), zone, now, created)


def steps(project: Project, names: Iterable[str], survey: Survey, images: Mapping[tuple[str, bool], str]) -> list[Step]:
    """Bring these jobs to what culm.yml says; an image that is missing among `images` is yet to be built."""
    made: list[Step] = []
    for name in names:
        job = project.jobs[name]
        image = job.image or images.get((name, False), BUILT)
        lane = lane_of(project, job, survey, image)
        if lane and job.after:
            lane[0] = replace(lane[0], needs=job.after)
        made += lane
    return made


def lane_of(project: Project, job: Service, survey: Survey, image: str) -> list[Step]:
    """Return the steps of one job; none, where it is as culm.yml has it."""
    live = survey.observed.jobs.get(job.name, LiveJob(schedule=None, revision=None))
    plan = plan_of(project, job, live, image, survey.surroundings)
    if not plan.anything:
        return []
    arn: Revision = str((live.revision or {}).get("taskDefinitionArn", ""))
    made = []
    if plan.registers:
        key = f"{job.name}: register"
        definition = task_definition(project, job, image, None, survey.surroundings)
        call = Call(
            what=f"register {family(project, job)}",
            client="ecs",
            operation="register_task_definition",
            input=definition,
        )
        ends = "registered {taskDefinition[family]}:{taskDefinition[revision]}"
        why = "it is new" if live.revision is None else "what it runs changed"
        made.append(Step(key=key, lane=job.name, act=call, why=why, ends=ends))
        arn = ResultOf(step=key, path=("taskDefinition", "taskDefinitionArn"))
    return [*made, scheduling(job, jobs.schedule(project, job, arn, survey.surroundings), plan.changes)]


def scheduling(job: Service, wanted: Mapping[str, Any], changes: Sequence[str]) -> Step:
    """Make the schedule, or change it as a whole: UpdateSchedule forgets what it is not given."""
    new, when = changes == ("new",), described(wanted)
    verb = "create" if new else "update"
    act = Call(what=f"{verb} its schedule, {when}", client="scheduler", operation=f"{verb}_schedule", input=wanted)
    ends = f"scheduled: {when}" if new else f"rescheduled: {when}" if changes else "its schedule runs the new revision"
    why = "it is new" if new else ", ".join(changes) if changes else "it runs the new revision"
    return Step(key=f"{job.name}: schedule", lane=job.name, act=act, why=why, ends=ends, commits=True)


def deletions(names: Iterable[str]) -> list[Step]:
    """Delete schedules of jobs that culm.yml does not name any more."""
    why = "its job is not in culm.yml any more"
    return [
        Step(
            key=f"delete schedule {name}",
            lane=SCHEDULES,
            act=Call(
                what=f"delete schedule {name}", client="scheduler", operation="delete_schedule", input={"Name": name}
            ),
            why=why,
            ends=f"deleted schedule {name}, whose job is not in culm.yml any more",
        )
        for name in names
    ]


def described(schedule: Described) -> str:
    """Return when a schedule starts its job: `cron(0 6 ? * MON-FRI *) in Europe/Berlin`."""
    return f"{schedule['ScheduleExpression']} in {schedule['ScheduleExpressionTimezone']}"


def notes(scheduled: Iterable[Service], state: ClusterState, slot: int, zone_of: Callable[[str], tzinfo]) -> list[str]:
    """Return what a plan says of jobs: when each runs next, what a run takes, and whether the cluster will have that.

    `slot` is the memory of a usual task, in MiB.
    """
    return [
        f"job {job.name}: {timing(job, state.now, zone_of)}; a run takes {needs(job)[1]} MiB "
        f"({slots(needs(job)[1] / slot)}) while it lasts: {room(job, state)}; its schedule costs $0"
        for job in scheduled
    ]


def slots(number: float) -> str:
    """Return a number of slots as text, `1 slot` or `2 slots`: begun ones count."""
    whole = math.ceil(number)
    return f"{whole} slot{'' if whole == 1 else 's'}"


def needs(job: Service) -> tuple[int, int]:
    """Return the CPU units and MiB of one run, with the containers beside the job's own."""
    beside = job.sidecars.values()
    cpu = job.cpu + sum(each.cpu for each in beside) + (files.CPU if job.container.files else 0)
    return cpu, job.memory + sum(each.memory for each in beside) + (files.RESERVED if job.container.files else 0)


def timing(job: Service, now: float, zone_of: Callable[[str], tzinfo]) -> str:
    assert job.schedule is not None, "a job has a schedule"
    written = f"{job.schedule.expression} in {job.schedule.zone}"
    following = next_firing(parse(job.schedule.expression), zone_of(job.schedule.zone), now, now)
    if following is None:
        return f"{written}, which never comes again"
    return f"{written}, next {datetime.fromtimestamp(following, UTC):%Y-%m-%d %H:%M} UTC"


def room(job: Service, state: ClusterState) -> str:
    """Say whether an instance has room for the job: without any it is tried again, and given up in the end."""
    cpu, memory = needs(job)
    if any(refusal(Need(cpu=cpu, memory=memory), node) is None for node in Fleet.of(state)):
        return "an instance has them"
    return "no instance has them beside the services, so its runs would be given up"
