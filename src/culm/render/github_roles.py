"""Whom the roles of CI trust where GitHub runs its jobs. What they may do is in `ci_roles`. Pure.

GitHub signs what a job is (its repository, and what set it off), and AWS compares that with the role's trust policy.
https://docs.github.com/en/actions/how-tos/secure-your-work/security-harden-deployments/oidc-in-aws
"""

from culm.render import Input
from culm.render.ci_roles import MAIN, assumed_by

ISSUER = "token.actions.githubusercontent.com"
AUDIENCE = "sts.amazonaws.com"


def deploy_trust(provider_arn: str, repository: str, environment: str | None = None) -> Input:
    """Return a trust policy for jobs of a push to main, or of an environment. `repository` is `owner/name`.

    A job that names an environment is signed as one of that, whatever its branch: the environment's own rules say which
    branches may use it, and who approves.
    https://docs.github.com/en/actions/reference/security/oidc#filtering-for-a-specific-environment
    """
    of = f"environment:{environment}" if environment is not None else f"ref:refs/heads/{MAIN}"
    return trust(provider_arn, f"repo:{repository}:{of}")


def plan_trust(provider_arn: str, repository: str) -> Input:
    """Return a trust policy for jobs of pull requests from the repository itself; a fork's job gets no token."""
    return trust(provider_arn, f"repo:{repository}:pull_request")


def preview_trust(provider_arn: str, repository: str) -> Input:
    """Return a trust policy for jobs of pull requests, and for those of main, which remove previews that are over."""
    return trust(provider_arn, [f"repo:{repository}:pull_request", f"repo:{repository}:ref:refs/heads/{MAIN}"])


def trust(provider_arn: str, subject: str | list[str]) -> Input:
    """Return a role's trust of GitHub's jobs with this subject, or with one of these."""
    return assumed_by(provider_arn, {"StringEquals": {f"{ISSUER}:aud": AUDIENCE, f"{ISSUER}:sub": subject}})
