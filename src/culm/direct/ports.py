"""Where services listen on this machine, as their conf/ says."""

import re
import socket
from pathlib import Path

from culm.errors import UsageError
from culm.project.load import shown


def of_conf(folder: Path) -> int:
    """Return the port of conf/settings.toml (`port = 8001`), or of whichever file of conf/ has such a line."""
    for path in sorted((folder / "conf").glob("*")):
        if path.is_file() and (match := re.search(r"^\s*[\"']?port[\"']?\s*[:=]\s*(\d+)", read(path), re.MULTILINE)):
            return int(match[1])
    raise UsageError(f"no file of {shown(folder / 'conf')} says where the service listens", "port = 8001")


def read(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError):
        return ""


def free() -> int:
    """Return a port that nobody has just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
