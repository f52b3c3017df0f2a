"""Bodies too large to be held: they go to a file, then into the store a row at a time, and others have their turn."""

import asyncio
import base64
import contextlib
import hashlib
import tracemalloc
import zlib
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from culm.cluster import operations
from culm.cluster.store.db import Store, transact
from culm.cluster.store.s3 import bodies
from culm.cluster.store.sealing import Sealer
from culm.cluster.wire import asgi, http, spool
from culm.cluster.wire.api import Api
from culm.cluster.wire.chunked import split
from culm.cluster.wire.http import Large

PIECE = 1 << 16
SIZE = 160 * PIECE + 5
DISCONNECT = {"type": "http.disconnect"}


class Watched(Store):
    """Remembers how many rows of bodies there were after each transaction of its thread."""

    def __init__(self) -> None:
        super().__init__(":memory:", Sealer.fresh())
        self.rows: list[int] = []

    async def run_long(self, work: Callable):
        result = await super().run_long(work)
        self.rows.append(self._db.execute("SELECT count(*) FROM s3_body").fetchone()[0])
        return result

    def all(self, work: Callable):
        return transact(self._db, work)


@pytest.fixture
def store() -> Iterator[Watched]:
    with contextlib.closing(Watched()) as made:
        yield made


@pytest.fixture
def send(store: Watched, tmp_path: Path):
    """Send a request through the ASGI application; its status and body."""
    operations.load()
    ids = iter(range(10_000))
    api = Api(region="us-east-1", endpoint="http://x", now=lambda: 1.0, new_id=lambda: f"{next(ids):032x}")
    app = asgi.application(asgi.answering(api, store, lambda service: None), folder=tmp_path)

    async def send(method: str, path: str, pieces: Iterator[bytes] | None = None, headers=(), last=None, query=b""):
        coming, sent, ended = pieces or iter(()), [], []
        scope = {
            "type": "http", "method": method, "raw_path": path.encode(), "path": path, "query_string": query,
            "headers": [(name.encode(), value.encode()) for name, value in headers],
        }  # fmt: skip

        async def receive():
            piece = next(coming, None)
            if piece is None:
                if ended:
                    await asyncio.Event().wait()  # it waits for the answer
                ended.append(True)
                return last or {"type": "http.request"}
            return {"type": "http.request", "body": piece, "more_body": True}

        async def answered(message):
            sent.append(message)

        await app(scope, receive, answered)
        return sent[0]["status"], b"".join(message["body"] for message in sent[1:])

    return send


def stream(size: int = SIZE) -> Iterator[bytes]:
    """A body whose pieces are made when they are asked for."""
    for at in range(0, size, PIECE):
        yield at.to_bytes(8, "big") * (min(PIECE, size - at) // 8) + b"x" * (min(PIECE, size - at) % 8)


def whole(size: int = SIZE) -> bytes:
    return b"".join(stream(size))


async def test_a_large_object_is_not_held_and_comes_into_the_store_a_row_at_a_time(send, store, tmp_path):
    await send("PUT", "/vault")
    store.rows.clear()
    tracemalloc.start()
    try:
        status, _ = await send("PUT", "/vault/big", stream())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert status == 200
    assert peak < spool.HELD + 4 * bodies.ROW_SIZE < SIZE
    assert store.rows == [*range(1, 12), 11], "one row a transaction; the last names them"
    assert await send("GET", "/vault/big") == (200, whole())
    assert not list(tmp_path.iterdir()), "the file has no name"


@pytest.fixture
def get(store: Watched, tmp_path: Path):
    """GET a path from a client that takes piece after piece, and hangs up where `took` says so; the messages to it."""
    operations.load()
    api = Api(region="us-east-1", endpoint="http://x", now=lambda: 1.0, new_id=lambda: "f" * 32)
    app = asgi.application(asgi.answering(api, store, lambda service: None), folder=tmp_path)

    async def get(path: str, took: Callable[[list], Awaitable[bool]]) -> list:
        sent: list = []
        hung_up = asyncio.Event()
        coming = [{"type": "http.request", "body": b""}]
        scope = {"type": "http", "method": "GET", "raw_path": path.encode(), "path": path, "query_string": b"",
                 "headers": []}  # fmt: skip

        async def receive():
            if coming:
                return coming.pop()
            await hung_up.wait()
            return DISCONNECT

        async def send(message):
            sent.append(message)
            if not await took(sent):
                hung_up.set()
                await asyncio.sleep(0)

        await app(scope, receive, send)
        return sent

    return get


async def test_a_large_object_is_sent_a_row_at_a_time_and_others_have_their_turn_between(send, get, store):
    await send("PUT", "/vault")
    await send("PUT", "/vault/big", stream())
    between, sizes = [], []

    async def took(sent):
        between.append((await send("HEAD", "/vault/big"))[0])
        sizes.append(len(sent.pop().get("body", b"")))
        return True

    tracemalloc.start()
    try:
        await get("/vault/big", took)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert sum(sizes) == SIZE
    assert max(sizes) == bodies.ROW_SIZE
    assert peak < 5 * bodies.ROW_SIZE
    assert set(between) == {200}


async def test_what_is_read_is_kept_to_its_end_though_it_was_deleted_meanwhile(send, get, store):
    await send("PUT", "/vault")
    await send("PUT", "/vault/big", stream())

    async def took(sent):
        if len(sent) == 3:
            await send("DELETE", "/vault/big")
        assert store.all(bodies.sweep) == 0 or not sent[-1].get("more_body")
        return True

    sent = await get("/vault/big", took)
    assert b"".join(message["body"] for message in sent[1:]) == whole()
    assert (await send("GET", "/vault/big"))[0] == 404
    while store.all(bodies.sweep):
        pass
    assert store.all(lambda db: db.execute("SELECT count(*) FROM s3_body").fetchone()[0]) == 0


async def test_a_client_that_hangs_up_is_sent_no_more_and_keeps_nothing(send, get, store):
    await send("PUT", "/vault")
    await send("PUT", "/vault/big", stream())

    async def took(sent):
        return len(sent) < 3

    assert len(await get("/vault/big", took)) == 3
    await send("DELETE", "/vault/big")
    assert store.all(bodies.sweep) == 8


async def test_a_row_that_is_not_what_was_written_breaks_the_answer_off(send, get, store):
    await send("PUT", "/vault")
    await send("PUT", "/vault/big", stream())
    store.all(lambda db: db.execute("UPDATE s3_body SET data = zeroblob(9) WHERE position = ?", (5 << 20,)))

    async def took(sent):
        return True

    sent = await get("/vault/big", took)
    assert sent[-1]["more_body"], "its end is not said, so its client knows that bytes are missing"
    assert b"".join(message["body"] for message in sent[1:]) == whole()[: 5 << 20]


async def test_a_range_of_a_large_object_is_read_where_it_lies(send):
    await send("PUT", "/vault")
    await send("PUT", "/vault/big", stream())
    first, last = 1_000_000, 9_000_000
    status, body = await send("GET", "/vault/big", headers=[("range", f"bytes={first}-{last}")])
    assert (status, body == whole()[first : last + 1]) == (206, True)


async def test_a_copy_names_the_same_bytes_which_stay_until_the_last_of_them_goes(send, store):
    await send("PUT", "/vault")
    await send("PUT", "/vault/big", stream())
    store.rows.clear()
    assert (await send("PUT", "/vault/copy", headers=[("x-amz-copy-source", "/vault/big")]))[0] == 200
    assert store.rows == [11], "no row was added"
    await send("DELETE", "/vault/big")
    assert store.all(bodies.sweep) == 0
    assert await send("GET", "/vault/copy") == (200, whole())
    await send("DELETE", "/vault/copy")
    assert store.all(bodies.sweep) == 8


async def test_a_part_that_is_copied_is_not_held(send):
    await send("PUT", "/vault")
    await send("PUT", "/vault/big", stream())
    _, answer = await send("POST", "/vault/made", query=b"uploads=")
    upload = answer.partition(b"<UploadId>")[2].partition(b"<")[0]
    source = [("x-amz-copy-source", "/vault/big"), ("x-amz-copy-source-range", f"bytes=7-{SIZE - 1}")]
    tracemalloc.start()
    try:
        status, _ = await send("PUT", "/vault/made", headers=source, query=b"partNumber=1&uploadId=" + upload)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (status, peak < 5 * bodies.ROW_SIZE) == (200, True)
    tag = hashlib.md5(whole()[7:]).hexdigest().encode()
    part = b"<Part><PartNumber>1</PartNumber><ETag>%b</ETag></Part>" % tag
    document = b"<CompleteMultipartUpload>" + part + b"</CompleteMultipartUpload>"
    assert (await send("POST", "/vault/made", iter([document]), query=b"uploadId=" + upload))[0] == 200
    assert await send("GET", "/vault/made") == (200, whole()[7:])


async def test_its_checksums_are_those_of_all_of_it(send):
    await send("PUT", "/vault")
    body = whole()
    right = [
        ("content-md5", base64.b64encode(hashlib.md5(body).digest()).decode()),
        ("x-amz-checksum-sha256", base64.b64encode(hashlib.sha256(body).digest()).decode()),
        ("x-amz-checksum-crc32", base64.b64encode(zlib.crc32(body).to_bytes(4, "big")).decode()),
    ]
    for name, value in right:
        assert (await send("PUT", "/vault/big", stream(), [(name, value)]))[0] == 200, name
        status, answer = await send("PUT", "/vault/bad", stream(SIZE - 1), [(name, value)])
        assert status == 400
        assert b"BadDigest" in answer
    assert (await send("HEAD", "/vault/bad"))[0] == 404


async def test_what_was_refused_is_dropped_and_swept_by_and_by(send, store):
    await send("PUT", "/vault")
    await send("PUT", "/vault/big", stream(), [("content-md5", "AAAAAAAAAAAAAAAAAAAAAA==")])
    swept = []
    while rows := store.all(bodies.sweep):
        swept.append(rows)
    assert swept == [8, 3]
    assert store.all(lambda db: db.execute("SELECT count(*) FROM s3_dropped").fetchone()[0]) == 0


async def test_what_came_in_for_an_operation_that_died_is_dropped_at_the_next_start(send, store):
    await send("PUT", "/vault")
    await send("PUT", "/vault/kept", stream())
    store.all(lambda db: bodies.write(db, "nobody's", b"x"))
    store.all(bodies.drop_unnamed)
    assert store.all(bodies.sweep) == 1
    assert store.all(bodies.sweep) == 0
    assert await send("GET", "/vault/kept") == (200, whole())


async def test_a_large_object_that_is_replaced_goes_by_and_by(send, store):
    await send("PUT", "/vault")
    await send("PUT", "/vault/big", stream())
    await send("PUT", "/vault/big", iter([b"small"]))
    assert store.all(bodies.sweep) == 8
    assert await send("GET", "/vault/big") == (200, b"small")


async def test_half_a_body_is_no_object(send):
    await send("PUT", "/vault")
    for size in (PIECE, SIZE):
        await send("PUT", "/vault/half", stream(size), last=DISCONNECT)
    assert (await send("HEAD", "/vault/half"))[0] == 404


async def test_a_large_body_in_chunks_is_taken_apart_where_it_lies(send):
    def chunks() -> Iterator[bytes]:
        for piece in stream():
            yield b"%x\r\n" % len(piece) + piece + b"\r\n"
        yield b"0\r\nx-amz-checksum-crc32:" + crc + b"\r\n\r\n"

    crc = base64.b64encode(zlib.crc32(whole()).to_bytes(4, "big"))
    await send("PUT", "/vault")
    headers = [
        ("x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"),
        ("x-amz-decoded-content-length", str(SIZE)),
        ("content-encoding", "aws-chunked"),
    ]
    assert (await send("PUT", "/vault/big", chunks(), headers))[0] == 200
    assert await send("GET", "/vault/big") == (200, whole())
    crc = b"AAAAAA=="
    assert (await send("PUT", "/vault/bad", chunks(), headers))[0] == 400


def test_chunks_of_a_file_are_those_of_the_same_bytes(tmp_path):
    body = b"3;chunk-signature=a\r\nabc\r\n2;chunk-signature=b\r\nde\r\n0;chunk-signature=c\r\nx-t:1\r\n\r\n"
    with spool.Spool(tmp_path) as file:
        file.take(body)
        large = file.mapped()
    assert split(large.mapped) == split(body)
    assert [*Large(large.mapped, split(body).stretches).pieces(2)] == [b"ab", b"cd", b"e"]


async def test_a_large_part_becomes_part_of_its_object(send):
    await send("PUT", "/vault")
    _, answer = await send("POST", "/vault/big", query=b"uploads=")
    upload = answer.partition(b"<UploadId>")[2].partition(b"<")[0]
    tags = b""
    for number in (1, 2):
        status, _ = await send("PUT", "/vault/big", stream(), query=b"partNumber=%d&uploadId=%b" % (number, upload))
        assert status == 200
        tag = hashlib.md5(whole()).hexdigest().encode()
        tags += b"<Part><PartNumber>%d</PartNumber><ETag>%b</ETag></Part>" % (number, tag)
    document = b"<CompleteMultipartUpload>" + tags + b"</CompleteMultipartUpload>"
    assert (await send("POST", "/vault/big", iter([document]), query=b"uploadId=" + upload))[0] == 200
    assert await send("GET", "/vault/big") == (200, whole() * 2)


async def test_what_is_no_object_has_no_large_body(send, monkeypatch):
    monkeypatch.setattr(http, "LONGEST_HELD", 5 << 20)
    target = ("x-amz-target", "AmazonEC2ContainerServiceV20141113.ListClusters")
    signed = ("authorization", "AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/ecs/aws4_request, SignedHeaders=host")
    assert (await send("POST", "/", stream(), [target]))[0] == 413
    assert (await send("POST", "/", stream(), [target, signed]))[0] == 413
    await send("PUT", "/vault")
    status, answer = await send("POST", "/vault", stream(), query=b"delete=")
    assert (status, b"MaxMessageLengthExceeded" in answer) == (400, True)
    monkeypatch.setattr(asgi, "LARGEST_OBJECT", 5 << 20)
    status, answer = await send("PUT", "/vault/huge", stream())
    assert (status, b"EntityTooLarge" in answer) == (400, True)


async def test_a_full_disk_is_said(send, monkeypatch):
    def full(self) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(spool.Spool, "write", full)
    status, answer = await send("PUT", "/vault/big", stream())
    assert (status, b"InsufficientStorage" in answer) == (507, True)
