"""For which processor an image is built, and whether an engine can."""

from pathlib import Path

import pytest

from culm.deploy.build import platforms
from culm.deploy.build.platforms import declared, variables, with_arguments
from culm.engine.client import Engine
from culm.engine.endpoint import parse as endpoint_of
from culm.errors import UsageError
from culm.project.dockerfile import parse
from culm.project.project import TargetSettings
from culm.project.sizes import Group


def settings(*types: str, provider: str = "aws") -> TargetSettings:
    return TargetSettings(
        name="stg",
        provider=provider,  # type: ignore[arg-type]
        instances=tuple(Group(count=1, instance_type=name) for name in types),
        env="stg",
        region=None,
        profile=None,
        endpoint_url=None,
        port=None,
    )


def test_images_are_for_the_instances_of_the_target() -> None:
    assert platforms.of_target(settings("t2.micro", "t3.small")) == "linux/amd64"
    assert platforms.of_target(settings("t4g.small")) == "linux/arm64"
    assert platforms.of_target(settings("t4g.small", provider="local")) is None


def test_instances_of_two_kinds_are_refused_by_name() -> None:
    with pytest.raises(UsageError, match="target stg has instances of x86_64 and arm64"):
        platforms.of_target(settings("t2.micro", "t4g.small"))


@pytest.mark.parametrize(
    ("text", "runs"),
    [
        ("FROM a\nRUN x\n", True),
        ("FROM a\nCOPY . .\n", False),
        ("FROM --platform=$BUILDPLATFORM golang AS b\nRUN go build\nFROM scratch\nCOPY --from=b /x /x\n", False),
        ("FROM --platform=$BUILDPLATFORM golang AS b\nRUN go build\nFROM debian\nRUN x\n", True),
    ],
)
def test_run_lines_need_the_processor_unless_their_stage_is_pinned_to_the_builders(text: str, runs: bool) -> None:
    assert platforms.runs_elsewhere(parse(text)) is runs


def test_an_engine_without_an_emulator_is_refused_before_the_build(tmp_path: Path) -> None:
    engine = Engine(endpoint_of(f"unix://{tmp_path}/docker.sock", None, "a test"))
    read = parse("FROM a\nRUN x\n")
    assert not platforms.emulates(engine, "linux/arm64", tmp_path)
    (tmp_path / "qemu-aarch64").touch()
    assert platforms.emulates(engine, "linux/arm64", tmp_path)
    assert platforms.cannot_run(engine, "linux/amd64", "linux/amd64", read) is None
    assert platforms.cannot_run(engine, "linux/amd64", None, read) is None
    assert "--install arm64" in platforms.hint("linux/arm64")


NAMES = variables("linux/amd64", "linux/arm64")


def test_the_classic_builder_is_told_the_platforms_that_buildkit_knows() -> None:
    assert NAMES["BUILDPLATFORM"] == "linux/amd64"
    assert (NAMES["TARGETPLATFORM"], NAMES["TARGETOS"], NAMES["TARGETARCH"]) == ("linux/arm64", "linux", "arm64")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "# syntax=docker/dockerfile:1\nFROM --platform=$BUILDPLATFORM golang AS b\n",
            "# syntax=docker/dockerfile:1\nARG BUILDPLATFORM=linux/amd64\nFROM --platform=$BUILDPLATFORM golang AS b\n",
        ),
        ("FROM acme/${TARGETARCH}\n", "ARG TARGETARCH=arm64\nFROM acme/${TARGETARCH}\n"),
        ("FROM debian\nARG TARGETARCH\n", "FROM debian\nARG TARGETARCH\n"),
    ],
)
def test_from_lines_find_the_platforms_that_they_name(before: str, after: str) -> None:
    assert with_arguments(before.encode(), parse(before), NAMES).decode() == after


def test_a_stage_is_given_the_platforms_that_it_declares() -> None:
    read = parse("FROM debian\nARG TARGETARCH\nARG OTHER=1\n")
    assert declared(read, NAMES) == {"TARGETARCH": "arm64"}
