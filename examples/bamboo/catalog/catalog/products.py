"""Products in the database: each function is part of its caller's transaction."""

from datetime import datetime
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType
from msgspec.structs import asdict
from sqlalchemy import Connection, func, select, update
from sqlalchemy.dialects.postgresql import insert

from .tables import products

Sku = Annotated[str, Meta(pattern="^[A-Z0-9][A-Z0-9-]{0,63}$")]
Name = Annotated[str, Meta(min_length=1, max_length=200)]
Cents = Annotated[int, Meta(ge=0, le=10**12)]
Currency = Annotated[str, Meta(pattern="^[A-Z]{3}$", description="ISO 4217")]
Count = Annotated[int, Meta(ge=0, le=10**9)]


class Product(Struct):
    id: int
    sku: str
    name: str
    price_cents: int
    currency: str
    stock: int
    created_at: datetime
    updated_at: datetime


class NewProduct(Struct, forbid_unknown_fields=True):
    sku: Sku
    name: Name
    price_cents: Cents
    currency: Currency
    stock: Count = 0


class Change(Struct, forbid_unknown_fields=True):
    """What to change; what is left out stays. Stock moves by its own, relative change."""

    name: Name | UnsetType = UNSET
    price_cents: Cents | UnsetType = UNSET


class StockChange(Struct, forbid_unknown_fields=True):
    """So many came in, or, below zero, went out."""

    change: Annotated[int, Meta(ge=-(10**6), le=10**6)]


class Taken(Exception):
    """Another product has this SKU."""


def find(connection: Connection, product_id: int) -> Product | None:
    row = connection.execute(select(products).where(products.c.id == product_id)).one_or_none()
    return Product(**row._mapping) if row else None


def list_after(connection: Connection, after: int, limit: int) -> list[Product]:
    """List by id, one more than `limit`, so that the caller sees whether there is more."""
    rows = connection.execute(select(products).where(products.c.id > after).order_by(products.c.id).limit(limit + 1))
    return [Product(**row._mapping) for row in rows]


def create(connection: Connection, new: NewProduct) -> Product:
    row = connection.execute(
        insert(products).values(asdict(new)).on_conflict_do_nothing(index_elements=["sku"]).returning(*products.c)
    ).one_or_none()
    if row is None:
        raise Taken(new.sku)
    return Product(**row._mapping)


def change(connection: Connection, product_id: int, wanted: Change) -> Product | None:
    values = {name: value for name, value in asdict(wanted).items() if value is not UNSET}
    row = connection.execute(
        update(products)
        .where(products.c.id == product_id)
        .values(**values, updated_at=func.now())
        .returning(*products.c)
    ).one_or_none()
    return Product(**row._mapping) if row else None


def move_stock(connection: Connection, product_id: int, by: int) -> Product | None:
    """Change the stock in one statement, so that no two callers take the same piece; None when it does not allow it."""
    row = connection.execute(
        update(products)
        .where(products.c.id == product_id, (products.c.stock + by).between(0, 10**9))
        .values(stock=products.c.stock + by, updated_at=func.now())
        .returning(*products.c)
    ).one_or_none()
    return Product(**row._mapping) if row else None
