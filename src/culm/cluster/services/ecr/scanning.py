"""Which repositories are scanned: kept, and worked out for each repository as AWS does.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning-filters.html
"""

from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any

from culm.cluster.services.ecr.registries import NoInput
from culm.cluster.store.ecr import registries, repositories
from culm.cluster.wire.operations import Call, operation
from culm.core.model.record import Stored, record
from culm.core.model.registries import ScanFilter, ScanFrequency, ScanningConfiguration, ScanRule, ScanType
from culm.core.model.repositories import Repository
from culm.errors import AwsError

_FREQUENCIES: dict[ScanType, tuple[ScanFrequency, ...]] = {
    "BASIC": ("SCAN_ON_PUSH", "MANUAL"),
    "ENHANCED": ("CONTINUOUS_SCAN", "SCAN_ON_PUSH", "MANUAL"),
}
"""The frequencies of each type of scanning, the most frequent first."""


@operation("ecr", "GetRegistryScanningConfiguration")
def get_registry_scanning_configuration(call: Call, req: NoInput) -> dict[str, Any]:
    return {"registry_id": call.account, "scanning_configuration": registries.find(call.db, call.region).scanning}


@record
class PutRegistryScanningConfigurationInput:
    scan_type: Stored[ScanType] = "BASIC"
    rules: tuple[ScanRule, ...] = ()


@operation("ecr", "PutRegistryScanningConfiguration")
def put_registry_scanning_configuration(call: Call, req: PutRegistryScanningConfigurationInput) -> dict[str, Any]:
    """Save which repositories are scanned, and how often.

    Raises InvalidParameterException for a frequency that the type does not have, or that two rules have.
    """
    allowed = _FREQUENCIES[req.scan_type]
    frequencies = [rule.scan_frequency for rule in req.rules]
    if not set(frequencies) <= set(allowed) or len(set(frequencies)) < len(frequencies):
        raise AwsError(
            "InvalidParameterException",
            f"Invalid parameter at 'rules' failed to satisfy constraint: 'each of {', '.join(allowed)} at most once "
            f"with scanType {req.scan_type}'",
        )
    scanning = ScanningConfiguration(scan_type=req.scan_type, rules=req.rules)
    registries.save(call.db, call.region, replace(registries.find(call.db, call.region), scanning=scanning))
    return {"registry_scanning_configuration": scanning}


@record
class BatchGetRepositoryScanningConfigurationInput:
    repository_names: tuple[str, ...]


@operation("ecr", "BatchGetRepositoryScanningConfiguration")
def batch_get_repository_scanning_configuration(
    call: Call, req: BatchGetRepositoryScanningConfigurationInput
) -> dict[str, Any]:
    """Return how each repository is scanned; a name that there is not is in `failures`."""
    scanning = registries.find(call.db, call.region).scanning
    known = {name: repositories.find(call.db, name) for name in req.repository_names}
    return {
        "scanning_configurations": [_applied(scanning, repository) for repository in known.values() if repository],
        "failures": [
            {
                "repository_name": name,
                "failure_code": "REPOSITORY_NOT_FOUND",
                "failure_reason": "REPOSITORY_NOT_FOUND",
            }
            for name, repository in known.items()
            if repository is None
        ],
    }


def _applied(scanning: ScanningConfiguration, repository: Repository) -> dict[str, Any]:
    """Return what holds for one repository: the most frequent of the rules whose filters match its name."""
    name = repository.repository_name
    matching = {
        rule.scan_frequency: tuple(each for each in rule.repository_filters if _matches(each, name))
        for rule in scanning.rules
    }
    on_push = repository.image_scanning_configuration.scan_on_push
    frequency: ScanFrequency = "SCAN_ON_PUSH" if on_push and scanning.scan_type == "BASIC" else "MANUAL"
    frequency = next((each for each in _FREQUENCIES[scanning.scan_type] if matching.get(each)), frequency)
    return {
        "repository_arn": repository.repository_arn,
        "repository_name": name,
        "scan_on_push": on_push,
        "scan_frequency": frequency,
        "applied_scan_filters": matching.get(frequency, ()),
    }


def _matches(each: ScanFilter, name: str) -> bool:
    """Return whether a filter means a repository; one without `*` means every name that contains it."""
    return fnmatchcase(name, each.filter if "*" in each.filter else f"*{each.filter}*")
