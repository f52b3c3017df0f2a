"""What strangers can make the daemon do before it knows them: read 64 KiB, wait 30 s, and no more."""

import gzip
import hashlib
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from botocore.config import Config
from tests.conftest import OPERATOR, REGION

from culm.cluster import clock, operations
from culm.cluster.daemon import connection
from culm.cluster.daemon.server import Server
from culm.cluster.store.db import Store
from culm.cluster.store.sealing import Sealer
from culm.cluster.wire import asgi, http
from culm.cluster.wire.api import Api
from culm.cluster.wire.asgi import answering, application
from culm.cluster.wire.keyring import Keyring


@pytest.fixture
def guarded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The port of the AWS API with its gate, which waits half a second for a client that sends nothing."""
    for module in asgi, connection:
        monkeypatch.setattr(module, "PROGRESS_SECONDS", 0.5)
    operations.load()
    listener = socket.create_server(("127.0.0.1", 0))
    port = int(listener.getsockname()[1])
    store = Store(tmp_path / "state.db", Sealer.fresh())
    keys = Keyring(OPERATOR, b"a key of the tests' own, 32 bytes")
    api = Api(region=REGION, endpoint=f"http://127.0.0.1:{port}", now=clock.now, new_id=clock.new_id, keys=keys)
    answer = answering(api, store, wake=lambda service: None)
    server = Server(application(answer, refuse_head=api.refuse_head), answer)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    yield port
    server.should_exit = True
    thread.join()
    store.close()


def client(port: int, service: str):
    return boto3.client(
        service, region_name=REGION, endpoint_url=f"http://127.0.0.1:{port}",
        config=Config(retries={"total_max_attempts": 1}),
        aws_access_key_id=OPERATOR.access_key_id, aws_secret_access_key=OPERATOR.secret_access_key,
    )  # fmt: skip


def ended(line: socket.socket) -> bytes:
    """All that comes until the other side hangs up."""
    said = b""
    try:
        while piece := line.recv(1 << 16):
            said += piece
    except ConnectionError:
        pass
    return said


@pytest.mark.parametrize("start", [b"POST / HTTP/1.1\r\n", b"PUT /bucket/key HTTP/1.1\r\n"])
def test_a_stranger_s_large_body_is_refused_after_64_kib(guarded, start):
    with socket.create_connection(("127.0.0.1", guarded), 10) as line:
        line.sendall(start + b"Host: a\r\nContent-Length: 150000000\r\n\r\n")
        sent = 0
        try:
            while sent < 20 << 20:
                sent += line.send(b"x" * 65536)
        except (ConnectionError, TimeoutError):
            pass
        assert sent < 20 << 20
        assert b" 403 " in ended(line) or sent


@pytest.mark.parametrize(
    "sent",
    [
        b"POST / HTTP/1.1\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nabc",
        b"PUT /bucket/key HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nabc",
        b"GET /half HTTP/1.1\r\nHo",
    ],
)
def test_half_a_request_ends_when_nothing_more_comes(guarded, sent):
    with socket.create_connection(("127.0.0.1", guarded), 10) as line:
        line.sendall(sent)
        began = time.monotonic()
        ended(line)
        assert 0.3 < time.monotonic() - began < 20.0


@pytest.mark.parametrize("start", [b"POST / HTTP/1.1\r\n", b"GET /a HTTP/1.1\r\n"])
def test_a_head_without_an_end_is_cut_off(guarded, start):
    with socket.create_connection(("127.0.0.1", guarded), 10) as line:
        sent = 0
        try:
            line.sendall(start)
            while sent < 20 << 20:
                sent += line.send(b"X-A: " + b"a" * 65000 + b"\r\n")
        except (ConnectionError, TimeoutError):
            pass
        assert sent < 20 << 20


def test_who_is_known_sends_as_much_as_it_likes(guarded):
    s3 = client(guarded, "s3")
    s3.create_bucket(Bucket="big")
    body = b"0123456789abcdef" * (5 << 16) + b"a large one"
    s3.put_object(Bucket="big", Key="k", Body=body)
    assert hashlib.sha256(s3.get_object(Bucket="big", Key="k")["Body"].read()).digest() == hashlib.sha256(body).digest()
    logs = client(guarded, "logs")
    logs.create_log_group(logGroupName="g")
    logs.create_log_stream(logGroupName="g", logStreamName="s")
    event = {"timestamp": int(time.time() * 1000), "message": "m" * 200_000}
    logs.put_log_events(logGroupName="g", logStreamName="s", logEvents=[event] * 4)
    assert len(logs.get_log_events(logGroupName="g", logStreamName="s")["events"]) == 4


def test_a_body_that_unpacks_to_too_much_is_refused(cloud):
    headers = {"content-encoding": "gzip", "x-amz-target": "AmazonEC2ContainerServiceV20141113.ListClusters"}
    bomb = gzip.compress(b" " * (http.LONGEST_UNZIPPED + 1))
    request = http.Request(method="POST", path="/", query="", headers=headers, body=bomb)
    assert cloud.answer(request).status == 413
    fine = http.Request(method="POST", path="/", query="", headers=headers, body=gzip.compress(b"{}"))
    assert cloud.answer(fine).status == 200


def test_a_clients_own_text_ends_no_header(guarded):
    s3 = client(guarded, "s3")
    s3.create_bucket(Bucket="big")
    s3.put_object(Bucket="big", Key="k", Body=b"")
    found = s3.get_object(Bucket="big", Key="k", ResponseContentType="text/plain\r\nx-made-up: 1")
    assert "x-made-up" not in found["ResponseMetadata"]["HTTPHeaders"]
