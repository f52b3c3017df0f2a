"""The same containers on every runtime: a rig makes images that do what a `Script` says."""

import base64
import functools
import io
import itertools
import json
import os
import re
import subprocess
import sys
import sysconfig
import tarfile
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.cluster.runtime.oci import PASSWORD, USER, OciRegistry, tar

from culm.cluster.instance.runtime.docker.runtime import DockerRuntime
from culm.cluster.instance.runtime.fake import FakeRuntime, Script
from culm.cluster.instance.runtime.interface import Port, Probe, Runtime, Spec
from culm.cluster.instance.runtime.process.runtime import ProcessRuntime
from culm.engine.asynchronous import AsyncEngine
from culm.engine.client import unavailable

ADDRESS = "127.77.0.99" if sys.platform == "linux" else "127.0.0.1"
PORT = 8080
NETWORK = "culm-contract"
PROBE = Probe(command=("CMD", "python3", "/actor.py", "probe"), interval=1, timeout=5, retries=1)
_numbers = itertools.count()


class Rig:
    """What the contract suite needs besides the port."""

    runs_programs = True

    def __init__(self) -> None:
        self.runtime: Runtime = self.restarted()

    def restarted(self) -> Runtime:
        """A new object, as a daemon that starts again would make."""
        raise NotImplementedError

    def image(self, script: Script, **more: Any) -> str:
        """An image whose containers do this. `describes`: print argv, environment and so on; `leaves`: Python code
        that a child in a session of its own runs; `config`: of the image."""
        raise NotImplementedError

    def spec(
        self, script: Script | None = None, *, image: str | None = None, listens: bool = False, **more: Any
    ) -> Spec:
        """A container that does this, with a name of its own."""
        extra = {key: more.pop(key) for key in ("describes", "leaves", "config") if key in more}
        spec = Spec(
            name=f"culm-contract-{os.getpid()}-{next(_numbers)}",
            image=image or self.image(script or Script(), **extra),
            address=ADDRESS,
            environment={},
            labels={"com.amazonaws.ecs.task-arn": "arn:aws:ecs:us-east-1:000000000000:task/default/1"},
            registry_auth=(USER, PASSWORD),
            command=("listen", f"0.0.0.0:{PORT}") if listens else None,
            ports=(Port(container_port=PORT),) if listens else (),
        )
        return replace(spec, **more)

    async def sicken(self, name: str) -> None:
        """From now on its probe fails."""
        assert await self.runtime.exec(name, ["python3", "/actor.py", "sicken"]) == (0, b"")

    async def kill(self, name: str) -> None:
        """SIGKILL to its first process, from outside."""
        raise NotImplementedError

    async def leftovers(self, name: str) -> list[str]:
        """Whatever of this container is still on the machine."""
        raise NotImplementedError

    async def close(self) -> None:
        for seen in await self.runtime.list():
            await self.runtime.remove(seen.name)


class FakeRig(Rig):
    runs_programs = False

    def restarted(self) -> Runtime:
        if not hasattr(self, "fake"):
            self.fake = FakeRuntime(now=time.time)
        return self.fake

    def image(self, script: Script, **more: Any) -> str:
        name = f"127.0.0.1:1/fake@sha256:{next(_numbers):064x}"
        commands = {("python3", "/actor.py", "fail"): (3, b"told to fail\n")}
        self.fake.scripts[name] = replace(script, commands=commands)
        return name

    async def sicken(self, name: str) -> None:
        self.fake.set_health(name, "UNHEALTHY")

    async def kill(self, name: str) -> None:
        self.fake.exit(name, 137)

    async def leftovers(self, name: str) -> list[str]:
        return []


class RegistryRig(Rig):
    def __init__(self, registry: OciRegistry) -> None:
        self.registry = registry
        super().__init__()

    def image(self, script: Script, *, config: Mapping[str, Any] | None = None, **more: Any) -> str:
        part = {
            "output": base64.b64encode(script.output).decode(),
            "exit_code": script.exit_code,
            "memory": int(script.memory),
            "health": script.health,
            "obeys_sigterm": script.obeys_sigterm,
            "describes": more.get("describes", False),
            "leaves": more.get("leaves"),
        }
        program = (Path(__file__).parent / "actor.py").read_text()
        layer = tar({"actor.py": program, "actor.json": json.dumps(part).encode()})
        defaults = {"Entrypoint": ["python3", "/actor.py"], "Env": ["FROM_IMAGE=yes", "PATH=/usr/bin:/bin"]}
        return self.registry.push("actors", [*self.base_layers(), layer], **{**defaults, **(config or {})})

    def base_layers(self) -> list[bytes]:
        return []


class ProcessRig(RegistryRig):
    def __init__(self, registry: OciRegistry, home: Path, *, use_cgroups: bool) -> None:
        self.home = home
        self._use_cgroups = use_cgroups
        super().__init__(registry)

    def restarted(self) -> Runtime:
        return ProcessRuntime(self.home, now=time.time, use_cgroups=self._use_cgroups)

    async def kill(self, name: str) -> None:
        os.kill(json.loads((self.home / "tasks" / name / "state.json").read_text())["child"], 9)

    async def leftovers(self, name: str) -> list[str]:
        needle = f"CULM_CONTAINER={name}".encode()
        environments = [path for path in Path("/proc").glob("[0-9]*/environ") if needle in _bytes_of(path)]
        groups = [path for path in Path("/sys/fs/cgroup").glob(f"**/culm/{name}")]
        return [str(path) for path in (*self.home.rglob(f"*{name}*"), *environments, *groups)]


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


class DockerRig(RegistryRig):
    def __init__(self, registry: OciRegistry) -> None:
        self.engine = AsyncEngine()
        self._made: list[DockerRuntime] = []
        super().__init__(registry)

    async def close(self) -> None:
        await super().close()
        await self._made[0].remove_network()
        for runtime in (*self._made, self.engine):
            await runtime.close()

    def restarted(self) -> Runtime:
        runtime = DockerRuntime(
            cluster=f"contract-{os.getpid()}", network=NETWORK, subnet="169.254.171.0/28", gateway="169.254.171.2"
        )
        self._made.append(runtime)
        return runtime

    def base_layers(self) -> list[bytes]:
        return [host_python()]

    async def kill(self, name: str) -> None:
        await self.engine.call("POST", f"/containers/{name}/kill")

    async def leftovers(self, name: str) -> list[str]:
        filters = json.dumps({"name": [name]})
        return [entry["Id"] for entry in await self.engine.get("/containers/json", all=1, filters=filters)]


async def forget_images(registry: OciRegistry) -> None:
    """Delete from the engine what it pulled from this registry."""
    if unavailable() is None:
        engine = AsyncEngine()
        filters = json.dumps({"reference": [f"{registry.host}/*"]})
        for image in await engine.get("/images/json", filters=filters):
            await engine.call("DELETE", f"/images/{image['Id']}", {"force": 1})
        await engine.close()


@functools.cache
def host_python() -> bytes:
    """A layer with this machine's Python, its shell and the libraries of both, and nothing else."""
    python = Path(sys.executable).resolve()
    library = Path(sysconfig.get_path("stdlib", vars={"base": sys.base_prefix}))
    files = {python, Path("/bin/sh").resolve()}
    files |= _libraries(python, Path("/bin/sh"), *library.glob("lib-dynload/*.so"))
    skipped = re.compile(
        r"__pycache__|/(test|site-packages|idlelib|lib2to3|ensurepip|tkinter|config-[^/]*|pydoc_data)/"
    )
    files |= {path for path in library.rglob("*") if path.is_file() and not skipped.search(str(path))}
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w", dereference=True) as archive:
        for path in sorted(files):
            archive.add(path, arcname=str(path).lstrip("/"))
        for name, target in {"usr/bin/python3": str(python), "bin/sh": str(Path("/bin/sh").resolve())}.items():
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = tarfile.SYMTYPE, target
            archive.addfile(entry)
    return data.getvalue()


def _libraries(*programs: Path) -> set[Path]:
    told = subprocess.run(["ldd", *map(str, programs)], check=True, capture_output=True, text=True).stdout
    return {Path(match) for match in re.findall(r"(/[^\s:]+) \(0x", told)}
