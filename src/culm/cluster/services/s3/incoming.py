"""Large bodies come into the store before the operation that names them, a row in a transaction."""

import sqlite3
from collections.abc import Callable, Iterator
from typing import Any

from culm.cluster.services.s3.checksums import Digests
from culm.cluster.store.s3 import bodies
from culm.cluster.wire.http import Large


class IncomingBody:
    """The bytes of an object, or of a part of one, which are hashed and sealed as they go.

    Nothing names `body_id` until the operation commits. A daemon that ends before that removes it when it starts again.
    """

    def __init__(self, request: Any, body: Large, body_id: str, part: int) -> None:
        self.body_id = body_id
        self.digests = Digests(request)
        self._body = body
        self._part = part

    def steps(self) -> Iterator[Callable[[sqlite3.Connection], None]]:
        """Yield a transaction for each row."""
        for piece in self._body.pieces(bodies.ROW_SIZE):
            yield lambda db, piece=piece: self._take(db, piece)  # type: ignore[misc]

    def discard(self, db: sqlite3.Connection) -> None:
        """Delete what has come of a body whose request has failed."""
        bodies.drop(db, self.body_id)

    def _take(self, db: sqlite3.Connection, piece: bytes) -> None:
        bodies.write_row(db, self.body_id, piece, self._part, self.digests.size)
        self.digests.update(piece)


def of_object(request: Any, body: Large, body_id: str) -> IncomingBody:
    """Return what takes in the body of PutObject, a mebibyte at a time."""
    return IncomingBody(request, body, body_id, bodies.WHOLE)


def of_part(request: Any, body: Large, body_id: str) -> IncomingBody:
    """Return what takes in the body of UploadPart."""
    return IncomingBody(request, body, body_id, request.part_number)
