"""Whether a port is free for us, and who has it if not."""

import errno
import os
import socket
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

_LISTEN = "0A"


def obstacle(addresses: Sequence[str], port: int) -> str | None:
    """Why nobody could listen there now. An address that this machine lacks (yet) is no obstacle."""
    for address in addresses:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((address, port))
                probe.listen(1)
            except OSError as error:
                if error.errno == errno.EADDRINUSE:
                    return f"port {port} of {address} is taken by {owner(port)}"
                if error.errno in (errno.EACCES, errno.EPERM):
                    return f"port {port} needs privileges that this user lacks; take one above 1023"
                if error.errno != errno.EADDRNOTAVAIL:
                    return f"port {port} of {address}: {error.strerror}"
    return None


def owner(port: int) -> str:
    """`nginx (process 812)`, as far as this machine tells us."""
    sockets = {f"socket:[{inode}]" for inode in _listening_inodes(port)}
    for pid in filter(str.isdigit, os.listdir("/proc") if sockets else ()):
        process = Path("/proc", pid)
        if sockets & _open_files(process):
            with suppress(OSError):
                return f"{(process / 'comm').read_text().strip()} (process {pid})"
    return "another process"


def _open_files(process: Path) -> set[str]:
    """Empty for a process that has ended, or is not ours to look at; files are closed while one looks."""
    found = set()
    with suppress(OSError):
        for descriptor in os.listdir(process / "fd"):
            with suppress(FileNotFoundError):
                found.add(os.readlink(process / "fd" / descriptor))
    return found


def _listening_inodes(port: int) -> set[str]:
    """https://docs.kernel.org/networking/proc_net_tcp.html"""
    found = set()
    for table in "/proc/net/tcp", "/proc/net/tcp6":
        path = Path(table)
        for line in path.read_text().splitlines()[1:] if path.exists() else []:
            columns = line.split()
            if columns[3] == _LISTEN and int(columns[1].rsplit(":", 1)[1], 16) == port:
                found.add(columns[9])
    return found
