"""The cluster's own keys, on disk: made at its first start, readable by its owner alone.

They are kept in a folder of their own outside of CULM_HOME, so that whoever gets a copy of the cluster's data has
not its keys; see docs/decisions/0016-keys-are-kept-apart.md.
"""

import base64
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

import msgspec

from culm.cluster.daemon.files import write_owner_only
from culm.cluster.wire.keyring import AccessKey, Keyring
from culm.core.model.record import record
from culm.errors import CulmError

OPERATOR = "operator.json"
MASTER = "sessions.key"
CLUSTER_ID = "cluster.id"
"""In CULM_HOME: which keys are its own."""


@record
class _Operator:
    access_key_id: str
    secret_access_key: str


def folder(home: Path, environment: Mapping[str, str]) -> Path:
    """Return the folder of keys.

    It is CULM_KEYS, or this cluster's in the user's own configuration: `~/.config/culm/keys/<cluster id>`.
    """
    if chosen := environment.get("CULM_KEYS"):
        return Path(chosen).absolute()
    configuration = environment.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(configuration) / "culm" / "keys" / cluster_id(home)


def cluster_id(home: Path) -> str:
    """Return the random id of the cluster in this home, made at its first start."""
    file = home / CLUSTER_ID
    if not file.exists():
        write_owner_only(file, f"{secrets.token_hex(8)}\n")
    return file.read_text().strip()


def keyring(secret: bytes, home: Path, account: str) -> Keyring:
    """Return the keys that requests to `account` are signed with. `secret`: what `master` returns."""
    return Keyring(operator(home), secret, account)


def operator(home: Path) -> AccessKey:
    """Return the cluster owner's own, made at the first start; `culm cluster env` exports it."""
    file = home / OPERATOR
    if not file.exists():
        made = _Operator(
            access_key_id=f"AKIA{base64.b32encode(secrets.token_bytes(10)).decode()}",
            secret_access_key=base64.b64encode(secrets.token_bytes(30)).decode().replace("/", "_").replace("+", "-"),
        )
        write_owner_only(file, msgspec.json.encode(made).decode())
    try:
        operator = msgspec.json.decode(file.read_bytes(), type=_Operator)
    except msgspec.MsgspecError as error:
        raise CulmError(
            f"{file} is not the operator's key: {error}", f"remove it: a new key is made ({file})"
        ) from None
    return AccessKey(access_key_id=operator.access_key_id, secret_access_key=operator.secret_access_key)


def master(keys: Path) -> bytes:
    """Return 32 bytes that only this cluster has. Raises `CulmError` where they cannot be kept."""
    file = keys / MASTER
    try:
        keys.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.chmod(keys, 0o700)
        if not file.exists():
            write_owner_only(file, secrets.token_hex(32))
        return bytes.fromhex(file.read_text())
    except OSError as error:
        raise CulmError(
            f"the cluster's keys cannot be kept in {keys}: {error.strerror}", "set CULM_KEYS to a folder of yours"
        ) from None
    except ValueError:
        raise CulmError(
            f"{file} is damaged", "put back a copy of it; without it, a new one ends all sessions"
        ) from None
