"""What makes a setting a secret: its name, a password in a URL, the shape of its value. Pure."""

import math
import re
from collections import Counter

from culm.lint import formats
from culm.lint.findings import Setting

SECRET_NAME = re.compile(
    r"(PASSWORD|PASSWD|PASSPHRASE|PASSWORT|(^|_)PWD|(^|_)PASS|SECRET|SECRET_?KEY(_?BASE)?|TOKEN|API_?KEY|ACCESS_?KEY|PRIVATE_?KEY"
    r"|AUTH_?KEY|ENCRYPTION_?KEY|SIGNING_?KEY|MASTER_?KEY|LICEN[CS]E_?KEY|ACCOUNT_?KEY|CREDENTIALS?|(^|_)SALT|(^|_)PEPPER|REQUIREPASS)"
    r"(_?(BASE64|B64|HEX|VALUE|\d+))?$"
)
"""At the end of a name, where the noun stands: TOKEN_TTL is a time, SECRET_NAME a name."""

PUBLIC_NAME = re.compile(
    r"^(NEXT_PUBLIC|REACT_APP_PUBLIC|VITE_PUBLIC|PUBLIC)_|(^|_)(GPG|PUBLIC|PUBLISHABLE|SSH_HOST)_?KEYS?$|^MAX_"
    r"|(^|_)(USE|ENABLE|DISABLE|ALLOW|REQUIRE|HAS|SKIP|VERIFY|CHECK)_"
)
"""Fingerprints and public halves: the official python image has GPG_KEY."""

DIGEST_NAME = re.compile(
    r"(SHA\d*(SUM)?|DIGEST|CHECKSUM|HASH|COMMIT|REVISION|VERSION|INTEGRITY|FINGERPRINT|GPG_KEYS?)$|(^|_)(SHA\d+|CHECKSUM|DIGEST)_"
)

OWN_SIGNATURE = re.compile(
    r"((FLASK|DJANGO|RAILS|APP|APPLICATION|WEB|SERVER|JWT|JWT_TOKEN|SESSION|COOKIE|CSRF|SIGNING|AUTH|NEXTAUTH|ACCESS|REFRESH"
    r"|TOKEN)_)*SECRET(_KEY(_BASE)?)?|(\w+_)?(JWT|HMAC|SIGNING|SESSION|COOKIE)_?KEY|(\w+_)?(SALT|PEPPER)"
)
"""What a program signs its own sessions and tokens with; STRIPE_SECRET is somebody else's."""

REFERENCE = re.compile(
    r"\$\w+|\$\{[^}]*\}|\$\(.*|`.*|\{\{.*\}\}|\{[\w.]*\}?|%\([\w.]+\)\w?|<[^<>]+>|%\w+%|\*+|x{3,}|X{3,}", re.DOTALL
)
"""Stands for a value that is elsewhere, or for none."""

REFERENCES = re.compile(
    r"\$\$?\{\{[^{}]*\}\}|\$\$?\{[^{}]*\}|\$\([^()]*\)|\$\$?\w+|\{\{[^{}]*\}\}|#\{[^{}]*\}#?|\{[A-Za-z_][\w.-]*\}|<[^<>]+>"
    r"|%\(\w+\)s|%\w+%"
)
"""References inside a longer value."""

DEFAULTED = re.compile(r"\$\{\w+:?-([^{}]*)\}")
"""A reference with something to fall back on, which is written out."""

DEEPEST_DEFAULT = 5

EMBEDDED = re.compile(
    r"[\"']?\b([A-Za-z][\w .-]{0,40}?)[\"']?\s*[=:]\s*"
    r"(\"[^\"]*\"|'[^']*'|(?:\$?\$?\{\{[^{}]*\}\}|\$\$?\{[^{}]*\}|\$\([^()]*\)|#\{[^{}]*\}#?|\{[\w.-]+\}|<[^<>]+>|[^\"';,\s}&?])+)"
)
"""A setting inside a value: of a connection string, of JSON, of a URL's query."""

HARMLESS_VALUE = re.compile(r"true|false|yes|no|on|off|none|null|required|optional|enabled|disabled", re.IGNORECASE)
PATH_VALUE = re.compile(r"(/|\./|~/|[A-Za-z]:\\)[\w./@+-]*|arn:aws[\w:/.*-]+|file:.+|s3://[^@\s]+")
URL_LOGIN = re.compile(r"[a-z][a-z0-9+.-]*://([^\s/@:]*):([^\s/@]+)@([^\s/:\"']+)", re.IGNORECASE)
STAND_IN = re.compile(
    r"(?i)(?:.*[^a-z0-9])?(?:dummy\w*|placeholder\w*|change[-_ ]?(?:me|this)|replace[-_ ]?me|fake\w*"
    r"|unused|ignored?|insecure\w*"
    r"|not[-_]?(?:a[-_]?)?(?:secret|needed|used|real|secure)|example\w*|build(?:[-_]?(?:time|only|key))?|todo|x{3,})"
    r"(?:[^a-z0-9].*)?|\W*"
)
"""What people write where something must stand: `SECRET_KEY=dummy manage.py collectstatic`."""
INSTRUCTION = re.compile(
    r"(?i)(?:your|my|insert|enter|paste|put)[-_ ](?:[a-z]+[-_ ])*"
    r"(?:key|secret|token|password|here|value|id|credentials?)"
    r"|[a-z]+(?:[-_ ][a-z]+)*[-_ ]here|<[a-z][\w -]*>"
)
"""What a template says of where the secret goes: `your-api-key-here`. Words alone: a digit is somebody's own."""
THROW_AWAY = re.compile(r"(?i)pass(word|wd)?|postgres|user(name)?|secret|root|test|admin|db")
NOWHERE = re.compile(r"(?i)localhost|127\.0\.0\.1|0\.0\.0\.0|host(name)?|example(\.\w+)*")
"""Hosts at which a container finds itself alone, or nobody."""
OPAQUE = re.compile(r"[A-Za-z0-9+/_=.~-]{20,}")
HEX = re.compile(r"[0-9a-fA-F]{32,}")
PGP_FINGERPRINT = re.compile(r"[0-9A-F]{40}")
"""As the official images of PostgreSQL, Go and others check their downloads with: `key='B97B...'`."""
LEAST_BITS = 4.0
LEAST_HEX_BITS = 3.0
"""Shannon entropy a character; English words joined by signs have less."""


def judge(setting: Setting, *, references_are_values: bool = False) -> str | None:
    """Return why this is a secret; None when it is none.

    `references_are_values`: `$NAME` is filled in when the file is used, and what it is filled in with is kept.
    """
    name, value = canonical(setting.name), setting.value.strip()
    value = with_defaults(value)
    if not value:
        return None
    if (format_ := formats.known(value)) is not None:
        return format_
    if has_login(value):
        return "a URL with a password"
    if is_reference(value) and not (references_are_values and value.startswith("$")):
        return None
    if is_secret_name(name):
        harmless = any(each.fullmatch(value) for each in (HARMLESS_VALUE, PATH_VALUE, INSTRUCTION))
        return None if harmless else "by its name it is a secret"
    for inner, written in EMBEDDED.findall(value):
        if is_secret_name(canonical(inner)) and is_said(written.strip("\"'")):
            return f"its {inner.strip()} is a secret"
    if is_random(value) and not DIGEST_NAME.search(name) and not PUBLIC_NAME.search(name):
        return "looks like a key: too random for a word"
    return None


def has_login(text: str) -> bool:
    """Return whether a URL has a password: no reference, and no throw-away one of the container itself."""
    return any(
        not (is_reference(password) or INSTRUCTION.fullmatch(password))
        and not (NOWHERE.fullmatch(host) and (STAND_IN.fullmatch(password) or THROW_AWAY.fullmatch(password)))
        for _, password, host in URL_LOGIN.findall(text)
    )


def is_stand_in(value: str) -> bool:
    """Return whether a value that only a build needs says itself that it is none."""
    return STAND_IN.fullmatch(value) is not None


def is_digest(value: str) -> bool:
    """Return whether a value has the length of a checksum."""
    return re.fullmatch(r"[0-9a-fA-F]+", value) is not None and len(value) in (32, 40, 56, 64, 96, 128)


def is_secret_name(name: str) -> bool:
    """Return whether a canonical name is a secret's."""
    return SECRET_NAME.search(name) is not None and PUBLIC_NAME.search(name) is None


def takes_any_text(name: str) -> bool:
    """Return whether any random text will do as a variable's value: nobody but the program itself has to know it."""
    return OWN_SIGNATURE.fullmatch(canonical(name)) is not None


def is_said(value: str) -> bool:
    """Return whether a value is written out, and is no path, switch or stand-in."""
    stands_for_it = is_reference(value) or HARMLESS_VALUE.fullmatch(value) or PATH_VALUE.fullmatch(value)
    return bool(value) and not stands_for_it


def with_defaults(value: str) -> str:
    """Return the value with each reference that has something to fall back on as that, `${A:-b}` as `b`."""
    for _ in range(DEEPEST_DEFAULT):
        value, count = DEFAULTED.subn(lambda match: match[1], value)
        if not count:
            break
    return value


def is_reference(value: str) -> bool:
    """Return whether a value stands for others that are elsewhere: one reference, or several with signs between."""
    if REFERENCE.fullmatch(value):
        return True
    rest, count = REFERENCES.subn("", value)
    return count > 0 and re.fullmatch(r"(?i:basic|bearer|token|apikey)?[\W_]*", rest) is not None


def canonical(name: str) -> str:
    """Return `spring.datasource.password`, `dbPassword` or `db-password` in the form of a variable."""
    return re.sub(r"[^A-Z0-9]+", "_", re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name).upper())


def is_random(value: str) -> bool:
    """Return whether the whole value is one opaque word with the entropy of a key."""
    if PGP_FINGERPRINT.fullmatch(value):
        return False
    if HEX.fullmatch(value):
        return entropy(value) >= LEAST_HEX_BITS
    if not OPAQUE.fullmatch(value) or "/" in value[:2] or value.count("/") + value.count(".") > 2:
        return False
    mixed = re.search(r"[a-z]", value) and re.search(r"[A-Z]", value) and re.search(r"[0-9]", value)
    return bool(mixed) and entropy(value) >= LEAST_BITS


def entropy(text: str) -> float:
    """Return the entropy of a text, in bits a character."""
    return -sum(n / len(text) * math.log2(n / len(text)) for n in Counter(text).values())
