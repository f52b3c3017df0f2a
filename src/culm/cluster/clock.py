"""The only place that reads the clock and makes ids; everywhere else `now` and `new_id` are arguments."""

import secrets
import time


def now() -> float:
    """Return epoch seconds."""
    return time.time()


def new_id() -> str:
    """Return an id of 32 hexadecimal digits."""
    return secrets.token_hex(16)
