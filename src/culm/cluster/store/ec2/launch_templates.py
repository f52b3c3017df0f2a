"""Launch templates with their versions."""

import sqlite3
from collections.abc import Mapping
from typing import Any

import msgspec

from culm.core.model.record import record


@record
class Version:
    number: int
    created_at: float
    data: Mapping[str, Any]
    """As it was given, under the API's names in lower case."""
    description: str | None = None


@record
class LaunchTemplate:
    id: str
    name: str
    created_at: float
    versions: tuple[Version, ...]
    """The oldest first."""
    default: int = 1

    def version(self, wanted: str) -> Version | None:
        """Return the version that `$Latest`, `$Default` or a number names."""
        number = {"$Latest": self.versions[-1].number, "$Default": self.default}.get(wanted, wanted)
        return next((version for version in self.versions if str(version.number) == str(number)), None)


_decoder = msgspec.json.Decoder(LaunchTemplate)


def list_all(db: sqlite3.Connection) -> list[LaunchTemplate]:
    return [_decoder.decode(row["body"]) for row in db.execute("SELECT body FROM ec2_launch_template ORDER BY rowid")]


def find(db: sqlite3.Connection, *, id: str | None = None, name: str | None = None) -> LaunchTemplate | None:
    """Return the template with this id or name."""
    row = db.execute("SELECT body FROM ec2_launch_template WHERE id = ? OR name = ?", (id, name)).fetchone()
    return _decoder.decode(row["body"]) if row else None


def save(db: sqlite3.Connection, template: LaunchTemplate) -> None:
    db.execute(
        "INSERT INTO ec2_launch_template VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE SET body = excluded.body",
        (template.id, template.name, msgspec.json.encode(template).decode()),
    )


def delete(db: sqlite3.Connection, id: str) -> None:
    """Delete a template with its tags."""
    db.execute("DELETE FROM ec2_launch_template WHERE id = ?", (id,))
    db.execute("DELETE FROM ec2_tag WHERE resource_id = ?", (id,))
