"""The roles that GitHub's jobs assume to deploy, and to look. Pure."""

from culm.deploy.aws.document import ACCOUNT, Section, resource, substituted
from culm.manifest import ci, permissions, render
from culm.manifest.project import Project, TargetSettings

PROVIDER = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{ci.ISSUER}"
"""The account's own, whichever stack came first: it is not in any stack."""


def section(project: Project, settings: TargetSettings, around: render.Surroundings) -> Section | None:
    if settings.github is None:
        return None
    repository = settings.github
    return Section(
        title=f"CI: jobs of {repository} on GitHub become these for an hour, by what GitHub signs; no keys are stored.",
        resources={
            "DeployRole": role(
                ci.deploy_role(project),
                f"culm: pushes to {ci.MAIN} of {repository} deploy {project.name}",
                ci.deploy_trust(PROVIDER, repository),
                permissions.deploy_policy(project, around),
            ),
            "PlanRole": role(
                ci.plan_role(project),
                f"culm: pull requests of {repository} plan {project.name}",
                ci.plan_trust(PROVIDER, repository),
                ci.plan_policy(project, around),
            ),
        },
    )


def role(name: str, description: str, trust: render.Input, policy: render.Input) -> render.Input:
    return resource(
        "IAM::Role",
        {
            "RoleName": name,
            "Description": description,
            "AssumeRolePolicyDocument": substituted(trust),
            "Policies": [{"PolicyName": "ci", "PolicyDocument": substituted(policy)}],
        },
    )
