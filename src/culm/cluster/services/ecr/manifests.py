"""Reads image manifests: OCI images and indexes, Docker's schema 2 and its manifest lists.

https://github.com/opencontainers/image-spec/blob/v1.1.1/manifest.md
"""

import hashlib
import re

import msgspec

from culm.core.model.record import record

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
MEDIA_TYPES = frozenset({OCI_MANIFEST, OCI_INDEX, DOCKER_MANIFEST, DOCKER_LIST})

DIGEST = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}")

_ELSEWHERE = re.compile(
    r"application/vnd\.(oci\.image\.layer\.nondistributable\.v1|docker\.image\.rootfs\.foreign)\..*"
)


class InvalidManifest(ValueError):
    """What the sender of a manifest has to fix."""


@record
class Descriptor:
    media_type: str
    digest: str
    size: int
    elsewhere: bool
    """Fetched from another place than this registry, as Windows' base layers are."""


@record
class Manifest:
    media_type: str
    blobs: tuple[Descriptor, ...]
    """Configuration and layers."""
    images: tuple[Descriptor, ...]
    """What an index lists."""
    subject: str | None
    artifact_type: str | None
    annotations: dict[str, str] | None

    @property
    def required_blobs(self) -> tuple[str, ...]:
        """Digests of layers and configuration that must be in the repository; not those that are fetched elsewhere."""
        return tuple(d.digest for d in self.blobs if not d.elsewhere)

    @property
    def required_images(self) -> tuple[str, ...]:
        """Digests of the images that an index lists, and that must be in the repository."""
        return tuple(d.digest for d in self.images if not d.elsewhere)

    @property
    def needs(self) -> frozenset[str]:
        """Every digest that must not be removed while this manifest is there."""
        return frozenset(d.digest for d in (*self.blobs, *self.images))


class _Descriptor(msgspec.Struct, rename="camel"):
    digest: str
    size: int
    media_type: str = ""
    urls: tuple[str, ...] = ()


class _Document(msgspec.Struct, rename="camel"):
    schema_version: int
    media_type: str = ""
    artifact_type: str = ""
    config: _Descriptor | None = None
    layers: tuple[_Descriptor, ...] | None = None
    manifests: tuple[_Descriptor, ...] | None = None
    subject: _Descriptor | None = None
    annotations: dict[str, str] | None = None


def read(body: bytes, content_type: str | None = None) -> Manifest:
    """Take a manifest apart; what it says it is and what it was sent as must agree."""
    try:
        document = msgspec.json.decode(body, type=_Document)
    except msgspec.MsgspecError as wrong:
        raise InvalidManifest(f"not an image manifest: {wrong}") from None
    if document.schema_version != 2:
        raise InvalidManifest(f"schemaVersion {document.schema_version} is not supported; build the image as schema 2")
    media_type = _media_type(document, content_type)
    is_index = media_type in (OCI_INDEX, DOCKER_LIST)
    if is_index and (document.manifests is None or document.layers is not None):
        raise InvalidManifest(f"{media_type} needs manifests and has no layers")
    if not is_index and (document.config is None or document.layers is None or document.manifests is not None):
        raise InvalidManifest(f"{media_type} needs config and layers and has no manifests")

    config = (document.config,) if document.config else ()
    artifact_type = document.artifact_type or (document.config.media_type if document.config else "")
    return Manifest(
        media_type=media_type,
        blobs=tuple(map(_descriptor, (*config, *(document.layers or ())))),
        images=tuple(map(_descriptor, document.manifests or ())),
        subject=_descriptor(document.subject).digest if document.subject else None,
        artifact_type=artifact_type or None,
        annotations=document.annotations,
    )


def says_its_media_type(body: bytes) -> bool:
    """Return whether a manifest that `read` takes has a `mediaType`; where it has none, a call of PutImage must say it.

    https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutImage.html
    """
    return bool(msgspec.json.decode(body, type=_Document).media_type)


def digest_of(body: bytes, algorithm: str = "sha256") -> str:
    """Return the digest of these bytes, `sha256:...`."""
    return f"{algorithm}:{hashlib.new(algorithm, body).hexdigest()}"


def _media_type(document: _Document, content_type: str | None) -> str:
    sent_as = (content_type or "").split(";")[0].strip()
    if document.media_type and sent_as and document.media_type != sent_as:
        raise InvalidManifest(f"the manifest's mediaType is {document.media_type}, but it was sent as {sent_as}")
    media_type = document.media_type or sent_as or (OCI_INDEX if document.manifests is not None else OCI_MANIFEST)
    if media_type not in MEDIA_TYPES:
        raise InvalidManifest(f"{media_type} is none of {', '.join(sorted(MEDIA_TYPES))}")
    return media_type


def _descriptor(given: _Descriptor) -> Descriptor:
    if not DIGEST.fullmatch(given.digest):
        raise InvalidManifest(f"{given.digest!r} is no sha256 or sha512 digest")
    return Descriptor(
        media_type=given.media_type,
        digest=given.digest,
        size=given.size,
        elsewhere=bool(given.urls) or _ELSEWHERE.fullmatch(given.media_type) is not None,
    )
