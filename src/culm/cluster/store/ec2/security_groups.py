"""Security groups: kept and described back; nothing here is a firewall."""

import sqlite3

import msgspec

from culm.core.model.record import record


@record
class Rule:
    """One permission. Of the three sources exactly one is set; ports are None where the protocol has none."""

    rule_id: str
    egress: bool
    protocol: str
    """`tcp`, `udp`, `icmp`, a number, or `-1` for all."""
    from_port: int | None = None
    to_port: int | None = None
    cidr: str | None = None
    cidr_v6: str | None = None
    group_id: str | None = None
    description: str | None = None

    @property
    def identity(self) -> tuple[object, ...]:
        """What may be in a group once."""
        return self.egress, self.protocol, self.from_port, self.to_port, self.cidr, self.cidr_v6, self.group_id


@record
class GroupBody:
    description: str
    rules: tuple[Rule, ...] = ()


@record
class SecurityGroup:
    group_id: str
    vpc_id: str
    group_name: str
    body: GroupBody


_body = msgspec.json.Decoder(GroupBody)


def list_all(db: sqlite3.Connection) -> tuple[SecurityGroup, ...]:
    return tuple(map(_group, db.execute("SELECT * FROM ec2_security_group ORDER BY group_id")))


def of_vpc(db: sqlite3.Connection, vpc_id: str) -> tuple[SecurityGroup, ...]:
    rows = db.execute("SELECT * FROM ec2_security_group WHERE vpc_id = ? ORDER BY group_id", (vpc_id,))
    return tuple(map(_group, rows))


def find(db: sqlite3.Connection, group_id: str) -> SecurityGroup | None:
    row = db.execute("SELECT * FROM ec2_security_group WHERE group_id = ?", (group_id,)).fetchone()
    return _group(row) if row else None


def save(db: sqlite3.Connection, group: SecurityGroup) -> None:
    db.execute(
        "INSERT INTO ec2_security_group VALUES (?, ?, ?, ?) ON CONFLICT (group_id) DO UPDATE SET body = excluded.body",
        (group.group_id, group.vpc_id, group.group_name, msgspec.json.encode(group.body).decode()),
    )


def delete(db: sqlite3.Connection, group_id: str) -> None:
    """Delete a group with its tags."""
    db.execute("DELETE FROM ec2_security_group WHERE group_id = ?", (group_id,))
    db.execute("DELETE FROM ec2_tag WHERE resource_id = ?", (group_id,))


def _group(row: sqlite3.Row) -> SecurityGroup:
    return SecurityGroup(
        group_id=row["group_id"], vpc_id=row["vpc_id"], group_name=row["group_name"], body=_body.decode(row["body"])
    )
