"""Fetching an image from an OCI registry: manifest, configuration, layers, each checked against its digest.

https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pull
"""

import base64
import hashlib
import json
import platform
from pathlib import Path
from typing import Any

import httpx2

from culm.cluster.instance.runtime.references import Reference
from culm.cluster.outgoing import refuse_link_local
from culm.core.model.record import record
from culm.engine import tokens
from culm.errors import RuntimeFailure

_INDEXES = ("application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json")
_MANIFESTS = ("application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json")
_ARCHITECTURES = {"x86_64": "amd64", "AMD64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
_ALGORITHMS = ("sha256", "sha384", "sha512")
_TIMEOUT = httpx2.Timeout(30.0, connect=5.0)


@record
class Pulled:
    """An image's parts, not unpacked yet."""

    config: dict[str, Any]
    layers: tuple[Path, ...]


class Registry:
    """One repository of a registry, with the login that was given, or with the token that its server gives for it.

    Docker Hub gives a token to everybody for public images, and lets nobody pull without one.
    """

    def __init__(self, reference: Reference, auth: tuple[str, str] | None) -> None:
        self._reference = reference
        self._basic = f"Basic {base64.b64encode(':'.join(auth).encode()).decode()}" if auth else None
        self._authorization = self._basic
        self._client = httpx2.AsyncClient(
            timeout=_TIMEOUT,
            follow_redirects=True,
            trust_env=reference.url.startswith("https"),
            event_hooks={"request": [refuse_link_local]},
        )

    async def __aenter__(self) -> "Registry":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def manifest(self) -> tuple[str, dict[str, Any]]:
        """Return the manifest's digest and content.

        Of an index, the digest is the index's and the content this platform's.
        """
        content, digest = await self._manifest(self._reference.version)
        if content.get("mediaType") in _INDEXES or "manifests" in content:
            content, _ = await self._manifest(self._for_this_platform(content))
        return digest, content

    async def fetch(self, manifest: dict[str, Any], folder: Path) -> Pulled:
        """Download the configuration and the layers into `folder`."""
        config = folder / "config"
        await self._blob(manifest["config"]["digest"], config)
        layers: list[Path] = []
        for number, layer in enumerate(manifest["layers"]):
            path = folder / f"layer-{number}"
            await self._blob(layer["digest"], path)
            layers.append(path)
        return Pulled(config=json.loads(config.read_bytes()), layers=tuple(layers))

    async def _manifest(self, version: str) -> tuple[dict[str, Any], str]:
        url = f"{self._reference.url}/manifests/{version}"
        accepted = {"Accept": ", ".join((*_MANIFESTS, *_INDEXES))}
        try:
            reply = await self._client.get(url, headers=accepted | self._headers())
            if await self._has_new_token(reply):
                reply = await self._client.get(url, headers=accepted | self._headers())
        except httpx2.HTTPError as error:
            raise self._unreachable(error) from error
        self._check(reply)
        algorithm = self._algorithm(version) if ":" in version else "sha256"
        digest = f"{algorithm}:{hashlib.new(algorithm, reply.content).hexdigest()}"
        if ":" in version and version != digest:
            raise self._failure(f"the registry sent {digest}")
        content = reply.json()
        if not isinstance(content, dict):
            raise self._failure("its manifest is not a JSON object")
        return content, digest

    async def _blob(self, digest: str, path: Path) -> None:
        url = f"{self._reference.url}/blobs/{digest}"
        algorithm = self._algorithm(digest)
        checksum = hashlib.new(algorithm)
        try:
            reply = await self._opened(url)
            if await self._has_new_token(reply):  # the one of the manifest was too old
                await reply.aclose()
                reply = await self._opened(url)
            try:
                self._check(reply)
                with path.open("wb") as file:
                    async for piece in reply.aiter_bytes(1 << 20):
                        checksum.update(piece)
                        file.write(piece)
            finally:
                await reply.aclose()
        except httpx2.HTTPError as error:
            raise self._unreachable(error) from error
        if f"{algorithm}:{checksum.hexdigest()}" != digest:
            raise self._failure(f"blob {digest} arrived damaged")

    async def _opened(self, url: str) -> httpx2.Response:
        """Return an answer whose body is not read yet."""
        return await self._client.send(self._client.build_request("GET", url, headers=self._headers()), stream=True)

    def _headers(self) -> dict[str, str]:
        return {"Authorization": self._authorization} if self._authorization else {}

    async def _has_new_token(self, reply: httpx2.Response) -> bool:
        """Get the token that a refusal asks for; True: worth asking again."""
        challenge = reply.headers.get("WWW-Authenticate", "") if reply.status_code == 401 else ""
        wanted = tokens.request(challenge, self._reference.repository)
        if wanted is None:
            return False
        headers = {"Authorization": self._basic} if self._basic else {}
        answer = await self._client.get(wanted.url, params=wanted.parameters, headers=headers)
        try:
            given = answer.json() if answer.is_success else {}
            token = given.get("token") or given["access_token"]
        except (ValueError, KeyError, AttributeError):
            raise self._failure(f"its token server answered HTTP {answer.status_code} without a token") from None
        self._authorization = f"Bearer {token}"
        return True

    def _algorithm(self, digest: str) -> str:
        """https://github.com/opencontainers/image-spec/blob/main/descriptor.md#registered-algorithms"""
        algorithm = digest.partition(":")[0]
        if algorithm not in _ALGORITHMS:
            raise self._failure(f"the digest {digest[:80]} is of no algorithm that culm knows")
        return algorithm

    def _for_this_platform(self, index: dict[str, Any]) -> str:
        machine = platform.machine()
        wanted = ("linux", _ARCHITECTURES.get(machine, machine))
        for entry in index["manifests"]:
            offered = entry.get("platform", {})
            if (offered.get("os"), offered.get("architecture")) == wanted:
                return str(entry["digest"])
        raise self._failure(f"it has no variant for {'/'.join(wanted)}")

    def _check(self, reply: httpx2.Response) -> None:
        if reply.status_code in (401, 403):
            raise self._failure(f"access denied (HTTP {reply.status_code}): the registry refused the credentials")
        if reply.status_code == 404:
            raise self._failure("not found")
        if not reply.is_success:
            raise self._failure(f"the registry answered HTTP {reply.status_code}")

    def _unreachable(self, error: httpx2.HTTPError) -> RuntimeFailure:
        return self._failure(f"registry {self._reference.registry} does not answer: {error or type(error).__name__}")

    def _failure(self, what: str) -> RuntimeFailure:
        return RuntimeFailure("CannotPullContainerError", f"{self._reference}: {what}")
