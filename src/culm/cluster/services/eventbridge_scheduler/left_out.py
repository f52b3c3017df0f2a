"""Writes into a job's log group which of its runs never started, and why; `culm events` shows these lines.

A run that does not start has no task, so nothing in ECS remembers it. The lines are in a stream of their own,
`schedule/NAME`, of the group that the job's container writes to, and last as long as its other lines. Amazon writes
none: there the metric `InvocationDroppedCount` counts what EventBridge Scheduler gave up.
https://docs.aws.amazon.com/scheduler/latest/UserGuide/monitoring-cloudwatch.html
"""

import logging
from datetime import UTC, datetime
from sqlite3 import Connection

from culm.cluster.store.ecs import task_definitions
from culm.cluster.store.logs import events, groups, streams
from culm.core.model.arn import last
from culm.core.model.schedules import Schedule

STREAM = "schedule/"
"""How the streams' names begin."""

log = logging.getLogger(__name__)


def tell(db: Connection, schedule: Schedule, now: float, what: str) -> None:
    """Write that runs did not start, to the job's log group where there is one, and to the daemon's log."""
    log.info("schedule %s: %s", schedule.name, what)
    group = groups.find(db, log_group(db, schedule))
    if group is None:
        return
    stream, now_ms = f"{STREAM}{schedule.name}", int(now * 1000)
    known = streams.find(db, group.id, stream)
    stream_id = known.id if known else streams.create(db, group.id, stream, now_ms)
    events.append(db, stream_id, [(now_ms, what)], now_ms)


def log_group(db: Connection, schedule: Schedule) -> str:
    """Return the name of the log group of the schedule's first container; empty: it has none."""
    parameters = schedule.target.ecs_parameters
    assert parameters is not None, "checked when it was made"
    family, _, revision = last(parameters.task_definition_arn).partition(":")
    definition = task_definitions.find(db, family, int(revision) if revision else None)
    written = definition.container_definitions[0].log_configuration if definition else None
    return written.options.get("awslogs-group", "") if written else ""


def moment(at: float) -> str:
    """Return a moment for people: `2026-11-30 03:00:00 UTC`."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
