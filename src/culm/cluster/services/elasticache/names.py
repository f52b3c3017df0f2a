"""Names of ElastiCache's resources, and its engines."""

import re

from culm.errors import AwsError


def checked(text: str, parameter: str) -> str:
    """Return an identifier in lower case, as ElastiCache keeps it: 1 to 40 letters, digits and hyphens."""
    identifier = text.lower()
    if not re.fullmatch(r"[a-z](?!.*--)[a-z0-9-]{0,38}[a-z0-9]|[a-z]", identifier):
        raise AwsError(
            "InvalidParameterValue",
            f"The parameter {parameter} is not a valid identifier. Identifiers must begin with a letter; must contain "
            "only ASCII letters, digits, and hyphens; and must not end with a hyphen or contain two consecutive "
            "hyphens; and have at most 40 characters.",
        )
    return identifier


def engine(text: str) -> str:
    """Return an engine's name as it came. Raises InvalidParameterValue for one that is not served here."""
    if text not in ("valkey", "redis"):
        raise AwsError("InvalidParameterValue", f"Invalid engine: {text}. This cluster serves valkey and redis.")
    return text
