"""Repositories: created before anything can be pushed to them.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/Repositories.html
"""

import re
import sqlite3
import uuid
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any

from culm.cluster.store.ecr import images, repositories
from culm.cluster.wire.operations import Call, operation
from culm.core.model.arn import arn
from culm.core.model.record import Stored, record
from culm.core.model.repositories import (
    EncryptionConfiguration,
    ExclusionFilter,
    ImageScanningConfiguration,
    Repository,
    RepositoryTag,
    TagMutability,
)
from culm.errors import AwsError

_NAME = re.compile(r"(?:[a-z0-9]+(?:[._-][a-z0-9]+)*/)*[a-z0-9]+(?:[._-][a-z0-9]+)*")


_KEYS = uuid.UUID("6f1b0d5c-52a5-4f3e-9d0c-0f6f4f5a2c11")
"""The names of the keys `aws/ecr`: the same at each start, another one in each account and region."""


def existing(db: sqlite3.Connection, name: str, registry_id: str) -> Repository:
    """Return the repository, or raise AWS's error; another account's registry has none here."""
    repository = repositories.find(db, name)
    if repository is None or repository.registry_id != registry_id:
        raise AwsError(
            "RepositoryNotFoundException",
            f"The repository with name '{name}' does not exist in the registry with id '{registry_id}'",
        )
    return repository


@record
class RepositoryInput:
    """What operations on one repository name it by."""

    repository_name: str
    registry_id: str | None = None


def named(call: Call, req: RepositoryInput) -> Repository:
    """Return the repository that an input names. Raises RepositoryNotFoundException."""
    return existing(call.db, req.repository_name, req.registry_id or call.account)


def lacks_policy(repository: Repository, kind: str) -> str:
    """Say that a repository has no policy of this kind, `Lifecycle` or `Repository`."""
    return (
        f"{kind} policy does not exist for the repository with name '{repository.repository_name}' in the registry "
        f"with id '{repository.registry_id}'"
    )


def immutable(repository: Repository, tag: str) -> bool:
    """Return whether a tag, once there, may never point to another image."""
    excluded = any(fnmatchcase(tag, f.filter) for f in repository.image_tag_mutability_exclusion_filters)
    match repository.image_tag_mutability:
        case "IMMUTABLE":
            return True
        case "IMMUTABLE_WITH_EXCLUSION":
            return not excluded
        case "MUTABLE_WITH_EXCLUSION":
            return excluded
        case _:
            return False


def described(call: Call, repository: Repository) -> dict[str, Any]:
    """Return a repository as it is described; its URI is under the host that the caller has asked."""
    host = call.endpoint.split("://", 1)[-1]
    return {
        "repository_arn": repository.repository_arn,
        "registry_id": repository.registry_id,
        "repository_name": repository.repository_name,
        "repository_uri": f"{host}/{repository.repository_name}",
        "created_at": repository.created_at,
        "image_tag_mutability": repository.image_tag_mutability,
        "image_tag_mutability_exclusion_filters": repository.image_tag_mutability_exclusion_filters or None,
        "image_scanning_configuration": repository.image_scanning_configuration,
        "encryption_configuration": repository.encryption_configuration,
    }


@record
class CreateRepositoryInput(RepositoryInput):
    tags: Stored[tuple[RepositoryTag, ...]] = ()
    image_tag_mutability: TagMutability = "MUTABLE"
    image_tag_mutability_exclusion_filters: tuple[ExclusionFilter, ...] = ()
    image_scanning_configuration: Stored[ImageScanningConfiguration] = ImageScanningConfiguration()
    encryption_configuration: Stored[EncryptionConfiguration] = EncryptionConfiguration()


@operation("ecr", "CreateRepository")
def create_repository(call: Call, req: CreateRepositoryInput) -> dict[str, Any]:
    """Create a repository.

    Raises RepositoryAlreadyExistsException, and InvalidParameterException for a bad name or another account's registry.
    """
    if req.registry_id not in (None, call.account):
        raise AwsError("InvalidParameterException", f"The registry '{req.registry_id}' is another account's.")
    if not _NAME.fullmatch(req.repository_name):
        raise AwsError(
            "InvalidParameterException",
            "Invalid parameter at 'repositoryName' failed to satisfy constraint: 'must satisfy regular expression "
            f"'{_NAME.pattern}''",
        )
    if repositories.find(call.db, req.repository_name):
        raise AwsError(
            "RepositoryAlreadyExistsException",
            f"The repository with name '{req.repository_name}' already exists in the registry with id '{call.account}'",
        )
    _check_exclusions(req.image_tag_mutability, req.image_tag_mutability_exclusion_filters)
    repository = Repository(
        repository_name=req.repository_name,
        repository_arn=arn("ecr", call.region, call.account, f"repository/{req.repository_name}"),
        registry_id=call.account,
        created_at=call.now,
        image_tag_mutability=req.image_tag_mutability,
        image_tag_mutability_exclusion_filters=req.image_tag_mutability_exclusion_filters,
        image_scanning_configuration=req.image_scanning_configuration,
        encryption_configuration=_encryption(call, req.encryption_configuration),
        tags=req.tags,
    )
    repositories.save(call.db, repository)
    return {"repository": described(call, repository)}


@record
class DescribeRepositoriesInput:
    registry_id: str | None = None
    repository_names: tuple[str, ...] = ()


@operation("ecr", "DescribeRepositories")
def describe_repositories(call: Call, req: DescribeRepositoriesInput) -> dict[str, Any]:
    """Return the named repositories, or all. Raises RepositoryNotFoundException for a name that there is not."""
    registry_id = req.registry_id or call.account
    if req.repository_names:
        selected = [existing(call.db, name, registry_id) for name in req.repository_names]
    else:
        selected = [r for r in repositories.list_all(call.db) if r.registry_id == registry_id]
    return {"repositories": [described(call, repository) for repository in selected]}


@record
class DeleteRepositoryInput(RepositoryInput):
    force: bool = False


@operation("ecr", "DeleteRepository", wakes=True)
def delete_repository(call: Call, req: DeleteRepositoryInput) -> dict[str, Any]:
    """Delete a repository and its images.

    Raises RepositoryNotEmptyException when it has some and `force` is not set.
    """
    repository = named(call, req)
    if not req.force and images.in_repository(call.db, req.repository_name):
        raise AwsError(
            "RepositoryNotEmptyException",
            f"The repository with name '{req.repository_name}' in registry with id '{repository.registry_id}' "
            "cannot be deleted because it still contains images",
        )
    repositories.delete(call.db, req.repository_name)
    return {"repository": described(call, repository)}


@record
class PutImageTagMutabilityInput(RepositoryInput):
    image_tag_mutability: TagMutability
    image_tag_mutability_exclusion_filters: tuple[ExclusionFilter, ...] = ()


@operation("ecr", "PutImageTagMutability")
def put_image_tag_mutability(call: Call, req: PutImageTagMutabilityInput) -> dict[str, Any]:
    """Say whether tags may move, and which of them are exempt.

    Raises InvalidParameterException for exemptions that do not go with it.
    """
    repository = named(call, req)
    _check_exclusions(req.image_tag_mutability, req.image_tag_mutability_exclusion_filters)
    changed = replace(
        repository,
        image_tag_mutability=req.image_tag_mutability,
        image_tag_mutability_exclusion_filters=req.image_tag_mutability_exclusion_filters,
    )
    repositories.save(call.db, changed)
    return described(call, changed)


@record
class PutImageScanningConfigurationInput(RepositoryInput):
    image_scanning_configuration: Stored[ImageScanningConfiguration]


@operation("ecr", "PutImageScanningConfiguration")
def put_image_scanning_configuration(call: Call, req: PutImageScanningConfigurationInput) -> dict[str, Any]:
    """Keep whether images are scanned; nothing scans here."""
    repository = named(call, req)
    changed = replace(repository, image_scanning_configuration=req.image_scanning_configuration)
    repositories.save(call.db, changed)
    return described(call, changed)


def _encryption(call: Call, wanted: EncryptionConfiguration) -> EncryptionConfiguration:
    """Return the configuration with its key: where KMS encrypts and no key is named, that is the service's own."""
    if wanted.encryption_type == "AES256" or wanted.kms_key:
        return wanted
    key = uuid.uuid5(_KEYS, f"{call.account} {call.region}")
    return replace(wanted, kms_key=arn("kms", call.region, call.account, f"key/{key}"))


def _check_exclusions(mutability: TagMutability, filters: tuple[ExclusionFilter, ...]) -> None:
    if mutability.endswith("_WITH_EXCLUSION") != bool(filters):
        raise AwsError(
            "InvalidParameterException",
            "Invalid parameter at 'imageTagMutabilityExclusionFilters' failed to satisfy constraint: 'goes with "
            "IMMUTABLE_WITH_EXCLUSION and MUTABLE_WITH_EXCLUSION, and only with them'",
        )
