"""Passwords of the registry: good for twelve hours, over restarts too, and known here by their hash only."""

import hashlib
import sqlite3
from collections.abc import Callable

LIFETIME_SECONDS = 12 * 3600
"""https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetAuthorizationToken.html"""


def mint(db: sqlite3.Connection, new_id: Callable[[], str], now: float) -> tuple[str, float]:
    """Return a new password and when it ends (epoch seconds). The user that it belongs to is `AWS`."""
    password = new_id() + new_id()
    expires_at = now + LIFETIME_SECONDS
    db.execute("DELETE FROM ecr_token WHERE expires_at <= ?", (now,))
    db.execute("INSERT INTO ecr_token (hash, expires_at) VALUES (?, ?)", (_hash(password), expires_at))
    return password, expires_at


def good(db: sqlite3.Connection, password: str, now: float) -> bool:
    row = db.execute("SELECT expires_at FROM ecr_token WHERE hash = ?", (_hash(password),)).fetchone()
    return row is not None and row["expires_at"] > now


def _hash(password: str) -> bytes:
    return hashlib.sha256(password.encode()).digest()
