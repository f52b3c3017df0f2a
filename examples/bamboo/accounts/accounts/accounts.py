"""Accounts in the database: each function is part of its caller's transaction."""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType
from msgspec.structs import asdict
from sqlalchemy import Connection, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError

from .tables import accounts

Email = Annotated[str, Meta(max_length=254)]
Name = Annotated[str, Meta(min_length=1, max_length=200)]
Status = Literal["active", "suspended", "closed"]


class Account(Struct):
    id: int
    email: str
    name: str
    status: Status
    version: int
    created_at: datetime
    updated_at: datetime


class NewAccount(Struct, forbid_unknown_fields=True):
    email: Email
    name: Name

    def __post_init__(self) -> None:
        expect_address(self.email)


class Change(Struct, forbid_unknown_fields=True):
    """What to change; what is left out stays."""

    email: Email | UnsetType = UNSET
    name: Name | UnsetType = UNSET
    status: Status | UnsetType = UNSET

    def __post_init__(self) -> None:
        if self.email is not UNSET:
            expect_address(self.email)


class Taken(Exception):
    """Another account has this address."""


def expect_address(text: str) -> None:
    """Refuse what cannot be an e-mail address; whether it is one, only a letter to it can tell."""
    local, at, domain = text.partition("@")
    if not (local and at and "." in domain.strip(".") and "@" not in domain and text.isprintable() and " " not in text):
        raise ValueError("`email` is not an e-mail address")


def find(connection: Connection, account_id: int) -> Account | None:
    row = connection.execute(select(accounts).where(accounts.c.id == account_id)).one_or_none()
    return Account(**row._mapping) if row else None


def list_after(connection: Connection, after: int, limit: int) -> list[Account]:
    """List by id, one more than `limit`, so that the caller sees whether there is more."""
    rows = connection.execute(select(accounts).where(accounts.c.id > after).order_by(accounts.c.id).limit(limit + 1))
    return [Account(**row._mapping) for row in rows]


def create(connection: Connection, new: NewAccount) -> Account:
    row = connection.execute(
        insert(accounts)
        .values(asdict(new))
        .on_conflict_do_nothing(index_elements=[func.lower(accounts.c.email)])
        .returning(*accounts.c)
    ).one_or_none()
    if row is None:
        raise Taken(new.email)
    return Account(**row._mapping)


def change(connection: Connection, account_id: int, wanted: Change, version: int | None) -> Account | None:
    """Change an account that still is at `version` (any, when None); None when there is no such account."""
    same = accounts.c.id == account_id
    if version is not None:
        same &= accounts.c.version == version
    values = {name: value for name, value in asdict(wanted).items() if value is not UNSET}
    try:
        row = connection.execute(
            update(accounts)
            .where(same)
            .values(**values, version=accounts.c.version + 1, updated_at=func.now())
            .returning(*accounts.c)
        ).one_or_none()
    except IntegrityError as error:
        raise Taken(values["email"]) from error
    return Account(**row._mapping) if row else None
