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
from culm.core.model.record import record
from culm.errors import RuntimeFailure


@record
class _Hosts:
    """Names of hosts that mean the container itself, as regular expressions."""

    with_port: str
    """In front of `:8080`."""
    alone: str
    """As a word of its own."""


_ANYWHERE = r"0\.0\.0\.0|\[::\]"
_LISTENED_ON = _Hosts(with_port=_ANYWHERE, alone=r"0\.0\.0\.0")
_OWN = r"\[::1\]|127\.0\.0\.1|localhost"
_ASKED = _Hosts(with_port=rf"{_ANYWHERE}|{_OWN}", alone=r"0\.0\.0\.0|127\.0\.0\.1|localhost")
_OPTION = re.compile(r"(?:^|[\s;|&(])(-{1,2}[A-Za-z][\w-]*)[=\s]+['\"]?$")
_ASSIGNED = re.compile(r"(?:^|[\s;|&(])([A-Za-z_]\w*)=['\"]?$")
_OF_PORTS = re.compile(
    r"port|bind|listen|addr|host|http|serve|socket|url|endpoint|tcp|udp|^-[pPbBlLaA]$", re.IGNORECASE
)
"""Names of options whose number is a port: `--port`, `-p`, `--bind`; one of `--max-requests` is not."""
_OF_QUANTITIES = re.compile(
    r"max|min|time|limit|size|request|second|count|worker|thread|ttl|byte|memory", re.IGNORECASE
)
"""Names of variables whose number is not a port, whatever it is equal to."""


def rewrite_argument(text: str, ports: Sequence[Port], address: str, before: str = "") -> str:
    """Return an argument, or a shell command line, with the container's ports and wildcard address as on the host.

    `0.0.0.0:8080`, `-b0.0.0.0:8080`, `:8080`, `0.0.0.0` and `8080` are rewritten as words of their own, all in one
    pass: what one port became is not taken for another. A bare number counts unless it belongs to an option that is not
    about ports; `before` is the word before the argument.
    """
    return _rewrite(text, ports, address, before, _LISTENED_ON) if ports else text


def rewrite_probe(text: str, ports: Sequence[Port], address: str, before: str = "") -> str:
    """Return a probe's argument with what it asks as the host has it.

    A health check speaks to its own container: `localhost`, `localhost:8080` mean what it was given.
    """
    return _rewrite(text, ports, address, before, _ASKED) if ports else text


def rewrite_environment(environment: Mapping[str, str], ports: Sequence[Port], address: str) -> dict[str, str]:
    """Return the environment as the host has it.

    That changes values that are the port or the wildcard address, and adds `PORT` and `HOST` for programs that ask for
    them.
    """
    if not ports:
        return dict(environment)
    numbers = _numbers(ports)
    bound = re.compile(rf"(?<![\w.-])(?:{_ANYWHERE}):({'|'.join(numbers)})(?![\w.])")
    rewritten = {"PORT": str(ports[0].host_port), "HOST": address}
    for name, value in environment.items():
        if value in numbers and not _OF_QUANTITIES.search(name):
            rewritten[name] = numbers[value]
        elif value in ("0.0.0.0", "::"):
            rewritten[name] = address
        else:
            rewritten[name] = bound.sub(lambda match: f"{address}:{numbers[match[1]]}", value)
    return rewritten


def rewrite_peers(text: str, peers: Sequence[Port], address: str) -> str:
    """Return a text in which `localhost:9000` is where another container of the task listens, for each such port."""
    numbers = _numbers(peers)
    if not numbers:
        return text
    pattern = rf"(?<![\w.-])(?:{_OWN}):({'|'.join(numbers)})(?![\w.])"
    return re.sub(pattern, lambda match: f"{address}:{numbers[match[1]]}", text)


def _rewrite(text: str, ports: Sequence[Port], address: str, before: str, hosts: _Hosts) -> str:
    numbers = _numbers(ports)
    number = "|".join(numbers)
    glued = r"(?<=^-[A-Za-z])|(?<=\s-[A-Za-z])"
    pattern = re.compile(
        rf"(?:(?<![\w.-])|{glued})(?:{hosts.with_port}):(?P<bound>{number})(?![\w.])"
        rf"|(?:(?<=^)|(?<=[\s='\"])):(?P<everywhere>{number})(?![\w.:])"
        rf"|(?:(?<=^-[pPb])|(?<=\s-[pPb]))(?P<glued>{number})(?![\w.:/-])"
        rf"|(?<![\w.:/@-])(?P<bare>{number})(?![\w.:/-])"
        rf"|(?<![\w.:/@-])(?P<alone>{hosts.alone})(?![\w.:/])"
    )

    def replacement(match: re.Match[str]) -> str:
        if match["alone"]:
            return address
        if match["bound"] or match["everywhere"]:
            return f"{address}:{numbers[match['bound'] or match['everywhere']]}"
        if match["glued"]:
            return numbers[match["glued"]]
        name = _name_before(f"{before} " if match.start() == 0 else text[: match.start()])
        return numbers[match["bare"]] if not name or _OF_PORTS.search(name) else match[0]

    return pattern.sub(replacement, text)


def _name_before(text: str) -> str:
    """Return the option or the variable that a value behind this text is given to; empty when it stands for itself."""
    named = _OPTION.search(text) or _ASSIGNED.search(text)
    return named[1] if named else ""


def _numbers(ports: Sequence[Port]) -> dict[str, str]:
    """Container port to host port; of two that share a number the first counts."""
    return {str(port.container_port): str(port.host_port) for port in reversed(ports)}


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
