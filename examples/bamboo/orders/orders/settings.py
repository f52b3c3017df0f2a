"""Configuration: files in the folder `conf` beside this package, whichever way the service is run."""

import os
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

FOLDER = Path(__file__).absolute().parent.parent / "conf"

Port = Annotated[int, Meta(ge=0, le=65535)]


class Database(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How `database.url` is used: so many connections, each waited for at most so long."""

    connections: Annotated[int, Meta(ge=1)] = 8
    timeout_seconds: Annotated[int, Meta(ge=2)] = 5


class Catalog(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long the catalog may take to name all prices of one order."""

    timeout_seconds: Annotated[float, Meta(gt=0)] = 2


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`settings.toml`: nothing in it is secret."""

    host: str = "0.0.0.0"
    port: Port = 8080
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    stop_seconds: Annotated[int, Meta(ge=0)] = 20
    database: Database = Database()
    catalog: Catalog = Catalog()


class Misconfigured(Exception):
    """A file of the configuration is missing or wrong; the message names it."""


def load(folder: Path = FOLDER) -> Settings:
    """Read `settings.toml`; the environment's PORT and HOST, which whoever runs the service hands out, win."""
    path = folder / "settings.toml"
    try:
        settings = msgspec.toml.decode(read(path), type=Settings)
    except msgspec.DecodeError as wrong:
        raise Misconfigured(f"{path}: {wrong}") from wrong
    try:
        port = msgspec.convert(os.environ.get("PORT", settings.port), Port, strict=False)
    except msgspec.ValidationError as wrong:
        raise Misconfigured(f"the environment's PORT: {wrong}") from wrong
    return msgspec.structs.replace(settings, host=os.environ.get("HOST", settings.host), port=port)


def url(name: str, folder: Path = FOLDER) -> str:
    """Read a file that holds one URL on one line; it may hold a password, so it is never shown."""
    path = folder / f"{name}.url"
    value = read(path).strip()
    if not value or "\n" in value or "://" not in value:
        raise Misconfigured(f"{path} must hold one URL on one line")
    return value


def read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as wrong:
        raise Misconfigured(f"cannot read {path}: {wrong}") from wrong
