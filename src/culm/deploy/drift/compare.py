"""culm.yml against what is live: a row for each difference. Pure; no rows when `up` would change nothing."""

from culm.deploy.drift.base import base
from culm.deploy.drift.rows import Row
from culm.deploy.drift.seen import Seen
from culm.deploy.drift.services import instances, services
from culm.manifest.project import Project, TargetSettings


def compare(project: Project, settings: TargetSettings, seen: Seen) -> list[Row]:
    """What services stand on first, then the services, things of a kind together."""
    return [*base(project, settings, seen), *instances(settings, seen), *services(project, seen)]
