"""Makes, changes and removes a target's stack, by change sets, and says why when it cannot."""

import json
import secrets
import time
from collections.abc import Callable, Sequence
from typing import Any

from culm import render
from culm.aws import adoption, events, facts, protection, template_upload, transitions
from culm.aws.document import Template, read
from culm.aws.service_roles import OWN, Authority
from culm.aws.template import body, stack_name, template
from culm.core.model.record import record
from culm.errors import CulmError, TimedOut
from culm.plan.observed import Described
from culm.project.project import Project
from culm.render import stack_role
from culm.target.connection import Target
from culm.target.polling import intervals

Say = Callable[[str], None]
TIMEOUT_SECONDS = 3600.0
"""RDS alone may take a quarter of an hour."""
UNMADE = ("REVIEW_IN_PROGRESS",)
"""A change set was made for it, and not carried out."""
EMPTY = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED", "IMPORT_ROLLBACK_COMPLETE")
"""A stack that never was: CloudFormation takes no update of it, only its deletion."""
STUCK = ("UPDATE_ROLLBACK_FAILED", "IMPORT_ROLLBACK_FAILED")
STEADY = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE")
UNCHANGED = ("No updates are to be performed", "didn't contain changes")
TARGET_TAG = "culm:target"


@record
class Talk:
    """How whoever works on a stack speaks with its caller."""

    say: Say
    """Takes a line that stays."""
    progress: Say
    """Takes what is going on just now; the next one replaces it."""
    agree: Callable[["Proposal | None"], bool] = lambda _: True
    """Asked before anything is changed: with the change set of a stack that is there, or with None for one that is not.
    By default whoever calls has agreed already."""


@record
class Change:
    """One line of a change set."""

    action: str
    """Add, Modify, Remove or Import."""
    name: str
    kind: str
    replacement: str = "False"
    """True, Conditional (it depends on what is known only then) or False."""

    def __str__(self) -> str:
        again = {"True": ", which replaces it", "Conditional": ", which may replace it"}.get(self.replacement, "")
        return f"{self.action.lower()} {self.name} ({self.kind.removeprefix('AWS::')}){again}"


@record
class Proposal:
    """A change set that waits to be carried out."""

    stack: str
    change_set: str
    changes: tuple[Change, ...]
    creates: bool
    authority: Authority = OWN


def find(target: Target, name: str) -> Described | None:
    """Return the stack as CloudFormation describes it; None when there is none."""
    from botocore.exceptions import ClientError

    try:
        [stack] = target.client("cloudformation").describe_stacks(StackName=name)["Stacks"]
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationError" and "does not exist" in str(error):
            return None
        raise
    described: Described = stack
    return None if described["StackStatus"] in (*UNMADE, "DELETE_COMPLETE") else described


def ready(target: Target, project: Project, say: Say, progress: Say) -> Described | None:
    """Return the stack, once it can be changed: others' updates are waited for, one that never was is cleared away."""
    name = stack_name(project)
    live = find(target, name)
    if live is not None and live["StackStatus"].endswith("_IN_PROGRESS"):
        say(f"stack {name} is {live['StackStatus']}: waits for it")
        live = settled(target, live["StackId"], progress)
    if live is None or live["StackStatus"] == "DELETE_COMPLETE":
        return None
    own(target, live)
    if live["StackStatus"] in EMPTY:
        say(f"stack {name} is {live['StackStatus']}: it was never complete, and nothing runs on it")
        for cause in events.causes(history(target, live["StackId"])):
            say(f"  {cause}")
        say(f"deleting stack {name}; what it made with data in it stays, and is adopted")
        delete(target, live, progress)
        return None
    if live["StackStatus"] in STUCK:
        raise CulmError(
            f"stack {name} is {live['StackStatus']}: {'; '.join(events.causes(history(target, live['StackId'])))}",
            f"aws cloudformation continue-update-rollback --stack-name {name}",
        )
    return live


def own(target: Target, live: Described) -> None:
    """Raise CulmError if the stack is another target's: swapped targets in culm.yml would change names."""
    tags = {tag["Key"]: tag["Value"] for tag in live.get("Tags", ())}
    if (of := tags.get(TARGET_TAG)) != target.settings.name:
        raise CulmError(
            f"stack {live['StackName']} is {f'of target {of}' if of else 'not one of ours'}",
            f"give target {target.settings.name} a name of its own: name: ... (and {of or 'the other'} keeps its)",
        )


def propose_first(target: Target, project: Project, stack: Described, authority: Authority = OWN) -> Proposal | None:
    """Make the change set of an update that has to go before `propose`'s; None when there is none."""
    live, wanted = live_template(target, project), read(body(wanted_template(target, project)))
    if (why := transitions.impossible(live, wanted)) is not None:
        raise CulmError(
            f"targets.{target.settings.name}.{why}",
            "back as it was; or culm aws destroy, then culm aws bootstrap: the vault and the images stay",
        )
    first = transitions.first_update(live, wanted)
    if first is None:
        return None
    return change_set(
        target,
        project,
        creates=False,
        authority=authority,
        template_text=json.dumps(first),
        ChangeSetType="UPDATE",
        Parameters=[{key: p[key] for key in ("ParameterKey", "ParameterValue")} for p in stack["Parameters"]],
    )


def propose(
    target: Target,
    project: Project,
    live: Described | None,
    authority: Authority = OWN,
    *,
    renew_image: bool = False,
) -> Proposal | None:
    """Make a change set from what is there to what culm.yml wants; None when nothing would change.

    `renew_image` takes Amazon's current ECS image; without it instances keep the one that the stack has.
    """
    wanted = wanted_template(target, project)
    parameters = facts.parameter_values(target, target.settings, wanted.parameters, live, renew_image=renew_image)
    return change_set(
        target,
        project,
        creates=live is None,
        authority=authority,
        ChangeSetType="UPDATE" if live else "CREATE",
        template_text=body(wanted),
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        ImportExistingResources=True,
    )


def adopt(target: Target, project: Project, key: str, progress: Say) -> Described:
    """Propose a stack that begins with the key of a vault that an earlier one left."""
    identified = {"ResourceType": "AWS::KMS::Key", "LogicalResourceId": adoption.KEY}
    proposal = change_set(
        target,
        project,
        creates=True,
        ChangeSetType="IMPORT",
        template_text=body(adoption.only_key(wanted_template(target, project))),
        ResourcesToImport=[identified | {"ResourceIdentifier": {"KeyId": key}}],
    )
    assert proposal is not None, "something is imported"
    return carry_out(target, proposal, progress)


def wanted_template(target: Target, project: Project) -> Template:
    return template(project, target.settings, render.vault_bucket(project.name, target.account, target.region))


def live_template(target: Target, project: Project) -> dict[str, Any]:
    """Return the template that the stack was last given, as plain values."""
    client = target.client("cloudformation")
    return read(client.get_template(StackName=stack_name(project), TemplateStage="Original")["TemplateBody"])


def change_set(
    target: Target,
    project: Project,
    *,
    creates: bool,
    template_text: str,
    authority: Authority = OWN,
    **options: Any,
) -> Proposal | None:
    """Make a change set and wait until CloudFormation has looked it through.

    `options` are further parameters of cloudformation.CreateChangeSet. Returns None when nothing would change; raises
    CulmError with CloudFormation's reason when it does not take the template.
    """
    from botocore.exceptions import ClientError

    client = target.client("cloudformation")
    begins = stack_role.CHANGE_SETS if authority.ci else "culm-"
    name, made = stack_name(project), f"{begins}{secrets.token_hex(6)}"
    prefix = stack_role.templates_prefix(project) if authority.ci else ""
    if authority.role is not None:
        options["RoleARN"] = authority.role
    if not authority.ci:  # without any the stack keeps those that it has
        tags = {"culm:project": project.name, TARGET_TAG: target.settings.name}
        options["Tags"] = [{"Key": key, "Value": value} for key, value in tags.items()]
    try:
        with template_upload.given(target, template_text, prefix) as template_parameter:
            client.create_change_set(
                StackName=name,
                ChangeSetName=made,
                Capabilities=["CAPABILITY_NAMED_IAM"],
                **template_parameter,
                **options,
            )
    except ClientError as error:
        if not creates and any(words in str(error) for words in UNCHANGED):
            return None
        raise
    for pause in intervals(0.2, 2.0):
        described = client.describe_change_set(StackName=name, ChangeSetName=made)
        if described["Status"] == "CREATE_COMPLETE":
            break
        if described["Status"] == "FAILED":
            reason = described.get("StatusReason", "")
            client.delete_change_set(StackName=name, ChangeSetName=made)
            if any(words in reason for words in UNCHANGED):
                return None
            raise CulmError(f"CloudFormation does not take the change of stack {name}: {reason}", events.hint([reason]))
        time.sleep(pause)
    return Proposal(
        stack=name, change_set=made, changes=changes(target, name, made), creates=creates, authority=authority
    )


def changes(target: Target, name: str, change_set: str) -> tuple[Change, ...]:
    """Return what a change set would do, resource by resource."""
    pages = target.client("cloudformation").get_paginator("describe_change_set")
    lines = []
    for page in pages.paginate(StackName=name, ChangeSetName=change_set):
        for resource in (change["ResourceChange"] for change in page["Changes"]):
            lines.append(
                Change(
                    action=resource["Action"],
                    name=resource["LogicalResourceId"],
                    kind=resource["ResourceType"],
                    replacement=resource.get("Replacement", "False"),
                )
            )
    return tuple(lines)


def withdraw(target: Target, proposal: Proposal) -> None:
    """Delete a change set that nobody confirmed."""
    client = target.client("cloudformation")
    client.delete_change_set(StackName=proposal.stack, ChangeSetName=proposal.change_set)


def carry_out(target: Target, proposal: Proposal, progress: Say) -> Described:
    """Execute a change set; return the stack at its end. Raises the cause when CloudFormation rolls back."""
    client = target.client("cloudformation")
    before = newest(target, proposal.stack)["EventId"]
    client.execute_change_set(StackName=proposal.stack, ChangeSetName=proposal.change_set)
    ended = settled(target, proposal.stack, progress, since=before)
    if ended["StackStatus"] not in ("CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE"):
        what = "could not be made" if proposal.creates else "stays as it was: the change failed"
        raise failed(target, ended, what)
    if not proposal.authority.ci:
        protect(target, ended)
    return ended


def failed(target: Target, ended: Described, what: str) -> CulmError:
    """Return the error of an update that ended badly, with its causes and what to try."""
    reasons = events.causes(history(target, ended["StackId"])) or [
        ended.get("StackStatusReason", "no reason was given")
    ]
    listed = "\n".join(f"  {reason}" for reason in reasons)
    return CulmError(f"stack {ended['StackName']} {what} ({ended['StackStatus']})\n{listed}", events.hint(reasons))


def protect(target: Target, live: Described) -> None:
    """Protect a stack against deletion, and against updates that would replace what holds data.

    Nothing is called when it is so.
    """
    client = target.client("cloudformation")
    name = live["StackName"]
    if client.get_stack_policy(StackName=name).get("StackPolicyBody") != protection.stack_policy():
        client.set_stack_policy(StackName=name, StackPolicyBody=protection.stack_policy())
    if not live.get("EnableTerminationProtection"):
        client.update_termination_protection(StackName=name, EnableTerminationProtection=True)


def settled(target: Target, name: str, progress: Say, *, since: str = "", kind: str = "") -> Described:
    """Wait until CloudFormation is done with the stack and return its description.

    `since` is the id of the newest event before the operation that is waited for, whose own events then tell how it
    ended. Without it, the operation is one that the caller has already seen going on, or one that ends in statuses of
    its own `kind`, as DELETE does. A deleted stack is found by its id alone. Raises TimedOut after TIMEOUT_SECONDS.
    """
    client = target.client("cloudformation")
    started = time.monotonic()
    for pause in intervals(0.2, 5.0 if target.endpoint_url is None else 0.5):
        recent = client.describe_stack_events(StackName=name)["StackEvents"]
        [described] = client.describe_stacks(StackName=name)["Stacks"]
        status = described["StackStatus"]
        done = status.startswith(kind) and not status.endswith("_IN_PROGRESS")
        if (outcome := events.outcome(recent, since) if since else status if done else None) is not None:
            return {**described, "StackStatus": outcome}
        if time.monotonic() - started > TIMEOUT_SECONDS:
            raise TimedOut(
                f"stack {described['StackName']} is still {status}",
                "it goes on by itself: culm aws bootstrap looks again",
            )
        progress(f"{status}: {recent[0]['LogicalResourceId']} {recent[0]['ResourceStatus']}")
        time.sleep(pause)
    raise AssertionError("intervals do not end")


def newest(target: Target, name: str) -> Described:
    """Return the newest event of a stack. Raises botocore's ClientError where there is no such stack."""
    event: Described = target.client("cloudformation").describe_stack_events(StackName=name)["StackEvents"][0]
    return event


def history(target: Target, name: str) -> Sequence[Described]:
    """Return the stack's events, the newest first."""
    pages = target.client("cloudformation").get_paginator("describe_stack_events").paginate(StackName=name)
    return [event for page in pages for event in page["StackEvents"]]


def delete(target: Target, live: Described, progress: Say, authority: Authority = OWN) -> None:
    """Remove the stack, its protection and its databases' first: CloudFormation makes snapshots, but lifts nothing."""
    client = target.client("cloudformation")
    name = live["StackName"]
    if live.get("EnableTerminationProtection"):
        client.update_termination_protection(StackName=name, EnableTerminationProtection=False)
    for database in physical_ids(target, name, "AWS::RDS::DBInstance"):
        target.client("rds").modify_db_instance(
            DBInstanceIdentifier=database, DeletionProtection=False, ApplyImmediately=True
        )
    client.delete_stack(StackName=name, **({"RoleARN": authority.role} if authority.role else {}))
    ended = settled(target, live["StackId"], progress, kind="DELETE")
    if ended["StackStatus"] != "DELETE_COMPLETE":
        raise failed(target, ended, "could not be deleted")


def physical_ids(target: Target, name: str, kind: str) -> list[str]:
    """Return the physical ids of the stack's resources of a type, such as `AWS::RDS::DBInstance`."""
    pages = target.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=name)
    return [
        resource["PhysicalResourceId"]
        for page in pages
        for resource in page["StackResourceSummaries"]
        if resource["ResourceType"] == kind and resource["ResourceStatus"] != "DELETE_COMPLETE"
        if resource.get("PhysicalResourceId")
    ]
