"""Notices in the database: each function is part of its caller's transaction."""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct
from sqlalchemy import Connection, exists, func, or_, select
from sqlalchemy.dialects.postgresql import insert

from .tables import notices, readers

Severity = Literal["info", "warning", "critical"]
Moment = Annotated[datetime, Meta(tz=True)]


class Notice(Struct):
    id: int
    title: str
    text: str
    severity: Severity
    starts_at: datetime
    ends_at: datetime | None
    created_at: datetime


class NewNotice(Struct, forbid_unknown_fields=True):
    """A notice is shown from `starts_at` (now, if not given) until `ends_at` (for ever, if not given)."""

    title: Annotated[str, Meta(min_length=1, max_length=200)]
    text: Annotated[str, Meta(min_length=1, max_length=10_000)]
    severity: Severity = "info"
    starts_at: Moment | None = None
    ends_at: Moment | None = None

    def __post_init__(self) -> None:
        if self.starts_at and self.ends_at and self.ends_at <= self.starts_at:
            raise ValueError("`ends_at` has to be after `starts_at`")


def find(connection: Connection, notice_id: int) -> Notice | None:
    row = connection.execute(select(notices).where(notices.c.id == notice_id)).one_or_none()
    return Notice(**row._mapping) if row else None


def list_after(
    connection: Connection, after: int, limit: int, *, current: bool, severity: Severity | None, unread_by: int | None
) -> list[Notice]:
    """List by id, one more than `limit`, so that the caller sees whether there is more."""
    wanted = select(notices).where(notices.c.id > after)
    if current:
        over = notices.c.ends_at <= func.now()
        wanted = wanted.where(notices.c.starts_at <= func.now(), or_(notices.c.ends_at.is_(None), ~over))
    if severity is not None:
        wanted = wanted.where(notices.c.severity == severity)
    if unread_by is not None:
        wanted = wanted.where(~exists().where(readers.c.notice_id == notices.c.id, readers.c.account_id == unread_by))
    rows = connection.execute(wanted.order_by(notices.c.id).limit(limit + 1))
    return [Notice(**row._mapping) for row in rows]


def create(connection: Connection, new: NewNotice) -> Notice:
    starts_at = func.now() if new.starts_at is None else new.starts_at
    row = connection.execute(
        insert(notices)
        .values(title=new.title, text=new.text, severity=new.severity, starts_at=starts_at, ends_at=new.ends_at)
        .returning(*notices.c)
    ).one()
    return Notice(**row._mapping)


def mark_read(connection: Connection, notice_id: int, account_id: int) -> bool:
    """Note that an account has read a notice, once however often it is told; False when there is no such notice."""
    if find(connection, notice_id) is None:
        return False
    connection.execute(insert(readers).values(notice_id=notice_id, account_id=account_id).on_conflict_do_nothing())
    return True
