"""The clock of the client half: what decides is handed `now`, and it comes from here."""

import time


def now() -> float:
    """Epoch seconds."""
    return time.time()
