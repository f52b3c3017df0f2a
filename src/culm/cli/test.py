"""`culm test`."""

import secrets
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import click

from culm.cli.context import service_folders
from culm.cli.run import leave
from culm.console import Console
from culm.deploy.build.choose import choose
from culm.deploy.build.docker import DockerBuilder
from culm.deploy.build.port import Recipe
from culm.direct import composed, embedded, suite
from culm.direct.composed import Compose
from culm.direct.parts import ServiceFolder, needs_of, part
from culm.direct.suite import Result
from culm.direct.target import Laptop
from culm.engine.client import Engine
from culm.errors import CulmError, UsageError
from culm.target import faults

WAYS = ("auto", "compose", "embedded")


@click.command()
@click.argument("services", nargs=-1, metavar="[SERVICE]...")
@click.option("--junit", type=click.Path(path_type=Path, dir_okay=False), help="Write all results to this file.")
@click.option(
    "--with", "runner", type=click.Choice(WAYS), default="auto", show_default=True, help="What runs services."
)
@click.option("-j", "--jobs", type=click.IntRange(min=1), default=4, show_default=True, help="Services at once.")
@click.option("-v", "--verbose", is_flag=True, help="Show all that services and tests write.")
def test(services: tuple[str, ...], junit: Path | None, runner: str, jobs: int, verbose: bool) -> None:
    """Run services' unit and integration tests as CI does.

    Each service comes up with what its compose file names, migrated, on free ports; its tests find it at BASE_URL; then
    everything is taken down. With compose where an engine answers that has or can get the images, else directly on this
    machine with the embedded PostgreSQL. Exit status 1 when a test fails.
    """
    parts = [part(name, folder) for name, folder in service_folders(services).items()]
    console = Console(width=max(len(each.name) for each in parts))
    mark = secrets.token_hex(3)
    compose = compose_for(parts, runner, mark, console)
    laptop = Laptop(console)
    signal.signal(signal.SIGTERM, leave)

    def tested(own: ServiceFolder) -> Result:
        def say(name: str, line: str) -> None:
            if verbose:
                console.say(line, name)

        progress = partial(console.doing, own.name)
        with faults.translated():
            if compose is not None:
                return composed.test(own, compose, say, progress)
            needed = needs_of(own)
            if needed.lacking:
                raise CulmError(f"{own.name} needs {', '.join(needed.lacking)}, which only an engine can run", "")
            return embedded.test((*needed.neighbours, own), laptop.target, f"{own.name}-{mark}", say, progress)

    def summed_up(own: ServiceFolder) -> Result:
        try:
            result = tested(own)
        except CulmError as error:
            result = Result(service=own.name, problem=error.what)
        console.doing(own.name)
        console.say(summary(result), own.name)
        return result

    try:
        results = in_parallel(summed_up, parts, jobs)
    finally:
        laptop.leave()
    if junit is not None:
        junit.write_text(suite.merged(results))
    if bad := [result for result in results if not result.succeeded]:
        screens = [f"{result.service}: {result.problem}" for result in bad if result.problem]
        names = " ".join(result.service for result in bad)
        raise CulmError("\n".join([f"tests failed: {names}", *screens]), f"see more: culm test -v {names}")


def compose_for(parts: list[ServiceFolder], runtime: str, mark: str, console: Console) -> Compose | None:
    """Return how compose is run here; None where services come up without an engine.

    `runtime` is one of WAYS. Raises UsageError when it asks for compose, which cannot run here.
    """
    if runtime == "embedded":
        return None
    program, args, problem = composed.program(), composed.images(), None
    if program is None:
        problem = "there is no docker compose"
    else:
        recipes = [
            Recipe(folder=p.folder, dockerfile=p.folder / name, args=args)
            for p in parts
            for name in ("Dockerfile", "Dockerfile.migrate")
            if (p.folder / name).is_file()
        ]
        engine = Engine()
        choice = choose(recipes, engine, console.say)
        if choice.runtime == "docker" and (problem := composed.missing(parts, engine, console.say)) is None:
            console.say(f"with compose: {choice.why}")
            return Compose(program=program, images=args, builder=DockerBuilder(engine), mark=mark)
        problem = problem or choice.why
    if runtime == "compose":
        raise UsageError(f"compose cannot run here: {problem}", "culm test --with embedded")
    console.say(f"without an engine: {problem}")
    return None


def in_parallel(work: Callable[[ServiceFolder], Result], parts: list[ServiceFolder], jobs: int) -> list[Result]:
    with ThreadPoolExecutor(max_workers=jobs) as pool:
        return list(pool.map(work, parts))


def summary(result: Result) -> str:
    if result.problem:
        return f"failed: {result.problem.splitlines()[0]}"
    skipped = f", {result.skipped} skipped" if result.skipped else ""
    failed = f"{result.failed} failed, " if result.failed else ""
    image = f", image {result.image[:19]}" if result.image else ""
    return f"{failed}{result.passed} passed{skipped} in {result.seconds:.1f} s{image}"
