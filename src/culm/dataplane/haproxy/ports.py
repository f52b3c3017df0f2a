"""Whether a port is free for us, and who has it if not."""

import errno
import os
import socket
from collections.abc import Sequence
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
    try:
        inodes = _listening_inodes(port)
        processes = [int(entry) for entry in os.listdir("/proc") if entry.isdigit()]
    except OSError:
        return "another process"
    for pid in processes:
        try:
            held = {os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")}
            name = Path(f"/proc/{pid}/comm").read_text().strip()
        except OSError:
            continue  # ended meanwhile, or not ours to look at
        if held & {f"socket:[{inode}]" for inode in inodes}:
            return f"{name} (process {pid})"
    return "another process"


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
