"""Whom the roles of CI trust where GitLab runs its jobs. What they may do is in `ci_roles`. Pure.

GitLab signs of which project and branch a job is, and AWS compares that with the role's trust policy. A job of a merge
request is signed as one of the branch that it would merge.
https://docs.gitlab.com/ci/cloud_services/aws/
https://docs.gitlab.com/ci/secrets/id_token_authentication/#token-payload
"""

from culm.render import Input
from culm.render.ci_roles import MAIN, assumed_by

ISSUER = "gitlab.com"
AUDIENCE = "https://gitlab.com"
"""What GitLab's own instructions let the account's provider take."""


def deploy_trust(provider_arn: str, path: str) -> Input:
    """Return a trust policy for jobs of the main branch. `path` is the project's, `group/name`.

    AWS compares subjects alone, and GitLab's do not name a job's environment: who may run jobs on main may deploy.
    """
    subject = f"project_path:{path}:ref_type:branch:ref:{MAIN}"
    return assumed_by(provider_arn, {"StringEquals": {f"{ISSUER}:aud": AUDIENCE, f"{ISSUER}:sub": subject}})


def plan_trust(provider_arn: str, path: str) -> Input:
    """Return a trust policy for jobs of any branch of the project itself; a fork is another project."""
    subjects = f"project_path:{path}:ref_type:branch:ref:*"
    return assumed_by(
        provider_arn,
        {"StringEquals": {f"{ISSUER}:aud": AUDIENCE}, "StringLike": {f"{ISSUER}:sub": subjects}},
    )
