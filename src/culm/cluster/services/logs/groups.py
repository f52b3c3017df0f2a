"""Log groups.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html
"""

import sqlite3
from collections.abc import Callable
from typing import Any, Literal

from culm.cluster.store.logs import groups, metric_filters, streams
from culm.cluster.wire.operations import Call, operation
from culm.core.model.arn import arn, resource
from culm.core.model.logs import LogGroup
from culm.core.model.record import Stored, record
from culm.errors import AwsError

LogGroupClass = Literal["STANDARD", "INFREQUENT_ACCESS", "DELIVERY", "ESSENTIALS"]


def existing(db: sqlite3.Connection, name: str) -> LogGroup:
    """Return the log group. Raises ResourceNotFoundException."""
    group = groups.find(db, name)
    if group is None:
        raise AwsError("ResourceNotFoundException", "The specified log group does not exist.")
    return group


def named(name: str | None, identifier: str | None) -> str:
    """Return the group that an operation means that takes a name or an identifier, which is a name or an ARN."""
    if name is not None and identifier is not None:
        raise AwsError("ValidationException", "LogGroup name and LogGroup ARN are mutually exclusive parameters.")
    if name is None and identifier is None:
        raise AwsError("InvalidParameterException", "One of logGroupName and logGroupIdentifier must be specified.")
    return name if name is not None else of_arn(identifier or "")


def of_arn(name_or_arn: str) -> str:
    """Return a group's name, `/culm/bamboo`, from `arn:aws:logs:us-east-1:0:log-group:/culm/bamboo:*`."""
    return resource(name_or_arn).removeprefix("log-group:").removesuffix(":*")


def group_arn(call: Call, name: str) -> str:
    return arn("logs", call.region, call.account, f"log-group:{name}")


@record
class CreateLogGroupInput:
    log_group_name: str
    kms_key_id: Stored[str | None] = None
    tags: Stored[dict[str, str] | None] = None
    log_group_class: Stored[LogGroupClass] = "STANDARD"
    deletion_protection_enabled: bool = False


@operation("logs", "CreateLogGroup")
def create_log_group(call: Call, req: CreateLogGroupInput) -> None:
    """Create a group. Raises ResourceAlreadyExistsException."""
    if groups.find(call.db, req.log_group_name):
        raise AwsError("ResourceAlreadyExistsException", "The specified log group already exists")
    groups.save(
        call.db,
        LogGroup(
            id=0,
            name=req.log_group_name,
            created_ms=int(call.now * 1000),
            log_group_class=req.log_group_class,
            kms_key_id=req.kms_key_id,
            deletion_protection_enabled=req.deletion_protection_enabled,
            tags=req.tags or {},
        ),
    )


@record
class DeleteLogGroupInput:
    log_group_name: str


@operation("logs", "DeleteLogGroup", long=True)
def delete_log_group(call: Call, req: DeleteLogGroupInput) -> None:
    """Delete a group with all of its events. Raises ValidationException while it is protected."""
    group = existing(call.db, req.log_group_name)
    if group.deletion_protection_enabled:
        raise AwsError(
            "ValidationException", f"The log group {group.name} is protected from deletion: switch that off first."
        )
    groups.delete(call.db, req.log_group_name)


@record
class DescribeLogGroupsInput:
    log_group_name_prefix: str | None = None
    log_group_name_pattern: str | None = None
    log_group_identifiers: tuple[str, ...] = ()
    log_group_class: LogGroupClass | None = None


@operation("logs", "DescribeLogGroups")
def describe_log_groups(call: Call, req: DescribeLogGroupsInput) -> dict[str, Any]:
    """Return groups by prefix, by a part of their names, or all. Raises InvalidParameterException for both."""
    if req.log_group_name_prefix is not None and req.log_group_name_pattern is not None:
        raise AwsError(
            "InvalidParameterException",
            "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.",
        )
    filters = metric_filters.counts(call.db)
    there = [group for group in groups.list_all(call.db) if _wanted(req, group)]
    by_part = req.log_group_name_pattern is not None
    return {
        "log_groups": [
            described(call, group, filters.get(group.id, 0))
            | ({"deletion_protection_enabled": group.deletion_protection_enabled or None} if by_part else {})
            for group in there
        ]
    }


@record
class ListLogGroupsInput:
    log_group_name_pattern: str | None = None
    log_group_class: LogGroupClass | None = None
    include_linked_accounts: Stored[bool] = False
    """There are none."""
    account_identifiers: tuple[str, ...] = ()


@operation("logs", "ListLogGroups")
def list_log_groups(call: Call, req: ListLogGroupsInput) -> dict[str, Any]:
    """Return groups with one of the patterns, `web|^/culm`, in their names; `^` is the name's beginning."""
    here = not req.account_identifiers or call.account in req.account_identifiers
    return {
        "log_groups": [
            {
                "log_group_name": group.name,
                "log_group_arn": group_arn(call, group.name),
                "log_group_class": group.log_group_class,
            }
            for group in (groups.list_all(call.db) if here else ())
            if _has_pattern(group.name, req.log_group_name_pattern)
            and req.log_group_class in (None, group.log_group_class)
        ]
    }


def _has_pattern(name: str, pattern: str | None) -> bool:
    lower = name.lower()
    return pattern is None or any(
        lower.startswith(part[1:]) if part.startswith("^") else part in lower for part in pattern.lower().split("|")
    )


def described(call: Call, group: LogGroup, metric_filter_count: int) -> dict[str, Any]:
    """Return a group as it is described; its size is the sum of its streams'."""
    return {
        "log_group_name": group.name,
        "creation_time": group.created_ms,
        "retention_in_days": group.retention_days,
        "metric_filter_count": metric_filter_count,
        "arn": f"{group_arn(call, group.name)}:*",
        "stored_bytes": sum(stream.stored_bytes for stream in streams.in_group(call.db, group.id)),
        "kms_key_id": group.kms_key_id,
        "log_group_class": group.log_group_class,
        "log_group_arn": group_arn(call, group.name),
        "deletion_protection_enabled": group.deletion_protection_enabled,
    }


def _wanted(req: DescribeLogGroupsInput, group: LogGroup) -> bool:
    name = group.name
    checks: tuple[tuple[Any, Callable[[], bool]], ...] = (
        (req.log_group_name_prefix, lambda: name.startswith(req.log_group_name_prefix or "")),
        (req.log_group_name_pattern, lambda: (req.log_group_name_pattern or "").lower() in name.lower()),
        (req.log_group_identifiers, lambda: name in map(of_arn, req.log_group_identifiers)),
        (req.log_group_class, lambda: group.log_group_class == req.log_group_class),
    )
    return all(check() for asked, check in checks if asked)
