"""Image repositories and the images in them.

https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_Repository.html
"""

from typing import Literal

from culm.core.model.record import record

TagMutability = Literal["MUTABLE", "IMMUTABLE", "IMMUTABLE_WITH_EXCLUSION", "MUTABLE_WITH_EXCLUSION"]


@record
class RepositoryTag:
    key: str
    value: str


@record
class ExclusionFilter:
    filter_type: Literal["WILDCARD"]
    filter: str
    """A tag in which `*` stands for any characters."""


@record
class ImageScanningConfiguration:
    scan_on_push: bool = False


@record
class EncryptionConfiguration:
    encryption_type: Literal["AES256", "KMS", "KMS_DSSE"] = "AES256"
    kms_key: str | None = None


@record
class Repository:
    """A repository. Its URI is not stored, as it has the cluster's present address."""

    repository_name: str
    repository_arn: str
    registry_id: str
    created_at: float
    """Epoch seconds."""
    image_tag_mutability: TagMutability = "MUTABLE"
    image_tag_mutability_exclusion_filters: tuple[ExclusionFilter, ...] = ()
    image_scanning_configuration: ImageScanningConfiguration = ImageScanningConfiguration()
    encryption_configuration: EncryptionConfiguration = EncryptionConfiguration()
    tags: tuple[RepositoryTag, ...] = ()
    policy_text: str | None = None
    lifecycle_policy_text: str | None = None
    lifecycle_evaluated_at: float | None = None
    lifecycle_preview_text: str | None = None
    """The policy whose preview was asked for last."""


@record
class Image:
    digest: str
    media_type: str
    size: int
    """Bytes of its layers and configuration; of an index, of the largest image that it lists."""
    pushed_at: float
    """Epoch seconds."""
    artifact_type: str | None = None
    subject: str | None = None
    """Digest of the image that this one is about (a signature, a bill of materials); it may not be there."""
    annotations: dict[str, str] | None = None
    manifest_bytes: int = 0
