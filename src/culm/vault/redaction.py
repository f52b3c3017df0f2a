"""Cut the values of secrets out of everything that culm prints: messages, logs, tracebacks, --json.

A program that reads secrets meets them again where nobody expects it: a database driver quotes its URL in an error, a
server its password in a log line. So the values are remembered for the life of the process, here and nowhere else, and
all text for people passes `redacted` last. `culm vault get` writes bytes, which do not pass.

Text seldom carries a value as it stands in the file: JSON writes `"` as `\\"` and `ä` as `\\u00e4`, a URL `@` as `%40`,
HTML `&` as `&amp;`, Python and shells have quotes of their own, and JSON within JSON does it twice. So a value with
such characters is remembered as a pattern (`spelling`), in which each character may stand in any of these forms.

    file        password = "p\\"ä"          (TOML)
    value       p"ä
    pattern     p(?:\\\\*"|&quot;|%22|...)(?:ä|\\\\+u00e4|%C3%A4|...)
"""

import io
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
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

PLURAL = re.compile(r"(passwords|secrets|tokens|keys|credentials)$", re.IGNORECASE)
"""Names of tables whose values are all secret; in `access_key: {region: us-east-1}` they are not."""

SETTING = re.compile(r"""^\s*(?:export\s+)?["']?([\w.-]+)["']?\s*[:=]\s*(.+?)\s*,?\s*$""")
"""A line that is a name and its value: TOML, YAML, .env, JSON with a line for each pair."""
QUOTED_PAIR = re.compile(r"""([\w.-]+)["']?\s*[:=]\s*("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.|'')*')""")
"""A name and its quoted value anywhere in a line: JSON in one line, TOML's inline tables, YAML's flow maps."""
COMMENT = re.compile(r"\s#.*$")
URL = re.compile(r"[a-z][a-z0-9+.-]*://[^\s\"'<>]+", re.IGNORECASE)

ESCAPES = {"\n": "n", "\t": "t", "\r": "r", "\b": "b", "\f": "f"}
"""What stands behind the backslash for a character that cannot be printed."""
ENTITIES = {'"': "quot", "&": "amp", "<": "lt", ">": "gt", "'": "apos"}
AS_IT_IS = re.compile(r"[A-Za-z0-9_.~-]+")
"""What no format writes in another way."""

_known: set[str] = set()
_patterns: dict[str, re.Pattern[str]] = {}
"""By value, for those that may be written in several ways."""


def remember(name: str, text: str) -> None:
    """Keep the secrets of a file from being printed from now on; `name` is the file's own."""
    fresh = {value for value in values(name, text) if len(value) >= SHORTEST} - _known
    if fresh:
        _known.update(fresh)
        _patterns.update((value, spelling(value)) for value in fresh if not AS_IT_IS.fullmatch(value))
        _guard_logs()


def values(name: str, text: str) -> set[str]:
    """Return the secrets in a file: passwords in URLs, values of names such as `api_key`, private keys.

    A file of one line whose name says so is a secret as a whole. A value is returned as it is written in the file and,
    where the file has quotes and escapes, as the program that reads the file gets it.
    """
    secrets: set[str] = set(_parsed(name, text))
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if len(lines) == 1 and SECRET_KEY.search(name):
        secrets.add(lines[0])
    private = False
    for line in lines:
        if line.startswith("-----BEGIN"):
            private = "PRIVATE" in line
        elif line.startswith("-----END"):
            private = False
        elif private:
            secrets.add(line)
        for url in URL.findall(line):
            secrets |= _in_url(url)
        if (setting := SETTING.match(line)) and SECRET_KEY.search(setting[1]):
            secrets |= _unquoted(setting[2])
        for key, value in QUOTED_PAIR.findall(line):
            if SECRET_KEY.search(key):
                secrets |= _unquoted(value)
    return secrets - {""}


def _unquoted(written: str) -> set[str]:
    """Return a setting's value without quotes and comment: as written, and with escapes resolved."""
    if written[0] in "[{":  # a list or a table: its parts are looked at by themselves
        return set()
    if (quoted := QUOTED_PAIR.match(f"x={written}")) is None:
        return {written.strip("\"'"), COMMENT.sub("", written).strip("\"'")}
    inside = quoted[2][1:-1]
    return {inside, inside.replace("''", "'")} | ({_resolved(inside)} if quoted[2][0] == '"' else set())


def _resolved(inside: str) -> str:
    """Return a text between double quotes as TOML, YAML and JSON read it.

    As it is where its escapes are none of theirs.
    """
    import json

    try:
        return str(json.loads(f'"{inside}"', strict=False))
    except ValueError:
        return inside


def _in_url(url: str) -> set[str]:
    """Return the password of a URL: as written, plain, and wholly percent-encoded."""
    password = password_of(url)
    return {password, unquote(password), quote(unquote(password), safe="")} if password else set()


def _parsed(name: str, text: str) -> Iterator[str]:
    """Values under secret names in a file that is JSON, TOML or YAML by its name: multi-line ones, nested ones, lists.

    A file that cannot be parsed has none; its lines are looked at all the same.
    """
    ending = name.rpartition(".")[2].lower()
    try:
        if ending == "json":
            import json

            yield from _under_secret_names(json.loads(text), secret=False, parents=())
        elif ending == "toml":
            import tomllib

            yield from _under_secret_names(tomllib.loads(text), secret=False, parents=())
        elif ending in ("yml", "yaml"):
            import yaml

            for document in yaml.load_all(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
                yield from _under_secret_names(document, secret=False, parents=())
    except (ValueError, RecursionError):
        return
    except Exception as error:
        if type(error).__module__.partition(".")[0] != "yaml":
            raise


def _under_secret_names(value: object, *, secret: bool, parents: tuple[int, ...]) -> Iterator[str]:
    """Texts and numbers below a secret name. `parents` are the ids of the values above: YAML's anchors make circles."""
    if id(value) in parents:
        return
    match value:
        case Mapping():
            for key, child in value.items():
                named = SECRET_KEY.search(str(key)) and (PLURAL.search(str(key)) or not isinstance(child, Mapping))
                yield from _under_secret_names(child, secret=secret or bool(named), parents=(*parents, id(value)))
        case str():
            if secret:
                yield value.strip()
                yield from (line.strip() for line in value.splitlines())
        case Sequence():
            for child in value:
                yield from _under_secret_names(child, secret=secret, parents=(*parents, id(value)))
        case int() | float() if secret and not isinstance(value, bool):
            yield str(value)


def password_of(url: str) -> str | None:
    """Return the password in a URL, as it is written there; None where there is none."""
    try:
        login, at, _ = urlsplit(url).netloc.rpartition("@")
    except ValueError:  # a bracket in the host, say: then it is no URL
        return None
    return login.partition(":")[2] or None if at else None


def spelling(value: str) -> re.Pattern[str]:
    """Return a pattern that matches `value` as JSON, URLs, HTML, Python's repr and shells write it, also in turn."""
    # a run of backslashes is one part: each of them alone could match in too many ways
    parts = re.findall(r"\\+|.", value, re.DOTALL)
    return re.compile("".join(_spelled(part) for part in parts))


def _spelled(part: str) -> str:
    if part[0] == "\\":
        return rf"(?:\\{{{len(part)},}}|(?:%(?:25)*5[Cc]){{{len(part)}}})"
    if AS_IT_IS.fullmatch(part):
        return re.escape(part)
    encoded = part.encode("utf-8", "surrogatepass")
    units = part.encode("utf-16-be", "surrogatepass")
    forms = [rf"\\+x(?i:{ord(part):02x})"] if ord(part) < 0x100 else []  # last: `\xc3` also begins the UTF-8 of `Ã`
    forms += [
        rf"\\*{re.escape(part)}" if part.isascii() else re.escape(part),
        "".join(rf"%(?:25)*(?i:{byte:02x})" for byte in encoded),
        "".join(rf"\\+x(?i:{byte:02x})" for byte in encoded),
        "".join(rf"\\+u(?i:{units[i]:02x}{units[i + 1]:02x})" for i in range(0, len(units), 2)),
        rf"&\#(?:0*{ord(part)}|[xX]0*(?i:{ord(part):x}));",
    ]
    if ord(part) > 0xFFFF:
        forms.append(rf"\\+U(?i:{ord(part):08x})")
    if part in ESCAPES:
        forms.append(rf"\\+{ESCAPES[part]}")
    if part in ENTITIES:
        forms.append(f"&(?:amp;)*{ENTITIES[part]};")
    if part == " ":
        forms.append(r"\+")
    if part == "'":  # in a shell's single quotes: '"'"'
        forms.append("""'"'"'|'\\\\''|''""")
    return f"(?:{'|'.join(reversed(forms))})"


def redacted(text: str) -> str:
    """Return the text without any value that is remembered; longer ones first, as one may hold another."""
    for value in sorted(_known, key=len, reverse=True):
        pattern = _patterns.get(value)
        text = text.replace(value, REDACTED) if pattern is None else pattern.sub(REDACTED, text)
    return text


class Redacting(io.TextIOWrapper):
    """A text stream that cuts the values out of what is written to it."""

    def write(self, text: str) -> int:
        """Write text with every known secret cut out; returns the number of characters that came, as streams do."""
        super().write(redacted(text) if _known else text)
        return len(text)


def guard() -> None:
    """Redact this process's stdout, stderr and uncaught exceptions from now on."""
    sys.stdout, sys.stderr = redacting(sys.stdout), redacting(sys.stderr)
    sys.excepthook = print_redacted


def redacting(stream: TextIO) -> TextIO:
    """Return a stream that hides secrets in all that is written to it; one that does already, as it is."""
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
    """Print an uncaught exception, redacted; for `sys.excepthook`."""
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
