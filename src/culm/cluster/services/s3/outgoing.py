"""Large bodies leave the store a row in a transaction, so that others have their turn and none is held as a whole."""

import sqlite3
from collections.abc import Callable, Iterator

from culm.cluster.services.s3.references import corrupted
from culm.cluster.store.s3 import bodies
from culm.cluster.store.s3.objects import ObjectVersion
from culm.cluster.store.sealing import Corrupted
from culm.cluster.wire.operations import Call
from culm.cluster.wire.spool import HELD


class OutgoingBody:
    """Bytes `first` to `last` of a version, kept until `release`, whatever becomes of the version meanwhile."""

    def __init__(self, db: sqlite3.Connection, version: ObjectVersion, first: int, last: int) -> None:
        """Raises `Corrupted` where not all of them are there."""
        self._version = version
        self._body_id = str(version.body_id)
        self._size = last - first + 1
        self._stretches = bodies.stretches(db, self._body_id, first, last)
        bodies.begin_reading(db, self._body_id)

    def __len__(self) -> int:
        return self._size

    def steps(self) -> Iterator[Callable[[sqlite3.Connection], bytes]]:
        """Yield a transaction for each row. Each raises InternalError where its row is not what was written."""
        for stretch in self._stretches:
            yield lambda db, stretch=stretch: self._read(db, *stretch)  # type: ignore[misc]

    def release(self, db: sqlite3.Connection) -> None:
        bodies.end_reading(db, self._body_id)

    def _read(self, db: sqlite3.Connection, row: int, start: int, end: int) -> bytes:
        try:
            return bodies.read_row(db, row, start, end)
        except Corrupted as why:
            raise corrupted(self._version, why) from why


def body_of(call: Call, version: ObjectVersion, first: int, last: int) -> bytes | OutgoingBody:
    """Return bytes `first` to `last` of a version, held only where they are few.

    Raises InternalError where they are not there.
    """
    try:
        if last - first >= HELD:
            return OutgoingBody(call.db, version, first, last)
        return bodies.read(call.db, str(version.body_id), first, last)
    except Corrupted as why:
        raise corrupted(version, why) from why
