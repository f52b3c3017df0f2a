"""What is said of a whole registry: who may create repositories in it, and which repositories are scanned.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/Registries.html
"""

from typing import Literal

from culm.core.model.record import record

ScanFrequency = Literal["SCAN_ON_PUSH", "CONTINUOUS_SCAN", "MANUAL"]
ScanType = Literal["BASIC", "ENHANCED"]


@record
class ScanFilter:
    filter: str
    """A repository's name, in which `*` stands for any characters; without one, a part of the name."""
    filter_type: Literal["WILDCARD"]


@record
class ScanRule:
    scan_frequency: ScanFrequency
    repository_filters: tuple[ScanFilter, ...]


@record
class ScanningConfiguration:
    scan_type: ScanType = "BASIC"
    rules: tuple[ScanRule, ...] = ()


@record
class RegistrySettings:
    """The registry of an account in one region."""

    policy_text: str | None = None
    scanning: ScanningConfiguration = ScanningConfiguration()
