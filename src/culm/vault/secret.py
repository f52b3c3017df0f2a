"""Secret values, which print as `[redacted]` in logs, messages, tracebacks and JSON."""

from typing import Any, NoReturn

REDACTED = "[redacted]"


class Secret:
    """Bytes that only `reveal` and `text` return. str, repr and format give `[redacted]`; pickling raises TypeError."""

    __slots__ = ("_data",)

    def __init__(self, data: bytes) -> None:
        self._data = data

    def reveal(self) -> bytes:
        """Return the secret's bytes; everything else about it shows only that it is one."""
        return self._data

    def text(self) -> str:
        """Return the value as UTF-8, with bytes that are none replaced: for display only."""
        return self._data.decode(errors="replace")

    def __len__(self) -> int:
        return len(self._data)

    def __eq__(self, other: object) -> bool:
        return self._data == other._data if isinstance(other, Secret) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._data)

    def __repr__(self) -> str:
        return REDACTED

    def __format__(self, spec: str) -> str:
        return format(REDACTED, spec)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not pickled")

    def __getstate__(self) -> Any:
        raise TypeError("a secret is not pickled")
