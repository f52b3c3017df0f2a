"""Secrets in commands, a shell line or a list of words: assigned, behind an option, in a header, in a URL. Pure."""

import re
import shlex
from collections.abc import Iterable

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


def leak(text: str) -> str | None:
    """Why a command shows a secret; None when it shows none."""
    if (kind := formats.known(text)) is not None:
        return f"{kind} in the command"
    for login in rules.URL_LOGIN.finditer(text):
        if not rules.REFERENCE.fullmatch(login[2]):
            return "a URL with a password"
    for shown, what in ((CURL_LOGIN, "curl's login"), (HEADER, "an Authorization header")):
        if (match := shown.search(text)) is not None and not rules.REFERENCE.match(match[1]):
            return f"{what} in the command"
    for name, value in ASSIGNED.findall(text):
        if (why := rules.judge(Setting(line=0, name=name, value=value.strip("\"'")))) is not None:
            return f"{name}: {why}"
    for name, value in OPTION.findall(text):
        value = value.strip("\"'")
        named = rules.is_secret_name(rules.canonical(name)) and not FLAG.match(name)
        if named and not value.startswith(("-", "<", ">")) and not BUILD_SECRET.match(value) and rules.is_said(value):
            return f"--{name}: by its name it is a secret"
    return None


def leak_of_words(words: Iterable[str]) -> str | None:
    return leak(shlex.join(words).replace("'$", "$"))
