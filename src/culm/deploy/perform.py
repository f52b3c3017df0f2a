"""What each kind of step does: one call of AWS, one build, one wait. What is decided is decided in `plan.rollout`."""

from collections.abc import Mapping
from typing import Any

from culm import render
from culm.deploy import base, migrate, undo, wait
from culm.deploy.executor import Work
from culm.deploy.images import Images, Repository
from culm.deploy.job import Job
from culm.errors import CulmError
from culm.plan import steps
from culm.plan.calls import Call, resolved
from culm.target.eventual_consistency import until_known


class Performer:
    """Acts and undos of one job."""

    def __init__(self, job: Job, images: Images | None = None) -> None:
        self.job = job
        self.images = images

    def act(self, step: steps.Step, results: Mapping[str, Any]) -> Work:
        """Carry a step out; see `executor.Performer`."""
        job, known = self.job, results
        match step.act:
            case Call() as call:
                return (yield from made(job, call, known))
            case steps.Build() as build:
                return self.built(build)
            case steps.Configure():
                return base.configuration(job)
            case steps.AwaitInstances():
                return (yield from base.instances(job, step.lane))
            case steps.RunMigration() as run:
                return (yield from migrate.run(job, run, resolved(run.task_definition, known)))
            case steps.AwaitMigration() as wanted:
                return (yield from migrate.until_ended(job, wanted.service, resolved(wanted.task, known)))
            case steps.AwaitStopped(service=name):
                return (yield from wait.until_stopped(job, name))
            case steps.AwaitSteady() as wanted:
                return (yield from wait.until_steady(job, wanted, resolved(wanted.revision, known)))
            case steps.Settle() as watch:
                return (yield from wait.settled(job, watch))

    def built(self, build: steps.Build) -> str:
        """Build and push. Returns `uri@digest`."""
        assert self.images is not None, "whoever has builds has a builder"
        job, service = self.job, self.job.service(build.service)
        name = render.repository(job.project, service, migrate=build.migration)

        def say(line: str) -> None:
            job.say(line, service.name)

        def progress(what: str) -> None:
            job.doing(service.name, what)

        uri = job.survey.observed.repositories[name]
        return self.images.provide(service, Repository(name=name, uri=uri, migrate=build.migration), say, progress)

    def undo(self, undone: steps.Undo, failure: CulmError, results: Mapping[str, Any]) -> Work:
        """Take a step back; see `executor.Performer`."""
        job = self.job
        match undone:
            case steps.GiveBack():
                return (yield from undo.gave_back(job, undone, failure))
            case steps.ScaleBack():
                return (yield from undo.scaled_back(job, undone, failure))
            case steps.GoBack():
                return (yield from undo.went_back(job, undone, resolved(undone.failed, results), failure))
            case steps.Recall():
                undo.recall(job, undone)
                return failure
            case steps.Stays():
                return CulmError(f"{failure.what}\n{undo.STAYS}", failure.hint)

    def undo_at_once(self, undone: steps.Undo) -> None:
        """See `executor.Performer`."""
        match undone:
            case steps.GiveBack():
                undo.give_back(self.job, undone)
            case steps.ScaleBack():
                undo.scale(self.job, undone.service, undone.count)
            case steps.Recall():
                undo.recall(self.job, undone)
            case _:
                pass  # ECS goes on by itself with a roll that nobody waits for


def made(job: Job, call: Call, results: Mapping[str, Any]) -> Work:
    """Make a call of AWS, with the results of earlier steps in its input. Returns its answer."""
    given = resolved(call.input, results)
    operation = getattr(job.target.client(call.client), call.operation)
    return (yield from until_known(lambda: operation(**given), job.clock))
