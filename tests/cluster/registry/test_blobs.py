import asyncio
import contextlib
import errno
import os
import sqlite3
import tracemalloc
from pathlib import Path

import pytest

from culm.cluster.registry.app import application
from culm.cluster.registry.files import Files

HALF = b"0123456789abcdef" * 4096


async def post_put(client, data, digest):
    begun = await client.http.post("/v2/web/blobs/uploads/")
    assert begun.status_code == 202
    return await client.http.put(begun.headers["location"], params={"digest": digest}, content=data)


async def post_only(client, data, digest):
    return await client.http.post("/v2/web/blobs/uploads/", params={"digest": digest}, content=data)


async def streamed(client, data, digest):
    """As Docker does: one PATCH that does not say how long it is."""

    async def pieces():
        for start in range(0, len(data), 1000):
            yield data[start : start + 1000]

    begun = await client.http.post("/v2/web/blobs/uploads/")
    sent = await client.http.patch(begun.headers["location"], content=pieces())
    assert sent.status_code == 202
    return await client.http.put(sent.headers["location"], params={"digest": digest})


async def chunked(client, data, digest):
    """Two chunks, the last one in the closing PUT."""
    location = (await client.http.post("/v2/web/blobs/uploads/")).headers["location"]
    half = len(data) // 2
    if half:
        sent = await client.http.patch(location, content=data[:half], headers={"Content-Range": f"0-{half - 1}"})
        assert sent.status_code == 202
        assert sent.headers["range"] == f"0-{half - 1}"
        location = sent.headers["location"]
    last = {"Content-Range": f"{half}-{len(data) - 1}"} if data else {}
    return await client.http.put(location, params={"digest": digest}, content=data[half:], headers=last)


@pytest.mark.parametrize("data", [b"", b"x", HALF * 40], ids=["empty", "byte", "2.6 MB"])
@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
@pytest.mark.parametrize("push", [post_put, post_only, streamed, chunked])
async def test_a_blob_comes_back_however_it_was_pushed(client, push, algorithm, data):
    digest = client.digest_of(data, algorithm)

    pushed = await push(client, data, digest)

    assert pushed.status_code == 201
    assert pushed.headers["docker-content-digest"] == digest
    fetched = await client.http.get(pushed.headers["location"])
    assert (fetched.status_code, fetched.content) == (200, data)
    looked = await client.http.head(f"/v2/web/blobs/{digest}")
    assert (looked.status_code, looked.headers["content-length"]) == (200, str(len(data)))
    assert client.uploads_on_disk() == []


@pytest.mark.parametrize("push", [post_put, post_only, streamed, chunked])
async def test_bytes_that_are_not_the_digests_are_thrown_away(client, push):
    answer = await push(client, b"what came", client.digest_of(b"what was meant"))
    assert (answer.status_code, client.error_code(answer)) == (400, "DIGEST_INVALID")
    assert client.digest_of(b"what came") in answer.text
    assert client.uploads_on_disk() == []
    assert client.blobs_on_disk() == set()


@pytest.mark.parametrize("digest", ["sha256:1", "md5:" + "0" * 32, "nonsense", "sha256:" + "G" * 64])
async def test_a_digest_must_be_one(client, digest):
    assert client.error_code(await post_put(client, b"x", digest)) == "DIGEST_INVALID"
    assert client.error_code(await client.http.get(f"/v2/web/blobs/{digest}")) == "DIGEST_INVALID"
    mounted = await client.http.post("/v2/web/blobs/uploads/", params={"mount": digest, "from": "web"})
    assert client.error_code(mounted) == "DIGEST_INVALID"


async def test_an_algorithm_that_is_not_known_is_refused_at_once(client):
    answer = await client.http.post("/v2/web/blobs/uploads/", params={"digest-algorithm": "blake3"})
    assert client.error_code(answer) == "DIGEST_INVALID"


async def test_a_chunk_out_of_order_is_told_where_to_go_on(client):
    location = (await client.http.post("/v2/web/blobs/uploads/")).headers["location"]
    await client.http.patch(location, content=b"01234", headers={"Content-Range": "0-4"})

    for method in ("PATCH", "PUT"):
        early = await client.http.request(
            method,
            location,
            params={"digest": client.digest_of(b"0123456789")},
            content=b"789",
            headers={"Content-Range": "7-9"},
        )
        assert early.status_code == 416
        assert early.headers["range"] == "0-4"

    status = await client.http.get(location)
    assert (status.status_code, status.headers["range"]) == (204, "0-4")
    answer = await client.http.put(
        status.headers["location"],
        params={"digest": client.digest_of(b"0123456789")},
        content=b"56789",
        headers={"Content-Range": "5-9"},
    )
    assert answer.status_code == 201


async def test_an_upload_is_cancelled(client):
    location = (await client.http.post("/v2/web/blobs/uploads/")).headers["location"]
    assert (await client.http.delete(location)).status_code == 204
    assert client.error_code(await client.http.get(location)) == "BLOB_UPLOAD_UNKNOWN"
    assert client.uploads_on_disk() == []


async def test_an_upload_belongs_to_its_repository(client):
    await client.create("other")
    location = (await client.http.post("/v2/web/blobs/uploads/")).headers["location"]
    answer = await client.http.get(location.replace("/web/", "/other/"))
    assert client.error_code(answer) == "BLOB_UPLOAD_UNKNOWN"


@pytest.mark.parametrize(
    ("asked", "part", "content_range"),
    [
        ("bytes=0-0", b"0", "bytes 0-0/10"),
        ("bytes=2-4", b"234", "bytes 2-4/10"),
        ("bytes=7-", b"789", "bytes 7-9/10"),
        ("bytes=7-99", b"789", "bytes 7-9/10"),
        ("bytes=-3", b"789", "bytes 7-9/10"),
        ("bytes=-99", b"0123456789", "bytes 0-9/10"),
    ],
)
async def test_a_part_is_fetched(client, asked, part, content_range):
    blob = await client.push_blob(b"0123456789")
    answer = await client.http.get(f"/v2/web/blobs/{blob['digest']}", headers={"Range": asked})
    assert (answer.status_code, answer.content) == (206, part)
    assert answer.headers["content-range"] == content_range


@pytest.mark.parametrize("asked", ["bytes=10-", "bytes=5-4", "bytes=-0"])
async def test_a_part_outside_is_refused(client, asked):
    blob = await client.push_blob(b"0123456789")
    answer = await client.http.get(f"/v2/web/blobs/{blob['digest']}", headers={"Range": asked})
    assert (answer.status_code, answer.headers["content-range"]) == (416, "bytes */10")


@pytest.mark.parametrize("asked", ["bytes=-", "lines=1-2", "bytes=0-1,4-5"])
async def test_a_range_that_is_none_gets_the_whole(client, asked):
    blob = await client.push_blob(b"0123456789")
    answer = await client.http.get(f"/v2/web/blobs/{blob['digest']}", headers={"Range": asked})
    assert (answer.status_code, answer.content) == (200, b"0123456789")


async def test_a_blob_is_of_its_repository_until_another_mounts_it(client):
    await client.create("other")
    blob = await client.push_blob(b"shared")
    url = f"/v2/other/blobs/{blob['digest']}"
    assert client.error_code(await client.http.get(url)) == "BLOB_UNKNOWN"

    mounted = await client.http.post("/v2/other/blobs/uploads/", params={"mount": blob["digest"], "from": "web"})

    assert (mounted.status_code, mounted.headers["location"]) == (201, url)
    assert (await client.http.get(url)).content == b"shared"


async def test_a_mount_need_not_say_from_where(client):
    await client.create("other")
    blob = await client.push_blob(b"shared")
    mounted = await client.http.post("/v2/other/blobs/uploads/", params={"mount": blob["digest"]})
    assert mounted.status_code == 201


async def test_a_mount_that_cannot_be_done_begins_an_upload(client):
    await client.create("other")
    blob = await client.push_blob(b"shared")
    for params in ({"mount": blob["digest"], "from": "other"}, {"mount": client.digest_of(b"nowhere")}):
        begun = await client.http.post("/v2/other/blobs/uploads/", params=params)
        assert begun.status_code == 202
        pushed = await client.http.put(begun.headers["location"], params={"digest": blob["digest"]}, content=b"shared")
        assert pushed.status_code == 201
        await client.http.delete(f"/v2/other/blobs/{blob['digest']}")


async def test_a_blob_is_deleted_unless_an_image_needs_it(client):
    blob = await client.push_blob(b"alone")
    url = f"/v2/web/blobs/{blob['digest']}"
    assert (await client.http.delete(url)).status_code == 202
    assert client.error_code(await client.http.get(url)) == "BLOB_UNKNOWN"
    assert client.error_code(await client.http.delete(url)) == "BLOB_UNKNOWN"

    assert (await client.put("v1", await client.image())).status_code == 201
    answer = await client.http.delete(f"/v2/web/blobs/{client.digest_of(b'layer')}")
    assert (answer.status_code, client.error_code(answer)) == (405, "UNSUPPORTED")


async def test_many_push_the_same_layer_at_once(client):
    answers = await asyncio.gather(*(streamed(client, HALF, client.digest_of(HALF)) for _ in range(8)))
    assert {answer.status_code for answer in answers} == {201}
    assert client.blobs_on_disk() == {client.digest_of(HALF)}
    assert client.uploads_on_disk() == []
    assert (await client.http.get(f"/v2/web/blobs/{client.digest_of(HALF)}")).content == HALF


async def test_a_torn_chunk_can_be_gone_on_with(client):
    location = (await client.http.post("/v2/web/blobs/uploads/")).headers["location"]
    said = iter(
        [
            {"type": "http.request", "body": b"01234", "more_body": True},
            {"type": "http.disconnect"},
        ]
    )
    request = client.http.build_request("PATCH", location)
    scope = {
        "type": "http",
        "method": "PATCH",
        "path": location,
        "query_string": b"",
        "headers": next(client.http.auth.auth_flow(request)).headers.raw,
    }

    async def receive():
        return next(said)

    async def send(message):
        raise AssertionError(f"nobody is there to hear {message}")

    await application(client.registry)(scope, receive, send)

    assert (await client.http.get(location)).headers["range"] == "0-4"
    digest = client.digest_of(b"0123456789")
    answer = await client.http.put(
        location, params={"digest": digest}, content=b"56789", headers={"Content-Range": "5-9"}
    )
    assert answer.status_code == 201


async def test_a_layer_is_never_in_memory_as_a_whole(client):
    piece = bytes(1 << 16)

    async def pieces():
        for _ in range(1024):
            yield piece

    location = (await client.http.post("/v2/web/blobs/uploads/")).headers["location"]
    tracemalloc.start()
    try:
        await client.http.patch(location, content=pieces())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert (await client.http.get(location)).headers["range"] == f"0-{64 * 2**20 - 1}"
    assert peak < 8 * 2**20


def test_a_blob_is_on_the_disk_before_it_has_its_name(tmp_path, monkeypatch):
    files, steps = Files(tmp_path), []
    upload = files.upload("1")
    upload.write_bytes(b"a layer")
    monkeypatch.setattr(os, "fsync", lambda descriptor: steps.append(os.fstat(descriptor).st_ino))
    there = upload.stat().st_ino
    files.keep(upload, "sha256:abcd")
    blob = files.blob("sha256:abcd")
    assert blob.read_bytes() == b"a layer"
    assert steps == [there, blob.parent.stat().st_ino]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a file that is always full")
async def test_a_full_disk_is_named_and_the_upload_gone(client):
    location = (await client.http.post("/v2/web/blobs/uploads/")).headers["location"]
    (upload,) = client.uploads_on_disk()
    upload.unlink()
    upload.symlink_to("/dev/full")

    answer = await client.http.patch(location, content=b"too much")

    assert (answer.status_code, client.error_code(answer)) == (413, "DENIED")
    assert f"no space left on the disk of {client.folder}" in answer.text
    assert client.uploads_on_disk() == []
    assert client.error_code(await client.http.get(location)) == "BLOB_UPLOAD_UNKNOWN"


@pytest.mark.parametrize("broken", ["os.fsync", "os.replace"])
async def test_a_disk_that_fails_at_the_last_step_leaves_neither_upload_nor_blob(client, monkeypatch, broken):
    def fails(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    location = (await client.http.post("/v2/web/blobs/uploads/")).headers["location"]
    with monkeypatch.context() as patch:
        patch.setattr(broken, fails)
        answer = await client.http.put(location, params={"digest": client.digest_of(b"layer")}, content=b"layer")
    assert (answer.status_code, client.error_code(answer)) == (413, "DENIED")
    assert client.uploads_on_disk() == []
    assert list((client.folder / "registry" / "blobs").glob("*/*/*")) == []
    await client.push_blob(b"layer")


async def test_a_blob_that_cannot_be_recorded_is_not_left_behind_but_one_of_before_is(client, monkeypatch):
    async def fails(*arguments: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    known = (await client.push_blob(b"known"))["digest"]
    with monkeypatch.context() as patch:
        patch.setattr(client.registry, "have", fails)
        for data in (b"known", b"new"):
            with contextlib.suppress(sqlite3.OperationalError):
                answer = await client.http.post(
                    "/v2/web/blobs/uploads/", params={"digest": client.digest_of(data)}, content=data
                )
                assert answer.status_code >= 400
    assert client.uploads_on_disk() == []
    assert [path.name for path in (client.folder / "registry" / "blobs").glob("*/*/*")] == [known.partition(":")[2]]
