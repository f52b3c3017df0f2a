"""The small languages of a service's values: commands, ports, counts, times, images. Pure.

Each function takes the text of one value and returns it read; ValueError says what is wrong and how to write it.
"""

import re
import shlex
from typing import Literal

from culm.core.model.record import record
from culm.project import references
from culm.project.sizes import memory, path_pattern

NONE = "none"
SECONDS_PER = {"": 1.0, "ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
COUNT = r"^[0-9]+(\s*-\s*[0-9]+)?$"
SCALE = r"^(cpu|memory)\s+[0-9]+\s*%?$|^requests\s+[0-9]+\s*(/min)?$"


@record
class Range:
    """How many tasks a service may have."""

    least: int
    most: int

    def __str__(self) -> str:
        return f"{self.least}-{self.most}"


@record
class PortNumber:
    """A port of a container."""

    number: int
    protocol: Literal["tcp", "udp"] = "tcp"

    def __str__(self) -> str:
        return f"{self.number}/{self.protocol}" if self.protocol != "tcp" else str(self.number)


@record
class Limit:
    """A ulimit."""

    soft: int
    hard: int


@record
class MountPath:
    """Where a volume is in a container."""

    path: str
    read_only: bool = False


@record
class Scale:
    """What Application Auto Scaling keeps a service at."""

    metric: Literal["cpu", "memory", "requests"]
    value: int
    """Per cent, or requests a minute for each task."""

    def __str__(self) -> str:
        return f"{self.metric} {self.value}"


FILE = r"[A-Za-z0-9._-]{1,128}"
"""Names of files in the vault."""


def command(text: str) -> tuple[str, ...]:
    """Split words as a shell does, without running one: `manage.py run --port 80`."""
    try:
        return tuple(shlex.split(text))
    except ValueError as error:
        raise ValueError(f"{text!r} cannot be split into words: {error}; write a list") from None


def path(text: str) -> str:
    """Return a path condition, or `none`; `/` stands for everything that no other service takes."""
    if text.strip().lower() == NONE:
        return NONE
    return "/*" if text == "/" else path_pattern(text)


def host(text: str) -> str:
    """Return a host-header condition.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-listeners.html#host-conditions
    """
    if len(text) > 128 or not re.fullmatch(r"[A-Za-z0-9*?.-]+", text) or "." not in text:
        raise ValueError(f"{text!r} is not a host name such as shop.example.com or *.example.com")
    return text.lower()


def count(text: str) -> int | Range:
    """Read `2`, or a range for automatic scaling: `1-4`."""
    match = re.fullmatch(r"(\d+)(?:\s*-\s*(\d+))?", text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a number of tasks: write 2, or 1-4 to scale between the two")
    if match[2] is None:
        return int(match[1])
    least, most = int(match[1]), int(match[2])
    if least > most:
        raise ValueError(f"{text!r} is an empty range: write the smaller number first")
    return least if least == most else Range(least=least, most=most)


def port(text: str) -> PortNumber:
    """Read `8080` or `8125/udp`."""
    match = re.fullmatch(r"(\d+)(?:/(tcp|udp))?", text.strip().lower())
    if match is None or not 1 <= int(match[1]) <= 65535:
        raise ValueError(f"{text!r} is not a port: write 9090, or 8125/udp")
    return PortNumber(number=int(match[1]), protocol="udp" if match[2] == "udp" else "tcp")


def duration(text: str) -> int:
    """Read whole seconds: `30`, `30s`, `1m30s` or `2h`."""
    parts = re.findall(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|)", text.strip())
    if not parts or "".join("".join(part) for part in parts) != re.sub(r"\s", "", text):
        raise ValueError(f"{text!r} is not a time: write 30s, 5m or 1h")
    seconds = sum(float(number) * SECONDS_PER[unit] for number, unit in parts)
    if seconds != int(seconds):
        raise ValueError(f"{text!r} is not a whole number of seconds")
    return int(seconds)


def image(text: str) -> str:
    """Return an image's reference, as ECS takes it: a bare name is one of Docker Hub's library.

    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html#ECS-Type-ContainerDefinition-image
    """
    part = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
    domain = r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::\d+)?/)?"
    if not re.fullmatch(
        rf"{domain}{part}(?:/{part})*(?::[A-Za-z0-9_][\w.-]{{0,127}})?(?:@sha256:[0-9a-f]{{64}})?", text
    ):
        raise ValueError(f"{text!r} is not an image: write name:tag, host/name:tag, or name@sha256:...")
    return text


def platform(text: str) -> str:
    """Return a platform on which ECS runs images here. Raises ValueError."""
    if text not in ("linux/amd64", "linux/arm64"):
        raise ValueError(f"{text!r} is not a platform that ECS runs here: linux/amd64 or linux/arm64")
    return text


def limit(text: str) -> Limit:
    """Read `4096`, or soft/hard: `1024/4096`."""
    match = re.fullmatch(r"(-1|\d+)(?:\s*/\s*(-1|\d+))?", text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a limit: write 4096, or SOFT/HARD such as 1024/4096")
    soft, hard = int(match[1]), int(match[2] or match[1])
    if hard != -1 and (soft == -1 or soft > hard):
        raise ValueError(f"{text!r}: the soft limit is above the hard one")
    return Limit(soft=soft, hard=hard)


def mount(text: str) -> MountPath:
    """Read `/data`, or `/data:ro` where the container may not write."""
    where, _, mode = text.partition(":")
    if not where.startswith("/") or where == "/" or mode not in ("", "ro", "rw"):
        raise ValueError(f"{text!r} is not a place in a container: write /data, or /data:ro")
    return MountPath(path=where.rstrip("/"), read_only=mode == "ro")


def scratch(text: str) -> int:
    """Read the MiB of a tmpfs."""
    return memory(text)


def scale(text: str) -> Scale:
    """Read `cpu 60`, `memory 70` or `requests 600`."""
    match = re.fullmatch(r"(cpu|memory|requests)\s+(\d+)\s*(%|/min)?", text.strip().lower())
    if match is None or (match[3] == "%") > (match[1] != "requests") or (match[3] == "/min") > (match[1] == "requests"):
        raise ValueError(
            f"{text!r} is not a target: write cpu 60 (per cent), memory 70, or requests 600 (a minute and task)"
        )
    value = int(match[2])
    if value < 1 or (match[1] != "requests" and value > 100):
        raise ValueError(f"{text!r}: {value} is out of range; per cents are 1 to 100")
    metric: Literal["cpu", "memory", "requests"] = (
        "cpu" if match[1] == "cpu" else "memory" if match[1] == "memory" else "requests"
    )
    return Scale(metric=metric, value=value)


def vault_file(text: str) -> str:
    """Return the name of a file in a service's own folder of the vault."""
    if "/" in text:
        raise ValueError(f"{text!r} is not a file of the service's own folder in the vault: name it without a folder")
    if not re.fullmatch(FILE, text):
        raise ValueError(f"{text!r} is not the name of a file in the vault: letters, digits and . _ -")
    return text


def text(written: str) -> str:
    """Return numbers and `true` as the text that they are written as."""
    return written


def variable(name: str) -> str:
    """Return a name of an environment variable."""
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        raise ValueError(f"{name!r} is not the name of an environment variable: letters, digits and _, no digit first")
    return name


def reference(text: str) -> str:
    """Return where ECS finds a secret: its ARN, a parameter's ARN or name, or a text with `{main.url}`."""
    if any(references.names(text)):
        return text
    if not re.fullmatch(
        r"arn:aws[a-z-]*:(secretsmanager|ssm):[a-z0-9-]+:\d{12}:\S+|/?[A-Za-z0-9_.-]+(?:/[A-Za-z0-9_.-]+)*", text
    ):
        raise ValueError(f"{text!r} is not a secret's ARN, a parameter's ARN or a parameter's name")
    return text


def secret_file(text: str) -> str:
    """Return a file of the vault, in the service's own folder, or `SERVICE/FILE` in another's."""
    if not re.fullmatch(rf"(?:[a-z][a-z0-9-]*/)?{FILE}", text):
        raise ValueError(f"{text!r} is no file of the vault: secret-key, or web/secret-key in another service's folder")
    return text
