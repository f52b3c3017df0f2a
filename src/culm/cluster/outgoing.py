"""Where the daemon's own requests may not go: to addresses of the link alone, by whatever name they are reached."""

import asyncio
import socket

import httpx2

from culm.cluster.link_local import is_link_local


class LinkLocalRefused(httpx2.ConnectError):
    """A request would go to a link-local address."""


async def refuse_link_local(request: httpx2.Request) -> None:
    """Raise LinkLocalRefused where a request, or one that an answer redirects it to, leads to a link-local address.

    It is an event hook of httpx2 for requests. A name that cannot be resolved here passes: a proxy may know it, and
    without one the connection fails by itself.
    """
    host = request.url.host
    if is_link_local(host) or await _resolves_to_link_local(host):
        raise LinkLocalRefused(f"{host} is a link-local address, where culm sends nothing", request=request)


async def _resolves_to_link_local(host: str) -> bool:
    try:
        addresses = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return False
    return any(is_link_local(str(address[4][0])) for address in addresses)
