"""Requests about manifests, tags and referrers.

https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pushing-manifests
"""

import re
import sqlite3
from typing import Any
from urllib.parse import quote

from culm.cluster.registry.exchange import Reply, Request, json_reply
from culm.cluster.registry.refusals import Refusal, bad_digest, unknown_manifest
from culm.cluster.registry.registry import Registry
from culm.cluster.services.ecr import manifests, pushes
from culm.cluster.services.ecr.manifests import DIGEST, OCI_INDEX, InvalidManifest
from culm.cluster.store.ecr import images, repositories, tags
from culm.core.model.repositories import Image, Repository

_TAG = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}")
_MOST_BYTES = 8 << 20
"""Of a manifest. The specification asks for 4 MiB at least."""


async def put(registry: Registry, request: Request, name: str, reference: str) -> Reply:
    """Keep a manifest under its digest and its tags. Raises Refusal for a wrong digest or a malformed one."""
    body = await whole(request)
    is_digest = check_reference(reference)
    try:
        manifest = manifests.read(body, request.headers.get("content-type"))
    except InvalidManifest as wrong:
        raise Refusal(400, "MANIFEST_INVALID", str(wrong)) from None
    wanted = reference if is_digest else request.argument("digest")
    if wanted and not DIGEST.fullmatch(wanted):
        raise bad_digest(wanted)
    digest = manifests.digest_of(body, wanted.partition(":")[0] if wanted else "sha256")
    if wanted not in (None, digest):
        raise Refusal(400, "DIGEST_INVALID", f"the manifest that came is {digest}, not {wanted}")
    names = request.arguments("tag") if is_digest else (reference,)
    for tag in names:
        check_reference(tag)

    def keep(db: sqlite3.Connection, repository: Repository) -> None:
        pushes.push(db, repository, manifest, body, digest, registry.now())
        for tag in names:
            pushes.point(db, repository, tag, digest)

    await registry.of(name, keep)
    headers = [("Location", f"/v2/{name}/manifests/{digest}"), ("Docker-Content-Digest", digest)]
    if manifest.subject:
        headers.append(("OCI-Subject", manifest.subject))
    if is_digest:
        headers.extend(("OCI-Tag", tag) for tag in names)
    return Reply(status=201, headers=tuple(headers))


async def fetch(registry: Registry, request: Request, name: str, reference: str) -> Reply:
    """Answer GET or HEAD of an image, by tag or digest, with the bytes as they were pushed."""
    is_digest = check_reference(reference)

    def find(db: sqlite3.Connection, _: Repository) -> tuple[Image, bytes]:
        digest = reference if is_digest else tags.find(db, name, reference)
        image = images.find(db, name, digest) if digest else None
        if image is None:
            raise unknown_manifest(reference)
        if request.method == "GET":
            images.pulled(db, name, image.digest, registry.now())
        return image, images.manifest(db, name, image.digest)

    image, body = await registry.of(name, find)
    headers = (("Content-Type", image.media_type), ("Docker-Content-Digest", image.digest))
    return Reply(status=200, headers=headers, body=body)


async def delete(registry: Registry, request: Request, name: str, reference: str) -> Reply:
    """Delete by digest the image with its tags, by tag that tag alone."""
    is_digest = check_reference(reference)

    def remove(db: sqlite3.Connection, _: Repository) -> None:
        digest = reference if is_digest else tags.find(db, name, reference)
        if digest is None or images.find(db, name, digest) is None:
            raise unknown_manifest(reference)
        if not is_digest:
            tags.delete(db, name, reference)
        elif listed_by := pushes.remove(db, name, digest):
            raise Refusal(405, "UNSUPPORTED", f"index {listed_by[0]} lists {digest}; delete the index first")

    await registry.of(name, remove)
    return Reply(status=202)


async def list_tags(registry: Registry, request: Request, name: str) -> Reply:
    after = request.argument("last") or ""
    limit = page_size(request)
    names = await registry.of(
        name, lambda db, _: tags.in_repository(db, name, after, -1 if limit is None else limit + 1)
    )
    page = names if limit is None else names[:limit]
    link: tuple[tuple[str, str], ...] = ()
    if limit and len(names) > limit:
        link = (("Link", f'</v2/{name}/tags/list?n={limit}&last={quote(page[-1])}>; rel="next"'),)
    return json_reply({"name": name, "tags": page}, *link)


async def list_referrers(registry: Registry, request: Request, name: str, digest: str) -> Reply:
    """Return the images whose subject is `digest`, which need not be there itself."""
    if not DIGEST.fullmatch(digest):
        raise bad_digest(digest)
    kind = request.argument("artifactType")
    referrers = await registry.of(name, lambda db, _: images.referrers(db, name, digest))
    index = {
        "schemaVersion": 2,
        "mediaType": OCI_INDEX,
        "manifests": [descriptor(image) for image in referrers if kind in (None, image.artifact_type)],
    }
    applied = (("OCI-Filters-Applied", "artifactType"),) if kind else ()
    return json_reply(index, *applied, content_type=OCI_INDEX)


async def list_repositories(registry: Registry, request: Request) -> Reply:
    known = await registry.store.run(repositories.list_all)
    return json_reply({"repositories": [r.repository_name for r in known if r.registry_id == registry.account]})


async def whole(request: Request) -> bytes:
    """Return the body. Raises Refusal when it is larger than a manifest may be."""
    gathered = bytearray()
    async for piece in request.pieces():
        gathered += piece
        if len(gathered) > _MOST_BYTES:
            raise Refusal(413, "SIZE_INVALID", f"a manifest may have {_MOST_BYTES} bytes at most")
    return bytes(gathered)


def check_reference(reference: str) -> bool:
    """Return whether a reference is a digest; else it must be a tag."""
    if ":" in reference:
        if not DIGEST.fullmatch(reference):
            raise bad_digest(reference)
        return True
    if not _TAG.fullmatch(reference):
        raise Refusal(400, "TAG_INVALID", f"{reference!r} is no tag: it must match {_TAG.pattern}")
    return False


def page_size(request: Request) -> int | None:
    """Return how many names a page has, None for all. Raises Refusal for what is no number."""
    number = request.argument("n")
    if number is None:
        return None
    if not number.isdecimal():
        raise Refusal(400, "PAGINATION_NUMBER_INVALID", f"n={number} is no number of tags")
    return int(number)


def descriptor(image: Image) -> dict[str, Any]:
    described: dict[str, Any] = {
        "mediaType": image.media_type,
        "digest": image.digest,
        "size": image.manifest_bytes,
    }
    if image.artifact_type:
        described["artifactType"] = image.artifact_type
    if image.annotations:
        described["annotations"] = image.annotations
    return described
