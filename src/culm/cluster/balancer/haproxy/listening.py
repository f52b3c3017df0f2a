"""Whether a port is free for us, and who has it if not."""

import errno
import socket
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from culm.cluster.instance.runtime.process.shim import listeners


def obstacle(addresses: Sequence[str], port: int) -> str | None:
    """Return why nobody could listen there now. An address that this machine lacks (yet) is no obstacle."""
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
    """Return who listens at a port, `nginx (process 812)`, as far as this machine tells."""
    for pid in listeners.owners({each.inode for each in listeners.listeners() if each.port == port}):
        with suppress(OSError):  # it has ended since
            return f"{Path('/proc', str(pid), 'comm').read_text().strip()} (process {pid})"
    return "another process"
