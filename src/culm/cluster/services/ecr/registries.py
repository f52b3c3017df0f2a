"""The registry as a whole: described, and its policy, which is kept and described back.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry-permissions.html
"""

from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any

from culm.cluster.store.ecr import registries
from culm.cluster.wire.operations import Call, operation
from culm.core.decide.policy_documents import Malformed, parse_resource
from culm.core.model.record import Stored, record
from culm.core.model.registries import RegistrySettings
from culm.errors import AwsError

_GRANTED = ("ecr:createrepository", "ecr:replicateimage", "ecr:batchimportupstreamimage")
"""All that a registry policy can allow."""


@record
class NoInput:
    """The caller's registry is meant; nothing else can be."""


@operation("ecr", "DescribeRegistry")
def describe_registry(call: Call, req: NoInput) -> dict[str, Any]:
    """Return the registry and its replication; nothing is replicated here."""
    return {"registry_id": call.account, "replication_configuration": {"rules": ()}}


@record
class PutRegistryPolicyInput:
    policy_text: Stored[str]


@operation("ecr", "PutRegistryPolicy")
def put_registry_policy(call: Call, req: PutRegistryPolicyInput) -> dict[str, Any]:
    """Save who else may create repositories. Raises InvalidParameterException when it is no policy of a registry."""
    if not _grants_what_a_registry_can(req.policy_text):
        raise AwsError(
            "InvalidParameterException",
            "Invalid parameter at 'PolicyText' failed to satisfy constraint: 'Invalid registry policy provided'",
        )
    registries.save(call.db, call.region, replace(registries.find(call.db, call.region), policy_text=req.policy_text))
    return _described(call, req.policy_text)


@operation("ecr", "GetRegistryPolicy")
def get_registry_policy(call: Call, req: NoInput) -> dict[str, Any]:
    """Return the registry's policy. Raises RegistryPolicyNotFoundException when it has none."""
    return _described(call, _with_policy(call).policy_text)


@operation("ecr", "DeleteRegistryPolicy")
def delete_registry_policy(call: Call, req: NoInput) -> dict[str, Any]:
    """Delete the registry's policy and return it. Raises RegistryPolicyNotFoundException when it has none."""
    registry = _with_policy(call)
    registries.save(call.db, call.region, replace(registry, policy_text=None))
    return _described(call, registry.policy_text)


def _with_policy(call: Call) -> RegistrySettings:
    registry = registries.find(call.db, call.region)
    if registry.policy_text is None:
        raise AwsError(
            "RegistryPolicyNotFoundException",
            f"Registry policy does not exist in the registry with id '{call.account}'",
        )
    return registry


def _grants_what_a_registry_can(text: str) -> bool:
    try:
        policy = parse_resource(text, names_itself=True, free_ids=True)
    except Malformed:
        return False
    return all(
        any(fnmatchcase(granted, action.lower()) for granted in _GRANTED)
        for statement in policy.statements
        for action in statement.actions or ()
    )


def _described(call: Call, policy_text: str | None) -> dict[str, Any]:
    return {"registry_id": call.account, "policy_text": policy_text}
