"""Notices a target whose `region:` exists and is another one than the project's: nothing would be found there.

Roles are an account's, whatever the region, and the execution role's policy names the region of what it reads. So what
is found of a project in a region where it is not tells where it is, without a call to all of Amazon's regions.
https://docs.aws.amazon.com/IAM/latest/UserGuide/introduction.html
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from culm import render
from culm.errors import CulmError
from culm.project.project import Project
from culm.render import identity
from culm.target.connection import Target
from culm.target.observe import role_policy

REGIONAL = re.compile(r"arn:aws:(?:ecr|logs|s3|kms|secretsmanager):(?P<region>[a-z]{2}(?:-[a-z]+)+-\d+):\d{12}:")


def region_in(policy: Mapping[str, Any]) -> str | None:
    """Return the region that a policy's resources are in; None where it names none."""
    match = REGIONAL.search(json.dumps(policy))
    return match["region"] if match else None


def demand(target: Target, project: Project, policy: Mapping[str, Any] | None = None) -> None:
    """Raise CulmError where the project's execution role belongs to another region than the target's.

    `policy` is that role's, where it was looked at already.
    """
    if target.settings.provider != "aws":
        return
    if policy is None:
        name = render.execution_role_name(project)
        policy = role_policy(target, name, identity.EXECUTION_POLICY)
    home = region_in(policy or {})
    if home not in (None, target.region):
        raise CulmError(
            f"{project.name} is in {home}, and target {target.settings.name} says {target.region}, where none of it is",
            f"region: {home}; or, for a second {project.name} in this account, a `name:` of its own for the target",
        )
