"""The versions of a managed policy: at most five, of which one, the default, says what may be done.

https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_managed-versioning.html
"""

from dataclasses import replace
from typing import Any

from culm.cluster.services.iam.managed_policies import PolicyInput
from culm.cluster.services.iam.references import checked, own_policy, policy_named, shown
from culm.cluster.store.iam import policies
from culm.cluster.store.iam.policies import ManagedPolicy, PolicyVersion
from culm.cluster.wire.operations import Call, operation
from culm.core.model.record import record
from culm.errors import AwsError

VERSIONS = 5


@record
class CreatePolicyVersionInput:
    policy_arn: str
    policy_document: str
    set_as_default: bool = False


@operation("iam", "CreatePolicyVersion")
def create_policy_version(call: Call, req: CreatePolicyVersionInput) -> dict[str, Any]:
    """Add a version, and make it the default one if that is asked for.

    Raises LimitExceeded when there are five, and MalformedPolicyDocument.
    """
    policy = own_policy(call, req.policy_arn)
    if len(policy.versions) >= VERSIONS:
        raise AwsError(
            "LimitExceeded",
            f"A managed policy can have up to {VERSIONS} versions. Before you create a new version, you must delete an "
            "existing version.",
            409,
        )
    number = policy.latest_version + 1
    made = PolicyVersion(version_id=f"v{number}", document=checked(req.policy_document), created_at=call.now)
    grown = replace(policy, latest_version=number, other_versions=(*policy.other_versions, made), updated_at=call.now)
    policies.save(call.db, _with_default(grown, made.version_id) if req.set_as_default else grown)
    return {"policy_version": _view(made, req.set_as_default)}


@record
class PolicyVersionInput:
    policy_arn: str
    version_id: str


@operation("iam", "SetDefaultPolicyVersion")
def set_default_policy_version(call: Call, req: PolicyVersionInput) -> None:
    """Make a version the one that counts. Raises NoSuchEntity when there is none of this id."""
    policy = own_policy(call, req.policy_arn)
    _version(policy, req.version_id)
    policies.save(call.db, replace(_with_default(policy, req.version_id), updated_at=call.now))


@operation("iam", "DeletePolicyVersion")
def delete_policy_version(call: Call, req: PolicyVersionInput) -> None:
    """Delete a version. Raises DeleteConflict for the default one."""
    policy = own_policy(call, req.policy_arn)
    version = _version(policy, req.version_id)
    if version.version_id == policy.default_version:
        raise AwsError("DeleteConflict", "Cannot delete the default version of a policy.", 409)
    kept = tuple(each for each in policy.other_versions if each != version)
    policies.save(call.db, replace(policy, other_versions=kept))


@operation("iam", "GetPolicyVersion")
def get_policy_version(call: Call, req: PolicyVersionInput) -> dict[str, Any]:
    policy = policy_named(call, req.policy_arn)
    version = _version(policy, req.version_id)
    view = _view(version, version.version_id == policy.default_version)
    return {"policy_version": view | {"document": shown(version.document)}}


@operation("iam", "ListPolicyVersions")
def list_policy_versions(call: Call, req: PolicyInput) -> dict[str, Any]:
    policy = policy_named(call, req.policy_arn)
    newest_first = sorted(policy.versions, key=lambda version: int(version.version_id[1:]), reverse=True)
    return {"versions": [_view(each, each.version_id == policy.default_version) for each in newest_first]}


def _with_default(policy: ManagedPolicy, version_id: str) -> ManagedPolicy:
    chosen = _version(policy, version_id)
    return replace(
        policy,
        default_version=chosen.version_id,
        document=chosen.document,
        default_since=chosen.created_at,
        other_versions=tuple(each for each in policy.versions if each.version_id != chosen.version_id),
    )


def _version(policy: ManagedPolicy, version_id: str) -> PolicyVersion:
    for version in policy.versions:
        if version.version_id == version_id:
            return version
    raise AwsError(
        "NoSuchEntity", f"Policy {policy.arn} version {version_id} does not exist or is not attachable.", 404
    )


def _view(version: PolicyVersion, is_default: bool) -> dict[str, Any]:
    return {"version_id": version.version_id, "is_default_version": is_default, "create_date": version.created_at}
