"""The tables, as the newest migration leaves them."""

from sqlalchemy import BigInteger, CheckConstraint, Column, DateTime, ForeignKey, Identity, MetaData, Table, Text, func

metadata = MetaData()

notices = Table(
    "notices",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("title", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("starts_at", DateTime(timezone=True), nullable=False),
    Column("ends_at", DateTime(timezone=True)),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    CheckConstraint("severity IN ('info', 'warning', 'critical')", name="notices_severity_known"),
    CheckConstraint("ends_at > starts_at", name="notices_end_after_start"),
)

readers = Table(
    "readers",
    metadata,
    Column("notice_id", BigInteger, ForeignKey("notices.id", ondelete="CASCADE"), primary_key=True),
    Column("account_id", BigInteger, primary_key=True),
    Column("read_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)
