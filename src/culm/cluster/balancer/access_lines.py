"""A line of a load balancer's access log: what HAProxy sends of a request, and the line that an ALB writes of it. Pure.

A line of culm differs from Amazon's in this: where Python decrypts TLS before HAProxy (`tls`), cipher, protocol and
certificate are `-`; the request's and the response's processing times have whole milliseconds.
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-access-logs.html
"""

import datetime
import hashlib
from collections.abc import Mapping
from urllib.parse import unquote

from culm.core.model.load_balancers import Listener, LoadBalancer
from culm.core.model.record import record

SOCKET = "access-logs.sock"
"""In the folder of the load balancer's process."""

VARIABLES: Mapping[str, str] = {
    "method": "method",
    "url": "pathq,bytes(0,6000)",
    "agent": "req.fhdr(user-agent),bytes(0,1000)",
    "host": "req.hdr(host),bytes(0,300)",
    "began": "date(0,us)",
}
"""What a request is when it comes: variable -> HAProxy's sample. Later rules rewrite it.

What clients choose is cut, so that all of it fits into a datagram when it is URL-encoded.
"""

FIELDS: Mapping[str, str] = {
    "client": "%ci",
    "client_port": "%cp",
    "target": "%si",
    "target_port": "%sp",
    "queued_ms": "%Tw",
    "connected_ms": "%Tc",
    "answered_ms": "%Tr",
    "all_ms": "%Ta",
    "status": "%ST",
    "target_status": "%[var(txn.target_status)]",
    "received_bytes": "%U",
    "sent_bytes": "%B",
    "version": "%HV",
    "backend": "%b",
    "began_us": "%[var(txn.began)]",
    "now_us": "%[date(0,us)]",
    "method": "%[var(txn.method),url_enc]",
    "url": "%[var(txn.url),url_enc]",
    "agent": "%[var(txn.agent),url_enc]",
    "host": "%[var(txn.host),url_enc]",
    "trace": "%[var(txn.trace),bytes(0,1000),url_enc]",
    "rule": "%[var(txn.rule)]",
    "location": "%[var(txn.location),bytes(0,1000),url_enc]",
    "cipher": "%sslc",
    "protocol": "%sslv",
    "server_name": "%[ssl_fc_sni,url_enc]",
    "certificate": "%[ssl_f_sha1,hex]",
}
"""The fields of a datagram, after the port, in HAProxy's words for them; `-` where there is nothing."""
OF_TLS = ("cipher", "protocol", "server_name", "certificate")
"""Those that HAProxy knows only where it decrypts."""


@record
class LoggedListener:
    """Whose requests they are that come to a port, and where their lines go."""

    load_balancer: LoadBalancer
    listener: Listener
    bucket: str
    prefix: str
    groups: Mapping[str, str]
    """Backend -> ARN of its target group."""
    certificates: Mapping[str, str]
    """SHA-1 of a certificate, in upper-case hexadecimal digits -> its ARN."""


def line(datagram: str, source: LoggedListener) -> str:
    """Return the line of a request. Raises ValueError for a datagram that has not every field."""
    words = datagram.split(" ")
    if len(words) != len(FIELDS) + 1:
        raise ValueError(f"{len(words)} fields")
    field = dict(zip(FIELDS, words[1:], strict=True))
    text = {name: unquote(field[name]) for name in ("method", "url", "agent", "host", "location", "server_name")}
    reached = field["target_port"].isdecimal() and field["target"] not in ("-", "")
    target = f"{field['target']}:{field['target_port']}" if reached else "-"
    priority, _, action = field["rule"].partition("/")
    secure = source.listener.protocol == "HTTPS"
    now_us = int(field["now_us"])
    began_us = int(field["began_us"]) if field["began_us"].isdecimal() else now_us
    url = f"{source.listener.protocol.lower()}://{_host(text['host'], source.listener.port)}{text['url']}"
    parsed = field["began_us"].isdecimal()
    trace = unquote(field["trace"])
    return " ".join(
        (
            _type(field, secure=secure),
            _instant(now_us),
            _resource(source.load_balancer),
            f"{field['client']}:{field['client_port']}",
            target,
            *_times(field, reached=reached),
            field["status"],
            field["target_status"] if reached else "-",
            field["received_bytes"],
            field["sent_bytes"],
            _quoted(f"{text['method']} {url} {field['version']}" if parsed else "- - -"),
            _quoted(text["agent"]),
            field["cipher"] if field["cipher"] else "-",
            field["protocol"] if field["protocol"] else "-",
            source.groups.get(field["backend"], "-"),
            _quoted(trace),
            _quoted(text["server_name"]),
            _quoted(source.certificates.get(field["certificate"], "-")),
            priority if action else "-1",
            _instant(began_us),
            _quoted(action or "-"),
            _quoted(text["location"] if action == "redirect" else "-"),
            '"-"',
            _quoted(target),
            _quoted(field["target_status"] if reached else "-"),
            '"-"',
            '"-"',
            f"TID_{hashlib.sha256(' '.join((field['client'], field['client_port'])).encode()).hexdigest()[:32]}",
        )
    )


def _type(field: Mapping[str, str], *, secure: bool) -> str:
    if field["status"] == "101":
        return "wss" if secure else "ws"
    if field["version"] == "HTTP/2.0":
        return "h2"
    return "https" if secure else "http"


def _times(field: Mapping[str, str], *, reached: bool) -> tuple[str, str, str]:
    """Return seconds until a target had the request, until it began to answer, and until the answer was sent.

    -1: there was no answer of a target.
    """
    queued, connected, answered, whole = (
        int(field[name]) for name in ("queued_ms", "connected_ms", "answered_ms", "all_ms")
    )
    if not reached or connected < 0 or answered < 0:
        return "-1", "-1", "-1"
    before = max(queued, 0) + connected
    return f"{before / 1000:.3f}", f"{answered / 1000:.3f}", f"{max(whole - before - answered, 0) / 1000:.3f}"


def _quoted(text: str) -> str:
    """Return text as a field in quotes: `-` for none, quotes and what is not printable ASCII as `\\x22`."""
    safe = "".join(
        c if " " <= c <= "~" and c not in '"\\' else "".join(f"\\x{b:02x}" for b in c.encode()) for c in text
    )
    return f'"{safe or "-"}"'


def _host(host: str, port: int) -> str:
    name = host if host and host != "-" else "-"
    return name if name.rpartition(":")[2].isdecimal() and ":" in name else f"{name}:{port}"


def _instant(microseconds: int) -> str:
    moment = datetime.datetime.fromtimestamp(microseconds / 1e6, datetime.UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S.%f}Z"


def _resource(load_balancer: LoadBalancer) -> str:
    return load_balancer.load_balancer_arn.partition(":loadbalancer/")[2]


def key(source: LoggedListener, now: float, token: str) -> str:
    """Return the key of a file that is written at `now`, in epoch seconds; `token` is random."""
    moment = datetime.datetime.fromtimestamp(now, datetime.UTC)
    region, account = source.load_balancer.load_balancer_arn.split(":")[3:5]
    where = f"AWSLogs/{account}/elasticloadbalancing/{region}/{moment:%Y/%m/%d}"
    name = _resource(source.load_balancer).replace("/", ".")
    file = f"{account}_elasticloadbalancing_{region}_{name}_{moment:%Y%m%dT%H%MZ}_127.0.0.1_{token[:8]}.log.gz"
    return f"{source.prefix + '/' if source.prefix else ''}{where}/{file}"
