"""Orders in the database: each function is part of its caller's transaction."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct
from msgspec.structs import asdict
from sqlalchemy import Connection, Select, select
from sqlalchemy.dialects.postgresql import insert

from .catalog import Product
from .tables import lines, orders

Id = Annotated[int, Meta(ge=1, le=2**63 - 1)]
Key = Annotated[str, Meta(min_length=1, max_length=255)]


class Line(Struct):
    product_id: int
    name: str
    quantity: int
    price_cents: int


class Order(Struct, kw_only=True):
    id: int
    account_id: int
    currency: str
    total_cents: int
    idempotency_key: str | None
    created_at: datetime
    lines: list[Line] = []

    def is_for(self, new: "NewOrder") -> bool:
        """Tell whether this is what was ordered; prices may have changed since, quantities not."""
        return {line.product_id: line.quantity for line in self.lines} == new.quantities


class NewLine(Struct, forbid_unknown_fields=True):
    product_id: Id
    quantity: Annotated[int, Meta(ge=1, le=10_000)]


class NewOrder(Struct, forbid_unknown_fields=True):
    account_id: Id
    lines: Annotated[list[NewLine], Meta(min_length=1, max_length=50)]

    def __post_init__(self) -> None:
        if len(self.quantities) < len(self.lines):
            raise ValueError("`lines` names a product twice")

    @property
    def quantities(self) -> dict[int, int]:
        return {line.product_id: line.quantity for line in self.lines}


class MixedCurrencies(Exception):
    """The products of one order are not sold in one currency."""


def find(connection: Connection, order_id: int) -> Order | None:
    found = with_lines(connection, select(orders).where(orders.c.id == order_id))
    return found[0] if found else None


def find_by_key(connection: Connection, account_id: int, key: str) -> Order | None:
    found = with_lines(connection, of_key(account_id, key))
    return found[0] if found else None


def of_key(account_id: int, key: str | None) -> Select[Any]:
    return select(orders).where(orders.c.account_id == account_id, orders.c.idempotency_key == key)


def list_after(connection: Connection, after: int, limit: int, account_id: int | None) -> list[Order]:
    """List by id, one more than `limit`, so that the caller sees whether there is more."""
    wanted = select(orders).where(orders.c.id > after).order_by(orders.c.id).limit(limit + 1)
    if account_id is not None:
        wanted = wanted.where(orders.c.account_id == account_id)
    return with_lines(connection, wanted)


def with_lines(connection: Connection, wanted: Select[Any]) -> list[Order]:
    """Read orders, and the lines of all of them in one more query."""
    rows = connection.execute(wanted).all()
    of_order = defaultdict(list)
    which = lines.c.order_id.in_([row.id for row in rows])
    for line in connection.execute(select(lines).where(which).order_by(lines.c.product_id)):
        of_order[line.order_id].append(
            Line(product_id=line.product_id, name=line.name, quantity=line.quantity, price_cents=line.price_cents)
        )
    return [Order(**row._mapping, lines=of_order[row.id]) for row in rows]


def create(
    connection: Connection, new: NewOrder, products: Sequence[Product], key: str | None
) -> tuple[Order, Literal["new", "earlier"]]:
    """Write an order and its lines, unless a request with the same key was faster: then that one's order it is."""
    bought = [
        Line(
            product_id=product.id,
            name=product.name,
            quantity=new.quantities[product.id],
            price_cents=product.price_cents,
        )
        for product in products
    ]
    row = connection.execute(
        insert(orders)
        .values(
            account_id=new.account_id,
            currency=one_currency(products),
            total_cents=sum(line.quantity * line.price_cents for line in bought),
            idempotency_key=key,
        )
        .on_conflict_do_nothing(constraint="orders_idempotency_key_once")
        .returning(*orders.c)
    ).one_or_none()
    if row is None:
        (earlier,) = with_lines(connection, of_key(new.account_id, key))
        return earlier, "earlier"
    connection.execute(insert(lines), [asdict(line) | {"order_id": row.id} for line in bought])
    return Order(**row._mapping, lines=bought), "new"


def one_currency(products: Sequence[Product]) -> str:
    currencies = sorted({product.currency for product in products})
    if len(currencies) > 1:
        raise MixedCurrencies(", ".join(currencies))
    return currencies[0]
