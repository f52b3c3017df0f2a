"""An account of moto's, and a project to deploy there: two services, one with a migration, no database."""

import contextlib
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
from tests.amazon.amazon import Amazon, amazon
from tests.amazon.wire import READS, Wire

from culm.cli import culm
from culm.cli.planning import of_target
from culm.cli.up import Options, carry_out
from culm.console import Console
from culm.deploy.build.host import HostBuilder
from culm.deploy.lock import KEY
from culm.deploy.up import ServiceOutcome, Up
from culm.project.load import load
from culm.project.project import Project, named
from culm.target.connection import Target

TRACE = "trace.jsonl"


@dataclass
class Shop:
    """A team at work: its project folder, and the account it deploys to."""

    folder: Path
    account: Amazon
    told: io.StringIO = field(default_factory=io.StringIO)
    """What the deploys said."""
    traced: io.StringIO = field(default_factory=io.StringIO)

    def __post_init__(self) -> None:
        self.wire = Wire(self.traced)

    @property
    def project(self) -> Project:
        """As it is on the target."""
        loaded = load(self.folder / "culm.yml")
        return named(loaded, loaded.targets["stg"])

    @cached_property
    def target(self) -> Target:
        return Target(self.project.targets["stg"], trace=self.wire)

    def up(self, *names: str, target: Target | None = None) -> list[ServiceOutcome]:
        """`culm up`, or `culm deploy NAMES`, with the builder that needs no engine; raises the first failure."""
        project, target = self.project, target or self.target
        wanted = list(names or project.everything)
        builder = HostBuilder()
        plan = of_target(project, target, builder, wanted)
        deploy = Up(project, target, builder, Console(self.told))
        outcomes = deploy.run(plan)
        if scheduled := [project.jobs[name] for name in wanted if name in project.jobs]:
            outcomes += deploy.schedule(scheduled, outcomes, whole=not names)
        for outcome in outcomes:
            if outcome.error is not None:
                raise outcome.error
        return outcomes

    def deploy(self, *names: str, wake: bool = False) -> None:
        """`culm deploy NAMES`, all of the command but what builds: it needs no engine here."""
        with contextlib.redirect_stdout(self.told), contextlib.redirect_stderr(self.told):
            deploy = Up(self.project, self.target, HostBuilder(), Console(self.told))
            carry_out(deploy, list(names), Options(yes=True, wake=wake))

    def calls(self) -> list[dict[str, Any]]:
        """Every call since the last time that somebody asked."""
        lines = self.traced.getvalue().splitlines()
        self.traced.seek(0)
        self.traced.truncate()
        if (file := self.folder / TRACE).exists():
            lines += file.read_text().splitlines()
            file.unlink()
        return sorted((json.loads(line) for line in lines), key=lambda call: call["at"])

    def writes(self) -> list[str]:
        """As `calls`, those that change anything, less the lock's: `ecs.CreateService`."""
        made = [call for call in self.calls() if call["parameters"].get("Key") != KEY]
        return [f"{call['service']}.{call['operation']}" for call in made if not call["operation"].startswith(READS)]

    def culm(self, *words: str) -> str:
        """Any other command, typed in the project's folder: what it prints; raises what it would complain of."""
        out = io.StringIO()
        with contextlib.chdir(self.folder), contextlib.redirect_stdout(out), contextlib.redirect_stderr(self.told):
            culm.main(["--trace", str(self.folder / TRACE), *words, "--target", "stg"], standalone_mode=False)
        return out.getvalue()

    def write(self, file: str, text: str) -> None:
        path = self.folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.fixture(scope="session")
def _amazon(completed_moto: None) -> Iterator[Amazon]:
    with amazon() as made:
        yield made


@pytest.fixture
def account(_amazon: Amazon) -> Iterator[Amazon]:
    """With two instances; it is left as it was found, as moto is one for all tests of a process."""
    _amazon.empty()
    _amazon.launch()
    yield _amazon
    _amazon.empty()


@pytest.fixture
def shop(account: Amazon, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    made = Shop(tmp_path, account)
    for name in ("accounts", "web"):
        made.write(f"{name}/Dockerfile", 'FROM base\nEXPOSE 8000\nCMD ["sh"]\n')
    made.write("accounts/Dockerfile.migrate", 'FROM base\nCMD ["sh"]\n')
    made.write(
        "culm.yml",
        f"name: bamboo\n"
        f"targets: {{stg: {{provider: aws, region: us-east-1, endpoint_url: '{account.url}'}}}}\n"
        "defaults: {settle: 0}\n"
        "services: {accounts: , web: {path: /*}}\n",
    )
    return made
