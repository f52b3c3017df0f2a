"""Requests about blobs: upload in one piece or many, mount, look, fetch, delete.

https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#endpoints
"""

import asyncio
import re
import sqlite3

from culm.cluster.registry.exchange import Part, Reply, Request
from culm.cluster.registry.refusals import Refusal, bad_digest, unknown_blob
from culm.cluster.registry.registry import Registry
from culm.cluster.registry.uploads import Upload
from culm.cluster.services.ecr.manifests import DIGEST
from culm.cluster.store.ecr import images, layers
from culm.core.model.repositories import Repository

_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
_CONTENT_RANGE = re.compile(r"(?:bytes )?(\d+)-(\d+)(?:/.*)?")


async def begin(registry: Registry, request: Request, name: str) -> Reply:
    """Answer POST: mount a blob, or take one whole, or open a session for one."""
    mounted, digest = request.argument("mount"), request.argument("digest")
    algorithm = request.argument("digest-algorithm")
    if algorithm not in (None, "sha256", "sha512"):
        raise Refusal(400, "DIGEST_INVALID", f"digest algorithm {algorithm!r} is not supported: sha256 and sha512 are")
    if mounted:
        if not DIGEST.fullmatch(mounted):
            raise bad_digest(mounted)
        if await registry.mount(name, mounted, request.argument("from")):
            return created(name, mounted)
    await registry.of(name, lambda db, repository: None)
    upload = registry.begin(name)
    if digest:
        try:
            return await take_last(registry, request, upload, digest)
        finally:
            registry.uploads.drop(upload)  # nobody was told of the session, so nobody goes on with it
    return Reply(status=202, headers=session(upload))


async def resume(registry: Registry, request: Request, name: str, id: str) -> Reply:
    """Answer PATCH, PUT, GET or DELETE of an open session."""
    upload = registry.uploads.find(name, id)
    if upload is None:
        raise Refusal(404, "BLOB_UPLOAD_UNKNOWN", f"there is no upload {id}; begin the layer again")
    async with upload.lock:
        upload.touched_at = registry.now()
        match request.method:
            case "PATCH":
                await take(registry, request, upload)
                return Reply(status=202, headers=session(upload))
            case "PUT":
                return await take_last(registry, request, upload, request.argument("digest") or "")
            case "DELETE":
                registry.uploads.drop(upload)
                return Reply(status=204)
            case _:
                return Reply(status=204, headers=session(upload))


async def take(registry: Registry, request: Request, upload: Upload) -> None:
    """Add the request's body to the session, if it begins where the session ends."""
    if header := request.headers.get("content-range"):
        asked = _CONTENT_RANGE.fullmatch(header)
        if asked is None or int(asked[1]) != upload.size:
            where = f"the next byte of this upload is {upload.size}, not {header}"
            raise Refusal(416, "BLOB_UPLOAD_INVALID", where, *session(upload))
    try:
        await upload.take(request.pieces())
    except OSError:
        registry.uploads.drop(upload)
        raise


async def take_last(registry: Registry, request: Request, upload: Upload, digest: str) -> Reply:
    """Add what is left, compare, and make it a blob."""
    if not DIGEST.fullmatch(digest):
        registry.uploads.drop(upload)
        raise bad_digest(digest)
    await take(registry, request, upload)
    try:
        actual = await asyncio.to_thread(upload.digest, digest.partition(":")[0])
    except OSError:
        registry.uploads.drop(upload)
        raise
    if actual != digest:
        registry.uploads.drop(upload)
        raise Refusal(
            400, "DIGEST_INVALID", f"the {upload.size} bytes that came are {actual}, not {digest}; push again"
        )
    await registry.finish(upload.repository, upload, digest)
    return created(upload.repository, digest)


async def fetch(registry: Registry, request: Request, name: str, digest: str) -> Reply:
    """Answer GET or HEAD of a blob, whole or in part."""
    if not DIGEST.fullmatch(digest):
        raise bad_digest(digest)

    def find(db: sqlite3.Connection, _: Repository) -> int | None:
        size = layers.find(db, name, digest)
        if size is not None and request.method == "HEAD":
            layers.save(db, name, digest, size, registry.now())  # a push asks this way, and then relies on it
        return size

    size = await registry.of(name, find)
    if size is None:
        raise unknown_blob(digest)
    path = registry.files.blob(digest)
    headers = (
        ("Content-Type", "application/octet-stream"),
        ("Docker-Content-Digest", digest),
        ("Accept-Ranges", "bytes"),
        ("ETag", f'"{digest}"'),
    )
    asked = _RANGE.fullmatch(request.headers.get("range", ""))
    if asked is None or asked[0] == "bytes=-":
        return Reply(status=200, headers=headers, body=Part(path=path, start=0, length=size))
    start, end = span(asked[1], asked[2], size)
    if start > end:
        outside = ("Content-Range", f"bytes */{size}")
        raise Refusal(416, "SIZE_INVALID", f"the blob has {size} bytes, {asked[0]} is outside", outside)
    part = ("Content-Range", f"bytes {start}-{end}/{size}")
    return Reply(status=206, headers=(*headers, part), body=Part(path=path, start=start, length=end - start + 1))


async def delete(registry: Registry, request: Request, name: str, digest: str) -> Reply:
    """Delete a blob that no image needs. Raises Refusal."""

    def remove(db: sqlite3.Connection, _: Repository) -> None:
        if layers.find(db, name, digest) is None:
            raise unknown_blob(digest)
        if needed_by := images.needed_by(db, name, digest):
            raise Refusal(405, "UNSUPPORTED", f"image {needed_by[0]} needs {digest}; delete the image")
        layers.delete(db, name, digest)

    await registry.of(name, remove)
    return Reply(status=202)


def span(first: str, last: str, size: int) -> tuple[int, int]:
    """Return first and last byte that a Range header asks for; first > last when it has none of them."""
    if not first:
        return max(size - int(last), 0), size - 1
    return int(first), min(int(last), size - 1) if last else size - 1


def created(name: str, digest: str) -> Reply:
    return Reply(status=201, headers=(("Location", f"/v2/{name}/blobs/{digest}"), ("Docker-Content-Digest", digest)))


def session(upload: Upload) -> tuple[tuple[str, str], ...]:
    return (
        ("Location", f"/v2/{upload.repository}/blobs/uploads/{upload.id}"),
        ("Range", upload.range),
        ("Docker-Upload-UUID", upload.id),
    )
