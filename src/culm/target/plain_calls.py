"""Reads of CloudWatch Logs at the local cluster without the SDK, which takes a third of a second to load.

A person who types `culm logs` waits for the first line. These two reads have an answer in JSON, need one signed POST
each and change nothing, so whatever goes wrong on the line (a connection that breaks, an answer that is not understood)
is tried again by the SDK, with its retries and its errors; all else of the client is the SDK's.
https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html
"""

import hashlib
import hmac
import json
import socket
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from culm.core.model.record import record
from culm.target.clock import now

SERVICE = "logs"
TYPE = "application/x-amz-json-1.1"
SECONDS = 60.0
"""As the SDK waits for an answer."""


@record
class Caller:
    """Who asks whom."""

    endpoint: str
    access_key: str
    secret_key: str
    token: str | None
    region: str


class LogsClient:
    """A client of CloudWatch Logs; `sdk` returns boto3's, for what is not read here."""

    def __init__(self, caller: Caller, sdk: Callable[[], Any]) -> None:
        self._caller = caller
        self._sdk = sdk

    def filter_log_events(self, **parameters: Any) -> Any:
        return self._call("FilterLogEvents", parameters) or self._sdk().filter_log_events(**parameters)

    def get_log_events(self, **parameters: Any) -> Any:
        return self._call("GetLogEvents", parameters) or self._sdk().get_log_events(**parameters)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sdk(), name)

    def _call(self, operation: str, parameters: dict[str, Any]) -> dict[str, Any] | None:
        """Return the answer; None where the SDK has to ask. Raises botocore's ClientError for a refusal."""
        try:
            status, body = post(self._caller, operation, json.dumps(parameters).encode())
            answer: dict[str, Any] = json.loads(body)
        except (OSError, ValueError):
            return None
        if status == 200:
            return answer
        code = str(answer.get("__type", "")).rpartition("#")[2]
        if status != 400 or not code:
            return None
        from botocore.exceptions import ClientError

        error: Any = {"Error": {"Code": code, "Message": str(answer.get("message", ""))}}
        raise ClientError(error, operation)


def post(caller: Caller, operation: str, body: bytes) -> tuple[int, bytes]:
    """Send a signed request; returns the answer's status and body. Raises OSError, and ValueError for no HTTP."""
    where = urlsplit(caller.endpoint)
    moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now()))
    headers = {
        "content-type": TYPE,
        "host": where.netloc,
        "x-amz-date": moment,
        "x-amz-target": f"Logs_20140328.{operation}",
        **({"x-amz-security-token": caller.token} if caller.token else {}),
    }
    headers = dict(sorted(headers.items()))
    sent = headers | {
        "authorization": authorization(caller, headers, body, moment),
        "content-length": str(len(body)),
        "connection": "close",
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in sent.items())
    with socket.create_connection((where.hostname or "", where.port or 80), SECONDS) as line:
        line.sendall(f"POST / HTTP/1.1\r\n{head}\r\n".encode() + body)
        parts = []
        while part := line.recv(1 << 18):
            parts.append(part)
    return answered(b"".join(parts))


def answered(text: bytes) -> tuple[int, bytes]:
    """Return the status and the body of an HTTP response. Raises ValueError where it is not whole, or in chunks."""
    head, _, body = text.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    if int(fields.get("content-length", "-1")) != len(body):
        raise ValueError("not a whole answer")
    return int(first.split(" ")[1]), body


def authorization(caller: Caller, headers: dict[str, str], body: bytes, moment: str) -> str:
    """Return the Authorization header of a POST to `/` with these headers, in order of name, and `body`.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
    """
    scope = f"{moment[:8]}/{caller.region}/{SERVICE}/aws4_request"
    names = ";".join(headers)
    lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
    request = f"POST\n/\n\n{lines}\n{names}\n{hashlib.sha256(body).hexdigest()}"
    signed = f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
    key = f"AWS4{caller.secret_key}".encode()
    for part in (*scope.split("/"), signed):
        key = hmac.digest(key, part.encode(), "sha256")
    return f"AWS4-HMAC-SHA256 Credential={caller.access_key}/{scope}, SignedHeaders={names}, Signature={key.hex()}"
