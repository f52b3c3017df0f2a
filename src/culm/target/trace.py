"""Every call of the AWS API, written down as it ends: one JSON object a line. What it would give away is left out."""

import json
import os
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

from culm.errors import UsageError
from culm.target.clock import now
from culm.vault.redaction import redacted
from culm.vault.secret import REDACTED

CONTEXT = "culm"
"""Under this name a call's beginning waits, in botocore's own context of the call, for its end."""


class Trace:
    """Clients that it watches tell it what they call. Threads may share it."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._writing = threading.Lock()

    def watch(self, client: Any) -> None:
        """Record the calls of `client`, a boto3 client of any service."""
        service = client.meta.service_model.service_name
        client.meta.events.register("provide-client-params.*", _begin)
        client.meta.events.register("after-call.*", lambda **event: self._end(service, **event))
        client.meta.events.register("after-call-error.*", lambda **event: self._broke(service, **event))

    def close(self) -> None:
        """End the trace's file."""
        self._stream.close()

    def _end(self, service: str, *, parsed: Mapping[str, Any], model: Any, context: dict[str, Any], **_: Any) -> None:
        error = parsed.get("Error", {}).get("Code")
        retries = parsed.get("ResponseMetadata", {}).get("RetryAttempts", 0)
        self._write(service, model, context, {"error": error} if error else {}, retries)

    def _broke(self, service: str, *, exception: Exception, context: dict[str, Any], **_: Any) -> None:
        """Write down a call that ended without an answer."""
        model = context.get(CONTEXT, {}).get("model")
        if model is not None:
            self._write(service, model, context, {"error": type(exception).__name__}, 0)

    def _write(self, service: str, model: Any, context: dict[str, Any], more: dict[str, Any], retries: int) -> None:
        begun = context.pop(CONTEXT, None)
        if begun is None:
            return
        line = {
            "at": round(begun["at"], 3),
            "seconds": round(time.monotonic() - begun["began"], 3),
            "service": service,
            "operation": model.name,
            "parameters": begun["parameters"],
            **({"retries": retries} if retries else {}),
            **more,
        }
        with self._writing:
            self._stream.write(redacted(json.dumps(line)) + "\n")
            self._stream.flush()


def _begin(*, params: Mapping[str, Any], model: Any, context: dict[str, Any], **_: Any) -> None:
    context[CONTEXT] = {
        "at": now(),
        "began": time.monotonic(),
        "model": model,
        "parameters": shown(params, model.input_shape),
    }


def shown(value: Any, shape: Any) -> Any:
    """Return a parameter as it may be written: bytes as their count, and nothing that botocore calls sensitive."""
    if shape is not None and shape.metadata.get("sensitive"):
        return REDACTED
    match value:
        case bytes() | bytearray():
            return f"<{len(value)} bytes>"
        case Mapping():
            members = getattr(shape, "members", {})
            inner = getattr(shape, "value", None)
            return {key: shown(each, members.get(key, inner)) for key, each in value.items()}
        case list() | tuple():
            return [shown(each, getattr(shape, "member", None)) for each in value]
        case str() | int() | float() | bool() | None:
            return value
        case _:
            return f"<{type(value).__name__}>"


def to_file(path: Path) -> Trace:
    """Open a file to append the trace to, readable by its owner alone. Raises UsageError when that fails."""
    try:
        opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    except OSError as error:
        raise UsageError(f"cannot write the trace to {path}: {error.strerror}", "name another file") from None
    return Trace(os.fdopen(opened, "a"))
