"""From a policy's JSON to a policy; what is wrong with it is told in IAM's words.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html
"""

import functools
import json
from typing import Any

from culm.core.decide.conditions import OPERATORS
from culm.core.model.policies import Condition, Policy, Statement

VERSIONS = ("2012-10-17", "2008-10-17")


class Malformed(Exception):
    """What is wrong with a policy document."""


@functools.lru_cache(maxsize=1024)
def parse(text: str) -> Policy:
    """Raises `Malformed`."""
    try:
        document = json.loads(text)
    except ValueError as problem:
        raise Malformed("Syntax errors in policy.") from problem
    if not isinstance(document, dict) or "Statement" not in document:
        raise Malformed("Syntax errors in policy: it has no Statement.")
    if unknown := document.keys() - {"Version", "Id", "Statement"}:
        raise Malformed(f"Syntax errors in policy: {', '.join(sorted(unknown))}.")
    if document.get("Version", VERSIONS[1]) not in VERSIONS:
        raise Malformed(f"The policy's Version must be one of {', '.join(VERSIONS)}.")
    statements = document["Statement"]
    return Policy(statements=tuple(map(_statement, statements if isinstance(statements, list) else [statements])))


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
    if wrong := [action for action in actions if action != "*" and ":" not in action]:
        raise Malformed(f"Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.: {wrong[0]}")
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
    found = []
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
            found.append(
                Condition(
                    operator=operator,
                    key=str(key).lower(),
                    values=_texts(values),
                    quantifier=quantifier,  # type: ignore[arg-type]
                    if_exists=if_exists,
                )
            )
    return tuple(found)
