"""What is secret is encrypted before SQLite gets it: AES-256-GCM, with keys that the database does not hold.

In SQL: `seal(data, context)`, `sealing_key()` (the number of the key that seals now) and
`unseal(key, sealed, context)`, which is NULL where the data is not what was sealed in that context.
"""

import secrets
import sqlite3
from collections.abc import Mapping
from typing import Any

NONCE_BYTES = 12
"""https://csrc.nist.gov/pubs/sp/800/38/d/final: random ones are good for 2^32 rows a key."""
KEY_BYTES = 32


class Corrupted(Exception):
    """Data that is not what was written, or that no key of ours opens."""


class Sealer:
    """Used within the store's transactions only."""

    def __init__(self, keys: Mapping[int, bytes], current: int) -> None:
        """`keys` by number, from 1; number 0 stands for data from before there were keys."""
        self._keys = dict(keys)
        self._current = current
        self._ciphers: dict[int, Any] = {}

    @classmethod
    def fresh(cls) -> "Sealer":
        """Return a sealer with a key that ends with it."""
        return cls({1: secrets.token_bytes(KEY_BYTES)}, 1)

    @property
    def current(self) -> int:
        """The number of the key that seals now; 0 when nothing is sealed."""
        return self._current

    def use(self, keys: Mapping[int, bytes], current: int) -> None:
        """Seal with another key from now on."""
        self._keys, self._current = dict(keys), current

    def seal(self, data: bytes, context: str) -> bytes:
        """Return data sealed by the current key. `context` says where it belongs: unsealing needs the same one."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + bytes(self._cipher(self._current).encrypt(nonce, data, context.encode()))

    def unseal(self, key: int, sealed: bytes, context: str) -> bytes | None:
        """Return what was sealed; None when its key is not there, or when it is damaged or from elsewhere."""
        if key == 0:
            return sealed
        if key not in self._keys:
            return None
        from cryptography.exceptions import InvalidTag

        try:
            return bytes(self._cipher(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], context.encode()))
        except (InvalidTag, ValueError):
            return None

    def attach(self, db: sqlite3.Connection) -> None:
        """Let a connection's SQL seal and unseal."""
        db.create_function("seal", 2, self.seal)
        db.create_function("unseal", 3, self.unseal)
        db.create_function("sealing_key", 0, lambda: self._current)

    def _cipher(self, key: int) -> Any:
        if key not in self._ciphers:
            # 9 MB that a cluster without objects need not have
            from cryptography.hazmat.primitives.ciphers.aead import AESGCM

            self._ciphers[key] = AESGCM(self._keys[key])
        return self._ciphers[key]


SEALED = {
    "acm_certificate": "'acm_certificate/' || arn",
    "elbv2_sign_in": "'elbv2_sign_in/' || rule_arn",
    "s3_body": "'s3_body/' || part || '/' || position",
    "ssm_parameter_version": "'ssm_parameter_version/' || name || '/' || version",
    "secret_version": "'secret_version/' || secret || '/' || version_id",
}
"""Tables with sealed `data`, an `id` and a `key_id`, and the SQL of the context that each row is sealed in."""


def keys_in_use(db: sqlite3.Connection) -> set[int]:
    """Return the numbers of the keys that something stored was sealed by."""
    return {row[0] for table in SEALED for row in db.execute(f"SELECT DISTINCT key_id FROM {table}")} - {0}


def reseal(db: sqlite3.Connection, limit: int) -> int:
    """Seal at most so many rows with the current key that another one sealed; how many that were.

    A row says which key it has, so all are readable at any moment. Corrupted rows stay as they are.
    """
    done = 0
    for table, context in SEALED.items():
        rows = db.execute(
            f"SELECT id, unseal(key_id, data, {context}) AS plain, {context} AS context FROM {table}"
            " WHERE key_id != sealing_key() AND plain IS NOT NULL LIMIT ?",
            (limit - done,),
        ).fetchall()
        for row in rows:
            db.execute(
                f"UPDATE {table} SET data = seal(?, ?), key_id = sealing_key() WHERE id = ?",
                (row["plain"], row["context"], row["id"]),
            )
        done += len(rows)
    return done
