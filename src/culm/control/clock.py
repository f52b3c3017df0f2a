"""The only place that reads the clock and makes ids; everywhere else `now` and `new_id` are arguments."""

import time
import uuid


def now() -> float:
    """Epoch seconds."""
    return time.time()


def new_id() -> str:
    """32 hexadecimal digits."""
    return uuid.uuid4().hex
