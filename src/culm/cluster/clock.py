"""The daemon's clock and ids. Loops call these; operations, stores and decisions get `now` and `new_id` as values."""

import secrets
import time


def now() -> float:
    """Return epoch seconds."""
    return time.time()


def new_id() -> str:
    """Return an id of 32 hexadecimal digits."""
    return secrets.token_hex(16)
