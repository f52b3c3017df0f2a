"""Takes orders from the queue, one after the other; finishes the one at hand when it is told to stop."""

import signal
import sys
import tempfile
import time
from pathlib import Path

import orders

WAIT_SECONDS = 1.0
OLD_SECONDS = 10.0
ALIVE = Path(tempfile.gettempdir()) / "worker.alive"
"""Touched at each look at the queue."""
stopping = False


def stop(*_: object) -> None:
    global stopping
    stopping = True


def alive() -> bool:
    """Whether this container's worker has looked lately."""
    return ALIVE.exists() and time.time() - ALIVE.stat().st_mtime < OLD_SECONDS


def work() -> None:
    orders.put_back()
    while not stopping:
        ALIVE.touch()
        order = orders.take(WAIT_SECONDS)
        if order is not None:
            print(f"order {orders.finish(order)} is done")
    print("stopped in order")


if __name__ == "__main__":
    if "--alive" in sys.argv:
        sys.exit(0 if alive() else 1)
    signal.signal(signal.SIGTERM, stop)
    work()
