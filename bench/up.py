"""`culm up` of the four examples against `docker compose up --wait` of the same four services.

Needs a Docker engine, compose (the plugin or docker-compose), the base image named by BASE_IMAGE and a PostgreSQL image
named by POSTGRES_IMAGE. Each round starts from images and databases that are there, after a `down`; both sides in turn.

    python bench/up.py --rounds 5
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

EXAMPLES = Path(__file__).parents[1] / "examples" / "bamboo"
SERVICES = ("accounts", "catalog", "orders", "notices")
PROJECT = "culm-bench"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        culm, compose = Culm(Path(folder)), Compose(Path(folder))
        try:
            for side in (culm, compose):
                side.up()  # builds the images
            times: list[tuple[float, float]] = []
            for number in range(rounds):
                order = (culm, compose) if number % 2 == 0 else (compose, culm)
                took = {side: side.timed() for side in order}
                times.append((took[culm], took[compose]))
                print(f"round {number + 1}: culm {took[culm]:.1f} s, compose {took[compose]:.1f} s", file=sys.stderr)
        finally:
            culm.down()
            compose.down()
    report(times)


def report(times: list[tuple[float, float]]) -> None:
    culm, compose = zip(*times, strict=True)
    ratios = [a / b for a, b in times]
    print("| | min | median | max |\n|---|---|---|---|")
    for name, values, unit in (
        ("culm up", culm, " s"),
        ("docker compose up --wait", compose, " s"),
        ("ratio", ratios, ""),
    ):
        print(f"| {name} | {min(values):.2f}{unit} | {statistics.median(values):.2f}{unit} | {max(values):.2f}{unit} |")


class Side:
    def up(self) -> None:
        raise NotImplementedError

    def down(self) -> None:
        raise NotImplementedError

    def timed(self) -> float:
        """Seconds from `down` to four healthy services."""
        self.down()
        began = time.monotonic()
        self.up()
        return time.monotonic() - began


class Culm(Side):
    def __init__(self, folder: Path) -> None:
        self._folder = folder / "bamboo"
        shutil.copytree(EXAMPLES, self._folder)
        args = f"defaults: {{args: {{BASE_IMAGE: '{base_image()}'}}}}\n"
        (self._folder / "culm.yml").write_text((EXAMPLES / "culm.yml").read_text() + args)
        self._environment = os.environ | {"CULM_HOME": str(folder / "home")}

    def up(self) -> None:
        self._run("up", "--runtime", "docker")

    def down(self) -> None:
        self._run("down")

    def _run(self, *arguments: str) -> None:
        command = [sys.executable, "-m", "culm", *arguments]
        run(command, cwd=self._folder, env=self._environment)


class Compose(Side):
    """The four compose files as one project; without `--wait` (compose 1) its waiting is done here."""

    def __init__(self, folder: Path) -> None:
        plugin = subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode == 0
        self._command = ["docker", "compose"] if plugin else ["docker-compose"]
        self._waits = plugin
        self._folder = folder
        (folder / "compose.yml").write_text(yaml.safe_dump(merged()))
        self._environment = os.environ | {"DOCKER_BUILDKIT": "0", "COMPOSE_DOCKER_CLI_BUILD": "0"}

    def up(self) -> None:
        self._run("up", "--detach", *(["--wait"] if self._waits else []))
        while not self._waits and not all(healthy(f"{PROJECT}_{name}_1") for name in SERVICES):
            time.sleep(0.1)

    def down(self) -> None:
        self._run("down", "--timeout", "10")

    def _run(self, *arguments: str) -> None:
        command = [*self._command, "-p", PROJECT, "-f", str(self._folder / "compose.yml"), *arguments]
        run(command, env=self._environment)


def merged() -> dict[str, object]:
    """One compose project of all four, without the ports that only a person needs."""
    services: dict[str, dict[str, object]] = {}
    volumes: dict[str, object] = {}
    for name in SERVICES:
        described = yaml.safe_load((EXAMPLES / name / "docker-compose.yml").read_text())
        for service, block in described["services"].items():
            owner = next(s for s in SERVICES if service.startswith(s))
            block.pop("ports", None)
            if build := block.get("build"):
                build |= {"context": str(EXAMPLES / owner), "args": {"BASE_IMAGE": base_image()}}
                block["image"] = f"{PROJECT}-{service}"
            services[service] = block
        volumes |= described["volumes"]
    return {"version": "3.9", "services": services, "volumes": volumes}


def healthy(container: str) -> bool:
    command = ["docker", "inspect", "--format", "{{json .State.Health.Status}}", container]
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    return said.returncode == 0 and json.loads(said.stdout) == "healthy"


def base_image() -> str:
    return os.environ.get("BASE_IMAGE", "python:3.12-slim")


def run(command: list[str], **options: object) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)  # type: ignore[call-overload]
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")


if __name__ == "__main__":
    main()
