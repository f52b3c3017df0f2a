"""What a project is on its target now, for `culm status` and its JSON."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from culm import render
from culm.core.model.arn import last
from culm.core.model.record import record
from culm.operate import job_runs
from culm.operate.drift.services import kind
from culm.plan import sleep
from culm.plan.bill import PriceList
from culm.plan.described import resource
from culm.plan.observed import Described, Observed, Survey
from culm.plan.scaling import live_words
from culm.plan.trouble import primary_of, trouble
from culm.plan.wishes import fleet as types_of
from culm.plan.wishes import leftovers
from culm.project.project import Project, Service, TargetSettings
from culm.target.clock import now
from culm.target.connection import Target
from culm.target.observe import target_health
from culm.target.survey import survey

EVENTS = 10


@record
class Shown:
    """What a service's entry is made from."""

    project: Project
    target: Target
    survey: Survey
    health: Mapping[str, Sequence[Described]]
    """TargetHealthDescriptions by service."""
    now: float


def status(target: Target, project: Project, prices: PriceList | None = None) -> dict[str, Any]:
    """Return services, instances, rules and last events; the words of the AWS API in snake case.

    With `prices` also what is saved where services sleep.
    """
    surveyed = survey(target, project)
    live = surveyed.observed
    there = [service for service in project.services.values() if service.name in live.services]
    jobs = project.jobs.values() if live.cluster is not None else ()
    shown = Shown(
        project=project, target=target, survey=surveyed, health=health(target, project, there, live), now=now()
    )
    running = [task for task in surveyed.tasks if task["desiredStatus"] == "RUNNING"]
    return {
        "project": project.name,
        "target": target.settings.name,
        "endpoint": target.endpoint_url,
        "load_balancer": load_balancer(live),
        "services": [entry(service, shown) for service in there],
        "missing": [name for name in project.services if name not in live.services],
        "leftovers": list(leftovers(project, surveyed)),
        "instances": [instance(machine, running) for machine in surveyed.instances],
        "rules": rules(live),
        "events": events(live),
        "jobs": [job_runs.look(target, project, job, shown.now) for job in jobs],
        "saved": None if prices is None else saved(project, target.settings, surveyed, prices),
    }


def saved(project: Project, settings: TargetSettings, surveyed: Survey, prices: PriceList) -> dict[str, Any] | None:
    """Return what the services that sleep save, memory in MiB; None: none sleeps."""
    if not sleep.sleeping(project, surveyed.observed):
        return None
    fleet = [name for machine in surveyed.instances if (name := kind(machine))] or types_of(settings)
    saving = sleep.saving(project, surveyed.observed, fleet, prices)
    dollars = round(saving.dollars_an_hour, 4)
    return {"memory": saving.memory, "dollars_an_hour": dollars, "text": str(saving)}


def health(
    target: Target, project: Project, services: Sequence[Service], live: Observed
) -> dict[str, Sequence[Described]]:
    """Return what the load balancer says of each service's tasks."""
    groups = {
        service.name: str(group["TargetGroupArn"])
        for service in services
        if (group := live.target_groups.get(render.group_name(project, service))) is not None and service.balanced
    }
    with ThreadPoolExecutor(max_workers=8) as pool:
        return dict(zip(groups, pool.map(lambda arn: target_health(target, arn), groups.values()), strict=True))


def load_balancer(live: Observed) -> dict[str, Any] | None:
    """Return its state, and what is wrong with it."""
    if live.load_balancer is None:
        return None
    state = live.load_balancer.get("State", {})
    port = int(live.listener["Port"]) if live.listener else None
    return {"state": state.get("Code"), "reason": state.get("Reason"), "port": port}


def url(target: Target, service: Service, live: Observed) -> str | None:
    """Return a service's address; None when it is not balanced, or there is no load balancer yet."""
    if live.load_balancer is None or live.listener is None or not service.balanced:
        return None
    begin = target.url(live.load_balancer["DNSName"], int(live.listener["Port"]))
    return begin + render.entrances(service)[0]


def entry(service: Service, shown: Shown) -> dict[str, Any]:
    """Return one service."""
    live = shown.survey.observed
    described = live.services[service.name]
    machines = {m["containerInstanceArn"]: m["ec2InstanceId"] for m in shown.survey.instances}
    group = f"service:{service.name}"
    tasks = [t for t in shown.survey.tasks if t["group"] == group and t["desiredStatus"] == "RUNNING"]
    image = live.task_definitions[described["taskDefinition"]]["containerDefinitions"][0]["image"]
    primary = primary_of(described) or {}
    problem = trouble(described, shown.survey.stopped, shown.now)
    targets = shown.health.get(service.name)
    return {
        "name": service.name,
        "url": url(shown.target, service, live),
        "desired": described["desiredCount"],
        "asleep": sleep.asleep(described),
        "running": described["runningCount"],
        "pending": described["pendingCount"],
        "scaling": live_words(shown.project, service, live),
        "healthy": None if targets is None else len([t for t in targets if state_of(t) == "healthy"]),
        "unhealthy": [reason(t) for t in targets or () if state_of(t) == "unhealthy"],
        "trouble": problem.text if problem else None,
        "task_definition": last(described["taskDefinition"]),
        "image_digest": image.rpartition("@")[2],
        "rollout": primary.get("rolloutState"),
        "instance": [machines.get(task.get("containerInstanceArn", ""), "") for task in tasks],
        "tasks": [task_entry(task) for task in tasks],
    }


def state_of(target: Described) -> str:
    """Return a target's health state."""
    return str(target["TargetHealth"]["State"])


def reason(target: Described) -> str:
    """Return why a target is unhealthy: `Health checks failed with these codes: [404]`."""
    return str(target["TargetHealth"].get("Description") or target["TargetHealth"].get("Reason") or "unhealthy")


def task_entry(task: Described) -> dict[str, Any]:
    """Return a task as `culm status --json` has it; memory is in MiB."""
    return {
        "id": last(task["taskArn"]),
        "group": task["group"],
        "task_definition": last(task["taskDefinitionArn"]),
        "status": task["lastStatus"],
        "health": task.get("healthStatus"),
        "memory": int(task["memory"]) if task.get("memory") else None,
        "host_ports": [b["hostPort"] for c in task["containers"] for b in c.get("networkBindings", ())],
    }


def instance(machine: Described, running: Sequence[Described]) -> dict[str, Any]:
    """Return an instance, its memory in MiB."""
    attributes = {a["name"]: a.get("value") for a in machine.get("attributes", ())}
    arn = machine["containerInstanceArn"]
    return {
        "id": machine["ec2InstanceId"],
        "type": attributes.get("ecs.instance-type"),
        "status": machine["status"],
        "connected": machine["agentConnected"],
        "registered_memory": resource(machine, "MEMORY"),
        "remaining_memory": resource(machine, "MEMORY", of="remainingResources"),
        "tasks": [task_entry(task) for task in running if task.get("containerInstanceArn") == arn],
    }


def rules(live: Observed) -> list[dict[str, Any]]:
    """Return the rules as `culm status --json` has them, in the order in which they are tried."""
    described = [
        {"priority": int(rule["Priority"]), "paths": render.paths_of(rule), "service": name}
        for name, rule in live.rules.items()
    ]
    return sorted(described, key=lambda rule: rule["priority"])


def events(live: Observed) -> list[dict[str, Any]]:
    """Return the newest events of all services, oldest first."""
    described = [
        {"at": event["createdAt"].isoformat(), "service": name, "message": event["message"]}
        for name, service in live.services.items()
        for event in service.get("events", ())
    ]
    return sorted(described, key=lambda event: event["at"])[-EVENTS:]
