"""Services, what they run and how requests come to them; and whatever else is in the cluster. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from culm import render
from culm.core.model.arn import last
from culm.operate.drift.rows import Row, fields, leftover, members, missing, text
from culm.operate.drift.seen import Seen
from culm.plan import diff
from culm.plan.machines import TYPE
from culm.plan.observed import Described, Observed
from culm.plan.plan import written
from culm.plan.trouble import Trouble, trouble
from culm.plan.wishes import BUILT
from culm.project.project import Project, Service, TargetSettings

UNTOUCHED: Mapping[str, Any] = {
    "placementConstraints": [],
    "capacityProviderStrategy": [],
    "serviceRegistries": [],
    "enableECSManagedTags": False,
    "propagateTags": "NONE",
}
"""Settings of a service as ecs.CreateService leaves them when they are not given, as culm does not."""
NEW = "a new revision"


def services(project: Project, seen: Seen) -> Iterator[Row]:
    for one in project.services.values():
        yield from service(project, one, seen)
        yield from rule(project, one, seen.survey.observed)
    yield from others(project, seen)


def service(project: Project, one: Service, seen: Seen) -> Iterator[Row]:
    live = seen.survey.observed
    what = f"service {one.name}"
    if (found := live.services.get(one.name)) is None:
        yield missing(what)
        return
    revision = live.task_definitions[found["taskDefinition"]]
    changed = list(task_definition(project, one, revision, seen))
    yield from changed
    arn = NEW if changed else str(found["taskDefinition"])
    change = diff.service(project, one, grouped(project, one, live), arn, start_first=False)
    ours = {"taskDefinition", "deploymentConfiguration"}
    settings = {k: v for k, v in (change.input if change else {}).items() if k in found and k not in ours}
    yield from members(what, settings, found, "culm.yml")
    if (problem := trouble(found, seen.survey.stopped, seen.now)) is not None:
        yield from roll_out(what, problem)
    yield from by_hand(project, one, found)


def roll_out(what: str, problem: Trouble) -> Iterator[Row]:
    """A roll-out that failed, is not complete, or whose tasks keep dying. `up` rolls out again what failed."""
    match problem.kind:
        case "failed":
            yield Row(what=what, field="rolloutState", wanted="COMPLETED", live="FAILED", wins="culm.yml")
        case "unfinished":
            live = f"IN_PROGRESS, {problem.text.rpartition(': ')[2]}"
            yield Row(what=what, field="rolloutState", wanted="COMPLETED", live=live, wins="live")
        case _:
            yield Row(what=what, field="tasks", wanted="RUNNING", live=problem.text, wins="live")


def grouped(project: Project, one: Service, live: Observed) -> Observed:
    """With a target group for the service, if only one that is still to be made."""
    family = render.family(project, one)
    planned = {family: {"TargetGroupArn": "a new target group"}}
    return replace(live, target_groups={**planned, **live.target_groups})


def task_definition(project: Project, one: Service, revision: Described, seen: Seen) -> Iterator[Row]:
    """The live revision against what `up` would register from the manifest and the folder."""
    what = f"service {one.name}"
    containers = {container["name"]: container for container in revision["containerDefinitions"]}
    own = containers.pop(one.name, {})
    now = own.get("image", "")
    image = one.image or now
    migration = (own.get("dockerLabels") or {}).get(render.MIGRATION_LABEL) if one.migration else None
    if seen.images is not None:
        image = seen.images.get((one.name, False), BUILT)
        migration = seen.images.get((one.name, True), BUILT) if one.migration else None
    wanted = render.task_definition(project, one, image, migration, seen.survey.surroundings)
    beside = [containers.pop(name) for name in one.sidecars if name in containers]
    for name, container in containers.items():
        yield Row(what=what, field=f"container {name}", wanted=None, live=container["image"], wins="culm.yml")
    lost = now in seen.gone
    ours = {**revision, "containerDefinitions": [own, *beside]}
    if not diff.task_definition_is(wanted, ours):
        for row in fields(what, diff.normal(wanted), diff.normal(ours), "culm.yml"):
            yield replace(row, live=f"{now}, gone from its repository") if lost and row.field == "image" else row
    elif lost:  # nobody asked what the folder's image is
        yield Row(what=what, field="image", wanted=now, live="gone from its repository", wins="live")


def by_hand(project: Project, one: Service, found: Described) -> Iterator[Row]:
    """Settings that culm does not set, or sets only when it rolls."""
    what = f"service {one.name}"
    for key, untouched in UNTOUCHED.items():
        if (now := found.get(key)) not in (None, untouched, [], ""):
            yield Row(what=what, field=key, wanted=text(untouched), live=text(now), wins="live")
    wanted = render.deployment_configuration(one, start_first=False)
    if one.roll == "auto":
        wanted = {"deploymentCircuitBreaker": wanted["deploymentCircuitBreaker"]}
    if "deploymentConfiguration" in found:
        yield from members(what, wanted, found["deploymentConfiguration"], "culm.yml at the next roll")


def rule(project: Project, one: Service, live: Observed) -> Iterator[Row]:
    what = f"rule of {one.name}"
    if not one.balanced:
        if found := live.rules.get(one.name):
            yield Row(what=what, field="Conditions", wanted=None, live=conditions(found), wins="culm.yml")
        return
    if live.listener is None or render.family(project, one) not in live.target_groups:
        return  # it is told that these are missing
    if (found := live.rules.get(one.name)) is None:
        yield missing(what)
        return
    wanted = {"Conditions": render.conditions(one), "Transforms": render.transforms(one)}
    if not render.routes(found, one):
        yield Row(what=what, field="Conditions", wanted=conditions(wanted), live=conditions(found), wins="culm.yml")
    does = [action["Type"] for action in found["Actions"]]
    if does != ["forward"]:
        yield Row(what=what, field="Actions", wanted="forward", live=", ".join(does), wins="live")


def conditions(rule: Described) -> str:
    """`host-header a.example.org and path-pattern /a/*`, with what the path becomes where that is rewritten."""
    rewritten = [
        f", {kind} {regex} to {replace}" for kind, regex, replace in render.rewrites(rule.get("Transforms", ()))
    ]
    return " and ".join(f"{c['Field']} {' '.join(values(c))}" for c in rule["Conditions"]) + "".join(rewritten)


def values(condition: Mapping[str, Any]) -> list[str]:
    found = next((c for key, c in condition.items() if key.endswith("Config") and c), condition)
    name = [found["HttpHeaderName"]] if "HttpHeaderName" in found else []
    written = [v if isinstance(v, str) else f"{v.get('Key', '')}={v.get('Value')}" for v in found.get("Values", ())]
    return [*name, *written]


def others(project: Project, seen: Seen) -> Iterator[Row]:
    """What is in the cluster and on the listener, and in no line of culm.yml."""
    survey = seen.survey
    for found in survey.observed.other_rules:
        does = last(found["Actions"][-1].get("TargetGroupArn", "").rpartition("/")[0]) or found["Actions"][-1]["Type"]
        yield leftover(f"rule {found['Priority']}", f"{conditions(found)} to {does}")
    for service in survey.services:
        if (name := service["serviceName"]) not in project.services:
            told = f"{last(service['taskDefinition'])}, {service['runningCount']} of {service['desiredCount']} running"
            yield leftover(f"service {name}", told)
    migrations = {f"family:{render.family(project, one, migrate=True)}" for one in project.services.values()}
    migrations |= {f"family:{render.family(project, job)}" for job in project.jobs.values()}
    for task in survey.tasks:
        if not task["group"].startswith("service:") and task["group"] not in migrations:
            yield leftover(f"task {last(task['taskArn'])}", last(task["taskDefinitionArn"]))


def instances(settings: TargetSettings, seen: Seen) -> Iterator[Row]:
    """Those that the cluster has. An instance that does not say its type counts as any."""
    survey = seen.survey
    if survey.observed.cluster is None:
        return
    wanted = [group.instance_type for group in settings.instances for _ in range(group.count)]
    there = [kind(instance) for instance in survey.instances]
    if sorted(there) != sorted(wanted) and not ("" in there and len(there) == len(wanted)):
        live = written([name or "unknown" for name in there])
        yield Row(what="instances", field="", wanted=written(wanted), live=live, wins="live")
    for instance in survey.instances:
        if instance["status"] != "ACTIVE":
            what = f"instance {instance.get('ec2InstanceId') or last(instance['containerInstanceArn'])}"
            yield Row(what=what, field="status", wanted="ACTIVE", live=instance["status"], wins="live")


def kind(instance: Described) -> str:
    return next((a.get("value", "") for a in instance.get("attributes", ()) if a["name"] == TYPE), "")
