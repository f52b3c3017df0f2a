"""Names of load balancers and target groups: up to 32 letters, digits and hyphens, no hyphen at an end."""

import re

from culm.errors import AwsError

LONGEST = 32


def check(noun: str, name: str) -> None:
    """Raise AwsError for a name that AWS refuses; `noun` is what its message begins with."""
    if len(name) > LONGEST:
        raise AwsError("ValidationError", f"{noun} name '{name}' cannot be longer than '{LONGEST}' characters")
    if not re.fullmatch(r"[A-Za-z0-9-]+", name):
        raise AwsError(
            "ValidationError",
            f"{noun} name '{name}' can only contain characters that are alphanumeric characters and hyphens(-)",
        )
    if name.startswith("-") or name.endswith("-"):
        raise AwsError("ValidationError", f"{noun} name '{name}' cannot begin or end with a hyphen(-)")
