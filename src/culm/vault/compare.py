"""Compare two configurations, with secret values masked. Pure."""

import difflib
import hashlib
import hmac
from collections.abc import Mapping

from culm.vault.redaction import values


def differences(
    old: Mapping[str, str], new: Mapping[str, str], labels: tuple[str, str], *, salt: bytes | None
) -> list[str]:
    """Return a unified diff of files by name. With a salt, marks that show only equality stand for secret values."""
    lines: list[str] = []
    for name in sorted({*old, *new}):
        before, after = old.get(name), new.get(name)
        if before == after:
            continue
        lines += difflib.unified_diff(
            shown(name, before, salt),
            shown(name, after, salt),
            f"{labels[0]}/{name}" if before is not None else "/dev/null",
            f"{labels[1]}/{name}" if after is not None else "/dev/null",
            lineterm="",
        )
    return lines


def shown(name: str, text: str | None, salt: bytes | None) -> list[str]:
    """Return the lines of a file, its values replaced by marks that say only whether two are the same."""
    if text is None:
        return []
    if salt is not None:
        for value in sorted(values(name, text), key=len, reverse=True):
            text = text.replace(value, mark(value, salt))
    return text.splitlines()


def mark(value: str, salt: bytes) -> str:
    """Return a mark for a value: equal values have equal marks under one salt, and no mark reveals its value."""
    return f"[secret {hmac.new(salt, value.encode(), hashlib.sha256).hexdigest()[:6]}]"
