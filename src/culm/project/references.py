"""References in `environment:`: `{catalog.url}`, `{main.host}`, `{main.port}`; `{{x.y}}` is the text `{x.y}`. Pure.

`from:` of `secrets:` has others, to the parts of a database's URL: `{main.url}`, `{main.password}`.
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping

PATTERN = re.compile(r"\{\{(?P<text>[^{}]*)\}\}|\{(?P<name>[a-z][a-z0-9-]*)\.(?P<what>[a-z]+)\}")
OF_SERVICES = ("url",)
OF_DATABASES = ("host", "port")
OF_BUCKETS = ("bucket",)
OF_URLS = ("url", "user", "password", "host", "port", "name")
"""Parts of a database's URL, which is a secret as a whole."""


def names(text: str) -> Iterator[tuple[str, str]]:
    """Yield what a value refers to: `("catalog", "url")`."""
    for match in PATTERN.finditer(text):
        if match["name"] is not None:
            yield match["name"], match["what"]


def resolve(text: str, value: Callable[[str, str], str]) -> str:
    """Return the value with each reference replaced by `value(name, what)`."""

    def replaced(match: re.Match[str]) -> str:
        return f"{{{match['text']}}}" if match["name"] is None else value(match["name"], match["what"])

    return PATTERN.sub(replaced, text)


def renamed(text: str, names: Mapping[str, str]) -> str:
    """Return the value with other names in its references; what `names` does not have stays."""

    def replaced(match: re.Match[str]) -> str:
        return match[0] if match["name"] is None else f"{{{names.get(match['name'], match['name'])}.{match['what']}}}"

    return PATTERN.sub(replaced, text)


def problem(
    text: str, services: Collection[str], databases: Collection[str], buckets: Collection[str] = ()
) -> tuple[str, str] | None:
    """Return what is wrong with a value's references and what to try; None: nothing."""
    for name, what in names(text):
        if name in databases:
            if what == "url":
                return (
                    f"{{{name}.url}} holds a password, and the environment is shown to everybody who reads the account",
                    "read it from its file in the vault, or let ECS fill the variable: `secrets: {NAME: {from: "
                    f"'{{{name}.url}}', reason: its code reads it}}}}`",
                )
            if what not in OF_DATABASES:
                return f"a database has no {what!r}", f"{{{name}.host}} or {{{name}.port}}"
        elif name in buckets:
            if what not in OF_BUCKETS:
                return f"a bucket has no {what!r}", f"{{{name}.bucket}}"
        elif name in services:
            if what not in OF_SERVICES:
                return f"a service has no {what!r}", f"{{{name}.url}}"
        else:
            known = ", ".join([*services, *databases, *buckets])
            return (
                f"{{{name}.{what}}} names no service, database or bucket",
                f"there are: {known}; {{{{{name}.{what}}}}} is the text itself",
            )
    return None


def secret_problem(text: str, databases: Collection[str]) -> tuple[str, str] | None:
    """Return what is wrong with the references of a secret's `from:`, and what to try.

    `databases`: those of its service.
    """
    for name, what in names(text):
        if name not in databases:
            return f"{{{name}.{what}}}: the service has no database {name!r}", f"`database: {name}` for the service"
        if what not in OF_URLS:
            return f"a database's URL has no {what!r}", f"one of {', '.join(OF_URLS)}"
    return None
