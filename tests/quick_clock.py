"""A clock for the client half in which waiting takes no time."""

from collections.abc import Collection
from concurrent import futures
from typing import Any

from culm.target.clock import Clock


class Quick(Clock):
    """Time passes when nobody has anything else to do, and then at once."""

    def __init__(self) -> None:
        self.at = 0.0

    def seconds(self) -> float:
        return self.at

    def wait(self, running: "Collection[futures.Future[Any]]", seconds: float | None) -> None:
        if running:
            futures.wait(running, return_when=futures.FIRST_COMPLETED)
        elif seconds is not None:
            self.at += seconds + 1e-9
