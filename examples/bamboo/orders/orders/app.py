"""The ASGI application: routes, errors, logs and the database put together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.types import ASGIApp

from . import http
from .api import ROUTES
from .catalog import Catalog
from .database import Database, engine
from .logs import Logged
from .settings import Settings


def application(settings: Settings, database_url: str, load_balancer_url: str) -> ASGIApp:
    pool = engine(database_url, settings.database)
    catalog = Catalog(load_balancer_url, settings.catalog.timeout_seconds)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        await catalog.close()
        pool.dispose()

    app = Starlette(routes=ROUTES, exception_handlers=http.HANDLERS, lifespan=lifespan)
    app.router.redirect_slashes = False
    app.state.catalog = catalog
    app.state.database = Database(pool, settings.database)
    return Logged(app, health=f"/{__package__}/health")
