"""The ASGI application: routes, errors, logs and the database put together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.types import ASGIApp

from . import http
from .api import ROUTES
from .database import Database, engine
from .logs import Logged
from .settings import Settings


def application(settings: Settings, database_url: str) -> ASGIApp:
    pool = engine(database_url, settings.database)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        pool.dispose()

    app = Starlette(routes=ROUTES, exception_handlers=http.HANDLERS, lifespan=lifespan)
    app.router.redirect_slashes = False
    app.state.database = Database(pool, settings.database)
    return Logged(app, health=f"/{__package__}/health")
