"""The whole template of a target's stack, from culm.yml alone. Pure."""

from typing import Any

from culm import render
from culm.aws import (
    buckets,
    ci,
    databases,
    instances,
    load_balancer,
    logs,
    notifications,
    repositories,
    roles,
    sleep,
    vault,
)
from culm.aws.document import ACCOUNT, REGION, Att, Ref, Resources, Section, Sub, Template, written
from culm.aws.network import network
from culm.errors import UsageError
from culm.project.project import Project, TargetSettings
from culm.render import stack_role

INLINE_BYTES = 51_200
"""The longest template that CloudFormation takes in a request; a longer one comes from S3.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html"""
S3_BYTES = 1_000_000
MOST_RESOURCES = 500


def stack_name(project: Project) -> str:
    return stack_role.stack_name(project)


def template(project: Project, settings: TargetSettings, bucket: str) -> Template:
    """Return the base stack; `project` is called as on the target (`project.named`), `bucket` is its vault's name."""
    account = surroundings(project, settings)
    net = network(project.name, settings, databases=bool(project.rds or project.elasticache))
    sections: list[Section | None] = [
        net.section,
        load_balancer.section(project, settings, account, net),
        instances.section(project, settings, account, net),
        roles.section(project, account),
        vault.section(project, bucket),
        *([buckets.section(project, account)] if project.buckets else []),
        *([repositories.section(project)] if render.repositories(project) else []),
        logs.section(project, settings),
        databases.section(project, net),
        notifications.section(project, settings),
        sleep.section(project, settings, account),
        ci.section(project, settings, account),
    ]
    names = ", ".join(project.services)
    return Template(
        description=f"culm: what {names} of {project.name} stand on at target {settings.name}. "
        "Services, their rules and their task definitions are not here: culm up makes those."[:1024],
        parameters={
            instances.image_parameter(settings): instances.image(),
            **repositories.parameters(project),
            **net.parameters,
        },
        sections=tuple(each for each in sections if each is not None),
        outputs=outputs(settings),
    )


def body(wanted: Template) -> str:
    """Return the template as CloudFormation gets it, which is as people read it.

    Raises UsageError when it is longer, or has more resources, than one stack may have.
    """
    text = written(wanted)
    hint = "spread the services over two projects"
    if (count := len(wanted.resources)) > MOST_RESOURCES:
        raise UsageError(f"the stack has {count} resources; CloudFormation takes {MOST_RESOURCES} in one stack", hint)
    if (size := len(text.encode())) > S3_BYTES:
        raise UsageError(f"the stack's template has {size} bytes; CloudFormation takes {S3_BYTES}", hint)
    return text


def surroundings(project: Project, settings: TargetSettings) -> render.Surroundings:
    """Return the target's facts, left for CloudFormation to fill in."""
    return render.Surroundings(
        env=settings.env,
        region=REGION,
        account=ACCOUNT,
        vault="${Vault}",
        vpc="",
        subnets=(),
        port=settings.port or load_balancer.HTTP,
        instances=" + ".join(map(str, settings.instances)),
        provider="aws",
    )


def outputs(settings: TargetSettings) -> Resources:
    """Return what the stack tells: its address, and what a domain's record points to."""
    address: Any = f"https://{settings.domain}" if settings.domain else Sub("http://${LoadBalancer.DNSName}")
    if settings.port not in (None, load_balancer.HTTP):
        address = Sub(f"http://${{LoadBalancer.DNSName}}:{settings.port}")
    return {
        "Address": {"Description": "Where the services are reached", "Value": address},
        "LoadBalancer": {
            "Description": "What a domain's record points to",
            "Value": Att("LoadBalancer.DNSName"),
        },
        "Vault": {"Description": "The bucket with the configuration files", "Value": Ref("Vault")},
        "Cluster": {"Description": "The ECS cluster", "Value": Ref("Cluster")},
    }
