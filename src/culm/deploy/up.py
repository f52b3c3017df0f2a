"""A whole deploy: services side by side where they may, each to its own end; a failure does not hold the others."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from itertools import chain

from culm import render
from culm.console import Console
from culm.core.model.record import record
from culm.deploy import apply
from culm.deploy.build.port import Builder
from culm.deploy.images import Images
from culm.deploy.lending import give_back, lent, slot_of
from culm.deploy.lock import locked
from culm.deploy.migrate import NoRoom, migrate
from culm.deploy.ordering import Stage, Turns
from culm.deploy.wait import until_steady
from culm.errors import CulmError
from culm.plan.observed import Described, Live
from culm.plan.plan import Plan, ServicePlan
from culm.project.project import Project, Service
from culm.target import faults
from culm.target.connection import Target

BUILDS_AT_ONCE = 16
"""Images built or looked for side by side. Services themselves wait for each other, so each has a thread of its own."""


class BrokenOff(CulmError):
    """Ctrl-C."""

    exit_status = 130


@record
class Outcome:
    service: str
    changed: bool = False
    error: CulmError | None = None


class Up:
    """One deploy of some of a project's services."""

    def __init__(self, project: Project, target: Target, builder: Builder, console: Console) -> None:
        self.project = project
        self.target = target
        self.console = console
        self.images = Images(target, builder)
        self.stopping = threading.Event()
        self._building = threading.BoundedSemaphore(BUILDS_AT_ONCE)
        self._base: tuple[Live, render.Surroundings] | None = None

    def run(self, plan: Plan) -> list[Outcome]:
        """Deploy the plan's services in its order; how each ended."""
        names = [service.name for service in plan.services]
        turns = Turns(plan.waves, names, self._check)
        with faults.translated(), locked(self.target, self.project, self.console.say) as lock:
            if any(service.changes for service in plan.services):
                lock.acquire()
            live, around = self._base = apply.base(self.target, self.project, self._say())
            self._heal([service for name, service in live.services.items() if name not in names])
            return self._services(plan, names, turns, live, around)

    def _services(
        self, plan: Plan, names: Sequence[str], turns: Turns, live: Live, around: render.Surroundings
    ) -> list[Outcome]:
        with ThreadPoolExecutor(
            max_workers=len(names) + 1
        ) as pool:  # of any less, some would wait for the others' ends
            try:  # from the first one on: those at work wait for the turns of others, which may never be submitted
                shared = pool.submit(self._shared, live, around)
                futures: dict[str, Future[Outcome]] = {}
                for name in in_order(self.project, [*chain(*plan.waves), *names]):
                    before = [futures[other] for other in self.project.services[name].after if other in futures]
                    way = plan.service(name)
                    futures[name] = pool.submit(self._service, way, live, around, shared, before, turns)
                wait(futures.values())
                if not shared.done():  # every service failed without it
                    self.stopping.set()
                return [futures[name].result() for name in names]
            except KeyboardInterrupt:
                self.stopping.set()
                pool.shutdown(wait=True, cancel_futures=True)
                raise BrokenOff("broken off", "the next `culm up` goes on from here") from None

    def migrate(self, names: Sequence[str]) -> None:
        """Run these services' migrations, one after the other; the first that fails ends it."""
        with faults.translated(), locked(self.target, self.project, self.console.say) as lock:
            lock.acquire()
            live, around = apply.base(self.target, self.project, self._say())
            self._shared(live, around)
            for name in names:
                one = self.project.services[name]
                say, progress = self._say(name), self._progress(name)
                published = apply.publish(self.images, self.project, one, live, say, progress)
                assert published.migration is not None, "the caller names services that have one"
                revision = apply.migration_revision(self.target, self.project, one, published.migration, around, say)
                say("migrating")
                self._migrate(one, revision, live.services.get(name))
                say("migrated")
                self.console.doing(name)

    def _migrate(self, one: Service, revision: str, found: Described | None) -> None:
        """In a free slot, or else in the service's own, which then starts again as it was."""
        say, progress = self._say(one.name), self._progress(one.name)
        try:
            migrate(self.target, self.project, one, revision, progress, patience=0.0)
        except NoRoom:
            if found is None or one.roll == "start-first" or isinstance(one.roll, tuple):
                raise
            with slot_of(self.target, self.project, one, found, say, progress) as described:
                migrate(self.target, self.project, one, revision, progress)
            give_back(self.target, self.project, described, lent(described) or 0)
            until_steady(self.target, self.project, one, progress, fresh=False)

    def _heal(self, others: Sequence[Described]) -> None:
        """Slots that a deploy lent and died before it gave them back."""
        for found in others:
            if (count := lent(found)) is not None:
                self.console.say(
                    "an earlier deploy stopped it and did not come back: starts again", found["serviceName"]
                )
                give_back(self.target, self.project, found, count)

    def urls(self, name: str) -> list[str]:
        """Where a service is reached: each of its paths up to the first wildcard; a worker nowhere."""
        assert self._base is not None, "asked for after the deploy"
        live, around = self._base
        assert live.load_balancer is not None
        begin = self.target.url(live.load_balancer["DNSName"], around.port)
        return [begin + path for path in render.entrances(self.project.services[name])]

    def _shared(self, live: Live, around: render.Surroundings) -> None:
        """What every service needs before it can run, while the images are being built."""
        say, progress = self._say(), self._progress(self.project.name)
        with faults.translated():
            apply.configuration(self.target, self.project, live, around, say, progress)
            apply.instances(self.target, self.project.name, progress)
        self.console.doing(self.project.name)

    def _service(
        self,
        way: ServicePlan,
        live: Live,
        around: render.Surroundings,
        shared: "Future[None]",
        before: Sequence["Future[Outcome]"],
        turns: Turns,
    ) -> Outcome:
        name = way.name
        try:
            with faults.translated():
                changed = self._deploy(way, live, around, shared, before, turns)
            return Outcome(service=name, changed=changed)
        except CulmError as error:
            if not isinstance(error, BrokenOff):
                self.console.say(f"failed: {error.what.splitlines()[0]}", name)
            return Outcome(service=name, error=error)
        finally:
            turns.reached(name, Stage.ENDED)
            self.console.doing(name)

    def _deploy(
        self,
        way: ServicePlan,
        live: Live,
        around: render.Surroundings,
        shared: "Future[None]",
        before: Sequence["Future[Outcome]"],
        turns: Turns,
    ) -> bool:
        name = way.name
        one = self.project.services[name]
        with self._building:
            published = apply.publish(self.images, self.project, one, live, self._say(name), self._progress(name))
        if before:
            self._progress(name)(f"after {', '.join(one.after)}")
        for earlier in before:
            if (other := earlier.result()).error is not None:
                raise CulmError(f"{name} was left alone, because {other.service} failed", "mend that one first")
        shared.result()
        return apply.service(
            self.target,
            self.project,
            one,
            published,
            live,
            around,
            way,
            turns,
            self._say(name),
            self._progress(name),
        )

    def _say(self, name: str = "") -> Callable[[str], None]:
        def say(line: str) -> None:
            self._check()
            self.console.say(line, name)

        return say

    def _progress(self, name: str) -> Callable[[str], None]:
        def progress(what: str) -> None:
            self._check()
            self.console.doing(name, what)

        return progress

    def _check(self) -> None:
        if self.stopping.is_set():
            raise BrokenOff("broken off")


def in_order(project: Project, names: Sequence[str]) -> list[str]:
    """Each after those it comes after: a service is handed the futures of those that it waits for."""
    found: list[str] = []

    def visit(service: Service) -> None:
        for other in service.after:
            if other in names:
                visit(project.services[other])
        if service.name not in found:
            found.append(service.name)

    for name in names:
        visit(project.services[name])
    return found
