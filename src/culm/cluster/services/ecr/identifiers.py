"""Which image is meant: a tag, a digest, or both, that must then agree."""

import sqlite3

from culm.cluster.services.ecr import manifests
from culm.cluster.store.ecr import images, tags
from culm.core.model.record import record
from culm.core.model.repositories import Repository
from culm.errors import AwsError


@record
class ImageIdentifier:
    image_digest: str | None = None
    image_tag: str | None = None


NOT_FOUND = {"failure_code": "ImageNotFound", "failure_reason": "Requested image not found"}
_BAD_DIGEST = {
    "failure_code": "InvalidImageDigest",
    "failure_reason": "Invalid request parameters: image digest should satisfy the regex "
    "'[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'",
}
_NEITHER = {
    "failure_code": "MissingDigestAndTag",
    "failure_reason": "Invalid request parameters: both tag and digest cannot be null",
}
_MISMATCH = {
    "failure_code": "ImageTagDoesNotMatchDigest",
    "failure_reason": "Requested image tag does not match the requested image digest",
}


def resolve(db: sqlite3.Connection, repository: str, identifier: ImageIdentifier) -> tuple[dict[str, str], str | None]:
    """Return a failure and no digest, or no failure and the digest of an image that is there."""
    tag, digest = identifier.image_tag, identifier.image_digest
    if tag is None and digest is None:
        return _NEITHER, None
    if digest is not None and not manifests.DIGEST.fullmatch(digest):
        return _BAD_DIGEST, None
    if tag is not None:
        points_to = tags.find(db, repository, tag)
        if points_to is None:
            return NOT_FOUND, None
        if digest not in (None, points_to):
            return _MISMATCH, None
        return {}, points_to
    if digest is None or images.find(db, repository, digest) is None:
        return NOT_FOUND, None
    return {}, digest


def digest_or_error(db: sqlite3.Connection, repository: Repository, identifier: ImageIdentifier) -> str:
    """Return the digest of an image that is named by tag or digest. Raises ImageNotFoundException."""
    _, digest = resolve(db, repository.repository_name, identifier)
    if digest is None:
        raise AwsError(
            "ImageNotFoundException",
            f"The image with imageId {{imageDigest:'{identifier.image_digest or 'null'}', "
            f"imageTag:'{identifier.image_tag or 'null'}'}} does not exist within the repository with name "
            f"'{repository.repository_name}' in the registry with id '{repository.registry_id}'",
        )
    return digest
