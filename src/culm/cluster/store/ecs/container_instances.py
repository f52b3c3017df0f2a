"""Container instances: what their agents registered, and whether tasks are wanted on them."""

from collections.abc import Sequence
from functools import lru_cache
from sqlite3 import Connection, Row

import msgspec

from culm.core.model.instances import ContainerInstance
from culm.core.model.record import filled

_decoder = msgspec.json.Decoder(ContainerInstance)
_REMEMBERED = 2000
"""Instances that are kept decoded, some 10 KB each."""
_COLUMNS = "SELECT status, agent_connected, body FROM ecs_container_instance"


def find(db: Connection, arn: str) -> ContainerInstance | None:
    row = db.execute(_COLUMNS + " WHERE arn = ?", (arn,)).fetchone()
    return _instance(row) if row else None


def find_by_ec2_instance_id(db: Connection, ec2_instance_id: str) -> ContainerInstance | None:
    """Return what the machine registered as last, be it INACTIVE by now."""
    row = db.execute(
        _COLUMNS + " WHERE ec2_instance_id = ? ORDER BY registered_at DESC LIMIT 1", (ec2_instance_id,)
    ).fetchone()
    return _instance(row) if row else None


def in_cluster(db: Connection, cluster: str) -> Sequence[ContainerInstance]:
    """Return those that are registered, by ARN."""
    rows = db.execute(_COLUMNS + " WHERE cluster = ? AND status != 'INACTIVE' ORDER BY arn", (cluster,))
    return [_instance(row) for row in rows]


def everywhere(db: Connection) -> Sequence[ContainerInstance]:
    """Return the registered ones of all clusters."""
    return [_instance(row) for row in db.execute(_COLUMNS + " WHERE status != 'INACTIVE' ORDER BY arn")]


def register(db: Connection, cluster: str, instance: ContainerInstance) -> None:
    """Keep what an agent says of its instance; its state, if it had one, stays as it was wished."""
    body = msgspec.json.encode(instance).decode()
    db.execute(
        "INSERT INTO ecs_container_instance (arn, cluster, ec2_instance_id, registered_at, status, body)"
        " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (arn) DO UPDATE SET body = excluded.body",
        (
            instance.container_instance_arn,
            cluster,
            instance.ec2_instance_id,
            instance.registered_at,
            instance.status,
            body,
        ),
    )


def set_status(db: Connection, arn: str, status: str) -> None:
    """Set an instance's status: ACTIVE, DRAINING or INACTIVE."""
    db.execute("UPDATE ecs_container_instance SET status = ? WHERE arn = ?", (status, arn))


def set_connected(db: Connection, arn: str, connected: bool) -> None:
    db.execute("UPDATE ecs_container_instance SET agent_connected = ? WHERE arn = ?", (int(connected), arn))


def disconnect_all(db: Connection) -> None:
    """Disconnect every agent: none is connected to a control plane that just started."""
    db.execute("UPDATE ecs_container_instance SET agent_connected = 0")


def _instance(row: Row) -> ContainerInstance:
    return _decoded(row["body"], row["status"], bool(row["agent_connected"]))


@lru_cache(maxsize=_REMEMBERED)
def _decoded(body: str, status: str, agent_connected: bool) -> ContainerInstance:
    """Return the instance of a row. Every task that is placed asks for all of them, and they seldom change."""
    return filled(_decoder.decode(body), status=status, agent_connected=agent_connected)
