"""The loop that learns the keys of IAM's OpenID Connect providers, by which identity tokens are verified.

It asks issuers on this machine alone. Keys of others can be given: `issuers/NAME.json` in CULM_HOME, a JSON Web Key
Set, where NAME is the provider's URL without `https://` and with `_` for each `/`.

https://openid.net/specs/openid-connect-discovery-1_0.html
"""

import asyncio
import hashlib
import json
import socket
import ssl
from collections.abc import Callable, Collection
from http.client import HTTPException, HTTPSConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from culm.cluster.daemon.https import AUTHORITY_FILE
from culm.cluster.store.db import Store
from culm.cluster.store.iam import oidc_keys, oidc_providers
from culm.cluster.store.iam.oidc_keys import OidcKeys
from culm.cluster.store.iam.oidc_providers import OidcProvider
from culm.core.decide.issuers import is_local

EVERY_SECONDS = 10.0
_PATIENCE_SECONDS = 3.0
_LONGEST = 1 << 20
FOLDER = "issuers"
LOCAL_ONLY = (
    "culm asks issuers on this machine alone; put the keys of others, a JSON Web Key Set, into"
    f" CULM_HOME/{FOLDER}/{{name}}.json"
)


class Issuers:
    def __init__(self, home: Path, store: Store, now: Callable[[], float]) -> None:
        self._home = home
        self._store = store
        self._now = now

    async def step(self) -> int:
        """Learn the keys of the providers whose time has come. Returns 0: there is never more to do at once."""
        since = self._now() - EVERY_SECONDS
        for arn in await self._store.run(lambda db: oidc_keys.due(db, since)):
            provider = await self._store.run(lambda db, arn=arn: oidc_providers.find(db, arn))  # type: ignore[misc]
            if provider is None:
                continue
            keys = await asyncio.to_thread(self._keys_of, provider)
            await self._store.run(lambda db, p=provider, k=keys: oidc_keys.save(db, p.arn, k, self._now()))  # type: ignore[misc]
        return 0

    def _keys_of(self, provider: OidcProvider) -> OidcKeys:
        name = provider.url.replace("/", "_")
        try:
            given = self._home / FOLDER / f"{name}.json"
            if given.exists():
                return _key_set(json.loads(given.read_text()))
            if not is_local(f"https://{provider.url}"):
                return OidcKeys(keys="", problem=LOCAL_ONLY.format(name=name))
            return _key_set(self._fetched(provider))
        except (OSError, ValueError, HTTPException) as error:
            return OidcKeys(keys="", problem=f"its keys cannot be read: {error}")

    def _fetched(self, provider: OidcProvider) -> Any:
        described = self._get(f"https://{provider.url}/.well-known/openid-configuration", provider.thumbprints)
        where = described.get("jwks_uri") if isinstance(described, dict) else None
        if not isinstance(where, str) or not is_local(where):
            raise ValueError(f"its jwks_uri is {where!r}, and culm asks this machine alone, by https")
        return self._get(where, provider.thumbprints)

    def _get(self, url: str, thumbprints: Collection[str]) -> Any:
        """Return what a URL of this machine shows as JSON."""
        parts = urlsplit(url)
        connection = self._connected(parts.hostname or "", parts.port or 443, thumbprints)
        try:
            connection.request("GET", parts.path + (f"?{parts.query}" if parts.query else ""))
            answer = connection.getresponse()
            if answer.status != 200:
                raise ValueError(f"{url} answers {answer.status}")
            return json.loads(answer.read(_LONGEST))
        finally:
            connection.close()

    def _connected(self, host: str, port: int, thumbprints: Collection[str]) -> HTTPSConnection:
        """Return a connection to who has a certificate that is trusted here, or one of the thumbprints.

        Trusted are the system's authorities and the cluster's own.
        """
        addresses = {str(each[4][0]) for each in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
        if not all(is_local(f"https://[{a}]" if ":" in a else f"https://{a}") for a in addresses):
            raise ValueError(f"{host} is not this machine, but {', '.join(sorted(addresses))}")
        context = ssl.create_default_context()
        if (authority := self._home / AUTHORITY_FILE).exists():
            context.load_verify_locations(authority)
        connection = HTTPSConnection(host, port, timeout=_PATIENCE_SECONDS, context=context)
        try:
            connection.connect()
        except ssl.SSLCertVerificationError as error:
            connection.close()
            if not thumbprints:
                raise ValueError(f"{error.verify_message}; give the provider its certificate's thumbprint") from None
            return self._recognised(host, port, thumbprints)
        return connection

    def _recognised(self, host: str, port: int, thumbprints: Collection[str]) -> HTTPSConnection:
        """Return a connection to who shows the certificate of one of these thumbprints, whoever issued it."""
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        connection = HTTPSConnection(host, port, timeout=_PATIENCE_SECONDS, context=context)
        connection.connect()
        shown = connection.sock.getpeercert(binary_form=True) or b""
        if hashlib.sha1(shown, usedforsecurity=False).hexdigest() not in thumbprints:
            connection.close()
            raise ValueError("its certificate is neither trusted here nor one of the provider's thumbprints")
        return connection


def _key_set(shown: Any) -> OidcKeys:
    if not isinstance(shown, dict) or not isinstance(shown.get("keys"), list):
        raise ValueError("that is no JSON Web Key Set")
    return OidcKeys(keys=json.dumps(shown), problem="")
