"""Names of load balancers and target groups: up to 32 letters, digits and hyphens, no hyphen at an end."""

import re

from culm.errors import AwsError

LONGEST = 32
_GROUP_PATTERN = "(?!.*--)(?!^-)(?!.*-$)^[A-Za-z0-9-]+$"
"""As AWS writes it in the message of its refusal: no two hyphens side by side either."""


def check_load_balancer(name: str) -> None:
    """Raise AwsError for a name that no load balancer can have."""
    _check_characters("The load balancer", name, "characters that are alphanumeric characters and hyphens(-)")
    if name.startswith("-") or name.endswith("-"):
        raise AwsError("ValidationError", f"The load balancer name '{name}' cannot begin or end with a hyphen(-)")
    if name.startswith("internal-"):
        raise AwsError("ValidationError", "The load balancer name cannot begin with 'internal-'")


def check_target_group(name: str) -> None:
    """Raise AwsError for a name that no target group can have; its messages are AWS's, not those of load balancers."""
    _check_characters("Target group", name, "characters that are alphanumeric characters or hyphens(-)")
    if not re.match(_GROUP_PATTERN, name):
        raise AwsError(
            "ValidationError",
            f"1 validation error detected: Value '{name}' at 'targetGroup.targetGroupArn.targetGroupName' failed to "
            f"satisfy constraint: Member must satisfy regular expression pattern: {_GROUP_PATTERN}",
        )


def _check_characters(noun: str, name: str, allowed: str) -> None:
    if len(name) > LONGEST:
        raise AwsError("ValidationError", f"{noun} name '{name}' cannot be longer than '{LONGEST}' characters")
    if not re.fullmatch(r"[A-Za-z0-9-]+", name):
        raise AwsError("ValidationError", f"{noun} name '{name}' can only contain {allowed}")
