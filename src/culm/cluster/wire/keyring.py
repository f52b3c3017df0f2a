"""Whose an access key is: the operator's, or a role session's, whose keys say themselves who they are for.

A session's token holds what the cluster has to know of it, sealed with a HMAC; its secret key is derived from that.
So temporary keys are stored nowhere, outlive the daemon, and cannot be made without the cluster's own key.
"""

import base64
import binascii
import functools
import hmac
from dataclasses import dataclass, field

import msgspec

from culm.cluster.wire.sigv4 import Rejected
from culm.core.model.agent import RoleCredentials
from culm.core.model.arn import ACCOUNT
from culm.core.model.principals import Principal, federated_arn, operator, session_arn
from culm.core.model.record import record

INVALID = "The security token included in the request is invalid."


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessKey:
    access_key_id: str
    secret_access_key: str = field(repr=False)


@record
class Session:
    """What a session's token says."""

    access_key_id: str
    role_arn: str
    role_id: str
    """`AROA...`; empty for a role that IAM does not have."""
    name: str
    expiration: float
    """Epoch seconds."""
    federated: bool = False
    """A user of GetFederationToken, named `name`; otherwise a session without a role is the operator's own."""
    policies: tuple[str, ...] | None = None
    """Documents that limit it; None: nothing does."""
    tags: dict[str, str] = field(default_factory=dict)
    transitive: tuple[str, ...] = ()


@record
class Limits:
    """What a session is given besides its role: policies that limit it, and tags."""

    policies: tuple[str, ...] | None = None
    tags: dict[str, str] = field(default_factory=dict)
    transitive: tuple[str, ...] = ()
    federated: bool = False


UNLIMITED = Limits()


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """An access key's holder, and what it signs with."""

    principal: Principal
    secret: str = field(repr=False)
    expiration: float | None = None
    role_id: str = ""


class Keyring:
    def __init__(self, owner: AccessKey, master: bytes, account: str = ACCOUNT) -> None:
        """`owner`: of `account`. `master`: 32 bytes or more that nobody else knows; with others, all sessions end."""
        self._owner = owner
        self._root = operator(account)
        self._sealing = hmac.digest(master, b"session token", "sha256")
        self._secrets = hmac.digest(master, b"session secret", "sha256")
        self._ids = hmac.digest(master, b"session id", "sha256")
        self._opened = functools.lru_cache(maxsize=1024)(self._open)

    @property
    def operator(self) -> AccessKey:
        return self._owner

    def identify(self, access_key: str, token: str | None, now: float) -> Identity:
        """Return whose key it is.

        Raises `Rejected`: an access key that is not known, or a token that is forged, another key's, or expired.
        """
        if token is None:
            if not hmac.compare_digest(access_key.encode("utf-8", "replace"), self._owner.access_key_id.encode()):
                raise Rejected("unknown", INVALID)
            return Identity(principal=self._root, secret=self._owner.secret_access_key)
        identity = self._opened(access_key, token)
        if identity.expiration is not None and identity.expiration <= now:
            raise Rejected("expired-token", "The security token included in the request is expired")
        return identity

    def issue(
        self, *, role_arn: str, role_id: str, name: str, expiration: float, seed: str, limits: Limits = UNLIMITED
    ) -> RoleCredentials:
        """Return keys for a session of a role, or without one of the operator; equal arguments give equal keys."""
        digest = hmac.digest(self._ids, "\n".join((role_arn, name, f"{expiration}", seed)).encode(), "sha256")
        access_key = f"ASIA{base64.b32encode(digest)[:16].decode()}"
        session = Session(
            access_key_id=access_key,
            role_arn=role_arn,
            role_id=role_id,
            name=name,
            expiration=expiration,
            federated=limits.federated,
            policies=limits.policies,
            tags=limits.tags,
            transitive=limits.transitive,
        )
        body = msgspec.json.encode(session)
        token = base64.b64encode(hmac.digest(self._sealing, body, "sha256") + body).decode()
        return RoleCredentials(
            credentials_id=self.unguessable(f"{name}\n{seed}"),
            role_arn=role_arn,
            access_key_id=access_key,
            secret_access_key=self._secret(body),
            session_token=token,
            expiration=expiration,
        )

    def unguessable(self, name: str) -> str:
        """Return a name that only this cluster can make from that one: 32 hexadecimal digits."""
        return hmac.digest(self._ids, f"id\n{name}".encode(), "sha256").hex()[:32]

    def _secret(self, body: bytes) -> str:
        return base64.b64encode(hmac.digest(self._secrets, body, "sha256"))[:40].decode()

    def _open(self, access_key: str, token: str) -> Identity:
        try:
            sealed = base64.b64decode(token, validate=True)
        except (binascii.Error, ValueError):
            raise Rejected("invalid-token", INVALID) from None
        mark, body = sealed[:32], sealed[32:]
        if not hmac.compare_digest(mark, hmac.digest(self._sealing, body, "sha256")):
            raise Rejected("invalid-token", INVALID)
        session = msgspec.json.decode(body, type=Session)
        if session.access_key_id != access_key:
            raise Rejected("unknown", INVALID)
        return Identity(
            principal=_principal(session, self._root),
            secret=self._secret(body),
            expiration=session.expiration,
            role_id=session.role_id,
        )


def _principal(session: Session, root: Principal) -> Principal:
    if session.federated:
        arn, user_id = federated_arn(root.account, session.name), f"{root.account}:{session.name}"
        limits = session.policies or ()
        return Principal(arn=arn, user_id=user_id, account=root.account, session_policies=limits, tags=session.tags)
    if not session.role_arn:
        return root
    return Principal(
        arn=session_arn(session.role_arn, session.name),
        account=session.role_arn.split(":")[4],
        user_id=f"{session.role_id or 'AROAUNKNOWN'}:{session.name}",
        role_arn=session.role_arn,
        session_policies=session.policies,
        tags=session.tags,
        transitive_tags=session.transitive,
    )
