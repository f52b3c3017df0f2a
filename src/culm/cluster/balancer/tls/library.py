"""Which TLS libraries still get security fixes."""

import ssl
from collections.abc import Sequence
from pathlib import Path

SUPPORTED = (3, 5)
"""The oldest branch of OpenSSL that is still looked after: 3.0 until 2026-09-07, 3.4 until 2026-10-22, 3.5 until 2030.
https://openssl-library.org/policies/releasestrat/"""
_DISTRIBUTIONS = ("/usr/lib/", "/usr/lib64/", "/lib/", "/lib64/", "/nix/store/")
_NAMES = ("libssl.so", "libssl-")


def supported(branch: Sequence[int]) -> bool:
    """Return whether OpenSSL's project itself still mends this branch (major, minor)."""
    return tuple(branch[:2]) >= SUPPORTED


def pythons_problem(maps: Path = Path("/proc/self/maps")) -> str | None:
    """Say why Python's TLS library is not to terminate TLS; None: it may.

    A distribution mends the library that its own Python loads, whatever its branch. A Python that brings its own, as
    those of uv do, has to have one of a branch that is still mended.
    """
    if supported(ssl.OPENSSL_VERSION_INFO):
        return None
    try:
        loaded = {line.split()[-1] for line in maps.read_text().splitlines() if any(n in line for n in _NAMES)}
    except OSError:
        loaded = set()
    if any(path.startswith(_DISTRIBUTIONS) for path in loaded):
        return None
    return f"{ssl.OPENSSL_VERSION} inside of this Python gets no security fixes any more"
