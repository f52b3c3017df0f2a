"""Lifecycle policies of repositories, and their doing.

https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutLifecyclePolicy.html
"""

import sqlite3
from dataclasses import replace
from typing import Any

from culm.cluster.loop import Isolated
from culm.cluster.services.ecr import lifecycle_rules
from culm.cluster.services.ecr.pushes import remove
from culm.cluster.services.ecr.repositories import RepositoryInput, lacks_policy, named
from culm.cluster.store.db import savepoint
from culm.cluster.store.ecr import images, repositories, tags
from culm.cluster.wire.operations import Call, operation
from culm.core.model.record import record
from culm.core.model.repositories import Repository
from culm.errors import AwsError

_isolated = Isolated("the lifecycle policy of repository")

_DAY_SECONDS = 86_400
"""How often the time of an evaluation that removed nothing is written down."""


def apply(db: sqlite3.Connection, now: float) -> int:
    """Delete the images that their repositories' policies expire; returns how many went."""
    gone = 0
    for repository in repositories.list_all(db):
        if repository.lifecycle_policy_text is not None:
            with _isolated.item(repository.repository_name), savepoint(db):
                gone += _expire(db, repository, repository.lifecycle_policy_text, now)
    return gone


def _expire(db: sqlite3.Connection, repository: Repository, policy: str, now: float) -> int:
    name = repository.repository_name
    due = lifecycle_rules.expired(lifecycle_rules.read(policy), candidates(db, name), now)
    removed = [digest for digest in due if not remove(db, name, digest)]
    looked_at = repository.lifecycle_evaluated_at
    if removed or looked_at is None or now - looked_at >= _DAY_SECONDS:
        repositories.save(db, replace(repository, lifecycle_evaluated_at=now))
    return len(removed)


def candidates(db: sqlite3.Connection, repository: str) -> list[lifecycle_rules.Candidate]:
    """Return what a policy can expire: all images of a repository, oldest push first."""
    return [
        lifecycle_rules.Candidate(digest=i.digest, tags=tags.of(db, repository, i.digest), pushed_at=i.pushed_at)
        for i in images.in_repository(db, repository)
    ]


@record
class PutLifecyclePolicyInput(RepositoryInput):
    lifecycle_policy_text: str


@operation("ecr", "PutLifecyclePolicy", wakes=True)
def put_lifecycle_policy(call: Call, req: PutLifecyclePolicyInput) -> dict[str, Any]:
    """Save a policy, to be applied by the loop that prunes.

    Raises InvalidParameterException that says what is wrong with its text.
    """
    repository = named(call, req)
    policy_or_error(req.lifecycle_policy_text)
    changed = replace(repository, lifecycle_policy_text=req.lifecycle_policy_text, lifecycle_evaluated_at=None)
    repositories.save(call.db, changed)
    return _described(changed)


def policy_or_error(text: str) -> lifecycle_rules.Policy:
    """Return the policy that a document is. Raises InvalidParameterException that says what is wrong with it."""
    try:
        return lifecycle_rules.read(text)
    except lifecycle_rules.InvalidPolicy as wrong:
        raise AwsError(
            "InvalidParameterException",
            f"Invalid parameter at 'LifecyclePolicyText' failed to satisfy constraint: '{wrong}'",
        ) from None


@operation("ecr", "GetLifecyclePolicy")
def get_lifecycle_policy(call: Call, req: RepositoryInput) -> dict[str, Any]:
    """Return a repository's policy. Raises LifecyclePolicyNotFoundException when it has none."""
    return _evaluated(_with_policy(call, req))


@operation("ecr", "DeleteLifecyclePolicy")
def delete_lifecycle_policy(call: Call, req: RepositoryInput) -> dict[str, Any]:
    """Delete a repository's policy and return it. Raises LifecyclePolicyNotFoundException when it has none."""
    repository = _with_policy(call, req)
    repositories.save(call.db, replace(repository, lifecycle_policy_text=None, lifecycle_evaluated_at=None))
    return _evaluated(repository)


def _with_policy(call: Call, req: RepositoryInput) -> Repository:
    repository = named(call, req)
    if repository.lifecycle_policy_text is None:
        raise AwsError("LifecyclePolicyNotFoundException", lacks_policy(repository, "Lifecycle"))
    return repository


def _described(repository: Repository) -> dict[str, Any]:
    return {
        "registry_id": repository.registry_id,
        "repository_name": repository.repository_name,
        "lifecycle_policy_text": repository.lifecycle_policy_text,
    }


def _evaluated(repository: Repository) -> dict[str, Any]:
    """AWS gives the beginning of 1970 for a policy that has not been evaluated yet."""
    return {**_described(repository), "last_evaluated_at": repository.lifecycle_evaluated_at or 0.0}
