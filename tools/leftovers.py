"""What a tool's whole life leaves on a machine: `make leftovers`, or `python -m tools.leftovers --with pip`.

Install the built wheel as a tool, `culm new`, up, a request, upgrade, down, uninstall, remove the tool. The files
before and after are compared by path: below HOME (with the XDG folders in it), TMPDIR, and what is culm's in /tmp.
What the installers keep for themselves is named in OTHERS. Exit status 1, with the paths, when anything else is left.
`--user nobody` does it as another user than root. `--runtime docker` builds and runs it with the container engine, and
compares the engine's images, too; otherwise culm meets no engine. `culm uninstall` removes the images that culm has
built with this engine for any project.
"""

import argparse
import os
import pwd
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Sequence
from pathlib import Path

from tools.release import ROOT, build, free_port

UV = ROOT / ".venv" / "bin" / "uv"
OTHERS = re.compile(
    r"home/\.cache/(pip|uv|pipx)(/|$)|home/\.local/(share|state)/(uv|pipx|pip)(/|$)"
    r"|home/\.local/(bin|share|share/man|state)$|home/\.(cache|local)$|home/\.rustup(/|$)"
)
"""Caches and folders of the installers, which other tools use, too; and empty folders of the XDG layout.

pip asks `rustc --version` for the user agent that it sends; rustup's rustc writes ~/.rustup at that.
"""

PASSED = ("SSL_CERT_FILE", "PIP_CERT", "UV_DEFAULT_INDEX", "PIP_CACHE_DIR", "UV_CACHE_DIR", "DOCKER_BUILDKIT")
"""Variables of this process that installers need to reach an index, or to be quick; and what builds follow."""


DOCKERFILE = """\
FROM culm-base:bookworm
COPY serve.py /
EXPOSE 8080
CMD ["python3", "/serve.py"]
"""
SERVER = """\
import http.server, os, signal

class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()

signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
http.server.ThreadingHTTPServer(("0.0.0.0", 8080), Answer).serve_forever()
"""


class Life:
    """One fresh home, one installer."""

    def __init__(self, top: Path, installer: str, user: str | None, runtime: str) -> None:
        self.top, self.installer, self.user, self.runtime = top, installer, user, runtime
        self.home, self.temporary, self.project = top / "home", top / "tmp", top / "project"
        for folder in (self.home, self.temporary, self.project):
            folder.mkdir(parents=True)
            if user:
                shutil.chown(folder, user)
        self.programs = self.home / ".local" / "bin"
        self.environment = {
            "HOME": str(self.home),
            "TMPDIR": str(self.temporary),
            "PATH": f"{self.programs}:{os.environ['PATH']}",
            "LANG": "C.UTF-8",
            **{name: value for name, value in os.environ.items() if name.endswith(("_proxy", "_PROXY", "INDEX_URL"))},
            **{name: os.environ[name] for name in PASSED if name in os.environ},
        }
        if runtime == "process":
            self.environment["DOCKER_HOST"] = f"unix://{top}/no-engine"

    def run(self, *words: str | Path, cwd: Path | None = None) -> str:
        """Run a command that must succeed as the user; returns what it prints."""
        print("+", *words, file=sys.stderr, flush=True)
        account = pwd.getpwnam(self.user) if self.user else None
        done = subprocess.run(
            [str(word) for word in words],
            cwd=cwd or self.home,
            env=self.environment,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            user=account.pw_uid if account else None,
            group=account.pw_gid if account else None,
            extra_groups=[] if account else None,
        )
        return done.stdout

    def install(self, wheel: Path) -> None:
        """Install the wheel as a tool; once more over it, as an upgrade does."""
        if self.installer == "pip":
            python = "/usr/bin/python3" if self.user else sys.executable  # ours may be in a closed home
            self.run(python, "-m", "venv", self.home / "tool")
            self.programs.mkdir(parents=True)
            self.environment["PATH"] = f"{self.home / 'tool' / 'bin'}:{self.environment['PATH']}"
            self.upgrade(wheel)
        elif self.installer == "uv":
            self.run(UV, "tool", "install", "--quiet", wheel)
        else:
            self.run(UV, "tool", "run", "--quiet", "pipx", "install", wheel)

    def upgrade(self, wheel: Path) -> None:
        """What somebody does who has a newer wheel."""
        if self.installer == "pip":
            pip = self.home / "tool" / "bin" / "pip"
            self.run(
                pip,
                "install",
                "--quiet",
                "--force-reinstall",
                "--no-deps" if self.installed() else "--no-cache-dir",
                wheel,
            )
        elif self.installer == "uv":
            self.run(UV, "tool", "install", "--quiet", "--force", wheel)
        else:
            self.run(UV, "tool", "run", "--quiet", "pipx", "install", "--force", wheel)

    def installed(self) -> bool:
        """Whether pip has installed it before."""
        return (self.home / "tool" / "bin" / "culm").exists()

    def remove(self) -> None:
        """Remove the tool itself."""
        if self.installer == "pip":
            shutil.rmtree(self.home / "tool")
        elif self.installer == "uv":
            self.run(UV, "tool", "uninstall", "--quiet", "culm")
        else:
            self.run(UV, "tool", "run", "--quiet", "pipx", "uninstall", "culm")

    def use(self, wheel: Path) -> None:
        """A service of its own, up, asked, upgraded, asked again, and all of it removed."""
        if self.runtime == "docker":
            (self.project / "pets").mkdir()
            (self.project / "pets" / "Dockerfile").write_text(DOCKERFILE)
            (self.project / "pets" / "serve.py").write_text(SERVER)
        self.run("culm", "new", "pets", *(["--bare"] if self.runtime == "docker" else []), cwd=self.project)
        manifest = self.project / "culm.yml"
        manifest.write_text(manifest.read_text().replace("local: {", f"local: {{port: {free_port()}, "))
        for _ in range(2):
            address = re.findall(r"http://\S+", self.run("culm", "up", "--runtime", self.runtime, cwd=self.project))[-1]
            with urllib.request.urlopen(address, timeout=10) as answer:
                answer.read()
            self.upgrade(wheel)
        self.run("culm", "down", "--volumes", "--yes", cwd=self.project)
        self.run("culm", "cluster", "stop", cwd=self.project)
        self.run("culm", "uninstall", "--yes", cwd=self.project)

    def files(self) -> set[str]:
        """Every path of the home and of both temporary folders, but the project's."""
        ours = {
            str(path.relative_to(self.top)) for path in self.top.rglob("*") if self.project not in (path, *path.parents)
        }
        temporary = {str(path) for path in Path("/tmp").glob("*culm*") if path.stat().st_uid == self.owner()}
        return ours | temporary | (self.images() if self.runtime == "docker" else set())

    def images(self) -> set[str]:
        """Return the names of the engine's images."""
        return {
            f"image {name}" for name in self.run("docker", "images", "--format", "{{.Repository}}:{{.Tag}}").split()
        }

    def owner(self) -> int:
        return pwd.getpwnam(self.user).pw_uid if self.user else os.getuid()


def live(installer: str, user: str | None, wheel: Path, runtime: str = "process") -> list[str]:
    """Return the paths that one life has left."""
    with tempfile.TemporaryDirectory(prefix="life-") as folder:
        top = Path(folder)
        top.chmod(0o755)
        life = Life(top, installer, user, runtime)
        before = life.files()
        life.install(wheel)
        try:
            life.use(wheel)
        finally:
            life.run("culm", "cluster", "stop")
        life.remove()
        return sorted(path for path in life.files() - before if not OTHERS.search(path))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--with", dest="installers", action="append", choices=("pip", "uv", "pipx"), default=[])
    parser.add_argument("--user", help="another user than you, for root")
    parser.add_argument("--runtime", choices=("process", "docker"), default="process")
    options = parser.parse_args(arguments)
    status = 0
    with tempfile.TemporaryDirectory(prefix="dist-") as folder:
        Path(folder).chmod(0o755)
        wheel = build(Path(folder))
        for installer in options.installers or ["pip", "uv", "pipx"]:
            left = live(installer, options.user, wheel, options.runtime)
            who = options.user or pwd.getpwuid(os.getuid()).pw_name
            print(
                f"{installer}, as {who}, {options.runtime}: {'nothing is left' if not left else 'left:'}",
                *left,
                sep="\n  ",
            )
            status |= bool(left)
    return status


if __name__ == "__main__":
    sys.exit(main())
