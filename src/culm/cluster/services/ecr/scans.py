"""Scans of images. No scanner is here: a scan that is asked for ends as one of an image that nobody can scan does.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning-basic.html
"""

import sqlite3
from typing import Any

from culm.cluster.services.ecr.identifiers import ImageIdentifier, digest_or_error
from culm.cluster.services.ecr.repositories import RepositoryInput, named
from culm.cluster.store.ecr import scans
from culm.cluster.wire.operations import Call, operation
from culm.core.model.record import record
from culm.core.model.repositories import Repository
from culm.errors import AwsError

_BETWEEN_SCANS_SECONDS = 24 * 3600
UNSCANNED = {
    "status": "UNSUPPORTED_IMAGE",
    "description": "culm has no scanner of its own. Scan the image with a program such as Trivy or Grype.",
}


@record
class ImageScanInput(RepositoryInput):
    image_id: ImageIdentifier


@operation("ecr", "StartImageScan")
def start_image_scan(call: Call, req: ImageScanInput) -> dict[str, Any]:
    """Begin a scan. Raises LimitExceededException when the last one of this image is less than a day old."""
    repository = named(call, req)
    digest = digest_or_error(call.db, repository, req.image_id)
    last = scans.started(call.db, req.repository_name, digest)
    if last is not None and call.now - last < _BETWEEN_SCANS_SECONDS:
        raise AwsError("LimitExceededException", "The scan quota per image has been exceeded. Wait and try again.")
    scans.save(call.db, req.repository_name, digest, call.now)
    return {**_image(repository, req, digest), "image_scan_status": {"status": "IN_PROGRESS"}}


@operation("ecr", "DescribeImageScanFindings")
def describe_image_scan_findings(call: Call, req: ImageScanInput) -> dict[str, Any]:
    """Return what came of a scan. Raises ScanNotFoundException where none was asked for."""
    repository = named(call, req)
    digest = digest_or_error(call.db, repository, req.image_id)
    status = scan_status(call.db, repository, digest)
    if status is None:
        given = f"imageDigest:'{req.image_id.image_digest or 'null'}', imageTag:'{req.image_id.image_tag or 'null'}'"
        raise AwsError(
            "ScanNotFoundException",
            f"Image scan does not exist for the image with '{{{given}}}' in the repository with name "
            f"'{req.repository_name}' in the registry with id '{repository.registry_id}'",
        )
    return {**_image(repository, req, digest), "image_scan_status": status}


def scan_status(db: sqlite3.Connection, repository: Repository, digest: str) -> dict[str, str] | None:
    """Return what became of the scan of an image; None where none was asked for."""
    return None if scans.started(db, repository.repository_name, digest) is None else UNSCANNED


def _image(repository: Repository, req: ImageScanInput, digest: str) -> dict[str, Any]:
    return {
        "registry_id": repository.registry_id,
        "repository_name": repository.repository_name,
        "image_id": ImageIdentifier(image_digest=digest, image_tag=req.image_id.image_tag),
    }
