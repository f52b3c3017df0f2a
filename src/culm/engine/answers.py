"""What an engine answers when it does not do as asked, and its streams of progress. Pure.

https://docs.docker.com/reference/api/engine/version/v1.41/#section/Errors
"""

import json
from collections.abc import Iterable, Iterator
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
