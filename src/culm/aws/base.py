"""The whole way of a stack: looked at, agreed to, made. What is shown and asked is the caller's."""

from collections.abc import Callable

from culm import render
from culm.aws import adoption, facts, stack
from culm.aws.stack import Proposal, Say
from culm.aws.template import stack_name
from culm.project.project import Project, TargetSettings
from culm.render import github_roles
from culm.target.connection import Target

Agree = Callable[[Proposal | None], bool]
"""Asked with the change set of a stack that is there, or with None for one that is not."""


def bootstrap(target: Target, project: Project, agree: Agree, say: Say, progress: Say) -> bool:
    """Bring the stack to what culm.yml says; whether anything was done."""
    facts.check_network(target, target.settings)
    found = stack.ready(target, project, say, progress)
    if found is None:
        if not agree(None):
            return False
        service_linked_roles(target, target.settings, say)
        bucket = render.vault_bucket(project.name, target.account, target.region)
        if (key := adoption.orphaned_key(target, bucket)) is not None:
            say(f"adopting vault {bucket} and its key {key}")
            stack.adopt(target, project, key, progress)
    if found is not None and (first := stack.propose_first(target, project, found)) is not None:
        say("this takes two updates: the first one frees a port of the load balancer, the second one uses it")
        if not agree(first):
            stack.withdraw(target, first)
            return False
        stack.carry_out(target, first, progress)
    proposal = stack.propose(target, project, stack.find(target, stack_name(project)))
    if proposal is None:
        if found is not None:
            stack.protect(target, found)
        return False
    if found is not None and not agree(proposal):
        stack.withdraw(target, proposal)
        return False
    if target.settings.github is not None:
        identity_provider(target, say)
    say(f"{'changing' if found else 'making'} stack {proposal.stack}: a few minutes")
    stack.carry_out(target, proposal, progress)
    say(f"stack {proposal.stack} is there")
    return True


def service_linked_roles(target: Target, settings: TargetSettings, say: Say) -> None:
    """An account that never had a cluster lacks ECS's own role, and its first one fails for that.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/using-service-linked-roles.html
    """
    iam = target.client("iam")
    for service in ("ecs.amazonaws.com", *(["spot.amazonaws.com"] if settings.spot else [])):
        if not iam.list_roles(PathPrefix=f"/aws-service-role/{service}/")["Roles"]:
            say(f"creating the account's role for {service}")
            iam.create_service_linked_role(AWSServiceName=service)


def identity_provider(target: Target, say: Say) -> None:
    """Whom the account believes what GitHub's jobs are. An account has one for all, so it is in no stack.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc.html
    """
    iam = target.client("iam")
    known = iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]
    if not any(provider["Arn"].endswith(f":oidc-provider/{github_roles.ISSUER}") for provider in known):
        say(f"letting the account believe {github_roles.ISSUER}")
        iam.create_open_id_connect_provider(Url=f"https://{github_roles.ISSUER}", ClientIDList=[github_roles.AUDIENCE])
