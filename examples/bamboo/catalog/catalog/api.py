"""What the service answers under /catalog/."""

from starlette.endpoints import HTTPEndpoint
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from . import http, products
from .database import database
from .health import health


async def index(request: Request) -> Response:
    """Say where the products are."""
    return http.reply({"products": "/catalog/products"})


class Products(HTTPEndpoint):
    async def get(self, request: Request) -> Response:
        page = http.query(request, http.Page)
        return http.listed(request, page, await database(request).run(products.list_after, page.after, page.limit))

    async def post(self, request: Request) -> Response:
        new = await http.body(request, products.NewProduct)
        try:
            product = await database(request).run(products.create, new)
        except products.Taken as taken:
            raise http.Problem(409, f"there is a product with the SKU {taken} already") from taken
        return http.reply(product, 201, Location=f"/catalog/products/{product.id}")


class Product(HTTPEndpoint):
    async def get(self, request: Request) -> Response:
        product_id = http.id_of(request, "product")
        product = await database(request).run(products.find, product_id)
        if product is None:
            raise http.missing("product", product_id)
        return http.reply(product)

    async def patch(self, request: Request) -> Response:
        product_id = http.id_of(request, "product")
        wanted = await http.body(request, products.Change)
        product = await database(request).run(products.change, product_id, wanted)
        if product is None:
            raise http.missing("product", product_id)
        return http.reply(product)


class Stock(HTTPEndpoint):
    async def post(self, request: Request) -> Response:
        """Move the stock up or down, never below nothing."""
        product_id = http.id_of(request, "product")
        by = (await http.body(request, products.StockChange)).change
        product = await database(request).run(products.move_stock, product_id, by)
        if product is None:
            left = await database(request).run(products.find, product_id)
            if left is None:
                raise http.missing("product", product_id)
            raise http.Problem(409, f"product {product_id} has {left.stock} in stock; it cannot change by {by}")
        return http.reply(product)


ROUTES: list[BaseRoute] = [
    Route("/catalog/", index),
    Route("/catalog/health", health),
    Route("/catalog/products", Products),
    Route("/catalog/products/{id:int}", Product),
    Route("/catalog/products/{id:int}/stock", Stock),
]
