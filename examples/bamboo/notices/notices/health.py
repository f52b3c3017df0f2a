"""Health: well when the database answers."""

from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import Response

from . import http
from .database import answers, database


async def health(request: Request) -> Response:
    try:
        await database(request).run(answers)
    except SQLAlchemyError as error:
        return http.problem(503, f"the database does not answer: {http.reason(error)}", {"Retry-After": "1"})
    return http.reply({"status": "ok"})
