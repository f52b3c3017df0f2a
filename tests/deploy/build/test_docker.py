"""Building with a real engine."""

import io
import os
import tarfile
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.serving import served

from culm.deploy.build import context, platforms
from culm.deploy.build.choose import choose, demand_docker
from culm.deploy.build.docker import DOCKERFILE, DockerBuilder, archive, base_images, needs_buildkit
from culm.deploy.build.port import PushDestination, Recipe
from culm.deploy.images import Images
from culm.engine.client import Engine
from culm.engine.endpoint import parse as endpoint_of
from culm.engine.images import split_tag
from culm.errors import CulmError
from culm.project.dockerfile import parse
from culm.project.project import TargetSettings
from culm.target.connection import StaticCredentials, Target

BASE = os.environ.get("CULM_BASE_IMAGE", "culm-base:bookworm")
SETTINGS = TargetSettings(
    name="local", provider="local", instances=(), env="local", region=None, profile=None, endpoint_url=None, port=None
)


def ignore(_: str) -> None:
    """Nobody listens."""


@pytest.fixture
def recipe(tmp_path: Path) -> Recipe:
    folder = tmp_path / "web"
    folder.mkdir()
    (folder / "seen").write_text(uuid.uuid4().hex)
    (folder / "hidden").write_text("hidden")
    (folder / ".dockerignore").write_text("hidden\nDockerfile\n")
    (folder / "Dockerfile").write_text(
        "ARG BASE_IMAGE\nFROM ${BASE_IMAGE}\nCOPY . /srv\nRUN test -f /srv/seen && test ! -e /srv/hidden\n"
    )
    return Recipe(folder=folder, dockerfile=folder / "Dockerfile", args={"BASE_IMAGE": BASE, "UNUSED": "x"})


@pytest.fixture
def place(tmp_path: Path) -> Iterator[PushDestination]:
    (tmp_path / "served").mkdir()
    with served(tmp_path / "served") as endpoint:
        target = Target(SETTINGS, endpoint, StaticCredentials(access_key="a", secret_key="b"))
        made = target.client("ecr").create_repository(repositoryName="web")["repository"]
        user, password = Images(target, DockerBuilder(Engine())).login()
        yield PushDestination(repository=made["repositoryUri"], tag="one", user=user, password=password, insecure=True)


@pytest.mark.docker
def test_an_image_is_built_and_pushed_and_named_by_its_digest(recipe: Recipe, place: PushDestination) -> None:
    builder = DockerBuilder(Engine())
    digest = builder.publish(recipe, place, ignore, ignore)
    assert digest.startswith("sha256:")
    assert builder.publish(recipe, place, ignore, ignore) == digest


@pytest.mark.docker
def test_a_build_that_fails_shows_its_last_lines(recipe: Recipe, place: PushDestination) -> None:
    recipe.dockerfile.write_text("ARG BASE_IMAGE\nFROM ${BASE_IMAGE}\nRUN echo it is broken && exit 7\n")
    with pytest.raises(CulmError, match="returned a non-zero code: 7") as failure:
        DockerBuilder(Engine()).publish(recipe, place, ignore, ignore)
    assert "    it is broken" in failure.value.what


@pytest.mark.docker
def test_a_token_that_a_line_wrote_and_a_later_one_removed_is_found_in_the_layers(recipe: Recipe) -> None:
    builder = DockerBuilder(Engine())
    token = "echo //r.example.com/:_authToken=$(echo npm_swordfish0123456789) > /srv/.npmrc"
    recipe.dockerfile.write_text(
        f"ARG BASE_IMAGE\nFROM ${{BASE_IMAGE}}\nCOPY . /srv\nRUN {token}\nRUN rm /srv/.npmrc\n"
    )
    assert builder.layer_findings(recipe) == [], "it is not built yet"
    builder.built(recipe, ignore)
    assert [finding.name for finding in builder.layer_findings(recipe)] == ["/srv/.npmrc"]


@pytest.mark.docker
def test_the_fingerprint_knows_the_very_base_image(recipe: Recipe) -> None:
    builder = DockerBuilder(Engine())
    first = builder.fingerprint(recipe)
    assert (
        builder.fingerprint(Recipe(folder=recipe.folder, dockerfile=recipe.dockerfile, args={"BASE_IMAGE": BASE}))
        == first
    )
    other = {"BASE_IMAGE": f"no-such-image-{uuid.uuid4().hex}"}
    assert builder.fingerprint(Recipe(folder=recipe.folder, dockerfile=recipe.dockerfile, args=other)) != first
    (recipe.folder / "hidden").write_text("changed")
    assert builder.fingerprint(recipe) == first


@pytest.mark.docker
def test_an_image_for_another_processor_is_refused_before_its_build(recipe: Recipe, place: PushDestination) -> None:
    engine = Engine()
    other = "linux/arm64" if engine.platform() == "linux/amd64" else "linux/amd64"
    if platforms.emulates(engine, other):
        pytest.skip(f"the engine can run programs for {other}")
    steps: list[str] = []
    with pytest.raises(CulmError, match=f"its RUN lines are for {other}") as refusal:
        DockerBuilder(engine).publish(replace(recipe, platform=other), place, ignore, steps.append)
    assert "binfmt --install" in refusal.value.hint
    assert steps == []


@pytest.mark.docker
def test_an_image_that_its_instances_could_not_run_is_refused_before_its_push(
    recipe: Recipe, place: PushDestination
) -> None:
    builder = DockerBuilder(Engine())
    with pytest.raises(CulmError, match=r"the image is for linux/.*, and is wanted for linux/s390x"):
        builder.check_built(replace(recipe, platform="linux/s390x"), BASE)


@pytest.mark.docker
def test_the_fingerprint_is_the_same_without_the_engine_for_a_base_that_is_named_by_digest(recipe: Recipe) -> None:
    recipe.dockerfile.write_text(f"FROM python@sha256:{'a' * 64}\nCOPY . /srv\n")
    nobody = Engine(endpoint_of("unix:///nowhere/docker.sock", None, "a test"))
    assert DockerBuilder(nobody).fingerprint(recipe) == DockerBuilder(Engine()).fingerprint(recipe)


@pytest.mark.docker
def test_an_engine_with_the_base_image_is_chosen(recipe: Recipe) -> None:
    assert choose([recipe], Engine(), ignore).runtime == "docker"


@pytest.mark.docker
def test_an_engine_that_cannot_get_the_base_image_is_not(recipe: Recipe) -> None:
    missing = Recipe(folder=recipe.folder, dockerfile=recipe.dockerfile, args={"BASE_IMAGE": "127.0.0.1:1/none:x"})
    choice = choose([missing], Engine(), ignore)
    assert choice.runtime == "process"
    assert "cannot get 127.0.0.1:1/none:x" in choice.why
    with pytest.raises(CulmError, match=r"cannot get 127\.0\.0\.1:1/none:x") as refusal:
        demand_docker([missing], Engine(), ignore)
    assert "CULM_BASE_IMAGE" in refusal.value.hint


def test_without_an_engine_it_is_host_processes(tmp_path: Path) -> None:
    engine = Engine(endpoint_of(f"unix://{tmp_path}/none.sock", None, "a test"))
    assert choose([], engine, ignore).runtime == "process"
    with pytest.raises(CulmError, match="no container engine answers at unix:"):
        demand_docker([], engine, ignore)


def test_the_engine_is_given_names_and_text_of_any_encoding_as_they_are(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"caf\xe9.txt")).write_text("coffee")
    text = b"FROM base\n# caf\xe9\nCOPY . .\n"
    (tmp_path / "Dockerfile").write_bytes(text)
    recipe = Recipe(folder=tmp_path, dockerfile=tmp_path / "Dockerfile", args={})
    files = context.read(tmp_path, recipe.dockerfile)
    assert files.digest()
    data = b"".join(archive(recipe, files, recipe.dockerfile.read_bytes()))
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        assert os.fsdecode(b"caf\xe9.txt") in tar.getnames()
        sent = tar.extractfile(DOCKERFILE)
        assert sent is not None and sent.read() == text


def test_base_images_are_those_of_no_stage() -> None:
    text = "ARG B=python:3\nFROM ${B} AS one\nFROM one AS two\nCOPY --from=ghcr.io/a/uv:1 /uv /\nCOPY --from=one /a /\n"
    assert base_images(parse(text + "FROM scratch\nCOPY --from=0 /a /\n"), {}) == ["python:3", "ghcr.io/a/uv:1"]
    assert base_images(parse(text), {"B": "mine"})[0] == "mine"


@pytest.mark.parametrize(
    ("text", "needs"),
    [
        ("FROM a\nRUN --mount=type=cache,target=/x true\n", True),
        ("FROM a\nCOPY --link a /a\n", True),
        ("FROM a\nRUN <<EOF\ntrue\nEOF\n", True),
        ("FROM a\nCOPY --chown=1:1 a /a\n", False),
    ],
)
def test_what_only_buildkit_knows_is_seen(text: str, needs: bool) -> None:
    assert needs_buildkit(parse(text)) is needs


@pytest.mark.parametrize(
    ("image", "name", "tag"),
    [
        ("python", "python", "latest"),
        ("python:3.12", "python", "3.12"),
        ("localhost:5000/python", "localhost:5000/python", "latest"),
        ("localhost:5000/python:3", "localhost:5000/python", "3"),
        ("python@sha256:0", "python@sha256:0", ""),
    ],
)
def test_a_tag_is_told_from_a_port(image: str, name: str, tag: str) -> None:
    assert split_tag(image) == (name, tag)
