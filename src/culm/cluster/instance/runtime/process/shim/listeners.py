"""Who listens on which TCP port of this machine, as Linux tells it in /proc; elsewhere nobody is seen."""

import os
import socket
from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

_LISTEN = "0A"


class ListeningSocket(NamedTuple):
    address: str
    port: int
    inode: str


def listeners() -> list[ListeningSocket]:
    """Return all listening TCP sockets."""
    return [*_table("/proc/net/tcp"), *_table("/proc/net/tcp6")]


def reaches(listener: ListeningSocket, address: str) -> bool:
    """Return whether a connection to `address` arrives at it."""
    return listener.address in (address, "0.0.0.0", "::", f"::ffff:{address}")


def sockets_of(pids: Iterable[int]) -> set[str]:
    """Return the inodes of these processes' sockets, as far as this user may look."""
    inodes: set[str] = set()
    for pid in pids:
        directory = f"/proc/{pid}/fd"
        try:
            descriptors = os.listdir(directory)
        except OSError:  # it has ended, or is not ours to look at
            continue
        for descriptor in descriptors:
            try:
                target = os.readlink(os.path.join(directory, descriptor))
            except OSError:  # closed since; the others are still there
                continue
            if target.startswith("socket:["):
                inodes.add(target[8:-1])
    return inodes


def holder(address: str, port: int) -> str | None:
    """Return who has this port, for people: `pid 4711 (python3 -m http.server)`. None when it cannot be told."""
    inodes = {each.inode for each in listeners() if each.port == port and reaches(each, address)}
    for pid in owners(inodes):
        if (command := command_of(pid)) is not None:
            return f"pid {pid} ({command[:80]})"
    return None


def owners(inodes: Collection[str]) -> Iterator[int]:
    """Yield the processes that have one of these sockets, as far as this user may look."""
    for entry in os.listdir("/proc") if inodes else ():
        if entry.isdigit() and not sockets_of([int(entry)]).isdisjoint(inodes):
            yield int(entry)


def command_of(pid: int) -> str | None:
    """Return a process's command line; None when it has ended."""
    try:
        with open(f"/proc/{pid}/cmdline", encoding="utf-8", errors="replace") as file:
            return file.read().replace("\0", " ").strip()
    except OSError:
        return None


def _table(path: str) -> list[ListeningSocket]:
    """Row by row: a busy machine has thousands of connections here, and few listeners."""
    try:
        with open(path, encoding="ascii") as file:
            rows = [line.split() for line in file if f" {_LISTEN} " in line]
    except FileNotFoundError:
        return []
    return [ListeningSocket(*_endpoint(row[1]), row[9]) for row in rows if row[3] == _LISTEN]


def _endpoint(text: str) -> tuple[str, int]:
    """Read `0B004D7F:1F90`: the address in 32-bit words of the host's byte order, here little-endian; then the port."""
    address, _, port = text.partition(":")
    raw = bytes.fromhex(address)
    words = b"".join(raw[at : at + 4][::-1] for at in range(0, len(raw), 4))
    family = socket.AF_INET if len(words) == 4 else socket.AF_INET6
    return socket.inet_ntop(family, words), int(port, 16)
