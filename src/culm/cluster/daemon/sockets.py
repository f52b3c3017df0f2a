"""Addresses and ports of the daemon: loopback and the containers' gateway, never anything else."""

import errno
import ipaddress
import socket
import sys
from collections.abc import Sequence

from culm.cluster.daemon.settings import API_PORT
from culm.errors import CulmError

FIRST_MACHINE = ipaddress.IPv4Address("127.77.0.11")


def listen(
    addresses: Sequence[str], asked: int | None, last: int | None, option: str = "--port"
) -> list[socket.socket]:
    """Return listening sockets on the same port of each address.

    A port that was asked for, by `option`, must be free. Otherwise it is the last one, or the next free one above 4588.
    """
    if asked is not None:
        try:
            return _bind_all(addresses, asked)
        except OSError as error:
            raise CulmError(
                f"port {asked} cannot be listened on: {error.strerror}",
                f"stop what listens there (see: ss -ltnp), or choose another with {option}",
            ) from None
    for port in [*([last] if last else []), *range(API_PORT, API_PORT + 200)]:
        try:
            return _bind_all(addresses, port)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise CulmError(f"cannot listen on {' or '.join(addresses)}: {error.strerror}") from None
    raise CulmError(f"no port is free from {API_PORT} on", "choose one with --port")


def listened(gateway: str) -> list[str]:
    """Return where the daemon, the load balancer and the databases listen.

    That is loopback, and where containers look for them. A gateway that is a name (`host.docker.internal`) leads to
    this machine's loopback by the engine's own means.
    """
    return ["127.0.0.1"] if gateway == "127.0.0.1" or not gateway[0].isdigit() else ["127.0.0.1", gateway]


def machine_address(used: Sequence[str]) -> str:
    """Return the first address above 127.77.0.10 that no machine has.

    Off Linux only 127.0.0.1 is there, for all of them.
    """
    if sys.platform != "linux":
        return "127.0.0.1"
    taken = set(used)
    return next(
        address
        for n in range(1 << 16)
        if (address := str(FIRST_MACHINE + n)) not in taken and not address.endswith((".0", ".255"))
    )


def _bind_all(addresses: Sequence[str], port: int) -> list[socket.socket]:
    bound: list[socket.socket] = []
    try:
        for address in addresses:
            bound.append(bind(address, port))
    except OSError:
        for each in bound:
            each.close()
        raise
    return bound


def bind(address: str, port: int) -> socket.socket:
    """Return a listening socket. Raises OSError when the address is taken or may not be used."""
    # asyncio turns Nagle's algorithm off only where the protocol is named; with it, every answer waits 40 ms for an ACK
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((address, port))
        made.listen(512)
    except OSError:
        made.close()
        raise
    return made
