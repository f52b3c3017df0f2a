"""A service folder's virtual environment, made once for the same requirements and kept under CULM_HOME."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from culm.deploy import local
from culm.errors import CulmError

REQUIREMENTS = ("requirements-dev.txt", "requirements.txt")
INPUTS = ("requirements*.txt", "constraints*.txt")
LAST_LINES = 12


def environment(folder: Path) -> Path | None:
    """The virtual environment's folder; None for a service that requires nothing of Python."""
    wanted = next((folder / name for name in REQUIREMENTS if (folder / name).is_file()), None)
    if wanted is None:
        return None
    told = hashlib.sha256(sys.version.encode())
    for path in sorted(path for pattern in INPUTS for path in folder.glob(pattern)):
        told.update(path.name.encode() + path.read_bytes())
    made = local.home() / "direct" / "venvs" / told.hexdigest()[:24]
    made.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with open(f"{made}.lock", "w") as lock:  # two services with the same requirements start at once
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.is_dir():
            make(made, wanted)
    return made


def make(made: Path, requirements: Path) -> None:
    draft = made.with_name(f"{made.name}.new")
    shutil.rmtree(draft, ignore_errors=True)
    uv("venv", "--quiet", "--relocatable", "--python", sys.executable, str(draft), at=draft, cwd=requirements.parent)
    uv("pip", "install", "--quiet", "-r", requirements.name, at=draft, cwd=requirements.parent)
    draft.rename(made)


def uv(*words: str, at: Path, cwd: Path) -> None:
    from uv import find_uv_bin

    told = {**os.environ, "VIRTUAL_ENV": str(at), "NO_COLOR": "1"}
    done = subprocess.run(
        [find_uv_bin(), *words], cwd=cwd, env=told, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if done.returncode:
        last = "\n".join(done.stdout.strip().splitlines()[-LAST_LINES:])
        raise CulmError(f"what {cwd.name} requires cannot be installed:\n{last}", "is the package index reachable?")


def variables(folder: Path, **more: str) -> dict[str, str]:
    """A service's environment: this one's, the virtual environment first on the path, nothing of a task's."""
    told = {k: v for k, v in os.environ.items() if k not in ("MYENV", "VAULT", "PORT", "HOST", "PYTHONHOME")}
    if (venv := environment(folder)) is not None:
        told |= {"VIRTUAL_ENV": str(venv), "PATH": f"{venv / 'bin'}{os.pathsep}{told.get('PATH', os.defpath)}"}
    return told | {"PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1", "SERVICE": folder.name, **more}
