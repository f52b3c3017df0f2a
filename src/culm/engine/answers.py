"""What an engine answers when it does not do as asked, and its streams of progress. Pure.

https://docs.docker.com/reference/api/engine/version/v1.41/#section/Errors
"""

import json
from collections.abc import Iterable, Iterator, MutableMapping
from typing import Any

from culm.errors import CulmError


class NoEngine(CulmError):
    """No engine answers, or its address cannot be used; `what` says where it was looked for and why not."""


class Refused(CulmError):
    """The engine answered, and the answer is no."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"the engine refused: {message}")
        self.status = status
        """The HTTP status; 500 for an error within a stream of progress."""
        self.message = message


class Silent(CulmError):
    """The engine began to answer, and stopped before the end."""


def message(body: bytes) -> str:
    """Return the text of a refusal's body: `{"message": "..."}`, or whatever a proxy in between says."""
    try:
        return str(json.loads(body)["message"]).strip()
    except (ValueError, KeyError, TypeError):
        return body.decode(errors="replace").strip()


def progress(lines: Iterable[bytes | str]) -> Iterator[dict[str, Any]]:
    """Yield the messages of a build, a pull or a push. Raises Refused at the first that carries an error."""
    for line in lines:
        if line.strip():
            yield progress_message(line)


def progress_message(line: bytes | str) -> dict[str, Any]:
    """Return one line of a stream of progress. Raises Refused when it carries an error."""
    reply: dict[str, Any] = json.loads(line)
    if "error" in reply:
        raise Refused(500, str(reply["error"]).strip())
    return reply


MIB = 1 << 20


def pushing(reply: dict[str, Any], layers: MutableMapping[str, tuple[int, int]]) -> str:
    """Return how far a push is, `pushing 12 of 40 MiB`, after one more message; empty where that says nothing new.

    `layers` keeps what the messages before have said: bytes sent and in all, by layer.
    """
    detail = reply.get("progressDetail") or {}
    if "current" in detail:
        layers[str(reply.get("id", ""))] = (int(detail["current"]), int(detail.get("total") or detail["current"]))
        sent, total = (sum(each[n] for each in layers.values()) for n in (0, 1))
        return f"pushing {sent / MIB:.0f} of {max(sent, total) / MIB:.0f} MiB"
    status = str(reply.get("status", ""))
    return f"pushing: {status.lower()}" if status.startswith("Retrying") else ""
