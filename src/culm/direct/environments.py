"""A service folder's virtual environment, made once for the same requirements and kept under CULM_HOME."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

from culm.errors import CulmError, UsageError
from culm.project.load import shown
from culm.target import local

REQUIREMENTS = ("requirements-dev.txt", "requirements.txt")
PROJECT, LOCK = "pyproject.toml", "uv.lock"
INPUTS = ("requirements*.txt", "constraints*.txt", PROJECT, LOCK)
DEVELOPMENT = ("dev", "test", "tests")
"""What a project may call what only its tests need: groups, or extras."""
INTERPRETER = ("--python", sys.executable)
LAST_LINES = 12


def environment(folder: Path) -> Path | None:
    """Return the virtual environment's folder; None for a service that requires nothing of Python."""
    steps = installs(folder)
    if steps is None:
        return None
    inputs = hashlib.sha256(sys.version.encode())
    for path in sorted(path for pattern in INPUTS for path in folder.glob(pattern)):
        inputs.update(path.name.encode() + path.read_bytes())
    made = local.home() / "direct" / "venvs" / inputs.hexdigest()[:24]
    made.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with open(f"{made}.lock", "w") as lock:  # two services with the same requirements start at once
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.is_dir():
            make(made, folder, steps)
    return made


def installs(folder: Path) -> tuple[str, ...] | None:
    """Return the uv command that installs what the service and its tests require, but not the service itself.

    The service runs in its folder. Of several ways to say it the most exact counts: a requirements file, then a lock,
    then the project's own table.
    """
    for name in REQUIREMENTS:
        if (folder / name).is_file():
            return ("pip", "install", "-r", name)
    if not (folder / PROJECT).is_file():
        return None
    try:
        project = tomllib.loads((folder / PROJECT).read_text())
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{shown(folder / PROJECT)} is no TOML: {error}") from None
    if (folder / LOCK).is_file():
        return ("sync", "--frozen", "--no-install-project", "--all-groups", "--all-extras", *INTERPRETER)
    groups = [name for name in DEVELOPMENT if name in project.get("dependency-groups", {})]
    own = project.get("project", {})
    extras = [name for name in DEVELOPMENT if name in own.get("optional-dependencies", {})]
    if not (own.get("dependencies") or groups or extras):
        if "poetry" in project.get("tool", {}):
            raise UsageError(
                f"{shown(folder / PROJECT)} names its dependencies in Poetry's own table",
                "poetry export > requirements.txt",
            )
        return None
    chosen = [word for name in extras for word in ("--extra", name)]
    chosen += [word for name in groups for word in ("--group", name)]
    return ("pip", "install", "-r", PROJECT, *chosen)


def make(made: Path, folder: Path, steps: tuple[str, ...]) -> None:
    draft = made.with_name(f"{made.name}.new")
    shutil.rmtree(draft, ignore_errors=True)
    uv("venv", "--quiet", "--relocatable", *INTERPRETER, str(draft), at=draft, cwd=folder)
    uv(*steps, "--quiet", at=draft, cwd=folder)
    draft.rename(made)


def uv(*words: str, at: Path, cwd: Path) -> None:
    from uv import find_uv_bin

    compiled = {"UV_COMPILE_BYTECODE": "1"}  # once here: a service is run so that it leaves no bytecode behind
    variables = compiled | os.environ | {"VIRTUAL_ENV": str(at), "UV_PROJECT_ENVIRONMENT": str(at), "NO_COLOR": "1"}
    done = subprocess.run(
        [find_uv_bin(), *words], cwd=cwd, env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if done.returncode:
        last = "\n".join(done.stdout.strip().splitlines()[-LAST_LINES:])
        raise CulmError(f"what {cwd.name} requires cannot be installed:\n{last}", "is the package index reachable?")


def variables(folder: Path, **more: str) -> dict[str, str]:
    """Return a service's environment: this one's, the virtual environment first on the path, nothing of a task's."""
    own = {k: v for k, v in os.environ.items() if k not in ("MYENV", "VAULT", "PORT", "HOST", "PYTHONHOME")}
    if (venv := environment(folder)) is not None:
        own |= {
            "VIRTUAL_ENV": str(venv),
            "PATH": f"{venv / 'bin'}{os.pathsep}{own.get('PATH', os.defpath)}",
        }
    if (folder / "src").is_dir() and (folder / PROJECT).is_file():  # the src layout, which the image would install
        own["PYTHONPATH"] = os.pathsep.join([str(folder / "src"), *filter(None, [own.get("PYTHONPATH")])])
    return own | {"PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1", "SERVICE": folder.name, **more}
