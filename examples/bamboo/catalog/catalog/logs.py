"""Logs: one JSON object a line on stdout, each line of a request carrying that request's ids."""

import json
import logging
import re
import sys
import traceback
from collections.abc import Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from time import perf_counter
from types import MappingProxyType
from typing import Any
from uuid import uuid4

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = logging.getLogger(__package__)

ids: ContextVar[Mapping[str, str]] = ContextVar("ids", default=MappingProxyType({}))
"""`request_id` and, behind a load balancer, `trace_id` of the request being served."""

PLAIN = re.compile(r"[\w.:=;/+-]{1,256}", re.ASCII)


class JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **ids.get(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["traceback"] = "".join(traceback.format_exception(*record.exc_info)).rstrip()
        return json.dumps(line, ensure_ascii=False, default=str)


def configure(level: str) -> None:
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)


class Logged:
    """Gives each request its ids and, when it has been answered, its line.

    A health probe that goes well leaves no line: there is one a second.
    """

    def __init__(self, app: ASGIApp, health: str) -> None:
        self.app = app
        self.health = health

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        headers = Headers(scope=scope)
        ids.set(identify(headers))
        started = perf_counter()
        status = 0

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-Id"] = ids.get()["request_id"]
            await send(message)

        try:
            await self.app(scope, receive, answer)
        except Exception:  # it has been answered with a 500; a traceback goes to the log alone
            log.exception("a bug: this request failed")
            if not status:
                raise
        finally:
            quiet = scope["path"] == self.health and status == 200
            log.log(
                logging.DEBUG if quiet else logging.INFO,
                "request",
                extra={
                    "fields": {
                        "method": scope["method"],
                        "path": scope["path"],
                        "status": status,
                        "ms": round((perf_counter() - started) * 1000, 1),
                    }
                },
            )


def identify(headers: Headers) -> dict[str, str]:
    """Take the caller's ids where they are harmless to log and to send on, else make one."""
    found = {}
    request_id = headers.get("X-Request-Id", "")
    found["request_id"] = request_id if PLAIN.fullmatch(request_id) else uuid4().hex
    trace_id = headers.get("X-Amzn-Trace-Id", "")
    if PLAIN.fullmatch(trace_id):
        found["trace_id"] = trace_id
    return found
