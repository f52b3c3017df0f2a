"""DB instances: https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstance.html"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Literal

from culm.cluster.services.rds import native, scram
from culm.cluster.store import rds
from culm.cluster.store.rds import DbInstance, Wish
from culm.cluster.wire.operations import Call, operation
from culm.core.model.arn import arn
from culm.core.model.record import Stored, record
from culm.core.model.task_definitions import Tag
from culm.errors import AwsError


@record
class Engine:
    """What an engine's instances are unless they say otherwise."""

    version: str
    port: int
    longest_name: int


ENGINES = {
    "postgres": Engine(version="18.4", port=5432, longest_name=63),
    "mysql": Engine(version="8.4.6", port=3306, longest_name=32),
    "mariadb": Engine(version="11.8.3", port=3306, longest_name=32),
}
"""The last two are one MariaDB of this machine, whatever its version."""


@record
class CreateDbInstanceInput:
    db_instance_identifier: str
    db_instance_class: Stored[str]
    engine: str
    master_username: str = "postgres"
    master_user_password: str = ""
    db_name: str | None = None
    port: int | None = None
    deletion_protection: bool = False
    allocated_storage: Stored[int] = 20
    engine_version: Stored[str | None] = None
    backup_retention_period: Stored[int] = 1
    auto_minor_version_upgrade: Literal[True] = True
    copy_tags_to_snapshot: Stored[bool] = False
    publicly_accessible: Stored[bool] = False
    storage_type: Stored[str] = "gp2"
    storage_encrypted: Literal[False] = False
    multi_az: Literal[False] = False
    monitoring_interval: Literal[0] = 0
    enable_performance_insights: Literal[False] = False
    enable_iam_database_authentication: Literal[False] = False
    enable_customer_owned_ip: Literal[False] = False
    manage_master_user_password: Literal[False] = False
    dedicated_log_volume: Literal[False] = False
    network_type: Literal["IPV4"] = "IPV4"
    database_insights_mode: Literal["standard"] = "standard"
    tags: Stored[tuple[Tag, ...]] = ()


@operation("rds", "CreateDBInstance", wakes=True)
def create_db_instance(call: Call, req: CreateDbInstanceInput) -> dict[str, Any]:
    """Wish for a server; the database loop makes it. Only the password's verifier is kept."""
    identifier = req.db_instance_identifier.lower()
    if not re.fullmatch(r"[a-z](?!.*--)[a-z0-9-]{0,61}[a-z0-9]|[a-z]", identifier):
        raise AwsError(
            "InvalidParameterValue",
            "The parameter DBInstanceIdentifier is not a valid identifier. Identifiers must begin with a letter; must "
            "contain only ASCII letters, digits, and hyphens; and must not end with a hyphen or contain two "
            "consecutive hyphens.",
        )
    engine = ENGINES.get(req.engine)
    if engine is None:
        listed = ", ".join(ENGINES)
        raise AwsError("InvalidParameterValue", f"Invalid DB engine: {req.engine}. This cluster serves {listed}.")
    if not 8 <= len(req.master_user_password) <= 128:
        raise AwsError("InvalidParameterValue", "The parameter MasterUserPassword must have from 8 to 128 characters.")
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", req.master_username) or (
        len(req.master_username) > engine.longest_name
    ):
        raise AwsError("InvalidParameterValue", f"MasterUsername {req.master_username} is not a valid name.")
    if req.db_name is not None and not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,62}", req.db_name):
        raise AwsError("InvalidParameterValue", f"DBName {req.db_name} is not a valid name.")
    port = req.port if req.port is not None else engine.port
    if not 1150 <= port <= 65535:
        raise AwsError("InvalidParameterValue", "The parameter Port must be between 1150 and 65535.")
    if rds.instances.find(call.db, identifier):
        raise AwsError("DBInstanceAlreadyExists", "DB instance already exists", status=400)

    instance = DbInstance(
        identifier=identifier,
        resource_id=f"db-{call.new_id()[:26].upper()}",
        wish=Wish(
            db_instance_class=req.db_instance_class,
            engine=req.engine,
            engine_version=engine.version,
            allocated_storage=req.allocated_storage,
            master_username=req.master_username,
            db_name=req.db_name,
            deletion_protection=req.deletion_protection,
            backup_retention_period=req.backup_retention_period,
            tags=tuple((t.key, t.value) for t in req.tags),
        ),
        verifier=verifier(req.engine, req.master_user_password, bytes.fromhex(call.new_id())),
        port=port,
        created_at=call.now,
    )
    rds.insert(call.db, instance)
    return {"db_instance": describe(call, instance)}


def verifier(engine: str, password: str, salt: bytes) -> str:
    """Return what the server is given in the password's place."""
    return scram.verifier(password, salt) if engine == "postgres" else native.verifier(password)


@record
class Filter:
    name: str
    values: tuple[str, ...]


FILTERS: Mapping[str, Callable[[DbInstance], str]] = {
    "db-instance-id": lambda instance: instance.identifier,
    "dbi-resource-id": lambda instance: instance.resource_id,
    "engine": lambda instance: instance.wish.engine,
}


@record
class DescribeDbInstancesInput:
    db_instance_identifier: str | None = None
    filters: tuple[Filter, ...] = ()


@operation("rds", "DescribeDBInstances")
def describe_db_instances(call: Call, req: DescribeDbInstancesInput) -> dict[str, Any]:
    """Return one DB instance, or all that the filters let through.

    Raises DBInstanceNotFound, and InvalidParameterValue for an unknown filter.
    """
    if unknown := [each.name for each in req.filters if each.name not in FILTERS]:
        raise AwsError("InvalidParameterValue", f"Unrecognized filter name: {unknown[0]}")
    instances = rds.instances.every(call.db)
    if req.db_instance_identifier is not None:
        instances = [_find(call, req.db_instance_identifier)]
    kept = [i for i in instances if all(FILTERS[each.name](i) in each.values for each in req.filters)]
    return {"db_instances": [describe(call, instance) for instance in kept]}


@record
class DeleteDbInstanceInput:
    db_instance_identifier: str
    skip_final_snapshot: bool = False
    delete_automated_backups: Stored[bool] = True


@operation("rds", "DeleteDBInstance", wakes=True)
def delete_db_instance(call: Call, req: DeleteDbInstanceInput) -> dict[str, Any]:
    """Delete an instance, and its data.

    This cluster keeps no snapshots, so the caller must say that none is wanted.
    """
    instance = _find(call, req.db_instance_identifier)
    if instance.wish.deletion_protection:
        raise AwsError(
            "InvalidParameterCombination",
            "Cannot delete protected DB Instance, please disable deletion protection and try again.",
        )
    if not req.skip_final_snapshot:
        raise AwsError(
            "InvalidParameterCombination",
            "FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified.",
        )
    if instance.deleting:
        raise AwsError("InvalidDBInstanceState", f"Instance {instance.identifier} is already being deleted.")
    rds.instances.wish_deleted(call.db, instance.identifier)
    return {"db_instance": describe(call, _find(call, instance.identifier))}


def describe(call: Call, instance: DbInstance) -> dict[str, Any]:
    """Return the `DBInstance` shape."""
    endpoint = None
    if instance.endpoint_address:
        endpoint = {"address": instance.endpoint_address, "port": instance.endpoint_port}
    return {
        "db_instance_identifier": instance.identifier,
        "db_instance_class": instance.wish.db_instance_class,
        "engine": instance.wish.engine,
        "engine_version": instance.wish.engine_version,
        "db_instance_status": "deleting" if instance.deleting else instance.status,
        "master_username": instance.wish.master_username,
        "db_name": instance.wish.db_name,
        "endpoint": endpoint,
        "allocated_storage": instance.wish.allocated_storage,
        "instance_create_time": instance.created_at,
        "backup_retention_period": instance.wish.backup_retention_period,
        "deletion_protection": instance.wish.deletion_protection,
        "dbi_resource_id": instance.resource_id,
        "db_instance_arn": arn("rds", call.region, call.account, f"db:{instance.identifier}"),
        "auto_minor_version_upgrade": True,
        "storage_type": "gp2",
        "multi_az": False,
        "publicly_accessible": False,
        "storage_encrypted": False,
        "tag_list": [{"key": key, "value": value} for key, value in instance.wish.tags],
    }


def _find(call: Call, identifier: str) -> DbInstance:
    instance = rds.instances.find(call.db, identifier.lower())
    if instance is None:
        raise AwsError("DBInstanceNotFound", f"DBInstance {identifier} not found.", status=404)
    return instance
