"""A target that has what services stand on, brought about by the deploy's own code."""

import io

from culm.console import Console
from culm.deploy import base
from culm.deploy.job import Job
from culm.project.project import Project
from culm.target.connection import Target


def based(target: Target, project: Project, stream: io.StringIO | None = None) -> Job:
    """Bring it about; `job.survey` is what is there then, `stream` gets what was said."""
    job = Job(project, target, Console(stream or io.StringIO()))
    base.bring_about(job)
    return job
