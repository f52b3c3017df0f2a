"""Keys of OpenID Connect providers, as their issuers showed them last."""

from sqlite3 import Connection

from culm.core.model.record import record


@record
class OidcKeys:
    keys: str
    """A JSON Web Key Set; empty where there is none."""
    problem: str
    """Why there is none; empty where there is one."""


def find(db: Connection, arn: str) -> OidcKeys | None:
    """Return what is known of a provider's keys; None where nobody has asked yet."""
    row = db.execute("SELECT keys, problem FROM iam_oidc_keys WHERE arn = ?", (arn,)).fetchone()
    return OidcKeys(keys=row["keys"], problem=row["problem"]) if row else None


def due(db: Connection, since: float) -> list[str]:
    """Return the ARNs of providers that nobody has asked since then (epoch seconds)."""
    rows = db.execute(
        "SELECT p.arn FROM iam_oidc_provider p LEFT JOIN iam_oidc_keys k ON k.arn = p.arn"
        " WHERE k.fetched_at IS NULL OR k.fetched_at <= ?",
        (since,),
    )
    return [row[0] for row in rows.fetchall()]


def save(db: Connection, arn: str, shown: OidcKeys, now: float) -> None:
    """Keep what an issuer showed, or why it did not, unless its provider is gone. Old keys outlive a failure."""
    db.execute(
        "INSERT INTO iam_oidc_keys (arn, fetched_at, keys, problem)"
        " SELECT arn, ?, ?, ? FROM iam_oidc_provider WHERE arn = ?"
        " ON CONFLICT (arn) DO UPDATE SET fetched_at = excluded.fetched_at, problem = excluded.problem,"
        " keys = CASE WHEN excluded.keys = '' THEN iam_oidc_keys.keys ELSE excluded.keys END",
        (now, shown.keys, shown.problem, arn),
    )
