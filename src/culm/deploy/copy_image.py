"""Copy an image from one registry to another, byte for byte, so that its digest stays the same.

What is there already is not sent: a copy that broke off goes on where it was. The manifest goes last, after all that
it names. Layers go through a file, one at a time, and are checked against their digests before they count.

https://github.com/opencontainers/distribution-spec/blob/main/spec.md
"""

import hashlib
import json
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO, Any
from urllib.parse import urljoin

import httpx2

from culm.core.model.record import record
from culm.deploy.build.port import Say
from culm.deploy.push import has_blob, refusal
from culm.errors import CulmError

MANIFESTS = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
PIECE = 1 << 20
"""Bytes of a layer that are in memory at a time."""
SECONDS = httpx2.Timeout(60.0, connect=10.0)
AGAIN = "the same command goes on from there: what has been copied is not sent again"


@record
class RemoteRepository:
    """A repository, and the right to read or write it."""

    uri: str
    """`host[:port]/name`."""
    user: str
    password: str
    insecure: bool
    """Whether the registry speaks plain HTTP: one on loopback does."""

    @property
    def name(self) -> str:
        """Its name within its registry."""
        return self.uri.partition("/")[2]


@record
class Manifest:
    """A manifest's own bytes, which its digest is of."""

    body: bytes
    media_type: str

    @property
    def content(self) -> dict[str, Any]:
        """The manifest, decoded."""
        content: dict[str, Any] = json.loads(self.body)
        return content


@contextmanager
def connected(place: RemoteRepository) -> Iterator[httpx2.Client]:
    """Give a client of a place's registry. Raises CulmError where it does not answer."""
    host = place.uri.partition("/")[0]
    client = httpx2.Client(
        base_url=f"{'http' if place.insecure else 'https'}://{host}",
        auth=(place.user, place.password),
        timeout=SECONDS,
        follow_redirects=True,
        trust_env=not place.insecure,
    )
    with client:
        try:
            yield client
        except httpx2.TransportError as error:
            silent = error.request.url.netloc.decode()  # another client may be in use here as well
            raise CulmError(f"the registry {silent} does not answer: {error or type(error).__name__}", AGAIN) from None


def copy(source: RemoteRepository, digest: str, to: RemoteRepository, tags: Sequence[str], progress: Say) -> int:
    """Copy the image `digest` and give it `tags`. Returns how many bytes were sent. Raises CulmError."""
    with connected(source) as reader, connected(to) as writer:
        manifest = read_manifest(reader, source, digest)
        sent = 0
        for each in manifest.content.get("manifests", ()):
            sent += copied(reader, source, (writer, to), read_manifest(reader, source, each["digest"]), progress)
            write_manifest(writer, to, read_manifest(reader, source, each["digest"]), each["digest"])
        if "manifests" not in manifest.content:
            sent += copied(reader, source, (writer, to), manifest, progress)
        for tag in tags:
            write_manifest(writer, to, manifest, tag)
        return sent


def copied(
    reader: httpx2.Client,
    source: RemoteRepository,
    writing: tuple[httpx2.Client, RemoteRepository],
    manifest: Manifest,
    progress: Say,
) -> int:
    """Copy a manifest's configuration and layers. Returns how many bytes were sent."""
    writer, to = writing
    sent = 0
    for blob in (manifest.content["config"], *manifest.content["layers"]):
        if has_blob(writer, to.name, blob["digest"]):
            continue
        progress(f"copying {sent / PIECE:.0f} MiB")
        with tempfile.TemporaryFile() as file:
            size = read_blob(reader, source, blob["digest"], file)
            write_blob(writer, to, blob["digest"], file, size)
        sent += size
    return sent


def platforms_of(place: RemoteRepository, digest: str) -> list[str]:
    """Return what an image is for: `linux/amd64`; of an index each of its images'."""
    with connected(place) as client:
        manifest = read_manifest(client, place, digest).content
        if "manifests" in manifest:
            offered = [each.get("platform") or {} for each in manifest["manifests"]]
        else:
            with tempfile.TemporaryFile() as file:
                read_blob(client, place, manifest["config"]["digest"], file)
                file.seek(0)
                offered = [json.load(file)]
    names = [f"{each.get('os', 'linux')}/{each.get('architecture', '')}" for each in offered]
    return [name for name in names if name != "unknown/unknown"]  # attestations, which nothing runs


def read_manifest(client: httpx2.Client, place: RemoteRepository, digest: str) -> Manifest:
    """Return a manifest by its digest. Raises CulmError where it is gone, or is not what its digest says."""
    answer = client.get(f"/v2/{place.name}/manifests/{digest}", headers={"Accept": ", ".join(MANIFESTS)})
    if answer.status_code == 404:
        gone = f"{place.uri}@{digest} is not in its repository any more"
        raise CulmError(gone, "deploy it there again, then promote")
    if not answer.is_success:
        raise refusal(answer, place.uri)
    if f"sha256:{hashlib.sha256(answer.content).hexdigest()}" != digest:
        raise CulmError(f"{place.uri}@{digest}: the registry sent another manifest", AGAIN)
    return Manifest(body=answer.content, media_type=answer.headers.get("content-type", MANIFESTS[0]))


def read_blob(client: httpx2.Client, place: RemoteRepository, digest: str, file: IO[bytes]) -> int:
    """Write a blob into a file. Returns its size. Raises CulmError where it is not what its digest says."""
    checksum, size = hashlib.sha256(), 0
    with client.stream("GET", f"/v2/{place.name}/blobs/{digest}") as answer:
        if not answer.is_success:
            answer.read()
            raise refusal(answer, place.uri)
        for piece in answer.iter_bytes(PIECE):
            checksum.update(piece)
            size += file.write(piece)
    if f"sha256:{checksum.hexdigest()}" != digest:
        raise CulmError(f"{place.uri}: blob {digest} arrived damaged", AGAIN)
    return size


def write_blob(client: httpx2.Client, place: RemoteRepository, digest: str, file: IO[bytes], size: int) -> None:
    """Send a blob in one piece. Raises CulmError where the registry refuses it."""
    begun = client.post(f"/v2/{place.name}/blobs/uploads/")
    if begun.status_code != 202:
        raise refusal(begun, place.uri)
    file.seek(0)
    where = httpx2.URL(urljoin(str(begun.url), begun.headers["Location"])).copy_merge_params({"digest": digest})
    headers = {"Content-Type": "application/octet-stream", "Content-Length": str(size)}
    done = client.put(where, content=iter(lambda: file.read(PIECE), b""), headers=headers)
    if done.status_code != 201:
        raise refusal(done, place.uri)


def write_manifest(client: httpx2.Client, place: RemoteRepository, manifest: Manifest, reference: str) -> None:
    """Put a manifest under a tag or its digest. Raises CulmError where the registry refuses it."""
    answer = client.put(
        f"/v2/{place.name}/manifests/{reference}",
        content=manifest.body,
        headers={"Content-Type": manifest.media_type},
    )
    if answer.status_code != 201:
        raise refusal(answer, place.uri)
