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
    candidates = [
        lifecycle_rules.Candidate(digest=i.digest, tags=tags.of(db, name, i.digest), pushed_at=i.pushed_at)
        for i in images.in_repository(db, name)
    ]
    due = lifecycle_rules.expired(lifecycle_rules.read(policy), candidates, now)
    removed = [digest for digest in due if not remove(db, name, digest)]
    if removed:
        repositories.save(db, replace(repository, lifecycle_evaluated_at=now))
    return len(removed)


@record
class PutLifecyclePolicyInput(RepositoryInput):
    lifecycle_policy_text: str


@operation("ecr", "PutLifecyclePolicy", wakes=True)
def put_lifecycle_policy(call: Call, req: PutLifecyclePolicyInput) -> dict[str, Any]:
    """Save a policy, to be applied by the loop that prunes.

    Raises InvalidParameterException that says what is wrong with its text.
    """
    repository = named(call, req)
    try:
        lifecycle_rules.read(req.lifecycle_policy_text)
    except lifecycle_rules.InvalidPolicy as wrong:
        raise AwsError(
            "InvalidParameterException",
            f"Invalid parameter at 'LifecyclePolicyText' failed to satisfy constraint: '{wrong}'",
        ) from None
    changed = replace(repository, lifecycle_policy_text=req.lifecycle_policy_text, lifecycle_evaluated_at=None)
    repositories.save(call.db, changed)
    return _described(changed)


@operation("ecr", "GetLifecyclePolicy")
def get_lifecycle_policy(call: Call, req: RepositoryInput) -> dict[str, Any]:
    """Return a repository's policy. Raises LifecyclePolicyNotFoundException when it has none."""
    return _described(_with_policy(call, req))


@operation("ecr", "DeleteLifecyclePolicy")
def delete_lifecycle_policy(call: Call, req: RepositoryInput) -> dict[str, Any]:
    """Delete a repository's policy and return it. Raises LifecyclePolicyNotFoundException when it has none."""
    repository = _with_policy(call, req)
    repositories.save(call.db, replace(repository, lifecycle_policy_text=None, lifecycle_evaluated_at=None))
    return _described(repository)


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
        "last_evaluated_at": repository.lifecycle_evaluated_at,
    }
