"""The small languages inside a compose file's values: sizes, durations, ports, mounts, commands.

Each function raises ValueError with what is wrong; the caller knows file and line.
https://github.com/compose-spec/compose-spec/blob/main/11-extension.md#specifying-byte-values
"""

import re
import shlex
from decimal import Decimal, InvalidOperation

from culm.core.model.record import record

SIZE = re.compile(r"(\d+(?:\.\d+)?) ?([bkmgtp]?)i?b?", re.IGNORECASE)
SCALES = {"": 1, "b": 1, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40, "p": 2**50}
DURATION = re.compile(r"(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h|d|w)")
SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
LONGEST_RANGE = 1000


def size(text: str) -> int:
    """Read bytes: `256m`, `0.5gb`, `1 GiB` or `268435456`."""
    match = SIZE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a size: write 256m, 0.5g or bytes")
    return int(Decimal(match[1]) * SCALES[match[2].lower()])


def duration(text: str) -> float:
    """Read seconds: `10s`, `1m30s` or `500ms`."""
    parts = DURATION.findall(text.strip())
    if not parts or "".join(number + unit for number, unit in parts) != text.strip():
        if text.strip() == "0":
            return 0
        raise ValueError(f"{text!r} is not a duration: write 10s or 1m30s")
    return sum(float(number) * SECONDS[unit] for number, unit in parts)


def number(text: str) -> Decimal:
    """Read a number of processors: not negative, perhaps with a fraction."""
    try:
        value = Decimal(text.strip())
    except InvalidOperation:
        value = Decimal(-1)
    if not value.is_finite() or value < 0:
        raise ValueError(f"{text!r} is not a number")
    return value


def count(text: str) -> int:
    """Return a whole number that is not negative. Raises ValueError."""
    if not re.fullmatch(r"\d+", text.strip()):
        raise ValueError(f"{text!r} is not a whole number")
    return int(text)


def words(text: str) -> tuple[str, ...]:
    """Return a command as a shell splits it; nothing in it is carried out."""
    try:
        return tuple(shlex.split(text))
    except ValueError as error:
        raise ValueError(f"{text!r} is no command: {str(error).lower()}") from None


@record
class PortPair:
    """One port of a container and where it is published."""

    target: int
    published: str = ""
    """A port, a range to choose from, or nothing."""
    host_ip: str = ""
    protocol: str = "tcp"


SHORT_PORT = re.compile(
    r"(?:(?P<ip>\[[0-9a-fA-F:.%]*\]|[^:/]*):(?=.*:))?(?:(?P<published>[0-9-]*):)?"
    r"(?P<target>\d+(?:-\d+)?)(?:/(?P<protocol>\w+))?"
)


def ports(text: str) -> list[PortPair]:
    """Read `80`, `8080:80`, `127.0.0.1:8080:80/tcp`, `3000-3005` or `9090-9091:8080-8081`: a pair for each port."""
    match = SHORT_PORT.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a port: write 80, 8080:80 or 127.0.0.1:8080:80/tcp")
    targets = port_range(match["target"])
    published = match["published"] or ""
    hosts = [str(port) for port in port_range(published)] if "-" in published else [published]
    if len(targets) > 1 and published and len(hosts) != len(targets):
        raise ValueError(f"{text!r} publishes a range as one of another length")
    protocol, ip = (match["protocol"] or "tcp").lower(), (match["ip"] or "").strip("[]")
    if len(targets) == 1:
        return [PortPair(target=targets[0], published=published, host_ip=ip, protocol=protocol)]
    return [
        PortPair(target=target, published=hosts[at] if published else "", host_ip=ip, protocol=protocol)
        for at, target in enumerate(targets)
    ]


def port_range(text: str) -> range:
    """Return the ports of `8000-8010`, or of `8000`. Raises ValueError."""
    first, _, last = text.partition("-")
    begin, end = count(first), count(last or first)
    if end < begin or end > 65535 or end - begin > LONGEST_RANGE:
        raise ValueError(f"{text!r} is no range of ports")
    return range(begin, end + 1)


@record
class MountParts:
    kind: str
    """`bind`, `volume` or `tmpfs`."""
    source: str
    """A path, a volume's name, or nothing: a volume without a name."""
    target: str
    read_only: bool = False


def mount(text: str) -> MountParts:
    """Read `./data:/data:ro`, `db:/var/lib` or `/cache`."""
    drive = text[:2] if re.match(r"[A-Za-z]:\\", text) else ""
    parts = text.removeprefix(drive).split(":")
    parts[0] = drive + parts[0]
    if len(parts) == 1:
        return MountParts(kind="volume", source="", target=parts[0])
    source, target, *modes = parts
    kind = "bind" if re.match(r"[./~]|[A-Za-z]:\\", source) else "volume"
    return MountParts(kind=kind, source=source, target=target, read_only="ro" in ",".join(modes).split(","))
