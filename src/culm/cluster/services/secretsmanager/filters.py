"""Which secrets are meant.

https://docs.aws.amazon.com/secretsmanager/latest/userguide/manage_search-secret.html
"""

import re
from collections.abc import Sequence
from typing import Literal

from culm.cluster.store.secrets import Secret
from culm.core.model.record import record


@record
class Filter:
    key: Literal["name", "description", "tag-key", "tag-value", "all"]
    values: tuple[str, ...]
    """One of them is enough; with `!` in front, it is what must not be."""


def chosen(there: Sequence[Secret], filters: Sequence[Filter]) -> list[Secret]:
    """Return the secrets that every filter lets through."""
    return [secret for secret in there if all(_satisfies(secret, wanted) for wanted in filters)]


def _satisfies(secret: Secret, wanted: Filter) -> bool:
    return any(_matches(secret, wanted.key, text) for text in wanted.values)


def _matches(secret: Secret, key: str, text: str) -> bool:
    if text.startswith("!"):
        return not _matches(secret, key, text[1:])
    tags = secret.tags or {}
    match key:
        case "name":
            return secret.name.startswith(text)
        case "description":
            return _begin_so(secret.description or "", text)
        case "tag-key":
            return any(each.startswith(text) for each in tags)
        case "tag-value":
            return any(each.startswith(text) for each in tags.values())
        case _:
            everything = " ".join((secret.name, secret.description or "", *tags, *tags.values()))
            return _begin_so(everything, text)


def _begin_so(whole: str, text: str) -> bool:
    """Return whether each word of `text` begins a word of `whole`, ignoring case."""
    words = re.findall(r"[^\s/_+=.@!-]+", whole.lower())
    return all(any(word.startswith(part) for word in words) for part in re.findall(r"[^\s/_+=.@!-]+", text.lower()))
