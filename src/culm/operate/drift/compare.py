"""culm.yml against what is live: a row for each difference. Pure; no rows when `up` would change nothing."""

from culm.operate.drift.base import base
from culm.operate.drift.jobs import jobs
from culm.operate.drift.live import LiveState
from culm.operate.drift.rows import Row
from culm.operate.drift.services import instances, services
from culm.project.project import Project, TargetSettings


def compare(project: Project, settings: TargetSettings, observation: LiveState) -> list[Row]:
    """Return every difference: the cluster and load balancer first, then services, things of a kind together."""
    return [
        *base(project, settings, observation),
        *instances(settings, observation),
        *services(project, observation),
        *jobs(project, observation),
    ]
