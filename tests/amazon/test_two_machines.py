"""One commit on several machines: what each one's engine has of a base image changes nothing in what is planned."""

import shutil
from pathlib import Path

import pytest
from tests.amazon.conftest import Shop
from tests.deploy.build.test_bases import (  # noqa: F401
    AMD,
    ARM,
    Registry,
    Served,
    machine,
    nobody,
    registry,
)

from culm.cli.planning import of_target
from culm.cli.screens.plan import screen
from culm.console import Console
from culm.deploy.build.docker import DockerBuilder
from culm.deploy.build.host import HostBuilder
from culm.deploy.build.port import PushDestination, Recipe, Say
from culm.deploy.up import Up
from culm.engine.client import Engine
from culm.project.load import load
from culm.target.connection import Target


class Laptop(DockerBuilder):
    """What an engine builds is played; which image that would be, the engine's own builder says."""

    built = 0

    def publish(self, recipe: Recipe, place: PushDestination, say: Say, progress: Say) -> str:
        self.built += 1
        return HostBuilder().publish(recipe, place, say, progress)


def test_the_same_commit_changes_nothing_from_another_machine_whatever_its_engine_has(
    shop: Shop,
    registry: Registry,  # noqa: F811
    machine: Served,  # noqa: F811
    nobody: Engine,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    registry.push("3.12", {AMD: ["sha256:a"], ARM: ["sha256:b"]})
    base = f"{registry.name}:3.12"
    for file in ("accounts/Dockerfile", "accounts/Dockerfile.migrate", "web/Dockerfile"):
        shop.write(file, (shop.folder / file).read_text().replace("FROM base", f"FROM {base}"))

    def deployed(builder: DockerBuilder, home: str) -> tuple[list[str], str]:
        """Plan and deploy from a checkout and a home of its own: what was to change, and the plan's screen."""
        monkeypatch.setenv("CULM_HOME", str(tmp_path / home))
        folder = tmp_path / f"checkout of {home}"
        for name in ("accounts", "web", "culm.yml"):
            source = shop.folder / name
            (shutil.copytree if source.is_dir() else copied)(source, folder / name)
        project = load(folder / "culm.yml")
        target = Target(project.targets["stg"], trace=shop.wire)
        plan = of_target(project, target, builder, list(project.services))
        changing = [service.name for service in plan.services if service.changes]
        if changing:
            up = Up(project, target, builder, Console(shop.told))
            assert all(outcome.error is None for outcome in up.run(plan))
        return changing, screen(plan, 120)

    first = Laptop(machine.engine)  # an amd64 engine that has today's base
    machine.has(base, ["sha256:a"], pulled=True)
    changing, _ = deployed(first, "one")
    assert changing == ["accounts", "web"]
    assert first.built == 3
    shop.calls()

    machine.has(base, ["sha256:of-last-week"], pulled=True, architecture="arm64")
    for home, engine in (("two", machine.engine), ("three", nobody)):
        builder = Laptop(engine)
        changing, shown = deployed(builder, home)
        assert (changing, builder.built) == ([], 0), shown
    assert shop.writes() == [], "nothing is written from the other machines"


def copied(source: Path, to: Path) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, to)
