"""The catalog service, asked through the load balancer as everybody else asks it."""

import asyncio
from collections.abc import Iterable
from typing import Annotated

import httpx2 as httpx
import msgspec
from msgspec import Meta

from .logs import ids

CONNECTIONS = 8


class Product(msgspec.Struct):
    """What an order needs to know of a product; the catalog tells more."""

    id: int
    name: str
    price_cents: Annotated[int, Meta(ge=0, le=10**12)]
    currency: str


class Unknown(Exception):
    """The catalog has no such product."""


class Away(Exception):
    """The catalog could not be asked, or not in time; asking again may help."""


class Broken(Exception):
    """What the catalog said is no answer to the question."""


class Catalog:
    """Asks for products; one question, however many products it is about, takes `timeout_seconds` at most."""

    def __init__(self, load_balancer_url: str, timeout_seconds: float) -> None:
        self.timeout_seconds = timeout_seconds
        self.client = httpx.AsyncClient(
            base_url=load_balancer_url,
            timeout=timeout_seconds,
            transport=httpx.AsyncHTTPTransport(
                retries=1, limits=httpx.Limits(max_connections=CONNECTIONS, keepalive_expiry=30)
            ),
        )

    async def products(self, wanted: Iterable[int]) -> list[Product]:
        try:
            async with asyncio.timeout(self.timeout_seconds):
                answers = await asyncio.gather(*map(self.product, wanted), return_exceptions=True)
        except TimeoutError:
            raise Away(f"no answer in {self.timeout_seconds:g} s") from None
        found = []
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer
            found.append(answer)
        return found

    async def product(self, product_id: int) -> Product:
        headers = {"X-Request-Id": ids.get().get("request_id"), "X-Amzn-Trace-Id": ids.get().get("trace_id")}
        try:
            response = await self.client.get(
                f"/catalog/products/{product_id}", headers={name: value for name, value in headers.items() if value}
            )
        except httpx.TransportError as error:
            raise Away(str(error) or type(error).__name__) from error
        if response.status_code == 404 and "problem" in response.headers.get("Content-Type", ""):
            raise Unknown(product_id)
        if response.status_code in (503, 504):
            raise Away(f"status {response.status_code}")
        if response.status_code != 200:
            raise Broken(f"status {response.status_code}")
        try:
            return msgspec.json.decode(response.content, type=Product)
        except msgspec.DecodeError as error:
            raise Broken(str(error)) from error

    async def close(self) -> None:
        await self.client.aclose()
