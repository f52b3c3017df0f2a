"""A whole deploy: services side by side where they may, each to its own end; a failure does not hold the others.

    base        what services stand on, call by call
    preparation images that are missing, files, instances: a list of steps
    deploy      the services: a list of steps, made once all images are known

What is decided is decided in `plan.rollout`, and carried out by `executor`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace

from culm import render
from culm.console import Console
from culm.core.model.record import record
from culm.deploy import base, previews, secret_variables, undo
from culm.deploy.build.port import Builder
from culm.deploy.executor import Executor
from culm.deploy.images import Images, images_of, known_images
from culm.deploy.job import BrokenOff, Job
from culm.deploy.lock import Lock, locked
from culm.deploy.migrate import exit_code
from culm.deploy.perform import Performer
from culm.errors import CulmError
from culm.plan import jobs, rollout, wishes
from culm.plan.observed import Observed
from culm.plan.plan import Plan
from culm.plan.scaling import lent
from culm.plan.steps import Build, GiveBack, Step
from culm.project.project import Project, Service
from culm.target import faults
from culm.target.clock import Clock
from culm.target.connection import Target
from culm.target.observe import db_instances, newest_revision, replication_groups, tasks
from culm.target.surroundings import endpoints
from culm.target.survey import survey


@record
class ServiceOutcome:
    service: str
    changed: bool = False
    error: CulmError | None = None


class Up:
    """One deploy of some of a project's services."""

    def __init__(
        self,
        project: Project,
        target: Target,
        builder: Builder | Images,
        console: Console,
        clock: Clock | None = None,
    ) -> None:
        self.job = Job(project, target, console, clock)
        self.images = images_of(target, builder)
        self.executor = Executor(self.job, Performer(self.job, self.images))

    def run(self, plan: Plan) -> list[ServiceOutcome]:
        """Deploy the plan's services in its order; how each ended. Raises BrokenOff after a Ctrl-C."""
        names = [service.name for service in plan.services]
        with at_work(self.job) as lock:
            if any(service.changes for service in plan.services):
                lock.acquire()
            base.bring_about(self.job)
            self._heal(names)
            images, failed = self._prepare(names, plan.images, (False, True))
            steps = self._steps(plan, [name for name in names if name not in failed], images)
            ended = {**failed, **self.executor.run(steps, failed)}
            base.check_load_balancer(self.job)
        changed = {step.lane for step in steps if step.writes}
        return [ServiceOutcome(service=name, changed=name in changed, error=ended[name]) for name in names]

    def schedule(
        self, scheduled: Sequence[Service], before: Sequence[ServiceOutcome], *, whole: bool
    ) -> list[ServiceOutcome]:
        """Deploy jobs, once their services are: how each ended.

        `whole`: the deploy is of all that culm.yml has, so schedules of jobs that it has no longer are taken away.
        """
        project, survey = self.job.project, self.job.survey
        names = [job.name for job in scheduled]
        failed = {outcome.service: outcome.error for outcome in before if outcome.error is not None}
        with at_work(self.job) as lock:
            images = dict(known_images(project, names, survey, self.images))
            builds = rollout.builds(project, names, images)
            past = jobs.deletions(survey.observed.past_schedules if whole else ())
            if builds or past or jobs.steps(project, names, survey, images):
                lock.acquire()
            ended = self.executor.run(builds, failed)
            failed |= {name: error for name, error in ended.items() if error is not None}
            images |= built(builds, self.executor.results)
            left = [name for name in names if name not in failed]
            steps = [*jobs.steps(project, left, survey, images), *past]
            ended |= self.executor.run(steps, failed)
            for name in survey.observed.other_schedules if whole else ():
                self.job.say(f"schedule {name} runs in this cluster, and culm.yml does not name it")
        changed = {step.lane for step in steps}
        lanes = [*names, *([jobs.SCHEDULES] if past else ())]
        return [ServiceOutcome(service=name, changed=name in changed, error=ended.get(name)) for name in lanes]

    def migrate(self, names: Sequence[str], lenders: Mapping[str, bool]) -> dict[str, CulmError | None]:
        """Run these services' migrations, one after the other; a failure ends it.

        Returns how each ended: None, or why it failed. Raises the first failure of what comes before them all.

        `lenders` says which of them have to run in their service's own slot.
        """
        with at_work(self.job) as lock:
            secret_variables.demand(self.job.target, self.job.project, names)
            lock.acquire()
            base.bring_about(self.job)
            images, failed = self._prepare(names, {}, (True,))
            if failed:
                raise next(iter(failed.values()))
            lending = {name: lenders[name] for name in names}
            self._look_for_revisions(rollout.migration(self.job.project, self.job.survey, images, n) for n in names)
            steps = rollout.migrations(self.job.project, self.job.survey, images, lending)
            return self.executor.run(steps)

    def observe(self) -> Observed:
        """Return what is there, before the deploy: `urls` can be asked for then where there is a load balancer."""
        self.job.survey = survey(self.job.target, self.job.project)
        return self.job.survey.observed

    def urls(self, name: str) -> list[str]:
        """Return where a service is reached: each of its paths up to the first wildcard; a worker nowhere."""
        load_balancer = self.job.survey.observed.load_balancer
        assert load_balancer is not None, "asked for after the deploy"
        begin = previews.address(self.job.project, self.job.target, load_balancer, self.job.surroundings.port)
        return [begin + path for path in render.entrances(self.job.service(name))]

    def _prepare(
        self, names: Sequence[str], known: wishes.Images, kinds: Sequence[bool]
    ) -> tuple[wishes.Images, dict[str, CulmError]]:
        """Build what is missing, and what all services need; the images, and the services that failed with it."""
        steps = rollout.preparation(self.job.project, names, known, kinds)
        ended = self.executor.run(steps, more=True)
        shared = ended.pop(rollout.FILES) or ended.pop(rollout.INSTANCES)
        failed = {name: error for name in names if (error := ended.get(name) or shared) is not None}
        return {**known, **built(steps, self.executor.results)}, failed

    def _look_for_databases(self) -> None:
        """Look for the addresses of servers that were just made: task definitions may name them."""
        project, target, survey = self.job.project, self.job.target, self.job.survey
        if set(survey.surroundings.databases) < set(project.databases):
            bases, caches = db_instances(target, project), replication_groups(target, project)
            observed = replace(survey.observed, databases=bases, caches=caches)
            known = replace(survey.surroundings, databases=dict(endpoints(project, observed)))
            self.job.survey = replace(survey, observed=observed, surroundings=known)

    def _steps(self, plan: Plan, names: Sequence[str], images: wishes.Images) -> tuple[Step, ...]:
        self._look_for_databases()
        project, survey = self.job.project, self.job.survey
        wanted = [wishes.wish(project, self.job.service(name), survey, images) for name in names]
        self._look_for_revisions(wanted)
        self._look_for_migrations([w for w in wanted if w.live is None and w.migration is not None])
        return rollout.deploy(project, self.job.survey, plan, names, images)

    def _look_for_revisions(self, wanted: Iterable[wishes.Wish]) -> None:
        """Look at the newest revision of each family, to tell whether another one has to be registered.

        A deploy that was broken off, or that went back, may have registered them already.
        """
        observed = self.job.survey.observed
        definitions = [d for want in wanted for d in (None if want.same else want.definition, want.migration)]
        families = [str(definition["family"]) for definition in definitions if definition is not None]
        with ThreadPoolExecutor(max_workers=8) as pool:
            newest = pool.map(lambda family: newest_revision(self.job.target, family), families)
            known = {
                family: revision for family, revision in zip(families, newest, strict=True) if revision is not None
            }
        self.job.survey = replace(self.job.survey, observed=replace(observed, newest=known))

    def _look_for_migrations(self, wanted: Sequence[wishes.Wish]) -> None:
        """Look for migrations that ran in a deploy that was broken off before it made the service.

        AWS keeps stopped tasks for an hour. Where the service is there, another migration may have run since.
        """
        ecs, observed = self.job.target.client("ecs"), self.job.survey.observed
        families = [str(want.migration["family"]) for want in wanted if want.migration is not None]
        stopped = [
            task
            for family in families
            for task in tasks(ecs, self.job.project.name, family=family, desiredStatus="STOPPED")
        ]
        ended = frozenset(task["taskDefinitionArn"] for task in stopped if exit_code(task) == 0)
        self.job.survey = replace(self.job.survey, observed=replace(observed, migrated=ended))

    def _heal(self, names: Sequence[str]) -> None:
        """Give back slots that a deploy lent and died before it gave them back; those of `names` heal as they go."""
        for name, live in self.job.survey.observed.services.items():
            if name not in names and (count := lent(live)) is not None:
                self.job.say("an earlier deploy stopped it and did not come back: starts again", name)
                undo.give_back(self.job, GiveBack(service=name, arn=str(live["serviceArn"]), count=count))


def built(steps: Sequence[Step], results: Mapping[str, str]) -> dict[tuple[str, bool], str]:
    """Return `uri@digest` of what build steps have made, by service and whether it is its migration's."""
    return {
        (step.act.service, step.act.migration): results[step.key]
        for step in steps
        if isinstance(step.act, Build) and step.key in results
    }


@contextmanager
def at_work(job: Job) -> Iterator[Lock]:
    """Hold the target's lock; AWS's errors and a Ctrl-C become culm's own."""
    try:
        with faults.translated(), locked(job.target, job.project, job.console.say) as lock:
            yield lock
    except KeyboardInterrupt:
        job.stopping.set()
        raise BrokenOff("interrupted", "the next `culm up` goes on from here") from None
