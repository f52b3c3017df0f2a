"""Takes orders from the queue, one after the other; finishes the one at hand when it is told to stop."""

import signal
import sys
import time

import orders

PAUSE_SECONDS = 0.2
OLD_SECONDS = 10.0
stopping = False


def stop(*_: object) -> None:
    global stopping
    stopping = True


def alive() -> bool:
    """Whether a worker has looked lately."""
    return orders.ALIVE.exists() and time.time() - orders.ALIVE.stat().st_mtime < OLD_SECONDS


def work() -> None:
    while not stopping:
        orders.ALIVE.touch()
        for order in sorted(orders.WAITING.iterdir()):
            order.rename(orders.DONE / order.name)
            print(f"order {order.name} is done")
            if stopping:
                break
        time.sleep(PAUSE_SECONDS)
    print("stopped in order")


if __name__ == "__main__":
    if "--alive" in sys.argv:
        sys.exit(0 if alive() else 1)
    orders.prepare()
    signal.signal(signal.SIGTERM, stop)
    work()
