"""What differs between two configurations, secret values masked. Pure."""

import difflib
import hashlib
import hmac
from collections.abc import Mapping

from culm.vault.redaction import values


def differences(
    old: Mapping[str, str], new: Mapping[str, str], labels: tuple[str, str], *, salt: bytes | None
) -> list[str]:
    """A unified diff of files by name. With a salt, each secret value is a mark that tells only which are equal."""
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
    if text is None:
        return []
    if salt is not None:
        for value in sorted(values(name, text), key=len, reverse=True):
            text = text.replace(value, mark(value, salt))
    return text.splitlines()


def mark(value: str, salt: bytes) -> str:
    """Equal values have equal marks within one comparison, and none can be told from its mark."""
    return f"[secret {hmac.new(salt, value.encode(), hashlib.sha256).hexdigest()[:6]}]"
