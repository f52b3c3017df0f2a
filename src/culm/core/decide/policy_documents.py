"""Parse policy documents; errors are in IAM's words.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html
"""

import functools
import json
import re
from typing import Any

from culm.core.decide.conditions import OPERATORS
from culm.core.model.policies import Condition, Policy, Statement

VERSIONS = ("2012-10-17", "2008-10-17")


class Malformed(Exception):
    """A policy document that IAM refuses, with its message."""


@functools.lru_cache(maxsize=1024)
def parse(text: str) -> Policy:
    """Return the policy of a JSON document. Raises `Malformed`."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as problem:
        raise Malformed("Syntax errors in policy.") from problem
    if not isinstance(document, dict) or "Statement" not in document:
        raise Malformed("Syntax errors in policy: it has no Statement.")
    if unknown := document.keys() - {"Version", "Id", "Statement"}:
        raise Malformed(f"Syntax errors in policy: {', '.join(sorted(unknown))}.")
    if document.get("Version", VERSIONS[1]) not in VERSIONS:
        raise Malformed(f"The policy's Version must be one of {', '.join(VERSIONS)}.")
    statements = document["Statement"]
    return Policy(statements=tuple(map(_statement, statements if isinstance(statements, list) else [statements])))


def parse_identity(text: str) -> Policy:
    """Return a policy of a role's own, as `parse`, and held to what IAM demands of those. Raises `Malformed`."""
    policy = parse(text)
    document = json.loads(text)
    if document.get("Version") != VERSIONS[0]:
        raise Malformed(f"Policy document must be version {VERSIONS[0]} or greater.")
    _check_statements(document)
    for statement in policy.statements:
        if statement.principals is not None or statement.not_principals is not None:
            raise Malformed("Policy document should not specify a principal.")
        if (statement.resources is None) == (statement.not_resources is None):
            raise Malformed("Policy statement must contain resources.")
        for resource in statement.resources or statement.not_resources or ("",):
            _check_resource(resource)
    return policy


def parse_trust(text: str) -> Policy:
    """Return a role's trust policy: it names principals, and no resource, which is the role. Raises `Malformed`."""
    policy = parse(text)
    document = json.loads(text)
    _check_statements(document)
    for statement in policy.statements:
        if statement.resources is not None or statement.not_resources is not None:
            raise Malformed("Has prohibited field Resource")
        _check_principals(statement)
        if not all(action == "*" or action.lower().startswith("sts:") for action in statement.actions or ()):
            raise Malformed("AssumeRole policy may only specify STS AssumeRole actions.")
    _check_names_of_principals(document)
    return policy


def parse_resource(text: str, *, names_itself: bool = False, free_ids: bool = False) -> Policy:
    """Return a policy that a resource has. Raises `Malformed`.

    `names_itself`: its statements must name resources. `free_ids`: statement IDs may be any text, and repeat, as in
    policies of ECR and S3.
    """
    policy = parse(text)
    document = json.loads(text)
    _check_statements(document, free_ids=free_ids)
    _check_names_of_principals(document)
    for statement in policy.statements:
        _check_principals(statement)
        resources = statement.resources or statement.not_resources
        if names_itself and not resources:
            raise Malformed("Missing required field Resource")
        for resource in resources or ():
            _check_resource(resource)
    return policy


def _check_statements(document: dict[str, Any], *, free_ids: bool = False) -> None:
    statements = _listed(document["Statement"])
    if not statements:
        raise Malformed("Syntax errors in policy.")
    ids = [] if free_ids else [statement["Sid"] for statement in statements if "Sid" in statement]
    if not all(isinstance(sid, str) and _SID.fullmatch(sid) for sid in ids):
        raise Malformed(
            "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression "
            "[0-9A-Za-z]*"
        )
    if len({sid for sid in ids if sid}) < len([sid for sid in ids if sid]):
        raise Malformed("Statement IDs (SID) in a single policy must be unique.")
    for statement in statements:
        for element in ("Action", "NotAction", "Resource", "NotResource"):
            if statement.get(element, True) in ([], ""):
                what = "actions" if element.endswith("Action") else "resources"
                raise Malformed(f"Policy statement must contain {what}.")
            if not all(isinstance(each, str) for each in _listed(statement.get(element, []))):
                raise Malformed("Syntax errors in policy.")


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _check_principals(statement: Statement) -> None:
    if (statement.principals is None) == (statement.not_principals is None):
        raise Malformed("Missing required field Principal")


def _check_names_of_principals(document: dict[str, Any]) -> None:
    """Raise `Malformed` for the name of a principal that is none of its kind.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
    """
    for statement in _listed(document["Statement"]):
        for element in ("Principal", "NotPrincipal"):
            principals = statement.get(element)
            for kind, names in principals.items() if isinstance(principals, dict) else ():
                for name in _texts(names):
                    if kind in _PRINCIPALS and not _PRINCIPALS[kind].fullmatch(name):
                        raise Malformed(f'Invalid principal in policy: "{kind.upper()}":"{name}"')


def _check_resource(resource: str) -> None:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html"""
    if resource == "*":
        return
    parts = resource.split(":", 5)
    if parts[0] != "arn":
        raise Malformed(f'Resource {resource} must be in ARN format or "*".')
    if len(parts) < 6 or not parts[5]:
        raise Malformed("The policy failed legacy parsing")
    partition, vendor, region, account = parts[1:5]
    if partition not in ("aws", "aws-cn", "aws-us-gov", "*"):
        raise Malformed(f'Partition "{partition}" is not valid for resource "{resource}".')
    if vendor != "*" and not _VENDOR.fullmatch(vendor):
        raise Malformed(f"Vendor {vendor} is not valid")
    if vendor == "s3" and region not in ("", "*"):
        raise Malformed(f"Resource {resource} can not contain region information.")
    if vendor == "iam" and region not in ("", "*"):
        raise Malformed(f"IAM resource {resource} cannot contain region information.")
    if account and not _ACCOUNT.fullmatch(account):
        raise Malformed("The policy failed legacy parsing")


_PRINCIPALS = {
    # everybody, an account, an entity or session, and the ids that IAM leaves where an entity was deleted
    "AWS": re.compile(r"\*|\d{12}|arn:aws[a-z-]*:(iam|sts)::\d{12}:\S+|A[A-Z0-9]{15,}"),
    "Service": re.compile(r"\*|[a-z0-9-]+(\.[a-z0-9-]+)+"),
}
_VERB = re.compile("[A-Za-z0-9*?_-]+")
_SID = re.compile("[0-9A-Za-z]*")
_VENDOR = re.compile("[a-z0-9-]+")
_ACCOUNT = re.compile(r"[0-9*?]+|aws|\$\{[^}]+\}")


ELEMENTS = {
    "Sid",
    "Effect",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Principal",
    "NotPrincipal",
    "Condition",
}


def _statement(given: Any) -> Statement:
    if not isinstance(given, dict):
        raise Malformed("Syntax errors in policy: a Statement is no object.")
    if unknown := given.keys() - ELEMENTS:
        raise Malformed(f"Syntax errors in policy: {', '.join(sorted(unknown))}.")
    if given.get("Effect") not in ("Allow", "Deny"):
        raise Malformed("Syntax errors in policy: a statement's Effect is Allow or Deny.")
    if ("Action" in given) == ("NotAction" in given):
        raise Malformed("Policy statement must contain actions.")
    actions = _texts(given.get("Action", given.get("NotAction")))
    for action in actions:
        if action == "*":
            continue
        if ":" not in action:
            raise Malformed(f"Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.: {action}")
        if action.count(":") > 1:
            raise Malformed("Actions/Condition can contain only one colon.")
        vendor, _, verb = action.partition(":")
        if not re.fullmatch("[A-Za-z0-9-]+", vendor) or not verb:
            raise Malformed(f"Vendor {vendor} is not valid")
        if not _VERB.fullmatch(verb):
            raise Malformed("The policy failed legacy parsing")
    return Statement(
        effect=given["Effect"],
        actions=_element(given, "Action"),
        not_actions=_element(given, "NotAction"),
        resources=_element(given, "Resource"),
        not_resources=_element(given, "NotResource"),
        principals=_principals(given.get("Principal")),
        not_principals=_principals(given.get("NotPrincipal")),
        conditions=_conditions(given.get("Condition", {})),
    )


def _element(given: dict[str, Any], name: str) -> tuple[str, ...] | None:
    return _texts(given[name]) if name in given else None


def _texts(value: Any) -> tuple[str, ...]:
    values = value if isinstance(value, list) else [value]
    if not all(isinstance(each, str | int | float | bool) for each in values):
        raise Malformed("Syntax errors in policy: a value is no string.")
    return tuple(str(each).lower() if isinstance(each, bool) else str(each) for each in values)


def _principals(given: Any) -> tuple[str, ...] | None:
    if given is None:
        return None
    if given == "*":
        return ("*",)
    if not isinstance(given, dict) or not given.keys() <= {"AWS", "Service", "Federated", "CanonicalUser"}:
        raise Malformed("Invalid principal in policy.")
    return tuple(name for kind in given.values() for name in _texts(kind))


def _conditions(given: Any) -> tuple[Condition, ...]:
    if not isinstance(given, dict):
        raise Malformed("Syntax errors in policy: Condition is no object.")
    conditions = []
    for written, keys in given.items():
        name = str(written)
        quantifier, _, rest = name.rpartition(":")
        if_exists = rest.endswith("IfExists")
        operator = rest.removesuffix("IfExists")
        if operator not in OPERATORS and operator != "Null":
            raise Malformed(f"Invalid Condition type : {written}.")
        if quantifier not in ("", "ForAllValues", "ForAnyValue") or not isinstance(keys, dict):
            raise Malformed(f"Invalid Condition type : {written}.")
        for key, values in keys.items():
            conditions.append(
                Condition(
                    operator=operator,
                    key=str(key).lower(),
                    values=_texts(values),
                    quantifier=quantifier,  # type: ignore[arg-type]
                    if_exists=if_exists,
                )
            )
    return tuple(conditions)
