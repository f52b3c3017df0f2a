"""Decide which issuers of identity tokens may be asked for their keys: those on this machine."""

import ipaddress
from urllib.parse import urlsplit


def is_local(url: str) -> bool:
    """Return whether an https URL leads to this machine, by its name alone."""
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    if parts.scheme != "https":
        return False
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
