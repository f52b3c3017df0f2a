"""Words of HAProxy's configuration language: what we are told, spelled so that HAProxy reads the very same.

https://docs.haproxy.org/2.8/configuration.html#2.2
"""

import re

from culm.core.decide.listener_rules import glob_parts
from culm.core.model.load_balancers import RedirectConfig

_PLAIN = re.compile(rb"[A-Za-z0-9_./:;,=@^*+|()\[\]{}<>?!&~-]")
_PLACEHOLDER = re.compile(r"#\{(host|path|query|port|protocol)\}")


def word(text: str) -> str:
    """Return one argument, in which all that could be syntax is written as `\\xNN`."""
    parts = (re.findall(rb".", text.encode(), re.DOTALL)) or [b""]
    spelled = "".join(p.decode() if _PLAIN.fullmatch(p) else f"\\x{p[0]:02x}" if p else '""' for p in parts)
    return spelled


def quoted(text: str) -> str:
    """Return one argument of printable ASCII, kept readable: nothing is special between single quotes but the quote."""
    return "'" + text.replace("'", "'\\''") + "'"


def glob_regex(pattern: str, *, run: str = ".*", single: str = ".", escapes: bool = False) -> str:
    """Return a pattern with the wildcards `*` and `?` as a regular expression, without anchors."""
    spelled = {"run": run, "one": single}
    return "".join(spelled.get(kind) or re.escape(text) for kind, text in glob_parts(pattern, escapes=escapes))


def is_literal(pattern: str) -> bool:
    """Return whether a pattern has no wildcard, so that it can be compared rather than matched."""
    return "*" not in pattern and "?" not in pattern


def location(config: RedirectConfig, port: int, scheme: str = "http") -> str:
    """Return a redirect's Location, less its query, as a log-format string.

    The host is the request's, without the port; #{path} is without its leading slash.
    https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_RedirectActionConfig.html
    """
    protocol = _fill(config.protocol.lower(), port, scheme)
    rest = "".join(_fill(part, port, scheme) for part in (config.host, ":", config.port, config.path))
    return f"{protocol}://{rest}"


def location_query(config: RedirectConfig, port: int, scheme: str = "http") -> str:
    """Return the query of a redirect's Location, as a log-format string without the question mark."""
    return _fill(config.query, port, scheme)


def _fill(template: str, port: int, scheme: str) -> str:
    values = {
        "host": "%[req.hdr(host),field(1,:)]",
        "path": "%[path,regsub(^/,)]",
        "query": "%[query]",
        "port": str(port),
        "protocol": scheme,
    }
    literal_and_name = _PLACEHOLDER.split(template)
    return "".join(
        values[part] if index % 2 else part.replace("%", "%%") for index, part in enumerate(literal_and_name)
    )
