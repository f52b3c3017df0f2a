"""What the service answers under /orders/."""

import logging

import msgspec
from starlette.endpoints import HTTPEndpoint
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from . import catalog, http, orders
from .database import database
from .health import health

log = logging.getLogger(__package__)


class Wanted(http.Page, kw_only=True):
    """Which orders are wanted: everybody's, or those of one account."""

    account_id: orders.Id | None = None


class Orders(HTTPEndpoint):
    async def get(self, request: Request) -> Response:
        wanted = http.query(request, Wanted)
        found = await database(request).run(orders.list_after, wanted.after, wanted.limit, wanted.account_id)
        return http.listed(request, wanted, found)

    async def post(self, request: Request) -> Response:
        """Order at today's prices; told again with the same `Idempotency-Key`, answer with the order that there is."""
        new = await http.body(request, orders.NewOrder)
        key = key_of(request)
        if key and (earlier := await database(request).run(orders.find_by_key, new.account_id, key)):
            return again(earlier, new)

        products = await ask_catalog(request, new)
        try:
            order, which = await database(request).run(orders.create, new, products, key)
        except orders.MixedCurrencies as mixed:
            raise http.Problem(422, f"one order has one currency, not {mixed}") from mixed
        if which == "earlier":
            return again(order, new)
        return http.reply(order, 201, Location=f"/orders/{order.id}")


class Order(HTTPEndpoint):
    async def get(self, request: Request) -> Response:
        order_id = http.id_of(request, "order")
        order = await database(request).run(orders.find, order_id)
        if order is None:
            raise http.missing("order", order_id)
        return http.reply(order)


def key_of(request: Request) -> str | None:
    try:
        return msgspec.convert(request.headers.get("Idempotency-Key"), orders.Key | None)
    except msgspec.ValidationError as wrong:
        raise http.Problem(422, f"Idempotency-Key: {wrong}") from wrong


def again(earlier: orders.Order, new: orders.NewOrder) -> Response:
    if not earlier.is_for(new):
        raise http.Problem(422, f"this Idempotency-Key has been used for another order, {earlier.id}")
    return http.reply(earlier, 200, Location=f"/orders/{earlier.id}")


async def ask_catalog(request: Request, new: orders.NewOrder) -> list[catalog.Product]:
    asked: catalog.Catalog = request.app.state.catalog
    try:
        return await asked.products(new.quantities)
    except catalog.Unknown as unknown:
        raise http.Problem(422, f"the catalog has no product {unknown}") from unknown
    except catalog.Away as away:
        log.error("the catalog is away: %s", away)
        raise http.Problem(503, f"the catalog does not answer ({away}); try again", Retry_After="1") from away
    except catalog.Broken as broken:
        log.error("the catalog is broken: %s", broken)
        raise http.Problem(502, f"the catalog gave no usable answer ({broken})") from broken


ROUTES: list[BaseRoute] = [
    Route("/orders/health", health),
    Route("/orders/", Orders),
    Route("/orders/{id:int}", Order),
]
