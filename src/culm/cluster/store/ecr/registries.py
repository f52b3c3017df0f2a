"""Registries: an account has one in each region."""

import sqlite3

import msgspec

from culm.core.model.registries import RegistrySettings


def find(db: sqlite3.Connection, region: str) -> RegistrySettings:
    """Return the registry of a region; one that nothing was said of has AWS's defaults."""
    row = db.execute("SELECT body FROM ecr_registry WHERE region = ?", (region,)).fetchone()
    return msgspec.json.decode(row["body"], type=RegistrySettings) if row else RegistrySettings()


def save(db: sqlite3.Connection, region: str, registry: RegistrySettings) -> None:
    db.execute(
        "INSERT INTO ecr_registry (region, body) VALUES (?, ?) ON CONFLICT (region) DO UPDATE SET body = excluded.body",
        (region, msgspec.json.encode(registry).decode()),
    )
