"""HTTP: typed bodies and queries in, JSON out, and every error as an RFC 9457 problem."""

import logging
from http import HTTPStatus
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta
from sqlalchemy.exc import DataError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from .logs import ids

T = TypeVar("T", bound=msgspec.Struct)

BIGGEST_BODY_BYTES = 64 * 1024
BIGGEST_ID = 2**63 - 1

log = logging.getLogger(__package__)


class Page(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Which part of a list is wanted: `limit` of its items, those after the id `after`."""

    limit: Annotated[int, Meta(ge=1, le=200)] = 50
    after: Annotated[int, Meta(ge=0, le=BIGGEST_ID)] = 0


class Problem(Exception):
    """An answer that is not what was asked for; `detail` tells the caller what to change."""

    def __init__(self, status: int, detail: str, **headers: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


async def body(request: Request, kind: type[T]) -> T:
    """Read the JSON body as a `kind`, or tell what is wrong with it."""
    if request.headers.get("Content-Type", "").partition(";")[0].strip().lower() != "application/json":
        raise Problem(415, "send the body as Content-Type: application/json")
    raw = bytearray()
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > BIGGEST_BODY_BYTES:
            raise Problem(413, f"the body may have {BIGGEST_BODY_BYTES} bytes")
    try:
        return msgspec.json.decode(raw, type=kind)
    except msgspec.ValidationError as wrong:
        raise Problem(422, str(wrong)) from wrong
    except (msgspec.DecodeError, UnicodeDecodeError) as wrong:
        raise Problem(400, f"the body is not JSON: {wrong}") from wrong


def query(request: Request, kind: type[T]) -> T:
    """Read the query string as a `kind`, or tell what is wrong with it."""
    try:
        return msgspec.convert(dict(request.query_params), kind, strict=False)
    except msgspec.ValidationError as wrong:
        raise Problem(422, f"query: {wrong}") from wrong


def id_of(request: Request, noun: str, parameter: str = "id") -> int:
    """Read an id in the path; one that no row can have is simply not there."""
    number: int = request.path_params[parameter]
    if number > BIGGEST_ID:
        raise missing(noun, number)
    return number


def missing(noun: str, number: int) -> Problem:
    return Problem(404, f"there is no {noun} {number}")


def reply(value: Any, status: int = 200, **headers: str) -> Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(msgspec.json.encode(value), status, named, "application/json")


def listed(request: Request, page: Page, items: list[Any]) -> Response:
    """Answer one page; `next` is the path of the page after it, null on the last."""
    more = None
    if len(items) > page.limit:
        items = items[: page.limit]
        more = request.url.include_query_params(after=items[-1].id, limit=page.limit)
    return reply({"items": items, "next": f"{more.path}?{more.query}" if more else None})


def problem(status: int, detail: str, headers: dict[str, str] | None = None) -> Response:
    content = {"status": status, "title": HTTPStatus(status).phrase, "detail": detail, **ids.get()}
    return Response(msgspec.json.encode(content), status, headers, "application/problem+json")


async def on_problem(request: Request, error: Problem) -> Response:
    return problem(error.status, error.detail, error.headers)


async def on_http_exception(request: Request, error: HTTPException) -> Response:
    details = {404: f"nothing is at {request.url.path}", 405: f"{request.method} is not possible here"}
    return problem(error.status_code, details.get(error.status_code, error.detail), dict(error.headers or {}))


async def on_bad_value(request: Request, error: DataError) -> Response:
    return problem(422, f"the database cannot keep this value: {reason(error)}")


async def on_database_away(request: Request, error: Exception) -> Response:
    log.error("the database is away: %s", reason(error))
    return problem(503, "the database is away; try again", {"Retry-After": "1"})


async def on_disconnect(request: Request, error: ClientDisconnect) -> Response:
    return problem(400, "the caller went away before the body was whole")


async def on_bug(request: Request, error: Exception) -> Response:
    return problem(500, "a bug in this service; its log has the request_id")


def reason(error: Exception) -> str:
    """Say what the driver said, in one line, without the statement and its values."""
    return " ".join(str(getattr(error, "orig", None) or error).split())


HANDLERS: Any = {
    Problem: on_problem,
    HTTPException: on_http_exception,
    DataError: on_bad_value,
    OperationalError: on_database_away,
    InterfaceError: on_database_away,
    PoolTimeout: on_database_away,
    ClientDisconnect: on_disconnect,
    Exception: on_bug,
}
