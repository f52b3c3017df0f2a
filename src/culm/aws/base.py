"""The whole way of a stack: looked at, agreed to, made. What is shown and asked is the caller's."""

from collections.abc import Callable

from culm import render
from culm.aws import adoption, facts, stack
from culm.aws.stack import Proposal, Say
from culm.aws.template import stack_name
from culm.deploy.lock import locked
from culm.plan.observed import Described
from culm.project.project import Project, TargetSettings
from culm.render import github_roles, gitlab_roles
from culm.target.connection import Target

Agree = Callable[[Proposal | None], bool]
"""Asked with the change set of a stack that is there, or with None for one that is not."""


def bootstrap(
    target: Target, project: Project, agree: Agree, say: Say, progress: Say, *, renew_image: bool = False
) -> bool:
    """Bring the stack to what culm.yml says, under the deploy lock where there is a stack; tell if anything was done.

    `renew_image` also takes Amazon's current ECS image. No instance is replaced by this: `refresh` does that.
    """
    facts.check_network(target, target.settings)
    live = stack.ready(target, project, say, progress)
    if live is None:
        return make(target, project, agree, say, progress)
    with locked(target, project, say):
        return change(target, project, live, agree, say, progress, renew_image=renew_image)


def make(target: Target, project: Project, agree: Agree, say: Say, progress: Say) -> bool:
    """Make the stack of a target that has none, adopting what an earlier one has left."""
    if not agree(None):
        return False
    service_linked_roles(target, target.settings, say)
    bucket = render.vault_bucket(project.name, target.account, target.region)
    if (key := adoption.orphaned_key(target, bucket)) is not None:
        say(f"adopting vault {bucket} and its key {key}")
        stack.adopt(target, project, key, progress)
    proposal = stack.propose(target, project, stack.find(target, stack_name(project)))
    if proposal is not None:
        carry_out(target, proposal, say, progress)
    return True


def change(
    target: Target,
    project: Project,
    live: Described,
    agree: Agree,
    say: Say,
    progress: Say,
    *,
    renew_image: bool,
) -> bool:
    """Update an existing stack to what culm.yml says, in two updates where one cannot do it."""
    if (first := stack.propose_first(target, project, live)) is not None:
        say("this takes two updates: the first one frees a port of the load balancer, the second one uses it")
        if not agree(first):
            stack.withdraw(target, first)
            return False
        stack.carry_out(target, first, progress)
    proposal = stack.propose(target, project, live, renew_image=renew_image)
    if proposal is None:
        stack.protect(target, live)
        return False
    if not agree(proposal):
        stack.withdraw(target, proposal)
        return False
    carry_out(target, proposal, say, progress)
    return True


def carry_out(target: Target, proposal: Proposal, say: Say, progress: Say) -> None:
    """Make or change the stack as proposed, and the identity provider that it names. Raises CulmError when it fails."""
    if target.settings.github is not None:
        identity_provider(target, github_roles.ISSUER, github_roles.AUDIENCE, say)
    if target.settings.gitlab is not None:
        identity_provider(target, gitlab_roles.ISSUER, gitlab_roles.AUDIENCE, say)
    say(f"{'making' if proposal.creates else 'changing'} stack {proposal.stack}: a few minutes")
    stack.carry_out(target, proposal, progress)
    say(f"stack {proposal.stack} is there")


def service_linked_roles(target: Target, settings: TargetSettings, say: Say) -> None:
    """Create ECS's own role in an account that never had a cluster: its first cluster fails without it.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/using-service-linked-roles.html
    """
    iam = target.client("iam")
    for service in ("ecs.amazonaws.com", *(["spot.amazonaws.com"] if settings.spot else [])):
        if not iam.list_roles(PathPrefix=f"/aws-service-role/{service}/")["Roles"]:
            say(f"creating the account's role for {service}")
            iam.create_service_linked_role(AWSServiceName=service)


def identity_provider(target: Target, issuer: str, audience: str, say: Say) -> None:
    """Create the account's provider for the tokens of GitHub or GitLab. It is one for the account, so in no stack.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc.html
    """
    iam = target.client("iam")
    known = iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]
    if not any(provider["Arn"].endswith(f":oidc-provider/{issuer}") for provider in known):
        say(f"letting the account believe {issuer}")
        iam.create_open_id_connect_provider(Url=f"https://{issuer}", ClientIDList=[audience])
