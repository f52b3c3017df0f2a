"""Who may ask for what: hosts, tokens, sessions and origins; pure.

A page on loopback is reachable by every program of the machine and, through the browser, by every site that its user
visits. So: a request must name one of our own hosts (else a foreign name was pointed at 127.0.0.1: DNS rebinding); it
must bring a session's cookie, which only the address that `culm open` printed gives out, once; and whatever changes
something must come from our own page (Origin, Sec-Fetch-Site) with the form's token, which no other site can read.

Browsers send a cookie to every port of a host. The services of a local cluster answer on 127.0.0.1, so the page goes by
a host name of its own, `culm.localhost`, and its cookie never reaches them.
"""

import hashlib
import hmac
from collections.abc import Mapping

from culm.core.model.record import record

HOST = "culm.localhost"
"""Loopback by definition (RFC 6761, section 6.3); Chromium and Firefox resolve it without asking anybody."""
OWN_NAMES = (HOST, "localhost", "127.0.0.1", "[::1]")

HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",  # with no-referrer, browsers send `Origin: null` with our own forms
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cache-Control": "no-store",
}


@record
class Door:
    """What the server was started with."""

    hosts: frozenset[str]
    """Every `host:port` by which it may be asked for."""
    cookie: str
    session: str
    """What the cookie has to be."""
    secret: bytes
    read_only: bool = False


@record
class Visit:
    """What of a request is judged. Header values are empty when they were not sent."""

    method: str
    path: str
    host: str
    origin: str
    fetch_site: str
    cookies: Mapping[str, str]
    bearer: str = ""


@record
class Refusal:
    status: int
    what: str
    hint: str


OPEN = ("/static/",)
"""What needs no session: styles and scripts, which hold nothing of a project's."""


def hosts(names: tuple[str, ...], port: int) -> frozenset[str]:
    return frozenset(f"{name}:{port}" for name in names) | (frozenset(names) if port == 80 else frozenset())


def judge(door: Door, asked: Visit) -> Refusal | None:
    """Return why a request is refused; None: it may go on. A form's token is judged by `is_form_token`."""
    if asked.host.lower() not in door.hosts:
        return Refusal(
            status=421, what="this page does not go by that name", hint="open it by the address that culm open printed"
        )
    if asked.method not in ("GET", "HEAD"):
        if door.read_only or asked.method != "POST":
            return Refusal(status=405, what="this page may only be read", hint="type the command instead")
        if (
            asked.fetch_site not in ("", "same-origin")
            or asked.origin.removeprefix("http://").lower() not in door.hosts
        ):
            return Refusal(status=403, what="another site's page asked for this", hint="use culm's own page")
    if asked.path.startswith(OPEN):
        return None
    if same(asked.cookies.get(door.cookie, ""), door.session):
        return None
    if asked.path == "/metrics" and same(asked.bearer, door.session):
        return None
    return Refusal(
        status=403,
        what="this browser has not been let in",
        hint="open the page by the address that culm open prints; each address works once",
    )


def form_token(door: Door) -> str:
    """Return what our own forms carry."""
    return hmac.new(door.secret, b"form " + door.session.encode(), hashlib.sha256).hexdigest()


def is_form_token(door: Door, given: str) -> bool:
    return same(given, form_token(door))


def same(given: str, wanted: str) -> bool:
    """Compare without telling by the time it takes how much of it was right."""
    return bool(given) and hmac.compare_digest(given.encode(), wanted.encode())
