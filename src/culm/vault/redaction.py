"""What has been read from the vault is cut out of everything that culm says: messages, logs, tracebacks, --json.

A program that reads secrets meets them again where nobody meant to: a database driver quotes its URL in an error, a
server its password in a log line. So the values are remembered for the life of the process, here and nowhere else, and
what is written for people passes `redacted` last. `culm vault get` writes bytes, which do not.
"""

import io
import re
import sys
from types import TracebackType
from typing import Any, TextIO
from urllib.parse import quote, unquote, urlsplit

from culm.vault.secret import REDACTED

SHORTEST = 6
"""Characters. A shorter value would be cut out of words that have nothing to do with it."""

SECRET_KEY = re.compile(
    r"passw(or)?d|passphrase|\bpwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|credential|\bdsn\b|_key\b",
    re.IGNORECASE,
)
"""Names whose values are secret, whatever they look like."""

SETTING = re.compile(r"""^\s*(?:export\s+)?["']?([\w.-]+)["']?\s*[:=]\s*(.+?)\s*,?\s*$""")
URL = re.compile(r"[a-z][a-z0-9+.-]*://[^\s\"'<>]+", re.IGNORECASE)

_known: set[str] = set()


def remember(name: str, text: str) -> None:
    """Never show the secrets in this file again."""
    fresh = {value for value in values(name, text) if len(value) >= SHORTEST} - _known
    if fresh:
        _known.update(fresh)
        _guard_logs()


def values(name: str, text: str) -> set[str]:
    """What is secret in a file: passwords of URLs, values of secret names, keys; a file that is one word, wholly."""
    found: set[str] = set()
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if len(lines) == 1 and SECRET_KEY.search(name):
        found.add(lines[0])
    armoured = False
    for line in lines:
        if line.startswith("-----BEGIN"):
            armoured = "PRIVATE" in line
        elif line.startswith("-----END"):
            armoured = False
        elif armoured:
            found.add(line)
        for url in URL.findall(line):
            if password := password_of(url):
                found |= {password, unquote(password), quote(unquote(password), safe="")}
        if (setting := SETTING.match(line)) and SECRET_KEY.search(setting[1]):
            found.add(setting[2].strip("\"'"))
    return found


def password_of(url: str) -> str | None:
    """As it is written in the URL."""
    try:
        login, at, _ = urlsplit(url).netloc.rpartition("@")
    except ValueError:  # a bracket in the host, say: then it is no URL
        return None
    return login.partition(":")[2] or None if at else None


def redacted(text: str) -> str:
    """The text without any value that is remembered; longer ones first, as one may hold another."""
    for value in sorted(_known, key=len, reverse=True):
        text = text.replace(value, REDACTED)
    return text


class Redacting(io.TextIOWrapper):
    """A text stream that cuts the values out of what is written to it."""

    def write(self, text: str) -> int:
        super().write(redacted(text) if _known else text)
        return len(text)


def guard() -> None:
    """From now on, this process's stdout, stderr and uncaught exceptions are redacted."""
    sys.stdout, sys.stderr = redacting(sys.stdout), redacting(sys.stderr)
    sys.excepthook = print_redacted


def redacting(stream: TextIO) -> TextIO:
    if not isinstance(stream, io.TextIOWrapper) or isinstance(stream, Redacting):
        return stream
    stream.flush()
    return Redacting(
        stream.buffer,
        encoding=stream.encoding,
        errors=stream.errors,
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )


def print_redacted(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """For `sys.excepthook`."""
    import traceback

    sys.stderr.write(redacted("".join(traceback.format_exception(kind, error, trace))))


def _guard_logs() -> None:
    """Make every log record, of any library, without the values: handlers never see them."""
    import logging

    make = logging.getLogRecordFactory()
    if getattr(make, "redacts", False):
        return

    def guarded(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record = make(*args, **kwargs)
        record.msg, record.args = redacted(record.getMessage()), None
        if record.exc_info:
            record.exc_text = redacted(logging.Formatter().formatException(record.exc_info))
        return record

    guarded.redacts = True  # type: ignore[attr-defined]
    logging.setLogRecordFactory(guarded)
