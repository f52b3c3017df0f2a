"""With whose rights CloudFormation changes a stack: the caller's own, the administrators' role's, or CI's role's.

A stack that was once changed through a role is changed through one for ever: CloudFormation remembers the role, and
uses it for a caller who names none. So where CI may change the stack (`ci-changes-stack: true`), administrators name a
role, too. That role is not in the stack, which could not delete it while it works with it.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-iam-servicerole.html
"""

import json
from urllib.parse import unquote

from culm import render
from culm.aws import template_upload
from culm.aws.administration import administrators_policy
from culm.core.model.record import record
from culm.errors import CulmError
from culm.plan.observed import Described
from culm.project.project import Project
from culm.render import stack_role
from culm.target.connection import Target
from culm.target.observe import or_none


@record
class Authority:
    """Who changes a stack, and how."""

    role: str | None = None
    """ARN of the role that CloudFormation works with; None: with the caller's own rights."""
    ci: bool = False
    """Whether it is the role of CI, which may change services' parts alone."""


OWN = Authority()


def of_ci(target: Target, project: Project) -> Authority:
    """Return the authority of CI, whose role is in the stack."""
    return Authority(role=f"arn:aws:iam::{target.account}:role/{stack_role.name(project)}", ci=True)


def of_administrator(target: Target, project: Project, live: Described | None) -> Authority:
    """Return the authority of whoever may make roles; makes the administrators' role where the stack needs it.

    Raises botocore's ClientError where the caller lacks a right for that.
    """
    if not (target.settings.ci_changes_stack or (live is not None and live.get("RoleARN"))):
        return OWN
    name = stack_role.administrators_name(project)
    iam = target.client("iam")
    role = or_none(lambda: iam.get_role(RoleName=name)["Role"], "NoSuchEntity")
    if role is None:
        role = iam.create_role(
            RoleName=name,
            AssumeRolePolicyDocument=json.dumps(stack_role.trust()),
            Description=f"culm: CloudFormation, when an administrator changes the stack of {project.name}",
        )["Role"]
    wanted = administrators_policy(project, target.settings, surroundings(target, project))
    if policy(target, name) != wanted:
        iam.put_role_policy(RoleName=name, PolicyName=stack_role.POLICY, PolicyDocument=json.dumps(wanted))
    return Authority(role=str(role["Arn"]))


def surroundings(target: Target, project: Project) -> render.Surroundings:
    """Return where the target is, as far as policies need to know; nobody is asked where culm.yml has its account."""
    account = target.settings.account or target.account
    return render.Surroundings(
        env=target.settings.env,
        region=target.region,
        account=account,
        vault=render.vault_bucket(project.name, account, target.region),
        vpc="",
        subnets=(),
        port=0,
        instances="",
        provider="aws",
    )


def policy(target: Target, name: str) -> object:
    """Return the policy that a service role has, parsed; None where it has none."""
    iam = target.client("iam")
    answer = or_none(lambda: iam.get_role_policy(RoleName=name, PolicyName=stack_role.POLICY), "NoSuchEntity")
    document = answer and answer["PolicyDocument"]
    return json.loads(unquote(document)) if isinstance(document, str) else document


def prepare(target: Target, project: Project) -> None:
    """Get ready for CI: refuse names that its role would reach and should not, and make the bucket for long templates.

    Raises CulmError for a role whose name begins with the project's and that is not one of its tasks: CI could hand it
    to tasks, and so could read what another project keeps to itself.
    """
    if not target.settings.ci_changes_stack:
        return
    iam = target.client("iam")
    boundary = f"arn:aws:iam::{target.account}:policy/{stack_role.boundary_name(project)}"
    pages = iam.get_paginator("list_roles").paginate()
    names = [role["RoleName"] for page in pages for role in page["Roles"]]
    for name in sorted(name for name in names if name.startswith(f"{project.name}-")):
        role = iam.get_role(RoleName=name)["Role"]
        if role.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn") != boundary:
            raise CulmError(
                f"CI of {project.name} could use role {name}, which is not one of its tasks, as its name begins so",
                "another account or another `name:` for one of the two, or without `ci-changes-stack: true`",
            )
    for shorter in beginnings(project.name):
        if f"{shorter}.stack" in names:
            raise CulmError(
                f"CI of {shorter} changes its own stack, and could use the roles of {project.name}, which begin so",
                "another account or another `name:` for one of the two",
            )
    template_upload.make_bucket(target, template_upload.bucket_name(target))


def beginnings(name: str) -> list[str]:
    """Return the names that `name` begins with, up to a dash: `a` and `a-b` for `a-b-c`."""
    parts = name.split("-")
    return ["-".join(parts[:count]) for count in range(1, len(parts))]


def remove(target: Target, project: Project) -> None:
    """Delete the administrators' role, once its stack is gone."""
    iam, name = target.client("iam"), stack_role.administrators_name(project)
    if or_none(lambda: iam.get_role(RoleName=name), "NoSuchEntity") is not None:
        for policy_name in iam.list_role_policies(RoleName=name)["PolicyNames"]:
            iam.delete_role_policy(RoleName=name, PolicyName=policy_name)
        iam.delete_role(RoleName=name)
