"""Cut a release: `make release VERSION=0.2.0`. Nothing leaves this machine; the last lines say what to push.

In order, so that a failure leaves at most a commit behind: the work tree is clean, the version is new, "Unreleased" of
CHANGELOG.md becomes the version's section (unless it has one), the wheel is built and tried in an empty environment
(`culm new`, `culm up`, a request, `culm down`), the commit is tagged.
"""

import argparse
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
import venv
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).parents[1]
VERSION = re.compile(r"\d+\.\d+\.\d+")
UNRELEASED = "## Unreleased\n"


def cut(changelog: str, version: str, date: str) -> str:
    """CHANGELOG.md with what is unreleased under the version's heading, and "Unreleased" empty above it.

    Raises ValueError when there is nothing to release, or when the version has a section already.
    """
    if f"\n## {version} - " in changelog:
        raise ValueError(f"CHANGELOG.md has a section {version} already")
    head, mark, rest = changelog.partition(UNRELEASED)
    if not mark or not rest.partition("\n## ")[0].strip():
        raise ValueError('CHANGELOG.md has nothing under "Unreleased"')
    return f"{head}{UNRELEASED}\n## {version} - {date}\n{rest}"


def set_version(version: str) -> None:
    """Write the version where it stands: pyproject.toml and `culm.__version__`."""
    for name, pattern in (("pyproject.toml", r'^version = ".*"'), ("src/culm/__init__.py", r'^__version__ = ".*"')):
        path = ROOT / name
        line = pattern[1:].replace(".*", version)
        text, count = re.subn(pattern, line, path.read_text(), flags=re.MULTILINE)
        if count != 1:
            raise ValueError(f"{name} has no line {pattern}")
        path.write_text(text)


def prepare(version: str) -> None:
    """Commit the version's section and number; nothing where that has been done, and only the tag is missing."""
    changelog = ROOT / "CHANGELOG.md"
    if f"\n## {version} - " in changelog.read_text():
        return
    changelog.write_text(cut(changelog.read_text(), version, datetime.now(UTC).date().isoformat()))
    set_version(version)
    run("git", "commit", "--quiet", "--all", "--message", f"Release {version}")


def run(*command: str | Path, cwd: Path = ROOT, env: dict[str, str] | None = None) -> str:
    """Run a command that must succeed; returns what it prints."""
    print("+", *command, file=sys.stderr, flush=True)
    return subprocess.run(
        [str(part) for part in command], cwd=cwd, env=env, check=True, stdout=subprocess.PIPE, text=True
    ).stdout


def build(folder: Path) -> Path:
    """Build the wheel into `folder`; returns its path."""
    run(ROOT / ".venv/bin/uv", "build", "--quiet", "--wheel", "--out-dir", folder)
    [wheel] = folder.glob("*.whl")
    return wheel


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def try_wheel(wheel: Path, version: str) -> dict[str, float]:
    """Install the wheel alone, then use it as a newcomer does. Returns seconds and megabytes by what was measured."""
    with tempfile.TemporaryDirectory(prefix="culm-release-") as folder:
        top = Path(folder)
        venv.create(top / "env", with_pip=True)
        programs = top / "env" / "bin"
        run(programs / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", wheel)
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("CULM_", "PYTHON"))},
            "PATH": f"{programs}:{os.environ['PATH']}",
            "CULM_HOME": str(top / "home"),
            "CULM_KEYS": str(top / "keys"),
        }
        environment.pop("VIRTUAL_ENV", None)
        culm = programs / "culm"
        if run(culm, "--version", env=environment).split()[-1] != version:
            raise ValueError(f"the wheel says that it is another version than {version}")
        began = time.monotonic()
        for _ in range(5):
            run(culm, "--version", env=environment)
        figures = {"start-up, s": (time.monotonic() - began) / 5, "installed, MB": megabytes(top / "env")}
        project = top / "shop"
        project.mkdir()
        began = time.monotonic()
        try:
            run(culm, "new", "web", cwd=project, env=environment)
            manifest = project / "culm.yml"
            text = manifest.read_text()
            manifest.write_text(text.replace("local: {", f"local: {{port: {free_port()}, "))
            printed = run(culm, "up", "--runtime", "process", cwd=project, env=environment)
            address = re.findall(r"http://\S+", printed)[-1]
            with urllib.request.urlopen(address, timeout=10) as answer:
                if answer.status != 200:
                    raise ValueError(f"{address} answers with {answer.status}")
            run(culm, "down", "--yes", cwd=project, env=environment)
        finally:
            run(culm, "cluster", "stop", cwd=project, env=environment)
        figures["new, up, a request, down, s"] = time.monotonic() - began
        return figures


def megabytes(folder: Path) -> float:
    """The size of all files in a folder, links not followed."""
    return sum(path.lstat().st_size for path in folder.rglob("*")) / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("version", help="such as 0.2.0")
    parser.add_argument("--try-only", action="store_true", help="build the wheel and try it; change nothing")
    options = parser.parse_args()
    version = options.version
    if not VERSION.fullmatch(version):
        parser.error(f"{version} is not MAJOR.MINOR.PATCH")
    if not options.try_only:
        if run("git", "status", "--porcelain").strip():
            parser.error("commit or stash first: the work tree is not clean")
        if run("git", "tag", "--list", f"v{version}").strip():
            parser.error(f"v{version} is tagged already")
        prepare(version)
    with tempfile.TemporaryDirectory(prefix="culm-dist-") as folder:
        for what, figure in try_wheel(build(Path(folder)), version).items():
            print(f"{what}: {figure:.2f}")
    if not options.try_only:
        run("git", "tag", "--annotate", f"v{version}", "--message", f"culm {version}")
        print(f"tagged v{version}; push it with: git push origin main v{version}")


if __name__ == "__main__":
    main()
