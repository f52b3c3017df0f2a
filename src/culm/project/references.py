"""References in `environment:`: `{catalog.url}`, `{main.host}`, `{main.port}`; `{{x.y}}` is the text `{x.y}`. Pure."""

import re
from collections.abc import Callable, Collection, Iterator

PATTERN = re.compile(r"\{\{(?P<text>[^{}]*)\}\}|\{(?P<name>[a-z][a-z0-9-]*)\.(?P<what>[a-z]+)\}")
OF_SERVICES = ("url",)
OF_DATABASES = ("host", "port")
OF_BUCKETS = ("bucket",)


def names(text: str) -> Iterator[tuple[str, str]]:
    """What a value refers to: `("catalog", "url")`."""
    for match in PATTERN.finditer(text):
        if match["name"] is not None:
            yield match["name"], match["what"]


def resolve(text: str, value: Callable[[str, str], str]) -> str:
    """The value with each reference replaced by `value(name, what)`."""

    def replaced(match: re.Match[str]) -> str:
        return f"{{{match['text']}}}" if match["name"] is None else value(match["name"], match["what"])

    return PATTERN.sub(replaced, text)


def problem(
    text: str, services: Collection[str], databases: Collection[str], buckets: Collection[str] = ()
) -> tuple[str, str] | None:
    """What is wrong with a value's references and what to try; None: nothing."""
    for name, what in names(text):
        if name in databases:
            if what == "url":
                return (
                    f"{{{name}.url}} holds a password, and the environment is shown to everybody who reads the account",
                    f"read it from its file in the vault, or use {{{name}.host}} and {{{name}.port}}",
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
