"""Other people's tools in environments of their own, and the images and revisions that they deploy."""

import gzip
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.cluster.runtime.oci import MANIFEST, digest_of, tar

INSTALL_SECONDS = 400.0
UV = str(Path(sys.executable).parent / "uv")
PROGRAM = "/app/run"
"""The program of every image."""
STAYS = "#!/bin/sh\ntrap 'exit 0' TERM\nwhile :; do sleep 0.2; done\n"
CRASHES = "#!/bin/sh\nexit 3\n"
SERVES = '#!/bin/sh\nexec python3 -u -m http.server "$PORT" --bind "$HOST"\n'


class Workshop:
    """`folder` keeps the tools from one test session to the next."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def python(self, *requirements: str) -> Path:
        """The `bin` of a virtual environment with these packages; the test is skipped by name where none can be had."""
        name = hashlib.sha256(repr((sys.version, requirements)).encode()).hexdigest()[:16]
        made = self._folder / f"python-{name}"
        if not (made / "ready").exists():
            self._install([UV, "venv", "--quiet", "--clear", "--python", sys.executable, str(made)], requirements)
            self._install([UV, "pip", "install", "--quiet", "--python", str(made), *requirements], requirements)
            (made / "ready").touch()
        return made / "bin"

    def node(self, *packages: str) -> Path:
        """A folder in which node finds these packages."""
        name = hashlib.sha256(repr(packages).encode()).hexdigest()[:16]
        made = self._folder / f"node-{name}"
        if not (made / "ready").exists():
            made.mkdir(parents=True, exist_ok=True)
            (made / "package.json").write_text('{"private": true}')
            self._install(["npm", "install", "--silent", "--prefix", str(made), *packages], packages)
            (made / "ready").touch()
        return made

    def _install(self, command: Sequence[str], what: Sequence[str]) -> None:
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_SECONDS)
            why = done.stderr.strip() if done.returncode else None
        except (OSError, subprocess.TimeoutExpired) as error:
            why = str(error)
        if why is None:
            return
        if os.environ.get("CULM_REQUIRE_TOOLS"):
            pytest.fail(f"{', '.join(what)} cannot be installed: {why}")
        pytest.skip(f"{', '.join(what)} cannot be installed here: {why.splitlines()[-1] if why else 'no reason'}")


def push(ecr: Any, repository: str, tag: str, program: str) -> str:
    """An image of one program, pushed to its registry; its name with the tag."""
    names = [r["repositoryName"] for r in ecr.describe_repositories()["repositories"]]
    if repository not in names:
        ecr.create_repository(repositoryName=repository)
    layer = tar({PROGRAM.lstrip("/"): program})
    configuration = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Cmd": [PROGRAM]},
        "rootfs": {"type": "layers", "diff_ids": [digest_of(layer)]},
    }
    [granted] = ecr.get_authorization_token()["authorizationData"]
    headers = {"Authorization": f"Basic {granted['authorizationToken']}"}
    with httpx2.Client(base_url=f"{granted['proxyEndpoint']}/v2/{repository}/", headers=headers) as registry:
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": _upload(registry, json.dumps(configuration).encode(), "config.v1+json"),
            "layers": [_upload(registry, gzip.compress(layer, 1, mtime=0), "layer.v1.tar+gzip")],
        }
        type = {"Content-Type": MANIFEST}
        registry.put(f"manifests/{tag}", content=json.dumps(manifest), headers=type).raise_for_status()
    [described] = ecr.describe_repositories(repositoryNames=[repository])["repositories"]
    return f"{described['repositoryUri']}:{tag}"


def _upload(registry: httpx2.Client, data: bytes, kind: str) -> dict[str, Any]:
    registry.post("blobs/uploads/", params={"digest": digest_of(data)}, content=data).raise_for_status()
    return {"mediaType": f"application/vnd.oci.image.{kind}", "digest": digest_of(data), "size": len(data)}
