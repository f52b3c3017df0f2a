"""From names in requests to what they name, policies from their text, or IAM's own errors."""

from collections.abc import Callable, Mapping
from urllib.parse import quote

from culm.cluster.store.iam import instance_profiles, policies, roles
from culm.cluster.store.iam.instance_profiles import InstanceProfile
from culm.cluster.store.iam.policies import ManagedPolicy
from culm.cluster.store.iam.roles import Role
from culm.cluster.wire.operations import Call
from culm.core.decide.policy_documents import Malformed, parse_identity
from culm.core.model.policies import Policy
from culm.core.model.task_definitions import Tag
from culm.errors import AwsError


def role_named(call: Call, name: str) -> Role:
    """Return the role. Raises NoSuchEntity."""
    role = roles.find(call.db, name)
    if role is None:
        raise AwsError("NoSuchEntity", f"The role with name {name} cannot be found.", 404)
    return role


def policy_named(call: Call, arn: str) -> ManagedPolicy:
    """Return the managed policy. Raises ValidationError for no ARN, NoSuchEntity for an unknown one."""
    if not arn.startswith("arn:"):
        raise AwsError("ValidationError", "Invalid ARN:  Could not be parsed!")
    policy = policies.find(call.db, arn)
    if policy is None:
        raise AwsError("NoSuchEntity", f"Policy {arn} does not exist or is not attachable.", 404)
    return policy


def own_policy(call: Call, arn: str) -> ManagedPolicy:
    """Return one that may be changed: Amazon's may not."""
    policy = policy_named(call, arn)
    if policy.arn in policies.AMAZON:
        raise AwsError("AccessDenied", f"{arn} is Amazon's: it cannot be changed.", 403)
    return policy


def profile_named(call: Call, name: str) -> InstanceProfile:
    """Return the instance profile. Raises NoSuchEntity."""
    profile = instance_profiles.find(call.db, name)
    if profile is None:
        raise AwsError("NoSuchEntity", f"Instance Profile {name} cannot be found.", 404)
    return profile


def checked(document: str, read: Callable[[str], Policy] = parse_identity) -> str:
    """Return the document, if it is one; `read` is `parse_trust` for a role's trust policy."""
    parsed(document, read)
    return document


def parsed(document: str, read: Callable[[str], Policy] = parse_identity) -> Policy:
    """Return the policy that a document is, by `read`. Raises MalformedPolicyDocument."""
    try:
        return read(document)
    except Malformed as problem:
        raise AwsError("MalformedPolicyDocument", str(problem)) from problem


def shown(document: str) -> str:
    """Return a document as IAM's answers have it: percent-encoded, which SDKs undo."""
    return quote(document, safe="")


def tags_of(given: tuple[Tag, ...]) -> dict[str, str]:
    """Return tags by key. Raises InvalidInput for keys that differ in their case alone, or not at all."""
    if len({tag.key.lower() for tag in given}) < len(given):
        message = "Duplicate tag keys found. Please note that Tag keys are case insensitive."
        raise AwsError("InvalidInput", message)
    return {tag.key: tag.value for tag in given}


def listed(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in sorted(tags.items())]


def new_unique_id(call: Call, prefix: str) -> str:
    """Return a new unique id.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids
    """
    return f"{prefix}{call.new_id()[:17].upper()}"
