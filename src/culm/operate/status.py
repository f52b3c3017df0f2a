"""What a project is on its target now, for `culm status` and its JSON."""

from collections.abc import Mapping, Sequence
from typing import Any

from culm import render
from culm.core.model.arn import last
from culm.operate import job_runs
from culm.plan.described import resource
from culm.plan.observed import Observed
from culm.project.project import Project, Service
from culm.target.clock import now
from culm.target.connection import Target
from culm.target.observe import described_instances, observe, tasks

EVENTS = 10


def status(target: Target, project: Project) -> dict[str, Any]:
    """Services, instances, rules and last events; the words of the AWS API in snake case."""
    live = observe(target, project, render.vault_bucket(project.name, target.account, target.region))
    if live.cluster is None:
        return {"project": project.name, "services": [], "instances": [], "rules": [], "events": [], "jobs": []}
    running = tasks(target.client("ecs"), project.name)
    machines = described_instances(target, project.name)
    names = {machine["containerInstanceArn"]: machine["ec2InstanceId"] for machine in machines}
    return {
        "project": project.name,
        "target": target.settings.name,
        "endpoint": target.endpoint_url,
        "services": [
            service(target, one, live, running, names) for one in project.services.values() if one.name in live.services
        ],
        "missing": [name for name in project.services if name not in live.services],
        "instances": [instance(machine, running) for machine in machines],
        "rules": rules(live),
        "events": events(live),
        "jobs": [job_runs.look(target, project, job, now()) for job in project.jobs.values()],
    }


def url(target: Target, one: Service, live: Observed) -> str | None:
    if live.load_balancer is None or live.listener is None or not one.balanced:
        return None
    begin = target.url(live.load_balancer["DNSName"], int(live.listener["Port"]))
    return begin + render.entrances(one)[0]


def service(
    target: Target, one: Service, live: Observed, running: Sequence[Mapping[str, Any]], names: Mapping[str, str]
) -> dict[str, Any]:
    described = live.services[one.name]
    mine = [task for task in running if task["group"] == f"service:{one.name}"]
    image = live.task_definitions[described["taskDefinition"]]["containerDefinitions"][0]["image"]
    primary: Mapping[str, Any] = next((d for d in described["deployments"] if d["status"] == "PRIMARY"), {})
    return {
        "name": one.name,
        "url": url(target, one, live),
        "desired": described["desiredCount"],
        "running": described["runningCount"],
        "pending": described["pendingCount"],
        "task_definition": last(described["taskDefinition"]),
        "image_digest": image.rpartition("@")[2],
        "rollout": primary.get("rolloutState"),
        "instance": [names.get(task.get("containerInstanceArn", ""), "") for task in mine],
        "tasks": [told(task) for task in mine],
    }


def told(task: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": last(task["taskArn"]),
        "group": task["group"],
        "task_definition": last(task["taskDefinitionArn"]),
        "status": task["lastStatus"],
        "health": task.get("healthStatus"),
        "memory": int(task["memory"]) if task.get("memory") else None,
        "host_ports": [b["hostPort"] for c in task["containers"] for b in c.get("networkBindings", ())],
    }


def instance(machine: Mapping[str, Any], running: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Memory in MiB."""
    attributes = {a["name"]: a.get("value") for a in machine.get("attributes", ())}
    return {
        "id": machine["ec2InstanceId"],
        "type": attributes.get("ecs.instance-type"),
        "status": machine["status"],
        "connected": machine["agentConnected"],
        "registered_memory": resource(machine, "MEMORY"),
        "remaining_memory": resource(machine, "MEMORY", of="remainingResources"),
        "tasks": [told(t) for t in running if t.get("containerInstanceArn") == machine["containerInstanceArn"]],
    }


def rules(live: Observed) -> list[dict[str, Any]]:
    found = [
        {
            "priority": int(rule["Priority"]),
            "paths": render.paths_of(rule),
            "service": name,
        }
        for name, rule in live.rules.items()
    ]
    return sorted(found, key=lambda rule: rule["priority"])


def events(live: Observed) -> list[dict[str, Any]]:
    """The newest of all services, oldest first."""
    found = [
        {"at": event["createdAt"].isoformat(), "service": name, "message": event["message"]}
        for name, described in live.services.items()
        for event in described.get("events", ())
    ]
    return sorted(found, key=lambda event: event["at"])[-EVENTS:]
