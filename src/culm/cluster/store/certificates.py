"""ACM's certificates and IAM's, each private key sealed; and the authority that signs those that are requested."""

from collections.abc import Sequence
from sqlite3 import Connection

import msgspec

from culm.cluster.store.sealing import Corrupted
from culm.core.model.certificates import Certificate

CONTEXT = "'acm_certificate/' || arn"
AUTHORITY = "authority"
"""Stands where the others have their ARN."""

_decode = msgspec.json.Decoder(Certificate).decode


def find(db: Connection, arn: str) -> Certificate | None:
    row = db.execute("SELECT body FROM acm_certificate WHERE arn = ?", (arn,)).fetchone()
    return _decode(row[0]) if row else None


def list_all(db: Connection) -> Sequence[Certificate]:
    """Return ACM's, in the order in which they were made."""
    return _beginning(db, "arn:aws:acm:")


def of_iam(db: Connection) -> Sequence[Certificate]:
    """Return IAM's server certificates, in the order in which they were made."""
    return _beginning(db, "arn:aws:iam:")


def save(db: Connection, certificate: Certificate) -> None:
    """Write one that is there anew; its key stays."""
    body = msgspec.json.encode(certificate).decode()
    db.execute("UPDATE acm_certificate SET body = ? WHERE arn = ?", (body, certificate.certificate_arn))


def put(db: Connection, certificate: Certificate, private_key: str) -> None:
    """Write one with its key, PEM, which is sealed. One of this ARN is replaced."""
    arn = certificate.certificate_arn
    db.execute(
        "INSERT INTO acm_certificate (arn, body, key_id, data) VALUES (?, ?, sealing_key(), seal(?, ?))"
        " ON CONFLICT (arn) DO UPDATE SET body = excluded.body, key_id = excluded.key_id, data = excluded.data",
        (arn, msgspec.json.encode(certificate).decode(), private_key.encode(), f"acm_certificate/{arn}"),
    )


def private_key(db: Connection, arn: str) -> str:
    """Return the PEM of a certificate's key. Raises `Corrupted`, also where there is no such certificate."""
    row = db.execute(f"SELECT unseal(key_id, data, {CONTEXT}) FROM acm_certificate WHERE arn = ?", (arn,)).fetchone()
    if row is None or row[0] is None:
        raise Corrupted(f"the key of certificate {arn}")
    return bytes(row[0]).decode()


def delete(db: Connection, arn: str) -> None:
    db.execute("DELETE FROM acm_certificate WHERE arn = ?", (arn,))


def _beginning(db: Connection, beginning: str) -> Sequence[Certificate]:
    rows = db.execute("SELECT body FROM acm_certificate WHERE arn LIKE ? || '%' ORDER BY id", (beginning,))
    return [_decode(row[0]) for row in rows]
