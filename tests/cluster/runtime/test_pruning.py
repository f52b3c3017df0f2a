"""Images that nothing runs go, but for the last of each repository."""

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.cluster.runtime.oci import OciRegistry, tar
from tests.cluster.runtime.rigs import ProcessRig

from culm.cluster.instance.runtime.docker.pruning import NEWEST_BUILDS, going

OURS = "127.0.0.1:4588"


@pytest.fixture(scope="module")
def registry() -> Iterator[OciRegistry]:
    registry = OciRegistry()
    yield registry
    registry.close()


@pytest.fixture
async def rig(registry: OciRegistry, tmp_path: Path) -> AsyncIterator[ProcessRig]:
    rig = ProcessRig(registry, tmp_path / "home", use_cgroups=False)
    yield rig
    await rig.close()


async def run(rig: ProcessRig, repository: str, version: int, **config: Any) -> str:
    """Run a version of an image to its end; the container's name."""
    layer = tar({"version": str(version), "x.sh": "#!/bin/sh\n"})
    image = rig.registry.push(repository, [layer], Entrypoint=["true"], **config)
    spec = rig.spec(image=image)
    await rig.runtime.start(spec)
    return spec.name


def unpacked(rig: ProcessRig) -> list[str]:
    """`repository version` of each image, sorted."""
    found = []
    for folder in (rig.home / "images").iterdir():
        repository = json.loads((folder / "name.json").read_text())["repository"]
        found.append(f"{repository} {(folder / 'rootfs/version').read_text()}")
    return sorted(found)


async def test_the_last_images_of_a_repository_stay_and_whatever_a_container_has(rig: ProcessRig):
    names = [await run(rig, "web", version) for version in range(5)]
    await run(rig, "api", 9)
    for name in names[1:]:
        await rig.runtime.remove(name)
    pruned = await rig.runtime.prune(rig.registry.host, {"web", "api"}, 2)
    assert unpacked(rig) == ["api 9", "web 0", "web 3", "web 4"]
    assert (pruned.images, pruned.environments) == (2, 0) and pruned.bytes > 0


async def test_an_image_that_is_used_again_is_one_of_the_last(rig: ProcessRig):
    for version in (1, 2, 3, 1):
        await rig.runtime.remove(await run(rig, "web", version))
    await rig.runtime.prune(rig.registry.host, {"web"}, 2)
    assert unpacked(rig) == ["web 1", "web 3"]


async def test_images_of_a_repository_that_is_gone_go_too(rig: ProcessRig):
    await rig.runtime.remove(await run(rig, "web", 1))
    running = await run(rig, "api", 1)
    await rig.runtime.prune(rig.registry.host, (), 2)
    assert unpacked(rig) == ["api 1"]
    await rig.runtime.remove(running)
    await rig.runtime.prune(rig.registry.host, (), 2)
    assert unpacked(rig) == []
    await run(rig, "api", 1)  # it is simply pulled again


async def test_virtual_environments_go_with_the_last_image_that_asks_for_them(rig: ProcessRig):
    (rig.home / "venvs").mkdir(exist_ok=True)
    (rig.home / "venvs/forgotten/venv").mkdir(parents=True)
    label = json.dumps([{"path": "/opt/venv", "key": "asked", "steps": []}])
    name = await run(rig, "web", 1, Labels={"io.culm.venvs": label})
    pruned = await rig.runtime.prune(rig.registry.host, {"web"}, 1)
    assert [each.name for each in (rig.home / "venvs").iterdir()] == ["asked"] and pruned.environments == 1
    await rig.runtime.remove(name)
    await rig.runtime.prune(rig.registry.host, (), 1)
    assert list((rig.home / "venvs").iterdir()) == []


async def test_what_a_killed_daemon_left_half_pruned_goes_at_the_next_start(rig: ProcessRig):
    await rig.runtime.remove(await run(rig, "web", 1))
    (folder,) = (rig.home / "images").iterdir()
    folder.rename(folder.with_name(f".gone-{folder.name}"))
    rig.runtime = rig.restarted()
    assert list((rig.home / "images").iterdir()) == []


def image(number: int, *tags: str, digests: tuple[str, ...] = ()) -> dict[str, Any]:
    return {"Id": f"sha256:{number}", "Created": number, "RepoTags": list(tags), "RepoDigests": list(digests)}


def ids(images: list[Any]) -> list[str]:
    return [each.image["Id"].removeprefix("sha256:") for each in images]


def test_an_engine_keeps_the_newest_of_a_repository_and_what_containers_have():
    images = [image(n, f"{OURS}/web:v{n}", digests=(f"{OURS}/web@sha256:{n}",)) for n in range(6)]
    assert ids(going(images, {"sha256:0"}, OURS, {"web"}, 2)) == ["3", "2", "1"]
    assert ids(going(images, {"sha256:0"}, OURS, (), 2)) == ["5", "4", "3", "2", "1"]


def test_an_engines_other_images_are_not_touched():
    others = [
        image(1, "python:3.12"),
        image(2, "127.0.0.1:5000/web:1"),
        image(3, "<none>:<none>", digests=("<none>@<none>",)),
        image(4, "culm-built:4", "mine:latest"),
    ]
    assert going(others, (), OURS, (), 0) == []


@pytest.mark.parametrize("used", [(), ("sha256:4",)])
def test_an_image_that_others_have_too_loses_our_names_alone(used: tuple[str, ...]) -> None:
    theirs = ("127.0.0.1:4600/web:1", "culm-built:4")
    [each] = going([image(4, f"{OURS}/web:1", *theirs, digests=(f"{OURS}/web@sha256:4",))], used, OURS, (), 0)
    assert each.names == (f"{OURS}/web:1", f"{OURS}/web@sha256:4")


def test_builds_that_were_never_pushed_are_bounded():
    builds = [image(n, f"culm-built:{n}") for n in range(NEWEST_BUILDS + 2)]
    pushed = image(99, "culm-built:pushed", f"{OURS}/web:1")
    assert ids(going([*builds, pushed], (), OURS, {"web"}, 1)) == ["1", "0"]
    assert ids(going([pushed], (), OURS, (), 1)) == ["99"]
