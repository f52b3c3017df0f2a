"""What `culm down` asks before it removes anything."""

import io
from dataclasses import replace
from pathlib import Path

import click
import pytest

from culm.cli.down import agree
from culm.project.load import load
from culm.project.project import TargetSettings


class Terminal(io.StringIO):
    """Stdin, where somebody sits."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def stg(tmp_path: Path) -> TargetSettings:
    services = "services: {web: {image: web, port: 80}}\n"
    (tmp_path / "culm.yml").write_text(f"name: bamboo\ntargets: {{stg: {{provider: aws}}}}\n{services}")
    return load(tmp_path / "culm.yml").targets["stg"]


def test_on_aws_somebody_at_a_terminal_is_asked_and_may_say_no(
    stg: TargetSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", Terminal("n\n"))
    with pytest.raises(click.Abort):
        agree("the services of bamboo", stg, yes=False)
    monkeypatch.setattr("sys.stdin", Terminal("y\n"))
    agree("the services of bamboo", stg, yes=False)


def test_nobody_is_asked_with_yes_without_a_terminal_or_on_the_local_cluster(
    stg: TargetSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", Terminal("n\n"))
    agree("the services of bamboo", stg, yes=True)
    agree("the services of bamboo", replace(stg, provider="local"), yes=False)
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    agree("the services of bamboo", stg, yes=False)
