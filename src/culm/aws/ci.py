"""The roles that jobs on GitHub or GitLab assume to deploy, and to look. Pure."""

import json

from culm import render
from culm.aws.document import ACCOUNT, Resources, Section, resource, substituted
from culm.errors import UsageError
from culm.project.project import Project, TargetSettings
from culm.render import ci_roles, github_roles, gitlab_roles, permissions, preview_role, stack_role

GITHUB = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{github_roles.ISSUER}"
GITLAB = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{gitlab_roles.ISSUER}"
"""The account's own, whichever stack came first: it is not in any stack."""


ROLE_POLICY_CHARACTERS = 10_240
"""The most that a role's inline policies may have, blanks not counted.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"""


def section(project: Project, settings: TargetSettings, surroundings: render.Surroundings) -> Section | None:
    """Return the roles for CI's jobs; None without `github`, `gitlab`. Raises UsageError when a policy is too long."""
    repository = settings.github or settings.gitlab
    if repository is None:
        return None
    if settings.gitlab is not None:
        where, jobs, asked = "GitLab", f"jobs of {ci_roles.MAIN}", "branches"
        deploys = gitlab_roles.deploy_trust(GITLAB, repository)
        plans = gitlab_roles.plan_trust(GITLAB, repository)
    else:
        jobs = f"environment {settings.environment}" if settings.environment else f"pushes to {ci_roles.MAIN}"
        where, asked = "GitHub", "pull requests"
        deploys = github_roles.deploy_trust(GITHUB, repository, settings.environment)
        plans = github_roles.plan_trust(GITHUB, repository)
    policy = permissions.deploy_policy(project, surroundings, settings)
    if (size := len(json.dumps(policy, separators=(",", ":")))) > ROLE_POLICY_CHARACTERS:
        raise UsageError(
            f"the role that deploys {project.name} from CI needs a policy of {size} characters; "
            f"IAM takes {ROLE_POLICY_CHARACTERS}",
            f"spread the services over two projects, or without `{where.lower()}:` make a role of several policies",
        )
    return Section(
        title=f"CI: jobs of {repository} on {where} become these for an hour, by what {where} signs; "
        "no keys are stored.",
        resources={
            "DeployRole": role(
                ci_roles.deploy_role(project),
                f"culm: {jobs} of {repository} deploy {project.name}",
                deploys,
                policy,
            ),
            "PlanRole": role(
                ci_roles.plan_role(project),
                f"culm: {asked} of {repository} plan {project.name}",
                plans,
                ci_roles.plan_policy(project, surroundings),
            ),
            **(service_role(project, surroundings) if settings.ci_changes_stack else {}),
            **(preview_roles(project, surroundings, repository) if settings.previews else {}),
        },
    )


def service_role(project: Project, surroundings: render.Surroundings) -> Resources:
    """Return the role by which CI changes the stack: services come and go with it, and nothing else."""
    description = f"culm: CloudFormation, when CI adds services to {project.name} or removes them"
    policy, trust = stack_role.policy(project, surroundings), stack_role.trust()
    return {"StackRole": role(stack_role.name(project), description, trust, policy, policy_name=stack_role.POLICY)}


def preview_roles(project: Project, surroundings: render.Surroundings, repository: str) -> Resources:
    """Return the role by which pull requests make previews, and the most that roles of previews can be allowed."""
    description = f"culm: pull requests make previews of {project.name}"
    trust = github_roles.preview_trust(GITHUB, repository)
    return {
        "PreviewRole": role(preview_role.name(project), description, trust, preview_role.policy(project, surroundings)),
        "PreviewBoundary": resource(
            "IAM::ManagedPolicy",
            {
                "ManagedPolicyName": preview_role.boundary_name(project),
                "Description": f"culm: the most that previews of {project.name} can be allowed",
                "PolicyDocument": substituted(preview_role.boundary(project, surroundings)),
            },
        ),
    }


def role(
    name: str, description: str, trust: render.Input, policy: render.Input, *, policy_name: str = "ci"
) -> render.Input:
    return resource(
        "IAM::Role",
        {
            "RoleName": name,
            "Description": description,
            "AssumeRolePolicyDocument": substituted(trust),
            "Policies": [{"PolicyName": policy_name, "PolicyDocument": substituted(policy)}],
        },
    )
