"""Jobs: their schedules, and the revisions that these start. Pure."""

from collections.abc import Iterator

from culm import render
from culm.operate.drift.live import LiveState
from culm.operate.drift.rows import Row, members, missing
from culm.plan.diff import task_definition_is
from culm.project.project import Project, Service
from culm.render import jobs as render_jobs


def jobs(project: Project, observation: LiveState) -> Iterator[Row]:
    """Yield what differs of every job's schedule."""
    for job in project.jobs.values():
        yield from rows(project, job, observation)


def rows(project: Project, job: Service, observation: LiveState) -> Iterator[Row]:
    """Yield what differs of one job: its schedule, and the revision that it runs."""
    what = f"schedule of {job.name}"
    live = observation.survey.observed.jobs.get(job.name)
    if live is None or live.schedule is None:
        yield missing(what)
        return
    revision = live.revision or {}
    arn = str(revision.get("taskDefinitionArn", ""))
    wanted = render_jobs.schedule(project, job, arn, observation.survey.surroundings)
    yield from members(what, wanted, live.schedule, "culm.yml")
    containers = revision.get("containerDefinitions") or [{}]
    known = (observation.images or {}).get((job.name, False))
    image = job.image or known or str(containers[0].get("image", ""))
    definition = render.task_definition(project, job, image, None, observation.survey.surroundings)
    if not task_definition_is(definition, live.revision):
        yield Row(what=what, field="TaskDefinitionArn", wanted="a new revision", live=arn, wins="culm.yml")
