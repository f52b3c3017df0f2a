"""The simulated EC2 instances, each with an address of its own."""

import sqlite3

from culm.core.model.record import record


@record
class SimulatedMachine:
    ec2_instance_id: str
    cluster: str
    """The name of the ECS cluster that it joins."""
    instance_type: str
    address: str
    availability_zone: str
    autoscaling_group: str | None = None
    """The group that it is of; None: it came with its cluster."""


def every(db: sqlite3.Connection) -> list[SimulatedMachine]:
    return [SimulatedMachine(**dict(row)) for row in db.execute("SELECT * FROM machine ORDER BY cluster, address")]


def insert(db: sqlite3.Connection, machine: SimulatedMachine) -> None:
    db.execute(
        "INSERT INTO machine VALUES (?, ?, ?, ?, ?, ?)",
        (
            machine.ec2_instance_id,
            machine.cluster,
            machine.instance_type,
            machine.address,
            machine.availability_zone,
            machine.autoscaling_group,
        ),
    )


def delete(db: sqlite3.Connection, ec2_instance_id: str) -> None:
    db.execute("DELETE FROM machine WHERE ec2_instance_id = ?", (ec2_instance_id,))


def address_of(db: sqlite3.Connection, ec2_instance_id: str) -> str | None:
    row = db.execute("SELECT address FROM machine WHERE ec2_instance_id = ?", (ec2_instance_id,)).fetchone()
    return str(row["address"]) if row else None
