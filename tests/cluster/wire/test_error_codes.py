"""Every error code that an operation raises is one that AWS documents for its service."""

import ast
from pathlib import Path

import pytest

from culm.cluster import operations, services
from culm.cluster.wire.models import Service
from culm.cluster.wire.services import SERVICES

SERVICES_ROOM = Path(services.__file__).parent

UNLISTED = {
    "ec2": "its model lists no errors",
    "s3": "its model lists a handful of its hundred errors",
}

COMMON = {
    "AccessDenied",
    "AccessDeniedException",
    "InvalidParameterCombination",
    "InvalidParameterValue",
    "MissingParameter",
    "ServiceUnavailable",
    "ThrottlingException",
    "ValidationError",
    "ValidationException",
}
"""Errors that every API reference has on its page of common errors, and no model lists."""


def codes_raised(service: str) -> dict[str, str]:
    """Code -> where."""
    found = {}
    for file in sorted((SERVICES_ROOM / service).glob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "AwsError":
                for literal in ast.walk(node.args[0]):
                    if isinstance(literal, ast.Constant) and isinstance(literal.value, str):
                        found[literal.value] = f"{file.name}:{node.lineno}"
    return found


@pytest.mark.parametrize("service", [name for name in operations.SERVED if name not in UNLISTED])
def test_the_model_lists_the_codes_that_are_raised(service):
    model = Service(service)
    documented = {name for name, shape in model.shapes.items() if shape.get("exception")}
    documented |= COMMON | model.error_codes.keys() | {SERVICES[service].invalid}

    assert {code: at for code, at in codes_raised(service).items() if code not in documented} == {}
