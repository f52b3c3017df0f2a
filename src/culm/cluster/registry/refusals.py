"""Errors in the form that registries' clients read.

https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#error-codes
"""

import errno
import json

from culm.cluster.registry.exchange import Reply
from culm.errors import AwsError


class Refusal(Exception):
    """An error that a client of the registry is shown: a code of the specification, what is wrong, what to do."""

    def __init__(self, status: int, code: str, message: str, *headers: tuple[str, str]) -> None:
        super().__init__(f"{code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.headers = headers

    @property
    def reply(self) -> Reply:
        body = {"errors": [{"code": self.code, "message": self.message, "detail": None}]}
        return Reply(
            status=self.status,
            headers=(("Content-Type", "application/json"), *self.headers),
            body=json.dumps(body).encode(),
        )


_OF_AWS = {
    "RepositoryNotFoundException": (404, "NAME_UNKNOWN"),
    "ImageTagAlreadyExistsException": (400, "TAG_INVALID"),
    "LayersNotFoundException": (400, "MANIFEST_BLOB_UNKNOWN"),
    "ReferencedImagesNotFoundException": (400, "MANIFEST_BLOB_UNKNOWN"),
}


def of_aws(error: AwsError, name: str) -> Refusal:
    """Return what ECR's own operations raise, as ECR's registry says it."""
    status, code = _OF_AWS[error.code]
    message = error.message
    if code == "NAME_UNKNOWN":
        message += f"; create it first: aws ecr create-repository --repository-name {name}"
    return Refusal(status, code, message)


def of_disk(error: OSError, folder: str) -> Refusal | None:
    """Return the refusal that names a full disk; None where it is not full.

    Docker shows the text of 4xx only and tries anything else again, which would not help.
    """
    if error.errno not in (errno.ENOSPC, errno.EDQUOT):
        return None
    return Refusal(
        413,
        "DENIED",
        f"no space left on the disk of {folder} ({error.strerror}); free some, delete images "
        "(aws ecr batch-delete-image), or move CULM_HOME to a bigger disk",
    )


def unauthorized(base_url: str) -> Refusal:
    """Return ECR's challenge. https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry_auth.html"""
    return Refusal(
        401,
        "UNAUTHORIZED",
        "the password is missing, wrong or older than 12 hours; log in again: "
        "aws ecr get-login-password | docker login --username AWS --password-stdin " + base_url.split("://", 1)[-1],
        ("WWW-Authenticate", f'Basic realm="{base_url}/",service="ecr.amazonaws.com"'),
    )


def unknown_blob(digest: str) -> Refusal:
    return Refusal(404, "BLOB_UNKNOWN", f"this repository has no blob {digest}")


def unknown_manifest(reference: str) -> Refusal:
    return Refusal(404, "MANIFEST_UNKNOWN", f"Requested image not found: {reference}")


def bad_digest(digest: str) -> Refusal:
    return Refusal(400, "DIGEST_INVALID", f"{digest!r} is no sha256 or sha512 digest")
