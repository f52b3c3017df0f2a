"""Starts what is due: each firing is one row, which is written, and taken away with the task that it started.

A look is one transaction in three steps: schedules whose time has come get a firing and their next time; each firing
is started as RunTask would; what cannot be started waits, longer each time, until its schedule's RetryPolicy is over.
The task and the end of its firing are committed together: a daemon that is killed in between starts it once, not twice
and not never.

A worked example, `rate(1 hour)` with room for nothing: firing 10:00, tried at 10:00:00, 10:00:10, 10:00:30, ...
Firings that were missed while no daemon ran are one: the latest, as long as it is not older than the policy allows.

Amazon's scheduler starts a run whatever the one before does. Here the tag `culm:overlap` of the tasks says otherwise:
`skip` ends a firing that meets a running task of its family, `queue` lets it wait for that task's end, as long as the
policy allows. Both look in the transaction that starts the task, so that two runs never start side by side.

Runs that do not start are told in the job's own log (`left_out`), in the transaction that ends their firing.
"""

from collections.abc import Callable
from dataclasses import replace
from sqlite3 import Connection

from culm.cluster.loop import Isolated
from culm.cluster.services.ecs.tasks import RunTaskInput, run_task
from culm.cluster.services.eventbridge_scheduler import left_out
from culm.cluster.services.eventbridge_scheduler.expressions import firing_after
from culm.cluster.services.eventbridge_scheduler.schedules import overrides_of
from culm.cluster.store import schedules
from culm.cluster.store.db import savepoint
from culm.cluster.store.ecs import tasks
from culm.cluster.wire.operations import Call
from culm.core.model.arn import last
from culm.core.model.schedules import Firing, Schedule
from culm.core.model.task_definitions import Tag
from culm.errors import AwsError

FIRST_PAUSE = 10.0
LONGEST_PAUSE = 300.0
QUEUE_PAUSE = 1.0
"""Seconds between looks whether the run before has ended."""
STARTED_BY = "chronos-schedule/"
"""How Amazon marks tasks that a schedule has started; 36 characters are kept of it."""
LONGEST_MARK = 36

_isolated = Isolated("schedule")


class NoRoom(Exception):
    """No instance takes the task now."""


def look(make_call: Callable[[Connection], Call], db: Connection, isolated: Isolated = _isolated) -> int:
    """Start what is due; returns how many tasks were started or firings given up."""
    call = make_call(db)
    for group, name, moment in schedules.due(db, call.now):
        with isolated.item(f"{group}/{name}"), savepoint(db):
            if (schedule := schedules.find(db, group, name)) is not None:
                fire(db, schedule, moment, call.now)
    ended = 0
    for group, name, firing in schedules.firings(db, call.now):
        with isolated.item(f"{group}/{name}"), savepoint(db):
            if (schedule := schedules.find(db, group, name)) is not None:
                ended += attempt(call, schedule, firing)
    return ended


def fire(db: Connection, schedule: Schedule, moment: float, now: float) -> None:
    """Write down that it is due, and when it is due next. Of several moments that were missed the latest counts.

    Moments that are older than the schedule's policy allows are not gone through one by one.
    """
    oldest = now - schedule.target.retry_policy.maximum_event_age_in_seconds
    latest, following = moment, firing_after(schedule, max(moment, oldest - 1))
    while following is not None and following <= now:
        latest, following = following, firing_after(schedule, following)
    if latest != moment:
        missed = f"runs from {left_out.moment(moment)} on were missed, as the cluster did not look after them"
        left_out.tell(db, schedule, now, f"{missed}; the latest, of {left_out.moment(latest)}, stands for all of them")
    schedules.add_firing(db, schedule, Firing(scheduled_at=latest, attempts=0, try_at=latest))
    schedules.set_next(db, schedule, following)


def attempt(call: Call, schedule: Schedule, firing: Firing) -> int:
    """Start its task, or put it off; 1 when the firing has ended."""
    policy, run = schedule.target.retry_policy, f"the run of {left_out.moment(firing.scheduled_at)}"
    if call.now - firing.scheduled_at > policy.maximum_event_age_in_seconds:
        late = f"it could not start within {policy.maximum_event_age_in_seconds} s"
        return give_up(call, schedule, firing, f"{run} is given up: {late}")
    if schedule.overlap in ("skip", "queue") and runs_on(call, schedule):
        if schedule.overlap == "skip":
            return give_up(call, schedule, firing, f"{run} is skipped: the one before still goes on")
        schedules.put_off(call.db, schedule, replace(firing, try_at=call.now + QUEUE_PAUSE))
        return 0
    try:
        with savepoint(call.db):
            start(call, schedule)
    except (AwsError, NoRoom) as error:
        if firing.attempts >= policy.maximum_retry_attempts:
            tries = f"{firing.attempts + 1} attempts" if firing.attempts else "one attempt"
            return give_up(call, schedule, firing, f"{run} is given up after {tries}: {error}")
        pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2**firing.attempts)
        schedules.put_off(call.db, schedule, replace(firing, attempts=firing.attempts + 1, try_at=call.now + pause))
        return 0
    return finish(call, schedule, firing)


def runs_on(call: Call, schedule: Schedule) -> bool:
    """Return whether a task of the schedule's family is on its way or runs, whoever started it."""
    parameters = schedule.target.ecs_parameters
    assert parameters is not None, "checked when it was made"
    family = last(parameters.task_definition_arn).partition(":")[0]
    where = "cluster = ? AND family = ? AND last_status != 'STOPPED'"
    return bool(tasks.arns(call.db, where, [last(schedule.target.arn), family]))


def start(call: Call, schedule: Schedule) -> None:
    """Start tasks as RunTask does. Raises AwsError where that refuses, and NoRoom where no instance takes the task."""
    parameters = schedule.target.ecs_parameters
    assert parameters is not None, "checked when it was made"
    answer = run_task(
        call,
        RunTaskInput(
            cluster=schedule.target.arn,
            task_definition=parameters.task_definition_arn,
            count=parameters.task_count,
            group=parameters.group,
            launch_type=parameters.launch_type,
            capacity_provider_strategy=parameters.capacity_provider_strategy,
            network_configuration=parameters.network_configuration,
            platform_version=parameters.platform_version,
            overrides=overrides_of(schedule),
            placement_constraints=parameters.placement_constraints,
            placement_strategy=parameters.placement_strategy,
            propagate_tags=parameters.propagate_tags or "NONE",
            enable_execute_command=parameters.enable_execute_command,
            tags=tuple(Tag(key=tag.get("key", ""), value=tag.get("value", "")) for tag in parameters.tags),
            started_by=f"{STARTED_BY}{schedule.name}"[:LONGEST_MARK],
        ),
    )
    if answer["failures"]:
        raise NoRoom(", ".join(each["reason"] for each in answer["failures"]))


def give_up(call: Call, schedule: Schedule, firing: Firing, why: str) -> int:
    """End a firing that starts nothing, and tell it."""
    left_out.tell(call.db, schedule, call.now, why)
    return finish(call, schedule, firing)


def finish(call: Call, schedule: Schedule, firing: Firing) -> int:
    """Forget the firing; a schedule that asked for it goes with its last one."""
    schedules.end_firing(call.db, schedule, firing)
    if schedule.action_after_completion == "DELETE" and firing_after(schedule, call.now) is None:
        schedules.delete(call.db, schedule.group_name, schedule.name)
    return 1
