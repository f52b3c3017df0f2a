"""Secrets in commands, a shell line or a list of words: assigned, behind an option, in a header, in a URL. Pure."""

import re
import shlex
from collections.abc import Iterable, Iterator

from culm.lint import formats, rules
from culm.lint.findings import Setting

VALUE = r"(\"[^\"]*\"|'[^']*'|[^\s;|&)\"']+)"
ASSIGNED = re.compile(rf"(?<![\w$/?&.:-])([A-Za-z_]\w*)={VALUE}")
OPTION = re.compile(rf"(?<!\S)--?([A-Za-z][\w.-]{{2,}})(?:=|\s+){VALUE}")
FLAG = re.compile(r"(no|not|with|without|disabled?|enabled?|skip|ask|prompt)[-_]", re.IGNORECASE)
"""Begins the name of an option that takes no value: `adduser --disabled-password app`."""
CURL_LOGIN = re.compile(r"\bcurl\b[^;&|\n]*?\s(?:-u|--user)[= ]?[\"']?(?!\d+:\d)[\w.@-]+:([^\s\"':]+)")
HEADER = re.compile(r"authorization:\s*(?:basic|bearer|token)\s+([^\s\"']{8,})", re.IGNORECASE)
BUILD_SECRET = re.compile(r"id=|env=|src=|type=")
"""`--secret id=npm`: where a secret is to be had from."""


CHECKS = re.compile(r"sha\d*sum|sha\d{3}|md5|checksum|digest|dgst|expected", re.IGNORECASE)
"""In a command that compares what it has fetched with a checksum."""


def leak(text: str, *, building: bool = False) -> str | None:
    """Return why a command shows a secret.

    None when it shows none. `building`: it is run only while an image is built.
    """
    if (kind := formats.known(text)) is not None:
        return f"{kind} in the command"
    if rules.has_login(text):
        return "a URL with a password"
    for shown, what in ((CURL_LOGIN, "curl's login"), (HEADER, "an Authorization header")):
        if (match := shown.search(text)) is not None and not rules.REFERENCE.match(match[1]):
            return f"{what} in the command"
    for name, why in assigned(text, building=building):
        return f"{name}: {why}"
    for name, value in OPTION.findall(text):
        value = value.strip("\"'")
        named = rules.is_secret_name(rules.canonical(name)) and not FLAG.match(name)
        if named and not value.startswith(("-", "<", ">")) and not BUILD_SECRET.match(value) and rules.is_said(value):
            return f"--{name}: by its name it is a secret"
    return None


def assigned(text: str, *, building: bool = False) -> Iterator[tuple[str, str]]:
    """Yield the variables that a command sets to secrets, and why these are some."""
    for name, quoted in ASSIGNED.findall(text):
        value = quoted.strip("\"'")
        if building and (rules.is_stand_in(value) or (rules.is_digest(value) and CHECKS.search(text))):
            continue
        if (why := rules.judge(Setting(line=0, name=name, value=value))) is not None:
            yield name, why


def leak_of_words(words: Iterable[str], *, building: bool = False) -> str | None:
    return leak(shlex.join(words).replace("'$", "$"), building=building)
