"""Loaded by every Python of a host process, of whatever version: its container ports become the host's.

Nothing of culm is imported here, and a failure leaves the program as it was. Annotations are texts: old Pythons know
`dict[int, int]` in no other form.
"""

import os
import sys

ANYWHERE = ("", "0.0.0.0", "::")
HERE = ("localhost", "127.0.0.1", "::1")


def mapping(text: str) -> "tuple[str, dict[int, int]]":
    """Return the instance's address and the ports of `127.77.0.11 8000=40123`."""
    address, *pairs = text.split()
    return address, {int(pair.partition("=")[0]): int(pair.partition("=")[2]) for pair in pairs}


def moved(
    wanted: object, hosts: "tuple[str, ...]", address: str, ports: "dict[int, int]", by_ipv6: bool = False
) -> object:
    """Return the socket address that stands for `wanted` on this host; `wanted` where it is none of the container's."""
    if not isinstance(wanted, tuple) or len(wanted) < 2 or wanted[0] not in hosts or wanted[1] not in ports:
        return wanted
    return ("::ffff:" + address if by_ipv6 else address, ports[wanted[1]], *wanted[2:])


def install(text: str, of_peers: str = "") -> None:
    """Change how sockets listen and connect. `of_peers`: ports of other containers, for what connects alone."""
    import socket

    address, ports = mapping(text or of_peers)
    peers = mapping(of_peers)[1] if of_peers else {}
    ports = ports if text else {}
    bind, connect, connect_ex = socket.socket.bind, socket.socket.connect, socket.socket.connect_ex

    def by_ipv6(own: socket.socket) -> bool:
        return own.family == getattr(socket, "AF_INET6", None)

    def here(own: socket.socket, wanted: object) -> "tuple[object, ...]":
        return moved(wanted, HERE, address, {**peers, **ports}, by_ipv6(own))  # type: ignore[return-value]

    def bind_own(own: socket.socket, wanted: "tuple[object, ...]") -> None:
        target = moved(wanted, ANYWHERE, address, ports, by_ipv6(own))
        if target is wanted or own.type & 0xF != socket.SOCK_STREAM:
            return bind(own, wanted)
        if by_ipv6(own) and own.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY):
            target = ("::1", 0, *wanted[2:])  # the load balancer comes by IPv4: this one is there, and unused
        return bind(own, target)  # type: ignore[arg-type]

    def connect_own(own: socket.socket, wanted: "tuple[object, ...]") -> None:
        return connect(own, here(own, wanted))

    def connect_ex_own(own: socket.socket, wanted: "tuple[object, ...]") -> int:
        return connect_ex(own, here(own, wanted))

    for name, method in (("bind", bind_own), ("connect", connect_own), ("connect_ex", connect_ex_own)):
        setattr(socket.socket, name, method)


def move_uvloop(address: str, ports: "dict[int, int]") -> None:
    """Let uvloop's servers, whose sockets are opened in C, listen as others do: once the program imports it."""
    from importlib.machinery import PathFinder

    class Finder:
        """Finds uvloop as ever, and changes its loop when it has been loaded."""

        @staticmethod
        def find_spec(name: str, path: object = None, target: object = None) -> object:
            if name != "uvloop":
                return None
            spec = PathFinder.find_spec(name, path, target)  # type: ignore[arg-type]
            if spec is not None and spec.loader is not None:
                load = spec.loader.exec_module

                def exec_module(module: object) -> None:
                    load(module)  # type: ignore[arg-type]
                    change(module)

                spec.loader.exec_module = exec_module  # type: ignore[method-assign]
            return spec

    def change(module: object) -> None:
        create = module.Loop.create_server  # type: ignore[attr-defined]

        def create_server(own: object, factory: object, host: object = None, port: object = None, **given: object):  # type: ignore[no-untyped-def]
            if host in (None, *ANYWHERE) and port in ports:
                host, port = address, ports[port]
            return create(own, factory, host, port, **given)

        module.Loop.create_server = create_server  # type: ignore[attr-defined]

    sys.meta_path.insert(0, Finder)  # type: ignore[arg-type]


def run_the_next() -> None:
    """Run the sitecustomize that this one stands before."""
    from importlib.machinery import PathFinder
    from importlib.util import module_from_spec

    own = os.path.dirname(os.path.abspath(__file__))
    spec = PathFinder.find_spec("sitecustomize", [path for path in sys.path if os.path.abspath(path) != own])
    if spec is not None and spec.loader is not None:
        spec.loader.exec_module(module_from_spec(spec))


if __name__ == "sitecustomize":
    try:
        own, of_peers = os.environ.get("CULM_LISTEN", ""), os.environ.get("CULM_PEERS", "")
        if own or of_peers:
            install(own, of_peers)
        if own:
            move_uvloop(*mapping(own))
    except Exception as error:
        sys.stderr.write("culm: a port in the code stays as it is: " + repr(error) + "\n")
    run_the_next()
