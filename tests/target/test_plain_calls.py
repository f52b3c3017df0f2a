"""Reads of log lines that need no SDK: the same answers, signatures and refusals as the SDK's."""

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from tests.serving import served
from tests.target.test_connection import SETTINGS

from culm.target import plain_calls
from culm.target.clock import now
from culm.target.connection import StaticCredentials, Target
from culm.target.plain_calls import Caller, LogsClient


@contextmanager
def answering(answer: bytes) -> Iterator[str]:
    """Yield an endpoint whose every connection gets these bytes."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            while True:
                try:
                    line, _ = listening.accept()
                except OSError:
                    return
                with line:
                    line.recv(1 << 16)
                    line.sendall(answer)

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        listening.shutdown(socket.SHUT_RDWR)


def caller(endpoint: str = "http://127.0.0.1:4566", token: str | None = None) -> Caller:
    return Caller(endpoint=endpoint, access_key="AKIA", secret_key="se/cret", token=token, region="eu-west-1")


@pytest.mark.parametrize("token", [None, "session"])
def test_a_request_is_signed_as_the_sdk_signs_it(token: str | None) -> None:
    body, moment = b'{"logGroupName": "\xc3\xa4"}', "20260102T030405Z"
    headers = {
        "content-type": plain_calls.TYPE,
        "host": "127.0.0.1:4566",
        "x-amz-date": moment,
        "x-amz-target": "Logs_20140328.FilterLogEvents",
        **({"x-amz-security-token": token} if token else {}),
    }
    request = AWSRequest("POST", "http://127.0.0.1:4566/", headers=headers, data=body)
    request.context["timestamp"] = moment
    sdk = SigV4Auth(Credentials("AKIA", "se/cret", token), "logs", "eu-west-1")
    text = sdk.string_to_sign(request, sdk.canonical_request(request))
    signature = sdk.signature(text, request)
    ours = plain_calls.authorization(caller(token=token), dict(sorted(headers.items())), body, moment)
    assert ours.rpartition("Signature=")[2] == signature


def test_lines_are_read_as_the_sdk_reads_them(tmp_path: Path) -> None:
    with served(tmp_path) as endpoint:
        target = Target(SETTINGS, endpoint, StaticCredentials(access_key="a", secret_key="b"))
        logs = target.client("logs")
        assert isinstance(logs, LogsClient)
        sdk: Any = target._sdk_client("logs")
        logs.create_log_group(logGroupName="/a")
        logs.create_log_stream(logGroupName="/a", logStreamName="s/1")
        begin = int(now() * 1000) - 60_000
        events = [{"timestamp": begin + n, "message": f"line {n} ä"} for n in range(10)]
        logs.put_log_events(logGroupName="/a", logStreamName="s/1", logEvents=events)
        for reading in (
            lambda it: it.filter_log_events(logGroupName="/a", startTime=0, limit=3)["events"],
            lambda it: it.get_log_events(logGroupName="/a", logStreamName="s/1", limit=3)["events"],
        ):
            assert reading(logs) == reading(sdk) != []
        with pytest.raises(ClientError) as expected:
            sdk.filter_log_events(logGroupName="/none")
        with pytest.raises(ClientError) as refused:
            logs.filter_log_events(logGroupName="/none")
        assert str(refused.value) == str(expected.value)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n{",
        b"HTTP/1.1 500 Internal Server Error\r\ncontent-length: 2\r\n\r\n{}",
        b"HTTP/1.1 400 Bad Request\r\ncontent-length: 2\r\n\r\n{}",
    ],
)
def test_what_is_not_understood_is_asked_again_by_the_sdk(answer: bytes) -> None:
    class Sdk:
        def filter_log_events(self, **parameters: Any) -> Any:
            return parameters

    with answering(answer) as endpoint:
        assert LogsClient(caller(endpoint), Sdk).filter_log_events(limit=1) == {"limit": 1}


def test_a_command_that_prints_log_lines_loads_no_sdk() -> None:
    """Its first line comes in a fifth of a second; to load the SDK takes longer than that."""
    heavy = "boto3", "botocore", "rich", "starlette", "uvicorn", "httpx2", "asyncio"
    loaded = f"import sys, culm.cli.logs; print([name for name in {heavy} if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True).stdout == "[]\n"
