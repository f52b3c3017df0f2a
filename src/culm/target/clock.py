"""The clocks of the client half: what decides is handed `now`, and it comes from here."""

import time
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from concurrent import futures


def now() -> float:
    """Return epoch seconds."""
    return time.time()


class Clock:
    """The time that waiting takes. Tests hand out one that does not let it pass."""

    def seconds(self) -> float:
        """Return seconds since an arbitrary moment; they never go back."""
        return time.monotonic()

    def now(self) -> float:
        """Return epoch seconds."""
        return now()

    def wait(self, running: "Collection[futures.Future[Any]]", seconds: float | None) -> None:
        """Return when one of the futures is done, or after so many seconds; None: whenever one is done."""
        if running:
            from concurrent import futures

            futures.wait(running, timeout=seconds, return_when=futures.FIRST_COMPLETED)
        elif seconds is not None:
            time.sleep(seconds)
