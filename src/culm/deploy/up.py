"""A whole deploy: services side by side where they may, each to its own end; a failure does not hold the others."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait

from culm.deploy import apply, faults
from culm.deploy.build.port import Builder
from culm.deploy.console import Console
from culm.deploy.images import Images
from culm.deploy.live import Live
from culm.deploy.target import Target
from culm.errors import CulmError
from culm.manifest import render
from culm.manifest.project import Project, Service
from culm.model.record import record

MOST_AT_ONCE = 16


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
        self._moving: set[str] = set()
        self._base: tuple[Live, render.Surroundings] | None = None

    def run(self, names: Sequence[str]) -> list[Outcome]:
        """Deploy these services; how each ended, in their order."""
        with faults.translated():
            live, around = self._base = apply.base(self.target, self.project, self._say())
        with ThreadPoolExecutor(max_workers=MOST_AT_ONCE) as pool:
            shared = pool.submit(self._shared, live, around)
            futures: dict[str, Future[Outcome]] = {}
            for name in in_order(self.project, names):
                before = [futures[other] for other in self.project.services[name].after if other in futures]
                futures[name] = pool.submit(self._service, name, live, around, shared, before)
            try:
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
        with faults.translated():
            live, around = apply.base(self.target, self.project, self._say())
            self._shared(live, around)
            for name in names:
                one = self.project.services[name]
                say, progress = self._say(name), self._progress(name)
                published = apply.publish(self.images, self.project, one, live, say, progress)
                assert published.migration is not None, "the caller names services that have one"
                apply.before_it(
                    self.target, self.project, one, published.migration, around, say, progress, lambda: False
                )
                self.console.doing(name)

    def urls(self, name: str) -> list[str]:
        """Where a service is reached: each of its paths up to the first wildcard."""
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
        name: str,
        live: Live,
        around: render.Surroundings,
        shared: "Future[None]",
        before: Sequence["Future[Outcome]"],
    ) -> Outcome:
        try:
            with faults.translated():
                changed = self._deploy(name, live, around, shared, before)
            return Outcome(service=name, changed=changed)
        except CulmError as error:
            if not isinstance(error, BrokenOff):
                self.console.say(f"failed: {error.what.splitlines()[0]}", name)
            return Outcome(service=name, error=error)
        finally:
            self._moving.discard(name)
            self.console.doing(name)

    def _deploy(
        self,
        name: str,
        live: Live,
        around: render.Surroundings,
        shared: "Future[None]",
        before: Sequence["Future[Outcome]"],
    ) -> bool:
        one = self.project.services[name]
        published = apply.publish(self.images, self.project, one, live, self._say(name), self._progress(name))
        if before:
            self._progress(name)(f"after {', '.join(one.after)}")
        for earlier in before:
            if (other := earlier.result()).error is not None:
                raise CulmError(f"{name} was left alone, because {other.service} failed", "mend that one first")
        shared.result()
        self._moving.add(name)
        return apply.service(
            self.target,
            self.project,
            one,
            published,
            live,
            around,
            self._say(name),
            self._progress(name),
            lambda: bool(self._moving - {name}),
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
    """Each after those it comes after, so that a pool of any size gets on."""
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
