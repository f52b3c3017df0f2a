"""Which very base image a build stands on, the same on every machine. Asked of its registry, once; kept on disk.

A name such as `python:3.12` moves. What it means now is its *identity*: a digest of the layers' contents (the
configuration's `rootfs.diff_ids`) and of the settings that a build inherits. A registry and an engine both know these,
so machines agree whichever they ask, and however long ago they pulled. In this order:

    a name with a digest                      says it all, nobody is asked
    an image that the engine made itself      is in no registry: the engine says its content
    any other                                 its registry says it, for the platform that is built for
    a registry that does not answer           what it said last; else what the engine has

Two requests find out whether a name has moved, and four what it means if so. The answer for a name counts for an hour;
the content of a manifest never changes. https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pull
"""

import base64
import contextlib
import hashlib
import json
import os
import re
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from culm.core.model.record import record
from culm.engine import registries, tokens
from culm.engine.answers import NoEngine
from culm.engine.client import Engine
from culm.engine.images import DOCKER_HUB, split_registry, split_tag
from culm.errors import CulmError
from culm.target import clock

if TYPE_CHECKING:
    import httpx2

COUNTS_SECONDS = 3600.0
CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 20.0
SILENT_SECONDS = 300.0
"""How long a registry that did not answer is not asked again."""
DOCKER_HUB_SERVER = "registry-1.docker.io"
MANIFESTS = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
INHERITED = (
    "Cmd",
    "Entrypoint",
    "Env",
    "ExposedPorts",
    "Healthcheck",
    "Labels",
    "OnBuild",
    "Shell",
    "StopSignal",
    "User",
    "Volumes",
    "WorkingDir",
)
"""Of an image's configuration, what a build takes over. Others (Hostname, Image) are an engine's own."""


class RegistryFailure(Exception):
    """Why a registry does not say what an image is."""


@record
class Content:
    """An image as far as a build that begins with it can tell."""

    identity: str
    platform: str
    """`linux/amd64`."""


def content_of(layers: object, settings: Mapping[str, Any] | None, platform: str) -> Content:
    """Return an image's content, from a configuration's `rootfs.diff_ids` and `config`, or an engine's facts."""
    inherited = {key: value for key in INHERITED if (value := (settings or {}).get(key))}
    canonical = json.dumps([layers, inherited], sort_keys=True, separators=(",", ":"))
    return Content(identity=f"sha256:{hashlib.sha256(canonical.encode()).hexdigest()}", platform=platform)


def in_engine(engine: Engine, image: str) -> tuple[Content, bool] | None:
    """Return what the engine has by that name, and whether it came from a registry.

    None: nothing, or no engine answers.
    """
    try:
        facts = engine.inspect(image)
    except NoEngine:
        return None
    if facts is None:
        return None
    platform = f"{facts.get('Os') or 'linux'}/{facts.get('Architecture') or ''}"
    content = content_of((facts.get("RootFS") or {}).get("Layers"), facts.get("Config"), platform)
    return content, bool(facts.get("RepoDigests"))


class Bases:
    """The base images of a project's builds. Threads may share it."""

    def __init__(self, engine: Engine, memory: Path, now: Callable[[], float] = clock.now) -> None:
        self.engine = engine
        self.memory = memory
        self.now = now
        self._mutex = threading.Lock()
        self._known: dict[tuple[str, str], str] = {}

    def identity(self, image: str, platform: str) -> str:
        """Return an image's identity, the same on every machine; the bare name where nobody can say what it is."""
        with self._mutex:
            if (image, platform) not in self._known:
                self._known[image, platform] = self.find(image, platform)
            return self._known[image, platform]

    def find(self, image: str, platform: str) -> str:
        """Return what identifies the image for this platform: its digest, the engine's id, or what was remembered."""
        if "@" in image:
            return image.partition("@")[2]
        here = in_engine(self.engine, image)
        if here is not None and not here[1]:
            return here[0].identity
        remembered = Memory(self.memory, self.now)
        known = remembered.answer(image, platform)
        if known is not None and remembered.counts(image, platform):
            return known
        if not remembered.silent(image):
            try:
                base_image = of_registry(image, platform, remembered)
            except RegistryFailure:
                remembered.failed(image)
            else:
                remembered.keep(image, platform, base_image)
                return base_image
        if known is not None:
            return known
        return here[0].identity if here is not None and here[0].platform == platform else image

    def differs(self, image: str, platform: str) -> bool:
        """Return whether the engine lacks the image that a build is to stand on, or has another one by that name."""
        if "@" in image:
            return self.engine.image_id(image) is None
        here = in_engine(self.engine, image)
        wanted = self.identity(image, platform)
        return here is None or (wanted.startswith("sha256:") and here[0].identity != wanted)


class Memory:
    """What registries said: a JSON file, which any process may replace."""

    def __init__(self, path: Path, now: Callable[[], float]) -> None:
        self.path = path
        self.now = now
        try:
            content: object = json.loads(path.read_bytes())
        except (OSError, ValueError):
            content = None
        self.content: dict[str, Any] = content if isinstance(content, dict) else {}

    def entry(self, kind: str, key: str) -> Any:
        """Return what is remembered under a key, None for nothing."""
        table = self.content.get(kind)
        return table.get(key) if isinstance(table, dict) else None

    def answer(self, image: str, platform: str) -> str | None:
        """Return the identity that the registry gave for the image the last time, None if it was not asked."""
        entry = self.entry("names", f"{full_name(image)} {platform}")
        return str(entry["identity"]) if entry else None

    def counts(self, image: str, platform: str) -> bool:
        """Return whether that answer is young enough to be used without asking again."""
        entry = self.entry("names", f"{full_name(image)} {platform}")
        return bool(entry) and 0 <= self.now() - float(entry["at"]) < COUNTS_SECONDS

    def silent(self, image: str) -> bool:
        """Return whether the registry did not answer a short time ago, so that it is not waited for again."""
        at = self.entry("silent", full_name(image))
        return at is not None and 0 <= self.now() - float(at) < SILENT_SECONDS

    def keep(self, image: str, platform: str, identity: str) -> None:
        """Remember what an image was for a platform, and when that was looked up."""
        self.put("names", f"{full_name(image)} {platform}", {"identity": identity, "at": self.now()})

    def failed(self, image: str) -> None:
        """Remember that a registry could not be asked for this image just now."""
        self.put("silent", full_name(image), self.now())

    def put(self, kind: str, key: str, value: Any) -> None:
        """Remember a value, also on disk if that can be written."""
        table = self.content.get(kind)
        self.content[kind] = {**(table if isinstance(table, dict) else {}), key: value}
        with contextlib.suppress(OSError):  # it is asked again next time
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            fresh = self.path.with_name(f".{self.path.name}.{os.getpid()}.{threading.get_ident()}")
            fresh.write_text(json.dumps(self.content, sort_keys=True))
            fresh.replace(self.path)


def full_name(image: str) -> str:
    """Return an image's full name: `docker.io/library/python:latest` for `python`."""
    name, tag = split_tag(image)
    registry, repository = split_registry(name)
    return f"{registry}/{repository}:{tag}"


def of_registry(image: str, platform: str, memory: Memory) -> str:
    """Return the identity that the image's registry gives it for a platform. Raises RegistryFailure."""
    import httpx2  # slow to import, and most plans have an answer on disk

    name, tag = split_tag(image)
    registry, repository = split_registry(name)
    try:
        login = registries.login_to(registry)
    except CulmError as error:
        raise RegistryFailure(error.what) from error
    client = RegistryClient(registry, repository, login)
    try:
        with client:
            digest, manifest = client.manifest(tag)
            known = memory.entry("manifests", f"{digest} {platform}")
            if known is not None:
                return str(known)
            if "manifests" in manifest:
                _, manifest = client.manifest(of_platform(manifest, platform))
            configuration = client.blob(manifest["config"]["digest"])
            content = content_of(configuration["rootfs"]["diff_ids"], configuration.get("config"), platform)
    except httpx2.HTTPError as error:
        raise RegistryFailure(f"{registry}: {error}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise RegistryFailure(f"{registry} answers with what is no image: {error!r}") from error
    memory.put("manifests", f"{digest} {platform}", content.identity)
    return content.identity


def of_platform(index: Mapping[str, Any], platform: str) -> str:
    """Return the digest of an index's manifest for `linux/arm64`. Raises RegistryFailure."""
    system, _, architecture = platform.partition("/")
    for entry in index["manifests"]:
        offered = entry.get("platform") or {}
        if (offered.get("os"), offered.get("architecture")) == (system, architecture.partition("/")[0]):
            return str(entry["digest"])
    raise RegistryFailure(f"there is no variant for {platform}")


class RegistryClient:
    """Reads one repository, with the user's login; a registry on this machine speaks plain HTTP.

    https://distribution.github.io/distribution/spec/auth/token/
    """

    def __init__(self, registry: str, repository: str, login: registries.EngineLogin | None) -> None:
        import httpx2

        server = DOCKER_HUB_SERVER if registry == DOCKER_HUB else registry
        near = re.fullmatch(r"localhost|127\.[\d.]+|\[::1\]", server.rpartition(":")[0] or server) is not None
        self.base = f"{'http' if near else 'https'}://{server}/v2/{repository}"
        self.repository = repository
        self.login = login
        self.authorization: str | None = None
        self.client = httpx2.Client(
            timeout=httpx2.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS), follow_redirects=True, trust_env=not near
        )

    def __enter__(self) -> "RegistryClient":
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()

    def manifest(self, version: str) -> tuple[str, dict[str, Any]]:
        """Return a manifest or an index, with its digest."""
        answer = self.get(f"{self.base}/manifests/{version}", ", ".join(MANIFESTS))
        digest = f"sha256:{hashlib.sha256(answer.content).hexdigest()}"
        if version.startswith("sha256:") and version != digest:
            raise RegistryFailure(f"it sent {digest} for {version}")
        value: dict[str, Any] = answer.json()
        return digest, value

    def blob(self, digest: str) -> dict[str, Any]:
        """Return a JSON blob of the repository. Raises as `get`."""
        value: dict[str, Any] = self.get(f"{self.base}/blobs/{digest}", "*/*").json()
        return value

    def get(self, url: str, accept: str) -> "httpx2.Response":
        """Return the answer, with status 200; raise RegistryFailure for every other."""
        answer = self.ask(url, accept)
        if answer.status_code == 401 and self.authorization is None:
            self.authorization = self.authorize(answer.headers.get("WWW-Authenticate", ""))
            answer = self.ask(url, accept)
        if answer.status_code != 200:
            raise RegistryFailure(f"{url} answers with status {answer.status_code}")
        return answer

    def ask(self, url: str, accept: str) -> "httpx2.Response":
        """Send one GET to the registry, with what it has let us in by.

        `accept` is the media types that are understood.
        """
        headers = {"Accept": accept} | ({"Authorization": self.authorization} if self.authorization else {})
        return self.client.get(url, headers=headers)

    def authorize(self, challenge: str) -> str:
        """Return the header that the registry asks for: the login itself, or a token that its token server gives."""
        basic = None
        if self.login is not None and self.login.user:
            basic = "Basic " + base64.b64encode(f"{self.login.user}:{self.login.password}".encode()).decode()
        wanted = tokens.request(challenge, self.repository)
        if wanted is None:
            if basic is None:
                raise RegistryFailure("it asks for a login")
            return basic
        if self.login is not None and self.login.identity_token:
            form = {"grant_type": "refresh_token", "refresh_token": self.login.identity_token, "client_id": "culm"}
            answer = self.client.post(wanted.url, data=form | wanted.parameters)
        else:
            headers = {"Authorization": basic} if basic else {}
            answer = self.client.get(wanted.url, params=wanted.parameters, headers=headers)
        if answer.status_code != 200:
            raise RegistryFailure(f"its token server answers with status {answer.status_code}")
        given = answer.json()
        return f"Bearer {given.get('token') or given['access_token']}"
