"""The secrets of rules that sign users in, sealed: they are in no rule's own text, which anybody may have described."""

import secrets
from dataclasses import replace
from sqlite3 import Connection

import msgspec

from culm.cluster.store.sealing import Corrupted
from culm.core.model.load_balancers import AuthenticateOidcConfig, Rule
from culm.core.model.sign_ins import SignInKeys, SignInSecrets

CONTEXT = "'elbv2_sign_in/' || rule_arn"
SESSION_KEY_BYTES = 32


def save(db: Connection, rule: Rule) -> None:
    """Keep the client's secret of a rule that was saved. Sessions go on when it changes.

    A rule that signs nobody in any more loses what there was.
    """
    given = _config(rule)
    if given is None:
        db.execute("DELETE FROM elbv2_sign_in WHERE rule_arn = ?", (rule.rule_arn,))
        return
    there = find(db, rule.rule_arn)
    if there is None or given.client_secret:
        kept = there or _made(rule.rule_arn)
        _write(db, replace(kept, secrets=replace(kept.secrets, client_secret=given.client_secret or "")))


def without_secret(rule: Rule) -> Rule:
    """Return the rule as it is stored and described."""
    given = _config(rule)
    if given is None:
        return rule
    bare = replace(given, client_secret=None, use_existing_client_secret=None)
    actions = (replace(a, authenticate_oidc_config=bare) if a.authenticate_oidc_config else a for a in rule.actions)
    return replace(rule, actions=tuple(actions))


def _config(rule: Rule) -> AuthenticateOidcConfig | None:
    return next((each.authenticate_oidc_config for each in rule.actions if each.authenticate_oidc_config), None)


def find(db: Connection, rule_arn: str) -> SignInKeys | None:
    """Return what is kept for a rule. Raises `Corrupted`."""
    return _one(db, "rule_arn", rule_arn)


def of_kid(db: Connection, kid: str) -> SignInKeys | None:
    """Return what is kept under a public key's name. Raises `Corrupted`."""
    return _one(db, "kid", kid)


def _one(db: Connection, column: str, value: str) -> SignInKeys | None:
    row = db.execute(
        f"SELECT rule_arn, kid, public_key, unseal(key_id, data, {CONTEXT}) AS plain FROM elbv2_sign_in"
        f" WHERE {column} = ?",
        (value,),
    ).fetchone()
    if row is None:
        return None
    if row["plain"] is None:
        raise Corrupted(f"the secret of rule {row['rule_arn']}")
    plain = msgspec.json.decode(row["plain"], type=SignInSecrets)
    return SignInKeys(rule_arn=row["rule_arn"], kid=row["kid"], public_key=row["public_key"], secrets=plain)


def _write(db: Connection, kept: SignInKeys) -> None:
    db.execute(
        "INSERT INTO elbv2_sign_in (rule_arn, kid, public_key, key_id, data)"
        " VALUES (?, ?, ?, sealing_key(), seal(?, ?))"
        " ON CONFLICT (rule_arn) DO UPDATE SET key_id = excluded.key_id, data = excluded.data",
        (
            kept.rule_arn,
            kept.kid,
            kept.public_key,
            msgspec.json.encode(kept.secrets),
            f"elbv2_sign_in/{kept.rule_arn}",
        ),
    )


def _made(rule_arn: str) -> SignInKeys:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    signing = ec.generate_private_key(ec.SECP256R1())
    private = signing.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = signing.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return SignInKeys(
        rule_arn=rule_arn,
        kid=secrets.token_hex(16),
        public_key=public.decode(),
        secrets=SignInSecrets(
            client_secret="", session_key=secrets.token_bytes(SESSION_KEY_BYTES), signing_key=private.decode()
        ),
    )
