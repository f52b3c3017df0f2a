"""A container's ports on a host without network namespaces: which to take, and how its program is told.

A host process cannot have port 8080 of its own, so its container port is mapped to a free port of the instance's
address and every place that names the old one is rewritten. Pure, but for the last two functions.
"""

import re
import socket
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from errno import EADDRINUSE, EADDRNOTAVAIL

from culm.cluster.instance.runtime.interface import Port
from culm.cluster.instance.runtime.process.shim.listeners import holder
from culm.errors import RuntimeFailure

_ANYWHERE = r"(?:0\.0\.0\.0|\[::\])"
_HERE = r"(?:0\.0\.0\.0|\[::\]|\[::1\]|127\.0\.0\.1|localhost)"


def rewrite_argument(text: str, ports: Sequence[Port], address: str) -> str:
    """An argument, or a shell command line: `0.0.0.0`, `0.0.0.0:8080`, `:8080` and `8080` as words of their own."""
    for port in ports:
        number = port.container_port
        text = re.sub(rf"(?<![\w.-]){_ANYWHERE}:{number}(?![\w.])", f"{address}:{port.host_port}", text)
        text = re.sub(rf"(?:(?<=^)|(?<=[\s='\"])):{number}(?![\w.:])", f"{address}:{port.host_port}", text)
        text = re.sub(rf"(?<![\w.:/@-]){number}(?![\w.:/-])", str(port.host_port), text)
    return re.sub(r"(?<![\w.:/@-])0\.0\.0\.0(?![\w.:/])", address, text) if ports else text


def rewrite_probe(text: str, ports: Sequence[Port], address: str) -> str:
    """A health check speaks to its own container: `localhost:8080` too means the port that it was given."""
    for port in ports:
        target = f"{address}:{port.host_port}"
        text = re.sub(rf"(?<![\w.-]){_HERE}:{port.container_port}(?![\w.])", target, text)
    return rewrite_argument(text, ports, address)


def rewrite_environment(environment: Mapping[str, str], ports: Sequence[Port], address: str) -> dict[str, str]:
    """Values that are the port or the wildcard address, and `PORT` and `HOST` for programs that ask for them."""
    if not ports:
        return dict(environment)
    numbers = {str(port.container_port): str(port.host_port) for port in ports}
    rewritten = {"PORT": str(ports[0].host_port), "HOST": address}
    for name, value in environment.items():
        if value in numbers:
            value = numbers[value]
        elif value in ("0.0.0.0", "::"):
            value = address
        for port in ports:
            value = re.sub(rf"{_ANYWHERE}:{port.container_port}(?![\w.])", f"{address}:{port.host_port}", value)
        rewritten[name] = value
    return rewritten


def bind(ports: Sequence[Port], address: str, taken: Collection[int]) -> tuple[Port, ...]:
    """Choose the host ports: what was asked for if it is free, else any free one that is not in `taken`."""
    bound: list[Port] = []
    for port in ports:
        host_port = port.host_port or _free_port(address, port.protocol, {*taken, *(p.host_port for p in bound)})
        if port.host_port and (port.host_port in taken or not _is_free(address, port.host_port, port.protocol)):
            who = holder(address, port.host_port) or "another process"
            what = f"port {port.host_port} of {address} is already taken by {who}"
            raise RuntimeFailure("CannotStartContainerError", what)
        bound.append(replace(port, host_port=host_port))
    return tuple(bound)


def _free_port(address: str, protocol: str, taken: Collection[int]) -> int:
    while True:
        with _socket(protocol) as trial:
            try:
                trial.bind((address, 0))
            except OSError as error:
                if error.errno == EADDRNOTAVAIL:
                    what = f"this machine has no address {address} to publish ports on"
                    raise RuntimeFailure("CannotStartContainerError", what) from error
                raise
            port: int = trial.getsockname()[1]
            if port not in taken:
                return port


def _is_free(address: str, port: int, protocol: str) -> bool:
    with _socket(protocol) as trial:
        if protocol == "tcp":  # a listener's past connections in TIME_WAIT do not hold the port
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((address, port))
        except OSError as error:
            if error.errno == EADDRINUSE:
                return False
            raise
        return True


def _socket(protocol: str) -> socket.socket:
    return socket.socket(socket.AF_INET, socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM)
