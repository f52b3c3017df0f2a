"""Services, what they run and how requests come to them; and whatever else is in the cluster. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from culm import render
from culm.core.model.arn import last
from culm.operate.drift import scaling
from culm.operate.drift.live import LiveState
from culm.operate.drift.rows import Row, fields, leftover, members, missing, text
from culm.plan import diff, sleep
from culm.plan.diff import of_preview
from culm.plan.machines import TYPE
from culm.plan.observed import Described, Observed
from culm.plan.plan import written
from culm.plan.scaling import with_count
from culm.plan.trouble import Trouble, trouble
from culm.plan.wishes import BUILT, migration_image_of
from culm.project.previews import preview_of
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


def services(project: Project, observation: LiveState) -> Iterator[Row]:
    """Yield what differs of every service, of its rule and of its scaling, and services that culm.yml does not name."""
    live = observation.survey.observed.services
    for wanted in project.services.values():
        yield from service(project, with_count(wanted, live.get(wanted.name)), observation)
        yield from rule(project, wanted, observation.survey.observed)
        yield from scaling.of_service(project, wanted, observation.survey.observed)
    yield from others(project, observation)


def service(project: Project, wanted: Service, observation: LiveState) -> Iterator[Row]:
    """Yield what differs of one service: its settings, and the revision that it runs."""
    live = observation.survey.observed
    what = f"service {wanted.name}"
    if (described := live.services.get(wanted.name)) is None:
        yield missing(what)
        return
    revision = live.task_definitions[described["taskDefinition"]]
    changed = list(task_definition(project, wanted, revision, observation))
    yield from changed
    arn = NEW if changed else str(described["taskDefinition"])
    inner = observation.survey.surroundings.inner
    change = diff.service(project, wanted, grouped(project, wanted, live), arn, start_first=False, inner=inner)
    ours = {"taskDefinition", "deploymentConfiguration"}
    settings = {k: v for k, v in (change.input if change else {}).items() if k in described and k not in ours}
    yield from members(what, settings, described, "culm.yml")
    for each in sleep.difference(wanted, described):
        yield Row(what=what, field=each.field, wanted=each.new, live=each.old, wins="culm.yml")
    problem = trouble(described, observation.survey.stopped, observation.now)
    if problem is not None and problem.kind not in ("died", "killed"):  # of the past, no difference
        yield from roll_out(what, problem)
    yield from by_hand(project, wanted, described)


def roll_out(what: str, problem: Trouble) -> Iterator[Row]:
    """Yield a row for a roll-out that failed, is not complete, or whose tasks keep dying.

    `up` rolls out again what failed.
    """
    match problem.kind:
        case "failed":
            yield Row(what=what, field="rolloutState", wanted="COMPLETED", live="FAILED", wins="culm.yml")
        case "unfinished":
            live = f"IN_PROGRESS, {problem.text.rpartition(': ')[2]}"
            yield Row(what=what, field="rolloutState", wanted="COMPLETED", live=live, wins="live")
        case _:
            yield Row(what=what, field="tasks", wanted="RUNNING", live=problem.text, wins="live")


def grouped(project: Project, service: Service, live: Observed) -> Observed:
    """Return what was observed, with a target group for the service, if only one that is still to be made."""
    planned = {render.group_name(project, service): {"TargetGroupArn": "a new target group"}}
    return replace(live, target_groups={**planned, **live.target_groups})


def task_definition(project: Project, service: Service, revision: Described, observation: LiveState) -> Iterator[Row]:
    """Compare the live revision with what `up` would register from culm.yml and the folder."""
    what = f"service {service.name}"
    containers = {container["name"]: container for container in revision["containerDefinitions"]}
    own = containers.pop(service.name, {})
    now = own.get("image", "")
    image = service.image or now
    label = (own.get("dockerLabels") or {}).get(render.MIGRATION_LABEL) if service.migrates else None
    migration = None if label is None else render.migration_image(label)
    if observation.images is not None:
        image = observation.images.get((service.name, False), BUILT)
        migration = migration_image_of(service, observation.images)
    wanted = render.task_definition(project, service, image, migration, observation.survey.surroundings)
    names = [container["name"] for container in wanted["containerDefinitions"][1:]]
    beside = [containers.pop(name) for name in names if name in containers]
    for name, container in containers.items():
        yield Row(what=what, field=f"container {name}", wanted=None, live=container["image"], wins="culm.yml")
    lost = now in observation.gone
    ours = {**revision, "containerDefinitions": [own, *beside]}
    if not diff.task_definition_is(wanted, ours):
        for row in fields(what, diff.normal(wanted), diff.normal(ours), "culm.yml"):
            yield replace(row, live=f"{now}, gone from its repository") if lost and row.field == "image" else row
    elif lost:  # nobody asked what the folder's image is
        yield Row(what=what, field="image", wanted=now, live="gone from its repository", wins="live")


def by_hand(project: Project, service: Service, described: Described) -> Iterator[Row]:
    """Compare settings that culm does not set, or sets only when it rolls."""
    what = f"service {service.name}"
    for key, untouched in UNTOUCHED.items():
        if (now := described.get(key)) not in (None, untouched, [], ""):
            yield Row(what=what, field=key, wanted=text(untouched), live=text(now), wins="live")
    wanted = render.deployment_configuration(service, start_first=False)
    breaker = {key: value for key, value in wanted["deploymentCircuitBreaker"].items() if key != "rollback"}
    # each roll decides anew whether it goes back: by what its migration does
    wanted["deploymentCircuitBreaker"] = breaker
    if service.roll == "auto":
        wanted = {"deploymentCircuitBreaker": breaker}
    if "deploymentConfiguration" in described:
        yield from members(what, wanted, described["deploymentConfiguration"], "culm.yml at the next roll")


def rule(project: Project, service: Service, live: Observed) -> Iterator[Row]:
    """Yield what differs of a service's rule on the load balancer."""
    what = f"rule of {service.name}"
    if not service.balanced:
        if live_rule := live.rules.get(service.name):
            yield Row(what=what, field="Conditions", wanted=None, live=conditions(live_rule), wins="culm.yml")
        return
    if live.listener is None or render.group_name(project, service) not in live.target_groups:
        return  # it is told that these are missing
    if (live_rule := live.rules.get(service.name)) is None:
        yield missing(what)
        return
    wanted = {"Conditions": render.conditions(service), "Transforms": render.transforms(service)}
    if not render.routes(live_rule, service):
        yield Row(what=what, field="Conditions", wanted=conditions(wanted), live=conditions(live_rule), wins="culm.yml")
    does = [action["Type"] for action in live_rule["Actions"]]
    if does != ["forward"]:
        yield Row(what=what, field="Actions", wanted="forward", live=", ".join(does), wins="live")


def conditions(rule: Described) -> str:
    """Return a rule's conditions, `host-header a.example.org and path-pattern /a/*`, and what the path becomes."""
    rewritten = [
        f", {kind} {regex} to {replace}" for kind, regex, replace in render.rewrites(rule.get("Transforms", ()))
    ]
    return " and ".join(f"{c['Field']} {' '.join(values(c))}" for c in rule["Conditions"]) + "".join(rewritten)


def values(condition: Mapping[str, Any]) -> list[str]:
    """Return what a condition asks for, as one list of text."""
    settings = next((c for key, c in condition.items() if key.endswith("Config") and c), condition)
    name = [settings["HttpHeaderName"]] if "HttpHeaderName" in settings else []
    written = [v if isinstance(v, str) else f"{v.get('Key', '')}={v.get('Value')}" for v in settings.get("Values", ())]
    return [*name, *written]


def others(project: Project, observation: LiveState) -> Iterator[Row]:
    """Return what is in the cluster and on the listener, but not in culm.yml."""
    survey = observation.survey
    for live_rule in survey.observed.other_rules:
        if of_preview(live_rule) or render.answers_for_sleepers(live_rule):
            continue
        does = (
            last(live_rule["Actions"][-1].get("TargetGroupArn", "").rpartition("/")[0])
            or live_rule["Actions"][-1]["Type"]
        )
        yield leftover(f"rule {live_rule['Priority']}", f"{conditions(live_rule)} to {does}")
    for service in survey.services:
        if (name := service["serviceName"]) not in project.services and preview_of(name) is None:
            running = (
                f"{last(service['taskDefinition'])}, {service['runningCount']} of {service['desiredCount']} running"
            )
            yield leftover(f"service {name}", running)
    yield from scaling.others(project, survey.observed)
    migrations = {f"family:{render.family(project, each, migrate=True)}" for each in project.services.values()}
    migrations |= {f"family:{render.family(project, job)}" for job in project.jobs.values()}
    for task in survey.tasks:
        own = task["group"].startswith("service:") or task["group"] in migrations
        if not own and preview_of(task["group"]) is None:
            yield leftover(f"task {last(task['taskArn'])}", last(task["taskDefinitionArn"]))


def instances(settings: TargetSettings, observation: LiveState) -> Iterator[Row]:
    """Yield how the cluster's instances differ from culm.yml's.

    An instance that does not say its type counts as any.
    """
    survey = observation.survey
    if survey.observed.cluster is None or (settings.provider == "aws" and sleep.all_asleep(survey)):
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
    """Return an instance's type; empty where it does not say."""
    return next((a.get("value", "") for a in instance.get("attributes", ()) if a["name"] == TYPE), "")
