"""What a push may do: by the PutImage operation, and by the registry that `docker push` speaks to."""

import sqlite3

from culm.cluster.services.ecr.manifests import Manifest
from culm.cluster.services.ecr.repositories import immutable
from culm.cluster.store.ecr import images, layers, tags
from culm.core.model.repositories import Image, Repository
from culm.errors import AwsError


def push(
    db: sqlite3.Connection, repository: Repository, manifest: Manifest, body: bytes, digest: str, now: float
) -> Image:
    """Keep an image whose layers, or listed images, are all there; pushing it again changes nothing."""
    name, registry_id = repository.repository_name, repository.registry_id
    where = f"required for pushing image into repository with name '{name}' in the registry with id '{registry_id}'"
    if missing := [d for d in manifest.required_blobs if layers.find(db, name, d) is None]:
        raise AwsError("LayersNotFoundException", f"Layers with digests '[{', '.join(missing)}]' {where} do not exist")
    listed = {d: images.find(db, name, d) for d in manifest.required_images}
    if missing := [d for d, image in listed.items() if image is None]:
        raise AwsError(
            "ReferencedImagesNotFoundException", f"Images with digests '[{', '.join(missing)}]' {where} do not exist"
        )
    sizes = [image.size for image in listed.values() if image]
    image = Image(
        digest=digest,
        media_type=manifest.media_type,
        size=max(sizes, default=0) + sum(d.size for d in manifest.blobs if not d.elsewhere),
        pushed_at=now,
        artifact_type=manifest.artifact_type,
        subject=manifest.subject,
        annotations=manifest.annotations,
        manifest_bytes=len(body),
    )
    images.save(db, name, image, body, manifest.needs)
    return images.find(db, name, digest) or image


def point(db: sqlite3.Connection, repository: Repository, tag: str, digest: str) -> bool:
    """Point a tag to an image; false if it did so before."""
    old = tags.find(db, repository.repository_name, tag)
    if old == digest:
        return False
    if old and immutable(repository, tag):
        raise AwsError(
            "ImageTagAlreadyExistsException",
            f"The image tag '{tag}' already exists in the '{repository.repository_name}' repository and cannot be "
            "overwritten because the repository is immutable.",
        )
    tags.save(db, repository.repository_name, tag, digest)
    return True


def remove(db: sqlite3.Connection, repository: str, digest: str) -> tuple[str, ...]:
    """Delete an image with its tags, unless an index lists it: then the digests of those indexes are returned."""
    listed_by = images.needed_by(db, repository, digest)
    if not listed_by:
        images.delete(db, repository, digest)
    return listed_by
