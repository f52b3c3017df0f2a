"""The keys that stored secrets are sealed with: a file in the keys' folder, changed as a whole.

A new key is in the file before anything is sealed with it, and an old one stays until nothing needs it: whenever the
daemon is killed, every row's key is there.
"""

import logging
import secrets
from pathlib import Path
from sqlite3 import Connection

import msgspec

from culm.cluster.daemon.files import write_owner_only
from culm.cluster.store.db import Store
from culm.cluster.store.sealing import KEY_BYTES, Sealer, keys_in_use, reseal
from culm.core.model.record import record
from culm.errors import CulmError

log = logging.getLogger(__name__)

FILE = "storage.json"
ROWS = 16
"""Of at most a mebibyte: how many are sealed anew in one transaction."""


@record
class _Kept:
    current: int
    keys: dict[int, str]
    """Hexadecimal."""


class StorageKeys:
    def __init__(self, folder: Path) -> None:
        """Raises `CulmError` where they cannot be kept, or are damaged."""
        self.file = folder / FILE
        try:
            if not self.file.exists():
                self._keep(_Kept(current=1, keys={1: secrets.token_hex(KEY_BYTES)}))
            self._kept = msgspec.json.decode(self.file.read_bytes(), type=_Kept)
        except OSError as error:
            raise CulmError(
                f"the cluster's keys cannot be kept in {folder}: {error.strerror}", "set CULM_KEYS to a folder of yours"
            ) from None
        except msgspec.MsgspecError:
            raise CulmError(f"{self.file} is damaged", "put back a copy of it: what it sealed cannot be read") from None
        self._asked = False
        self.sealer = Sealer(self._keys, self._kept.current)

    def check(self, db: Connection) -> None:
        """Raise `CulmError` if something is sealed with a key that is not here."""
        if missing := keys_in_use(db) - self._kept.keys.keys():
            numbers = ", ".join(map(str, sorted(missing)))
            raise CulmError(
                f"what this cluster has stored is sealed with keys that are not in {self.file}: {numbers}",
                "put back that file, or set CULM_KEYS to its folder; without it the stored configuration is lost",
            )

    def ask_for_another(self) -> None:
        """Let the next `step` make a new key; those after it bring everything up to it."""
        self._asked = True

    def _rotate(self, _: Connection) -> None:
        new = max(self._kept.keys) + 1
        keys = {**self._kept.keys, new: secrets.token_hex(KEY_BYTES)}
        self._keep(_Kept(current=new, keys=keys))
        self.sealer.use(self._keys, new)
        log.info("key %d seals from now on", new)

    async def step(self, store: Store) -> int:
        """Seal some of what another key sealed; when there is nothing left, forget the keys that nothing needs.

        What changes the keys is a transaction of the store, as all that uses them is.
        """
        if self._asked:
            await store.run(self._rotate)
            self._asked = False
            return 1
        done = await store.run_long(lambda db: reseal(db, ROWS))
        if not done and len(self._kept.keys) > 1:
            await store.run(self._forget)
        return done

    def _forget(self, db: Connection) -> None:
        wanted = keys_in_use(db) | {self._kept.current}
        kept = {number: key for number, key in self._kept.keys.items() if number in wanted}
        if kept != self._kept.keys:
            self._keep(_Kept(current=self._kept.current, keys=kept))
            self.sealer.use(self._keys, self._kept.current)
            log.info("everything is sealed with key %d; the others are forgotten", self._kept.current)

    @property
    def _keys(self) -> dict[int, bytes]:
        return {number: bytes.fromhex(key) for number, key in self._kept.keys.items()}

    def _keep(self, kept: _Kept) -> None:
        write_owner_only(self.file, msgspec.json.encode(kept).decode())
        self._kept = kept
