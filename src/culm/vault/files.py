"""The vault's files in its bucket, on any S3: Amazon's or the local cluster's.

S3 stores an object whole or not at all, so there is no torn file. Every write is conditional on the version
that its writer read:
https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
"""

import hashlib
from collections import Counter
from collections.abc import Iterator
from typing import Any

from culm.core.model.record import record
from culm.errors import CulmError
from culm.vault import redaction
from culm.vault.names import Folder, Name, of_key
from culm.vault.secret import Secret

SHA256 = "sha256"
"""The object's metadata that says what its bytes were when they were written."""

UNVERSIONED = "null"
"""S3's id of a version that was written while versioning was off."""
ABSENT = ("NoSuchKey", "NoSuchVersion", "NoSuchBucket", "404")
CONFLICTS = ("PreconditionFailed", "ConditionalRequestConflict", "412", "409")


class Conflict(CulmError):
    """Raised when the file was changed after its writer read it."""


@record
class File:
    """One version of a file."""

    name: Name
    data: Secret
    etag: str
    version: str


@record
class HistoryEntry:
    """One entry of a file's history. `at` is epoch seconds, `size` bytes."""

    version: str
    at: float
    size: int
    current: bool
    deleted: bool
    """Whether this is where it was deleted, and not a version of it."""


@record
class Listed:
    """A file in a listing. `at` is epoch seconds, `size` bytes."""

    name: Name
    at: float
    size: int
    version: str = ""
    """The present one's id, where versions were listed."""
    versions: int = 1
    """How many are kept."""


class Vault:
    """The files of one bucket. `s3` is a boto3 client. Threads may share a vault."""

    def __init__(self, s3: Any, bucket: str) -> None:
        self.s3 = s3
        self.bucket = bucket

    def read(self, name: Name, version: str | None = None) -> File | None:
        """Return the file, or the version with this id; None where there is none. Its secrets are redacted from now on.

        Raises CulmError when the bytes are not those that were written.
        """
        from botocore.exceptions import ClientError, FlexibleChecksumError

        which = {"VersionId": version} if version else {}
        try:
            answer = self.s3.get_object(Bucket=self.bucket, Key=str(name), **which)
            data = answer["Body"].read()
        except FlexibleChecksumError:
            raise corrupted(name, version) from None
        except ClientError as error:
            if error.response["Error"]["Code"] in (*ABSENT, "MethodNotAllowed"):  # 405: the version is a deletion
                return None
            raise
        if answer["Metadata"].get(SHA256, digest(data)) != digest(data):
            raise corrupted(name, version)
        redaction.remember(name.file, data.decode(errors="replace"))
        return File(name=name, data=Secret(data), etag=answer["ETag"], version=answer.get("VersionId", ""))

    def write(self, name: Name, data: Secret, over: File | None) -> str:
        """Write the file if it is still `over` (None: if there is none), and return the new version's id.

        Raises Conflict when it has been changed since.
        """
        from botocore.exceptions import ClientError

        redaction.remember(name.file, data.text())
        condition = {"IfMatch": over.etag} if over else {"IfNoneMatch": "*"}
        try:
            answer = self.s3.put_object(
                Bucket=self.bucket,
                Key=str(name),
                Body=data.reveal(),
                Metadata={SHA256: digest(data.reveal())},
                **condition,
            )
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in CONFLICTS or (over and code == "NoSuchKey"):
                changed = "changed" if over else "created"
                raise Conflict(
                    f"{name} was {changed} by somebody else after you read it; nothing was written",
                    f"see what is there: culm vault get {name}; what it was before: culm vault history {name}",
                ) from None
            raise
        return str(answer.get("VersionId", ""))

    def delete(self, name: Name) -> None:
        """Delete the file; its history stays, with the content of every version."""
        self.s3.delete_object(Bucket=self.bucket, Key=str(name))

    def purge(self, name: Name) -> int:
        """Delete the file with its whole history; returns the number of versions deleted."""
        versions = list(self.history(name))
        for start in range(0, len(versions), 1000):
            batch = [{"Key": str(name), "VersionId": v.version} for v in versions[start : start + 1000]]
            left = self.s3.delete_objects(Bucket=self.bucket, Delete={"Objects": batch, "Quiet": True}).get("Errors")
            if left:
                raise CulmError(f"{len(left)} versions of {name} are still there: {left[0]['Message']}", "try again")
        return len(versions)

    def list(self, folder: Folder) -> Iterator[Listed]:
        """Yield the present files of a folder, by name."""
        for page in self._pages("list_objects_v2", folder.prefix):
            for item in page.get("Contents", ()):
                if (name := of_key(item["Key"])) is not None:
                    yield Listed(name=name, at=item["LastModified"].timestamp(), size=item["Size"])

    def present(self, folder: Folder) -> Iterator[Listed]:
        """Yield what `list` does, with the id of each file's version and the number of those that are kept."""
        versions = Counter[str]()
        latest: dict[str, dict[str, Any]] = {}
        for page in self._pages("list_object_versions", folder.prefix):
            for item in page.get("Versions", ()):
                versions[item["Key"]] += 1
                if item["IsLatest"]:
                    latest[item["Key"]] = item
        for key, item in sorted(latest.items()):
            if (name := of_key(key)) is not None:
                yield Listed(
                    name=name,
                    at=item["LastModified"].timestamp(),
                    size=item["Size"],
                    version="" if item["VersionId"] == UNVERSIONED else item["VersionId"],
                    versions=versions[key],
                )

    def every(self, folder: Folder) -> set[Name]:
        """Return the names of a folder's files, also of those that were deleted and have a history."""
        keys = {
            item["Key"]
            for page in self._pages("list_object_versions", folder.prefix)
            for kind in ("Versions", "DeleteMarkers")
            for item in page.get(kind, ())
        }
        return {name for key in keys if (name := of_key(key)) is not None}

    def history(self, name: Name) -> Iterator[HistoryEntry]:
        """Yield every version, newest first."""
        for page in self._pages("list_object_versions", str(name)):
            versions = [(item, False) for item in page.get("Versions", ())]
            versions += [(item, True) for item in page.get("DeleteMarkers", ())]
            # S3 gives them in two lists, each the newest first; the times are whole seconds
            versions.sort(key=lambda each: (each[0]["IsLatest"], each[0]["LastModified"]), reverse=True)
            for item, deleted in versions:
                if item["Key"] == str(name):
                    yield HistoryEntry(
                        version=item["VersionId"],
                        at=item["LastModified"].timestamp(),
                        size=item.get("Size", 0),
                        current=item["IsLatest"],
                        deleted=deleted,
                    )

    def prepare(self, region: str) -> None:
        """Make the bucket unless it exists, and turn versioning on. On AWS the base stack has made and protected it."""
        from botocore.exceptions import ClientError

        try:
            versioning = self.s3.get_bucket_versioning(Bucket=self.bucket).get("Status")
        except ClientError as error:
            if error.response["Error"]["Code"] != "NoSuchBucket":
                raise
            where = {"CreateBucketConfiguration": {"LocationConstraint": region}} if region != "us-east-1" else {}
            self.s3.create_bucket(Bucket=self.bucket, **where)
            versioning = None
        if versioning != "Enabled":
            self.s3.put_bucket_versioning(Bucket=self.bucket, VersioningConfiguration={"Status": "Enabled"})

    def _pages(self, operation: str, prefix: str) -> Iterator[dict[str, Any]]:
        from botocore.exceptions import ClientError

        try:
            yield from self.s3.get_paginator(operation).paginate(Bucket=self.bucket, Prefix=prefix)
        except ClientError as error:
            if error.response["Error"]["Code"] not in ABSENT:
                raise


def digest(data: bytes) -> str:
    """Return the SHA-256 of a file in hex, by which two versions are compared."""
    return hashlib.sha256(data).hexdigest()


def corrupted(name: Name, version: str | None) -> CulmError:
    """Return the error for a file whose digest is not what was written."""
    which = f" (version {version})" if version else ""
    return CulmError(
        f"{name}{which} is corrupted: its bytes are not those that were written",
        f"an earlier version: culm vault history {name}, then culm vault get {name} --version ID",
    )
