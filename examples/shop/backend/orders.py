"""Orders as files in a volume that the API, the worker and the nightly job share: a queue without a server."""

import os
import uuid
from pathlib import Path

DATA = Path(os.environ["DATA"])
WAITING, DONE = DATA / "waiting", DATA / "done"
ALIVE = DATA / "worker.alive"
"""Touched by the worker at each look."""


def prepare() -> None:
    for folder in (WAITING, DONE):
        folder.mkdir(parents=True, exist_ok=True)


def add(text: str) -> str:
    """Put an order into the queue; its id. It appears whole: a rename is one act."""
    name = uuid.uuid4().hex
    draft = DATA / f".{name}"
    draft.write_text(text)
    draft.rename(WAITING / name)
    return name


def counts() -> dict[str, int]:
    return {"waiting": len(list(WAITING.iterdir())), "done": len(list(DONE.iterdir()))}
