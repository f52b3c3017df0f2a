"""Images: pushed, listed, fetched and deleted by tag or digest.

https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutImage.html
"""

import sqlite3
from typing import Any, Literal

from culm.cluster.services.ecr import manifests
from culm.cluster.services.ecr.identifiers import NOT_FOUND, ImageIdentifier, digest_or_error, resolve
from culm.cluster.services.ecr.manifests import InvalidManifest
from culm.cluster.services.ecr.pushes import point, push, remove
from culm.cluster.services.ecr.repositories import RepositoryInput, named
from culm.cluster.services.ecr.scans import scan_status
from culm.cluster.store.ecr import images, tags
from culm.cluster.wire.operations import Call, operation
from culm.core.model.record import record
from culm.core.model.repositories import Image, Repository
from culm.errors import AwsError


@record
class Filter:
    tag_status: Literal["TAGGED", "UNTAGGED", "ANY"] = "ANY"
    image_status: Literal["ACTIVE", "ARCHIVED", "ACTIVATING", "ANY"] = "ACTIVE"
    """Every image here is ACTIVE: there is no archive."""


@record
class PutImageInput(RepositoryInput):
    image_manifest: str
    image_manifest_media_type: str | None = None
    image_tag: str | None = None
    image_digest: str | None = None


@operation("ecr", "PutImage")
def put_image(call: Call, req: PutImageInput) -> dict[str, Any]:
    """Keep a manifest under its digest and tag.

    Raises ImageAlreadyExistsException when nothing would change, ImageDigestDoesNotMatchException for another digest
    than the caller's, and the error of a manifest that cannot be read.
    """
    repository = named(call, req)
    body = req.image_manifest.encode()
    try:
        manifest = manifests.read(body, req.image_manifest_media_type)
        if req.image_manifest_media_type is None and not manifests.says_its_media_type(body):
            raise AwsError(
                "InvalidParameterException", "image manifest mediatype not provided in manifest or parameter"
            )
    except InvalidManifest as wrong:
        raise AwsError(
            "InvalidParameterException",
            f"Invalid parameter at 'ImageManifest' failed to satisfy constraint: '{wrong}'",
        ) from None
    digest = manifests.digest_of(body)
    if req.image_digest not in (None, digest):
        raise AwsError(
            "ImageDigestDoesNotMatchException",
            f"The digest of the image manifest is '{digest}', not '{req.image_digest}'",
        )
    known = images.find(call.db, req.repository_name, digest) is not None
    push(call.db, repository, manifest, body, digest, call.now)
    moved = point(call.db, repository, req.image_tag, digest) if req.image_tag else False
    if known and not moved:
        tagged = f" and tag '{req.image_tag}'" if req.image_tag else ""
        raise AwsError(
            "ImageAlreadyExistsException",
            f"Image with digest '{digest}'{tagged} already exists in the repository with name "
            f"'{req.repository_name}' in registry with id '{repository.registry_id}'",
        )
    identifier = ImageIdentifier(image_digest=digest, image_tag=req.image_tag)
    return {"image": _with_manifest(repository, identifier, req.image_manifest, manifest.media_type)}


@record
class ListImagesInput(RepositoryInput):
    filter: Filter = Filter()


@operation("ecr", "ListImages")
def list_images(call: Call, req: ListImagesInput) -> dict[str, Any]:
    """Return one identifier for each tag of an image, and one for an image without."""
    named(call, req)
    return {
        "image_ids": [
            ImageIdentifier(image_digest=image.digest, image_tag=tag)
            for image, tagged in _listed(call.db, req.repository_name, req.filter)
            for tag in tagged or (None,)
        ]
    }


@record
class DescribeImagesInput(RepositoryInput):
    image_ids: tuple[ImageIdentifier, ...] = ()
    filter: Filter = Filter()


@operation("ecr", "DescribeImages")
def describe_images(call: Call, req: DescribeImagesInput) -> dict[str, Any]:
    """Return the details of the named images, or of all. Raises ImageNotFoundException for one that there is not."""
    repository = named(call, req)
    wanted = {digest_or_error(call.db, repository, identifier) for identifier in req.image_ids}
    return {
        "image_details": [
            {
                "registry_id": repository.registry_id,
                "repository_name": repository.repository_name,
                "image_digest": image.digest,
                "image_tags": tagged or None,
                "image_size_in_bytes": image.size,
                "image_pushed_at": image.pushed_at,
                "image_manifest_media_type": image.media_type,
                "artifact_media_type": image.artifact_type,
                "last_recorded_pull_time": images.last_pull(call.db, repository.repository_name, image.digest),
                "subject_manifest_digest": image.subject,
                "image_status": "ACTIVE",
                "image_scan_status": scan_status(call.db, repository, image.digest),
            }
            for image, tagged in _listed(call.db, req.repository_name, req.filter)
            if not req.image_ids or image.digest in wanted
        ]
    }


@record
class BatchGetImageInput(RepositoryInput):
    image_ids: tuple[ImageIdentifier, ...]
    accepted_media_types: tuple[str, ...] = ()


@operation("ecr", "BatchGetImage")
def batch_get_image(call: Call, req: BatchGetImageInput) -> dict[str, Any]:
    """Return manifests; what there is not is in `failures`, each with its reason."""
    repository = named(call, req)
    images_read: list[dict[str, Any]] = []
    failures: list[dict[str, Any]] = []
    for identifier in req.image_ids:
        failure, digest = resolve(call.db, req.repository_name, identifier)
        if failure or not digest:
            failures.append({"image_id": identifier, **failure})
            continue
        image = images.find(call.db, req.repository_name, digest)
        if image is None or (req.accepted_media_types and image.media_type not in req.accepted_media_types):
            failures.append({"image_id": identifier, **NOT_FOUND})
            continue
        images.pulled(call.db, req.repository_name, digest, call.now)
        body = images.manifest(call.db, req.repository_name, digest).decode()
        exact = ImageIdentifier(image_digest=digest, image_tag=identifier.image_tag)
        images_read.append(_with_manifest(repository, exact, body, image.media_type))
    return {"images": images_read, "failures": failures}


@record
class BatchDeleteImageInput(RepositoryInput):
    image_ids: tuple[ImageIdentifier, ...]


@operation("ecr", "BatchDeleteImage", wakes=True)
def batch_delete_image(call: Call, req: BatchDeleteImageInput) -> dict[str, Any]:
    """Delete by digest an image with all its tags; by tag only the tag, and the image when it was the last one."""
    named(call, req)
    deleted: list[ImageIdentifier] = []
    failures: list[dict[str, Any]] = []
    # AWS sees the whole request at once: an index and the images that it lists may go together, in any order.
    indexes_first = sorted(req.image_ids, key=lambda i: not _is_index(call.db, req.repository_name, i))
    for identifier in indexes_first:
        failure, digest = resolve(call.db, req.repository_name, identifier)
        if failure or not digest:
            failures.append({"image_id": identifier, **failure})
            continue
        tagged = tags.of(call.db, req.repository_name, digest)
        if identifier.image_tag and tagged != (identifier.image_tag,) and identifier.image_digest is None:
            tags.delete(call.db, req.repository_name, identifier.image_tag)
        elif listed_by := remove(call.db, req.repository_name, digest):
            reason = f"Requested image referenced by manifest list: [{', '.join(listed_by)}]"
            failures.append(
                {
                    "image_id": identifier,
                    "failure_code": "ImageReferencedByManifestList",
                    "failure_reason": reason,
                }
            )
            continue
        names = (identifier.image_tag,) if identifier.image_tag else tagged or (None,)
        deleted.extend(ImageIdentifier(image_digest=digest, image_tag=name) for name in names)
    return {"image_ids": deleted, "failures": failures}


def _is_index(db: sqlite3.Connection, repository: str, identifier: ImageIdentifier) -> bool:
    _, digest = resolve(db, repository, identifier)
    image = images.find(db, repository, digest) if digest else None
    return image is not None and image.media_type in (manifests.OCI_INDEX, manifests.DOCKER_LIST)


def _listed(db: sqlite3.Connection, repository: str, filter: Filter) -> list[tuple[Image, tuple[str, ...]]]:
    if filter.image_status not in ("ACTIVE", "ANY"):
        return []
    pairs = [(image, tags.of(db, repository, image.digest)) for image in images.in_repository(db, repository)]
    return [(i, t) for i, t in pairs if filter.tag_status == "ANY" or (filter.tag_status == "TAGGED") == bool(t)]


def _with_manifest(repository: Repository, identifier: ImageIdentifier, body: str, media_type: str) -> dict[str, Any]:
    return {
        "registry_id": repository.registry_id,
        "repository_name": repository.repository_name,
        "image_id": identifier,
        "image_manifest": body,
        "image_manifest_media_type": media_type,
    }
