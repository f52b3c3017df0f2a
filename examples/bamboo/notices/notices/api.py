"""What the service answers under /notices/."""

from typing import Annotated

from msgspec import Meta
from sqlalchemy.exc import IntegrityError
from starlette.endpoints import HTTPEndpoint
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from . import http, notices
from .database import database
from .health import health


class Wanted(http.Page, kw_only=True):
    """Which notices are wanted: those shown now (or all), of one severity, that an account has not read."""

    current: bool = True
    severity: notices.Severity | None = None
    unread_by: Annotated[int, Meta(ge=1, le=http.BIGGEST_ID)] | None = None


class Notices(HTTPEndpoint):
    async def get(self, request: Request) -> Response:
        wanted = http.query(request, Wanted)
        found = await database(request).run(
            notices.list_after,
            wanted.after,
            wanted.limit,
            current=wanted.current,
            severity=wanted.severity,
            unread_by=wanted.unread_by,
        )
        return http.listed(request, wanted, found)

    async def post(self, request: Request) -> Response:
        new = await http.body(request, notices.NewNotice)
        try:
            notice = await database(request).run(notices.create, new)
        except IntegrityError as error:  # the clock that counts is the database's
            raise http.Problem(422, "`ends_at` is over already") from error
        return http.reply(notice, 201, Location=f"/notices/{notice.id}")


class Notice(HTTPEndpoint):
    async def get(self, request: Request) -> Response:
        notice_id = http.id_of(request, "notice")
        notice = await database(request).run(notices.find, notice_id)
        if notice is None:
            raise http.missing("notice", notice_id)
        return http.reply(notice)


class Reader(HTTPEndpoint):
    async def put(self, request: Request) -> Response:
        """Note that an account has read a notice; saying so twice changes nothing."""
        notice_id = http.id_of(request, "notice")
        account_id = http.id_of(request, "account", "account_id")
        if not await database(request).run(notices.mark_read, notice_id, account_id):
            raise http.missing("notice", notice_id)
        return Response(status_code=204)


ROUTES: list[BaseRoute] = [
    Route("/notices/health", health),
    Route("/notices/", Notices),
    Route("/notices/{id:int}", Notice),
    Route("/notices/{id:int}/readers/{account_id:int}", Reader),
]
