"""The tables, as the newest migration leaves them."""

from sqlalchemy import BigInteger, CheckConstraint, Column, DateTime, Identity, Integer, MetaData, Table, Text, func

metadata = MetaData()

products = Table(
    "products",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("sku", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("price_cents", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("stock", Integer, nullable=False, server_default="0"),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("updated_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    CheckConstraint("price_cents >= 0", name="products_price_not_negative"),
    CheckConstraint("stock >= 0", name="products_stock_not_negative"),
)
