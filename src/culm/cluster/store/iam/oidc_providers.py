"""OpenID Connect providers: issuers of tokens, such as a CI, whose identities roles can trust."""

from collections.abc import Mapping, Sequence
from dataclasses import field
from sqlite3 import Connection

import msgspec

from culm.core.model.record import record


@record
class OidcProvider:
    arn: str
    url: str
    """Without its scheme, which is always https."""
    created_at: float
    """Epoch seconds."""
    client_ids: tuple[str, ...] = ()
    thumbprints: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)


_decode = msgspec.json.Decoder(OidcProvider).decode


def find(db: Connection, arn: str) -> OidcProvider | None:
    row = db.execute("SELECT body FROM iam_oidc_provider WHERE arn = ?", (arn,)).fetchone()
    return _decode(row["body"]) if row else None


def list_all(db: Connection) -> Sequence[OidcProvider]:
    return [_decode(row["body"]) for row in db.execute("SELECT body FROM iam_oidc_provider ORDER BY arn")]


def save(db: Connection, provider: OidcProvider) -> None:
    db.execute(
        "INSERT INTO iam_oidc_provider VALUES (?, ?) ON CONFLICT (arn) DO UPDATE SET body = excluded.body",
        (provider.arn, msgspec.json.encode(provider).decode()),
    )


def delete(db: Connection, arn: str) -> None:
    db.execute("DELETE FROM iam_oidc_provider WHERE arn = ?", (arn,))
