"""The whole way of a stack: looked at, agreed to, made. What is shown and asked is the caller's."""

from culm import render
from culm.aws import adoption, facts, service_roles, stack
from culm.aws.stack import Proposal, Say, Talk
from culm.aws.template import stack_name
from culm.deploy.lock import locked
from culm.errors import CulmError
from culm.plan.observed import Described
from culm.project.project import Project, TargetSettings
from culm.render import github_roles, gitlab_roles, stack_role
from culm.target import faults, region
from culm.target.connection import Target


def bootstrap(target: Target, project: Project, talk: Talk, *, renew_image: bool = False) -> bool:
    """Bring the stack to what culm.yml says, under the deploy lock where there is a stack.

    Returns whether anything was changed: False when it was so already, or when `talk.agree` said no. `renew_image` also
    takes Amazon's current ECS image; no instance is replaced by this, `refresh` does that. Raises CulmError when the
    network of culm.yml cannot hold the stack, and when CloudFormation fails.
    """
    facts.check_network(target, target.settings)
    live = stack.ready(target, project, talk.say, talk.progress)
    if live is None:
        return make(target, project, talk)
    with locked(target, project, talk.say):
        return change(target, project, live, talk, renew_image=renew_image)


def make(target: Target, project: Project, talk: Talk) -> bool:
    """Make the stack of a target that has none, adopting what an earlier one has left.

    Returns whether it was agreed to. Raises CulmError when CloudFormation fails, and when the project is in another
    region of the account already.
    """
    region.demand(target, project)
    if not talk.agree(None):
        return False
    service_roles.prepare(target, project)
    service_linked_roles(target, target.settings, talk.say)
    bucket = render.vault_bucket(project.name, target.account, target.region)
    if (key := adoption.orphaned_key(target, bucket)) is not None:
        talk.say(f"adopting vault {bucket} and its key {key}")
        stack.adopt(target, project, key, talk.progress)
    proposal = stack.propose(target, project, stack.find(target, stack_name(project)))
    if proposal is not None:
        carry_out(target, proposal, talk)
    return True


def change(target: Target, project: Project, live: Described, talk: Talk, *, renew_image: bool) -> bool:
    """Update an existing stack to what culm.yml says, in two updates where one cannot do it.

    Whoever lacks the rights for that, and may change the stack as CI may, does so. Returns whether it was changed to
    the end. Raises CulmError when CloudFormation fails.
    """
    from botocore.exceptions import ClientError

    try:
        service_roles.prepare(target, project)
        authority = service_roles.of_administrator(target, project, live)
        first = stack.propose_first(target, project, live, authority)
        proposal = first or stack.propose(target, project, live, authority, renew_image=renew_image)
    except ClientError as error:
        if not target.settings.ci_changes_stack or error.response["Error"]["Code"] not in faults.DENIED:
            raise
        return change_as_ci(target, project, live, talk)
    if first is not None:
        talk.say("this takes two updates: the first one frees a port of the load balancer, the second one uses it")
        if not talk.agree(first):
            stack.withdraw(target, first)
            return False
        stack.carry_out(target, first, talk.progress)
        proposal = stack.propose(target, project, live, authority, renew_image=renew_image)
    if proposal is None:
        stack.protect(target, live)
        return False
    if not talk.agree(proposal):
        stack.withdraw(target, proposal)
        return False
    carry_out(target, proposal, talk)
    return True


def change_as_ci(target: Target, project: Project, live: Described, talk: Talk) -> bool:
    """Add services' parts to the stack and remove them, by the role of CI. Returns whether it was changed.

    Raises CulmError where culm.yml asks for more than that of the stack.
    """
    proposal = stack.propose(target, project, live, service_roles.of_ci(target, project))
    if proposal is None:
        return False
    beyond = [str(change) for change in proposal.changes if not stack_role.changes(change.name, change.kind)]
    if beyond:
        stack.withdraw(target, proposal)
        raise behind(target, project, f"and CI may only add services and remove them, not {', '.join(beyond)}")
    if not talk.agree(proposal):
        stack.withdraw(target, proposal)
        return False
    talk.say(f"changing stack {proposal.stack} by role {stack_role.name(project)}")
    stack.carry_out(target, proposal, talk.progress)
    talk.say(f"stack {proposal.stack} is as culm.yml says")
    return True


def behind(target: Target, project: Project, why: str) -> CulmError:
    """Return the error for a stack that somebody with more rights has to change."""
    return CulmError(
        f"stack {stack_name(project)} is behind culm.yml, {why}",
        f"an administrator runs: culm aws bootstrap --target {target.settings.name}",
    )


def carry_out(target: Target, proposal: Proposal, talk: Talk) -> None:
    """Make or change the stack as proposed, and the identity provider that it names. Raises CulmError when it fails."""
    if target.settings.github is not None:
        identity_provider(target, github_roles.ISSUER, github_roles.AUDIENCE, talk.say)
    if target.settings.gitlab is not None:
        identity_provider(target, gitlab_roles.ISSUER, gitlab_roles.AUDIENCE, talk.say)
    talk.say(f"{'making' if proposal.creates else 'changing'} stack {proposal.stack}: a few minutes")
    stack.carry_out(target, proposal, talk.progress)
    talk.say(f"stack {proposal.stack} is there")


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
