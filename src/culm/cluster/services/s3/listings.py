"""Lists of objects and versions: by prefix, folded at a delimiter, a page at a time."""

import base64
import binascii
from collections.abc import Callable
from typing import Any, Literal
from urllib.parse import quote

from culm.cluster.services.s3 import checksums
from culm.cluster.services.s3.references import bucket_named, owner
from culm.cluster.store.s3 import objects
from culm.cluster.store.s3.objects import LAST, ObjectVersion
from culm.cluster.wire.operations import Call, operation
from culm.core.model.record import Stored, record
from culm.errors import AwsError

MOST = 1000
"""Entries of a page."""

Place = tuple[str, int]
"""How far a listing has come: a key, and the sequence of its version."""


@record
class Page:
    versions: list[ObjectVersion]
    prefixes: list[str]
    next: Place | None
    """Where the next page begins, if there is one; a common prefix counts as its last key."""


def fold(
    fetch: Callable[[Place, int], list[ObjectVersion]], prefix: str, delimiter: str | None, start: Place, limit: int
) -> Page:
    """Return a page of what `fetch(place, how many)` gives.

    Keys alike up to the delimiter behind `prefix` count as one.
    """
    versions: list[ObjectVersion] = []
    prefixes: list[str] = []
    place = start
    while True:
        page = fetch(place, limit + 1)
        for version in page:
            cut = version.key.find(delimiter, len(prefix)) if delimiter else -1
            if len(versions) + len(prefixes) == limit:
                return Page(versions=versions, prefixes=prefixes, next=place if limit else None)
            if cut >= 0:
                common = version.key[: cut + len(delimiter or "")]
                prefixes.append(common)
                place = common + LAST, 0
                break  # fetch behind all that it stands for
            versions.append(version)
            place = version.key, version.sequence
        else:  # there were not so many
            return Page(versions=versions, prefixes=prefixes, next=None)


def behind(marker: str, prefix: str, delimiter: str | None) -> str:
    """Return the key behind which a listing goes on; a marker that is a common prefix stands for all its keys."""
    if delimiter and marker.startswith(prefix) and marker.endswith(delimiter) and len(marker) > len(prefix):
        return marker + LAST
    return marker


@record
class ListingInput:
    bucket: str
    prefix: str = ""
    delimiter: str | None = None
    encoding_type: Literal["url"] | None = None
    max_keys: int = MOST
    expected_bucket_owner: str | None = None
    request_payer: Stored[str | None] = None

    def encode(self, text: str) -> str:
        """Return a key or a prefix as the answer has it: percent-encoded if the request asks for `url`."""
        return quote(text, safe="/") if self.encoding_type else text


def latest(call: Call, req: ListingInput, after: str) -> Page:
    """Return a page of objects behind the key `after`, common prefixes rolled up. Raises InvalidArgument."""
    if req.max_keys < 0:
        raise AwsError("InvalidArgument", "Argument maxKeys must be an integer between 0 and 2147483647")
    bucket_named(call, req.bucket, req.expected_bucket_owner)

    def fetch(place: Place, many: int) -> list[ObjectVersion]:
        return objects.list_latest(call.db, req.bucket, req.prefix, place[0], many)

    return fold(fetch, req.prefix, req.delimiter, (after, 0), min(req.max_keys, MOST))


def common(req: ListingInput, page: Page) -> dict[str, Any]:
    """Return what the answers of all listings have."""
    return {
        "name": req.bucket,
        "prefix": req.encode(req.prefix),
        "delimiter": req.encode(req.delimiter) if req.delimiter else None,
        "max_keys": req.max_keys,
        "encoding_type": req.encoding_type,
        "is_truncated": page.next is not None,
        "common_prefixes": [{"prefix": req.encode(prefix)} for prefix in page.prefixes],
    }


def entry(req: ListingInput, version: ObjectVersion) -> dict[str, Any]:
    """Return an object as listings have it."""
    return {
        "key": req.encode(version.key),
        "last_modified": version.facts.last_modified,
        "e_tag": version.facts.e_tag,
        "size": version.facts.size,
        "storage_class": version.facts.storage_class,
        "checksum_algorithm": checksums.algorithms(version.facts.checksums),
        "checksum_type": version.facts.checksum_type,
    }


def shown(key: str) -> str:
    """Return a place's key as clients see it."""
    return key.removesuffix(LAST)


@record
class ListObjectsInput(ListingInput):
    marker: str = ""


@operation("s3", "ListObjects", long=True)
def list_objects(call: Call, req: ListObjectsInput) -> dict[str, Any]:
    """List a bucket's objects by name, behind a marker; the older of the two operations."""
    page = latest(call, req, behind(req.marker, req.prefix, req.delimiter))
    return common(req, page) | {
        "marker": req.encode(req.marker),
        "next_marker": req.encode(shown(page.next[0])) if page.next and req.delimiter else None,
        "contents": [entry(req, version) | {"owner": owner(call)} for version in page.versions],
    }


@record
class ListObjectsV2Input(ListingInput):
    start_after: str = ""
    continuation_token: str | None = None
    fetch_owner: bool = False


@operation("s3", "ListObjectsV2", long=True)
def list_objects_v2(call: Call, req: ListObjectsV2Input) -> dict[str, Any]:
    """List a bucket's objects by name, behind a token or a key.

    Raises InvalidArgument for a token that was not given out.
    """
    after = untoken(req.continuation_token) if req.continuation_token is not None else req.start_after
    page = latest(call, req, after)
    extra = {"owner": owner(call)} if req.fetch_owner else {}
    return common(req, page) | {
        "key_count": len(page.versions) + len(page.prefixes),
        "start_after": req.encode(req.start_after) if req.start_after else None,
        "continuation_token": req.continuation_token,
        "next_continuation_token": token(page.next[0]) if page.next else None,
        "contents": [entry(req, version) | extra for version in page.versions],
    }


def token(key: str) -> str:
    """Return the continuation token that stands for this key; `untoken` reads it."""
    return base64.urlsafe_b64encode(key.encode()).decode()


def untoken(text: str) -> str:
    """Return the key behind which a listing goes on. Raises InvalidArgument."""
    try:
        return base64.b64decode(text, altchars=b"-_", validate=True).decode()
    except (ValueError, binascii.Error):
        raise AwsError("InvalidArgument", "The continuation token provided is incorrect") from None


@record
class ListObjectVersionsInput(ListingInput):
    key_marker: str = ""
    version_id_marker: str | None = None


@operation("s3", "ListObjectVersions", long=True)
def list_object_versions(call: Call, req: ListObjectVersionsInput) -> dict[str, Any]:
    """List all versions and delete markers, behind a key and a version of it.

    Raises InvalidArgument for an unknown version.
    """
    bucket_named(call, req.bucket, req.expected_bucket_owner)

    def fetch(place: Place, many: int) -> list[ObjectVersion]:
        return objects.list_versions(call.db, req.bucket, req.prefix, place, many)

    page = fold(fetch, req.prefix, req.delimiter, start(call, req), min(req.max_keys, MOST))
    last = page.versions[-1] if page.next and page.versions and page.next[0] == page.versions[-1].key else None
    rows = [
        (version.delete_marker, entry(req, version) | about(version) | {"owner": owner(call)})
        for version in page.versions
    ]
    return common(req, page) | {
        "key_marker": req.encode(req.key_marker),
        "version_id_marker": req.version_id_marker or "",
        "next_key_marker": req.encode(shown(page.next[0])) if page.next else None,
        "next_version_id_marker": last.version_id if last else None,
        "versions": [row for marker, row in rows if not marker],
        "delete_markers": [row for marker, row in rows if marker],
    }


def about(version: ObjectVersion) -> dict[str, Any]:
    """Return what only a listing of versions has of each."""
    return {"version_id": version.version_id, "is_latest": version.is_latest}


def start(call: Call, req: ListObjectVersionsInput) -> Place:
    """Begin behind all versions of the key marker, or behind the one version that is named too."""
    if req.version_id_marker:
        version = objects.find(call.db, req.bucket, req.key_marker, req.version_id_marker)
        if version is None:
            raise AwsError("InvalidArgument", "Invalid version id specified")
        return req.key_marker, version.sequence
    return behind(req.key_marker, req.prefix, req.delimiter), 0
