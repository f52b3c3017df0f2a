"""What only host processes do: shims that die, ports that programs choose, virtual environments, full disks."""

import asyncio
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from tests.cluster.runtime.eventually import eventually
from tests.cluster.runtime.oci import OciRegistry, tar
from tests.cluster.runtime.rigs import ProcessRig

from culm.cluster.instance.runtime.fake import Script
from culm.cluster.instance.runtime.interface import Mount, Port, Seen
from culm.cluster.instance.runtime.process.runtime import ProcessRuntime
from culm.cluster.instance.runtime.process.shim import files
from culm.errors import RuntimeFailure

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@pytest.fixture(scope="module")
def registry() -> Iterator[OciRegistry]:
    registry = OciRegistry()
    yield registry
    registry.close()


@pytest.fixture(params=["cgroup", "watched"])
async def rig(request: pytest.FixtureRequest, registry: OciRegistry, tmp_path: Path) -> AsyncIterator[ProcessRig]:
    rig = ProcessRig(registry, tmp_path / "home", use_cgroups=request.param == "cgroup")
    yield rig
    await rig.close()


async def told(rig: ProcessRig, name: str, *, follow: bool = True) -> list[str]:
    async with asyncio.timeout(20):
        return [line.text async for line in rig.runtime.logs(name, None, follow=follow)]


async def look(rig: ProcessRig, name: str) -> Seen:
    return next(seen for seen in await rig.runtime.list() if seen.name == name)


def state(rig: ProcessRig, name: str) -> files.State:
    found = files.read_state(str(rig.home / "tasks" / name))
    assert found is not None
    return found


def venv_label(**more: object) -> dict[str, object]:
    entry = {
        "path": "/opt/venv",
        "python": "",
        "steps": [["pip", "install", "--no-cache-dir", "./pack"]],
        "cwd": "/app",
    }
    entry |= more
    entry["key"] = hashlib.sha256(json.dumps(entry).encode()).hexdigest()
    return {"Labels": {"io.culm.venvs": json.dumps([entry])}, "Env": ["PATH=/opt/venv/bin:/usr/bin:/bin"]}


PACK = {
    "app/pack/pyproject.toml": b'[project]\nname = "pack"\nversion = "1"\nscripts = {pack = "pack:main"}\n'
    b'[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n',
    "app/pack/backend.py": b"""
import os, zipfile
def build_wheel(folder, config_settings=None, metadata_directory=None):
    name = "pack-1-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(folder, name), "w") as wheel:
        wheel.writestr("pack.py", "import sys\\ndef main(): print('packed', sys.prefix)\\n")
        wheel.writestr("pack-1.dist-info/METADATA", "Metadata-Version: 2.1\\nName: pack\\nVersion: 1\\n")
        wheel.writestr("pack-1.dist-info/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr("pack-1.dist-info/entry_points.txt", "[console_scripts]\\npack = pack:main\\n")
        wheel.writestr("pack-1.dist-info/RECORD", "")
    return name
""",
}
"""A project that needs nothing from an index."""


@LINUX
async def test_a_container_whose_shim_is_killed_ends_with_it_and_leaves_nothing(rig: ProcessRig):
    leaves = "import time; print('here', flush=True); time.sleep(3600)"
    spec = rig.spec(leaves=leaves)
    await rig.runtime.start(spec)

    async def here() -> bool:
        return "here" in await told(rig, spec.name, follow=False)

    await eventually(here)
    os.kill(state(rig, spec.name)["shim"], 9)

    async def stopped() -> bool:
        return (await look(rig, spec.name)).state == "stopped"

    await eventually(stopped)
    assert (await look(rig, spec.name)).exit_code == 137
    await rig.runtime.remove(spec.name)

    async def gone() -> bool:
        return not await rig.leftovers(spec.name)

    await eventually(gone)


@LINUX
async def test_one_that_listens_where_it_likes_is_published_there(rig: ProcessRig):
    code = (
        "import socket, time; s = socket.create_server(('0.0.0.0', 0));"
        "print(s.getsockname()[1], flush=True); time.sleep(99)"
    )
    spec = rig.spec(entry_point=("python3", "-c", code), command=(), ports=(Port(container_port=8080),))
    seen = await rig.runtime.start(spec)
    assert seen.ports[0].host_port

    async def listens() -> list[str]:
        return await told(rig, spec.name, follow=False)

    chosen = int((await eventually(listens))[0])

    async def published() -> bool:
        return (await look(rig, spec.name)).ports[0].host_port == chosen

    await eventually(published)


async def test_a_half_made_container_is_made_again(rig: ProcessRig):
    spec = rig.spec(Script(output=b"ready\n", exit_code=0))
    await rig.runtime.start(spec)
    await told(rig, spec.name)
    (rig.home / "tasks" / spec.name / "state.json").unlink()  # as if the daemon had died before the shim began
    assert (await look(rig, spec.name)).state == "created"
    assert (await rig.runtime.start(spec)).state in {"running", "stopped"}  # it may have ended by now
    assert await told(rig, spec.name) == ["ready"]


async def test_a_new_daemon_clears_away_what_was_half_done(rig: ProcessRig):
    left = [rig.home / name for name in ("tasks/.new-1", "tasks/.gone-2", "images/.pulling-3", "venvs/.making-4")]
    for folder in left:
        (folder / "deep").mkdir(parents=True)
    rig.runtime = rig.restarted()
    assert [folder for folder in left if folder.exists()] == []
    assert await rig.runtime.list() == []


async def test_an_image_is_pulled_once(rig: ProcessRig, registry: OciRegistry):
    image = rig.image(Script(exit_code=0))
    before = registry.pulls
    await asyncio.gather(*(rig.runtime.start(rig.spec(image=image)) for _ in range(3)))
    rig.runtime = rig.restarted()
    await rig.runtime.start(rig.spec(image=image))
    assert 1 <= registry.pulls - before <= 3
    assert len(list((rig.home / "images").iterdir())) == 1


async def test_a_damaged_layer_is_a_failure_by_name(rig: ProcessRig, registry: OciRegistry):
    image = registry.push("bad", [tar({"../../evil": b""})], Entrypoint=["true"])
    with pytest.raises(RuntimeFailure, match=r"CannotPullContainerError: .*evil would be written outside"):
        await rig.runtime.start(rig.spec(image=image))
    cut = registry.push("cut", [b"no tar at all"], Entrypoint=["true"])
    with pytest.raises(RuntimeFailure, match=r"CannotPullContainerError: .*damaged image"):
        await rig.runtime.start(rig.spec(image=cut))
    assert list((rig.home / "images").iterdir()) == []


async def test_an_image_that_is_not_whole_is_named(rig: ProcessRig, registry: OciRegistry):
    image = registry.push("short", [tar({"a": b"x" * 100_000})], Entrypoint=["true"])
    manifest = json.loads(registry.manifests[image.partition("@")[2]])
    layer = manifest["layers"][0]["digest"]
    cut = registry.push_manifest("short", {**manifest, "layers": [registry.keep(registry.blobs[layer][:-40], "x")]})
    headless = registry.push_manifest("short", {key: manifest[key] for key in ("schemaVersion", "layers")})
    strange = registry.push_manifest("short", {**manifest, "layers": None})
    for name in (cut, headless, strange):
        with pytest.raises(
            RuntimeFailure, match=r"CannotPullContainerError: .*damaged image: .*(Compressed|config|None)"
        ):
            await rig.runtime.start(rig.spec(image=name))
    assert list((rig.home / "images").iterdir()) == []


async def test_layers_and_manifests_may_go_by_sha512(rig: ProcessRig, registry: OciRegistry):
    image = registry.push("long", [tar({"a": b"x"})], Entrypoint=["true"])
    manifest = json.loads(registry.manifests[image.partition("@")[2]])
    blobs = [registry.keep(registry.blobs[each["digest"]], "x", "sha512") for each in manifest["layers"]]
    name = registry.push_manifest("long", {**manifest, "layers": blobs}, "sha512")
    seen = await rig.runtime.start(rig.spec(image=name))
    assert (seen.image_digest or "").startswith("sha512:")
    registry.blobs[blobs[0]["digest"]] += b"more"
    other = registry.push_manifest("long", {**manifest, "layers": blobs, "annotations": {}}, "sha512")
    with pytest.raises(RuntimeFailure, match=r"blob sha512:\w+ arrived damaged"):
        await rig.runtime.start(rig.spec(image=other))


async def test_a_program_for_another_processor_is_told_from_a_missing_one(rig: ProcessRig):
    other = bytearray(Path(sys.executable).resolve().read_bytes()[:4096])
    other[18] = 21 if other[18] != 21 else 62
    (rig.home / "tasks").mkdir(exist_ok=True)
    spec = rig.spec(
        entry_point=("/data/app",), command=(), mounts=(Mount(source=str(rig.home / "m"), container_path="/data"),)
    )
    (rig.home / "m").mkdir()
    (rig.home / "m" / "app").write_bytes(other)
    (rig.home / "m" / "app").chmod(0o755)
    with pytest.raises(RuntimeFailure, match=r"exec format error: it is a program for ppc64le, and this machine is"):
        await rig.runtime.start(spec)


async def test_a_mount_is_where_the_task_wants_it(rig: ProcessRig, tmp_path: Path):
    (tmp_path / "volume").mkdir()
    (tmp_path / "volume/note").write_text("from outside")
    mount = Mount(source=str(tmp_path / "volume"), container_path="/data")
    spec = rig.spec(entry_point=("cat", "/data/note"), command=(), mounts=(mount,))
    await rig.runtime.start(spec)
    assert await told(rig, spec.name) == ["from outside"]
    await rig.runtime.remove(spec.name)
    assert (tmp_path / "volume/note").exists()


async def test_a_virtual_environment_is_made_once_and_found_where_the_image_has_it(
    rig: ProcessRig, registry: OciRegistry
):
    image = registry.push("packed", [tar(PACK)], **venv_label(), Entrypoint=["/opt/venv/bin/pack"], WorkingDir="/app")
    one, two = rig.spec(image=image), rig.spec(image=image, entry_point=("python", "-c", "import pack; pack.main()"))
    await asyncio.gather(rig.runtime.start(one), rig.runtime.start(two))
    (made,) = (rig.home / "venvs").iterdir()
    for spec in (one, two):
        (line,) = await told(rig, spec.name)
        assert line == f"packed {rig.home}/tasks/{spec.name}/rootfs/opt/venv"
    born = made.stat().st_ino
    third = rig.spec(image=image)
    await rig.runtime.start(third)
    assert (await told(rig, third.name))[0].startswith("packed")
    assert made.stat().st_ino == born


async def test_an_install_that_fails_says_what_the_installer_said(rig: ProcessRig, registry: OciRegistry):
    label = venv_label(steps=[["pip", "install", "-r", "requirements.txt"]])
    image = registry.push("wrong", [tar({"app/requirements.txt": b"./nowhere\n"})], **label, Entrypoint=["python"])
    why = r"(?s)CannotStartContainerError: .*`pip install -r requirements\.txt` failed.*nowhere"
    with pytest.raises(RuntimeFailure, match=why):
        await rig.runtime.start(rig.spec(image=image))
    assert list((rig.home / "venvs").iterdir()) == []
    assert await rig.runtime.list() == []


async def test_a_step_that_installs_nothing_is_refused(rig: ProcessRig, registry: OciRegistry):
    image = registry.push("odd", [tar({})], **venv_label(steps=[["make", "install"]]), Entrypoint=["python"])
    with pytest.raises(RuntimeFailure, match="`make install` makes no virtual environment"):
        await rig.runtime.start(rig.spec(image=image))


@pytest.mark.skipif(os.geteuid() != 0 or sys.platform != "linux", reason="only root can mount a small disk")
@pytest.mark.parametrize(("size", "name"), [("64k", "CannotPullContainerError"), ("900k", "CannotStartContainerError")])
async def test_a_full_disk_is_named(registry: OciRegistry, tmp_path: Path, size: str, name: str):
    home = tmp_path / "small"
    home.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(home)], check=True)
    try:
        rig = ProcessRig(registry, home, use_cgroups=False)
        image = registry.push("big", [tar({"big": bytes(512 * 1024)})], Entrypoint=["true"])
        with pytest.raises(RuntimeFailure, match=f"{name}: no space left on device: .* MiB left"):
            await rig.runtime.start(rig.spec(image=image))
        assert await rig.runtime.list() == []
    finally:
        subprocess.run(["umount", str(home)], check=True)


@pytest.mark.skipif(shutil.which("sh") is None, reason="needs a shell")
async def test_its_environment_is_not_the_daemons(rig: ProcessRig, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OPERATORS_SECRET", "hush")
    spec = rig.spec(entry_point=("sh", "-c", "env"), command=())
    await rig.runtime.start(spec)
    assert "OPERATORS_SECRET=hush" not in await told(rig, spec.name)


async def test_two_clusters_share_nothing(rig: ProcessRig, tmp_path: Path):
    other = ProcessRuntime(tmp_path / "other", now=time.time)
    await rig.runtime.start(rig.spec())
    assert await other.list() == []


async def test_a_container_gives_its_fixed_port_back(rig: ProcessRig):
    first = await rig.runtime.start(rig.spec(listens=True))
    port = Port(container_port=8080, host_port=first.ports[0].host_port)
    await rig.runtime.stop(first.name, 5)
    again = await rig.runtime.start(rig.spec(ports=(port,)))
    assert again.ports == (port,)


async def test_an_official_python_is_this_machines_and_nothing_is_pulled(rig: ProcessRig):
    pinned = f"docker.io/library/python:3.13@sha256:{64 * '0'}"
    for image, expected in (("python:3.12-slim", "C.UTF-8"), (pinned, "None")):
        program = "import os, sys; print(sys.prefix.endswith('/rootfs/usr/local'), os.environ.get('LANG'))"
        spec = rig.spec(image=image, command=("python3", "-c", program))
        await rig.runtime.start(spec)
        assert await told(rig, spec.name) == [f"True {expected}"]
    rig.runtime = rig.restarted()
    pruned = await rig.runtime.prune("127.0.0.1", [], 5)
    assert pruned.images == 0


async def test_a_public_registry_is_asked_for_the_token_that_it_wants(rig: ProcessRig):
    public = OciRegistry(by_token=True)
    try:
        image = public.push("tools/say", [tar({"say": "#!/bin/sh\necho hello\n"})], Entrypoint=["/say"])
        spec = rig.spec(image=image, registry_auth=None)
        await rig.runtime.start(spec)
        assert await told(rig, spec.name) == ["hello"]
        assert public.tokens == 1
    finally:
        public.close()
