"""From what AWS answered to a snapshot; pure.

The order matters: tasks are read first, then services (a service's state rests on its tasks and targets), then what is
wrong (which rests on everything). Nothing here looks at a clock: `Observed.at` is the moment that it is all about.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from culm import render
from culm.core.model.arn import last
from culm.core.model.record import record
from culm.deploy.causes import without_arns
from culm.operate.events import Entry, brief, of_services, of_tasks, owners
from culm.operate.snapshot import routes, services, troubles
from culm.operate.snapshot.observed import About, Observed
from culm.operate.snapshot.records import Cost, Event, Instance, Room, ServiceState, Snapshot, Task
from culm.operate.snapshot.tasks import ended_badly, ending, exit_code, log_place
from culm.operate.snapshot.words import short
from culm.plan.bill import Assumptions, PriceList, bill
from culm.plan.described import resource
from culm.plan.observed import Described
from culm.plan.wishes import fleet

EVENTS = 200
USUAL_MEMORY, USUAL_CPU = 256, 128
"""Of a task, where there is no service to go by."""


def compose(about: About, observed: Observed, prices: PriceList | None = None) -> Snapshot:
    """Return one look as a snapshot. `prices`: without them there is no cost."""
    instances = instances_of(observed.instances)
    names = {
        described["containerInstanceArn"]: instance.name
        for described, instance in zip(in_order(observed.instances), instances, strict=True)
    }
    tasks = tasks_of(about, observed, names)
    served = services.compose(about, observed, tasks)
    unneeded = fleet(about.settings) if all_asleep(served) else []
    return replace(
        empty(about, observed.at),
        exists=observed.cluster,
        instances=instances,
        tasks=tasks,
        services=served,
        missing=tuple(name for name in about.project.services if name not in {service.name for service in served}),
        events=events_of(about, observed, tasks),
        rules=routes.rules(observed),
        troubles=troubles.troubles(instances, tasks, served, observed.at),
        room=room(instances, served),
        cost=cost(observed.instances, prices, asleep=unneeded) if prices else None,
        unknown=tuple(f"{what}: {why}" for what, why in sorted(observed.unknown.items())),
    )


def empty(about: About, at: float) -> Snapshot:
    """Return a snapshot of a target on which nothing is known to be, at `at` in epoch seconds."""
    return Snapshot(
        project=about.project.name,
        target=about.settings.name,
        provider=about.settings.provider,
        region=about.region,
        endpoint=about.endpoint,
        at=at,
        exists=False,
    )


def in_order(described: Iterable[Described]) -> list[Described]:
    """Return instances as they registered, which does not change while they live: `#1` stays `#1`."""
    return sorted(described, key=lambda each: (each["registeredAt"].timestamp(), each["containerInstanceArn"]))


def instances_of(described: Iterable[Described]) -> tuple[Instance, ...]:
    """Return the instances, numbered in the order of their registration."""

    def instance(number: int, described: Described) -> Instance:
        attributes = {attribute["name"]: attribute.get("value", "") for attribute in described.get("attributes", ())}
        return Instance(
            name=f"#{number}",
            id=described.get("ec2InstanceId") or last(described["containerInstanceArn"]),
            type=attributes.get("ecs.instance-type", ""),
            zone=attributes.get("ecs.availability-zone", ""),
            status=described["status"],
            connected=described["agentConnected"],
            memory=resource(described, "MEMORY"),
            free=resource(described, "MEMORY", of="remainingResources"),
            cpu=resource(described, "CPU"),
            free_cpu=resource(described, "CPU", of="remainingResources"),
        )

    return tuple(instance(number, each) for number, each in enumerate(in_order(described), 1))


@record
class Places:
    """What a task is looked up in."""

    instances: Mapping[str, str]
    """`#1` by container instance ARN."""
    ec2: Mapping[str, str]
    """EC2 instance ids by container instance ARN."""
    healths: Mapping[tuple[str, int], Described]
    """By EC2 instance (or address) and port."""
    migrations: Mapping[str, str]
    """Services by their migrations' families."""


def tasks_of(about: About, observed: Observed, instances: Mapping[str, str]) -> tuple[Task, ...]:
    """Return living tasks by service and age, then stopped ones, newest first."""
    healths = _healths(observed)
    ec2 = {each["containerInstanceArn"]: each.get("ec2InstanceId", "") for each in observed.instances}
    migrations = {
        render.family(about.project, service, migrate=True): name for name, service in about.project.services.items()
    }
    places = Places(instances=instances, ec2=ec2, healths=healths, migrations=migrations)
    tasks = [_task(task, observed, places) for task in observed.tasks]
    living = [task for task in tasks if task.stopped_at is None]
    ended = [task for task in tasks if task.stopped_at is not None]
    living.sort(key=lambda task: (task.service, task.kind, task.created_at or 0.0, task.id))
    ended.sort(key=lambda task: task.stopped_at or 0.0, reverse=True)
    return (*living, *ended)


def _healths(observed: Observed) -> Mapping[tuple[str, int], Described]:
    """By EC2 instance (or address) and port."""
    return {
        (each["Target"]["Id"], int(each["Target"]["Port"])): each["TargetHealth"]
        for targets in observed.targets.values()
        for each in targets
    }


def _task(task: Described, observed: Observed, places: Places) -> Task:
    id, machine = last(task["taskArn"]), task.get("containerInstanceArn", "")
    kind, _, of = task.get("group", "").partition(":")
    bindings = [binding for container in task.get("containers", ()) for binding in container.get("networkBindings", ())]
    port = int(bindings[0]["hostPort"]) if bindings else None
    health = places.healths.get((places.ec2.get(machine, ""), port or 0), {})
    digests = [container["imageDigest"] for container in task.get("containers", ()) if container.get("imageDigest")]
    memory = int(task["memory"]) if task.get("memory") else None
    place = log_place(task, observed.task_definitions)

    def used(what: str) -> float | None:
        graph = observed.metrics.get((id, what))
        return graph.values[max(graph.values)] if graph and graph.values else None

    def peak(what: str) -> float | None:
        graph = observed.metrics.get((id, what))
        return max(graph.values.values()) if graph and graph.values else None

    def of_limit(percent: float | None) -> int | None:
        return None if percent is None or memory is None else round(percent * memory / 100)

    return Task(
        id=id,
        service=of if kind == "service" else places.migrations.get(of, ""),
        kind="service" if kind == "service" else "migration" if of in places.migrations else "other",
        group=task.get("group", ""),
        revision=last(task["taskDefinitionArn"]),
        image=digests[0].removeprefix("sha256:") if digests else "",
        status=task["lastStatus"],
        desired_status=task["desiredStatus"],
        instance=places.instances.get(machine, ""),
        port=port,
        memory=memory,
        memory_used=of_limit(used("memory")),
        memory_peak=of_limit(peak("memory_peak")),
        cpu=used("cpu"),
        target_health=health.get("State", "") if "stoppedAt" not in task else "",
        target_reason=(health.get("Description") or health.get("Reason") or "") if "stoppedAt" not in task else "",
        created_at=_at(task, "createdAt"),
        started_at=_at(task, "startedAt"),
        stopped_at=_at(task, "stoppedAt"),
        stop_code=task.get("stopCode", ""),
        stopped_reason=task.get("stoppedReason", ""),
        exit_code=exit_code(task),
        failed=ended_badly(task),
        ending=ending(task),
        log_stream=place[1] if place else "",
        last_lines=tuple(observed.last_lines.get(task["taskArn"], ())),
    )


def _at(described: Described, name: str) -> float | None:
    return described[name].timestamp() if name in described else None


def events_of(about: About, observed: Observed, tasks: Iterable[Task]) -> tuple[Event, ...]:
    """Return the latest events, the newest first: of services, deployments and tasks that have ended."""
    whose = {f"service:{service['serviceName']}": (service["serviceName"], "task") for service in observed.services}
    whose |= owners(about.project, about.project.services)
    entries = [
        entry
        for entry in (*of_services(observed.services), *of_tasks(observed.tasks, whose))
        if not (entry.kind == "event" and " (deployment " in entry.message)  # the deployment's own entry says it, too
    ]
    entries.sort(key=lambda entry: entry.at, reverse=True)
    ended = {task.id: task for task in tasks}
    return tuple(_event(entry, ended.get(last(entry.key))) for entry in entries[:EVENTS])


def _event(entry: Entry, task: Task | None) -> Event:
    """`task`: the one that an entry about a task is about."""
    if entry.kind == "task" and task is not None:
        what = "migration" if task.kind == "migration" else "task"
        message = f"{what} {short(task.id)} of {task.revision} {task.ending}"
    else:
        message = deployment_words(entry.message) if entry.kind == "deployment" else brief(entry)
    return Event(
        key=entry.key,
        at=entry.at.timestamp(),
        service=entry.service,
        kind=entry.kind,
        message=message,
        wrong=task.failed if task is not None else is_wrong(entry.message),
    )


def deployment_words(message: str) -> str:
    """Return `deploy of #7 completed` for `deployment 365... of bamboo-orders:7: COMPLETED`; others unchanged."""
    read = re.fullmatch(r"deployment \S+ of \S+:(\d+): ([A-Z_]+)(?:: (.*))?", message, re.DOTALL)
    if read is None:
        return message
    number, state, reason = read.groups()
    words = {"IN_PROGRESS": "began", "COMPLETED": "completed", "FAILED": "failed"}.get(state, state.lower())
    return f"deploy of #{number} {words}" + (f": {without_arns(reason)}" if reason else "")


def is_wrong(message: str) -> bool:
    """Return whether one of ECS's own messages tells of something that failed."""
    return any(word in message for word in ("unable to", "failed", "FAILED", "unhealthy", "is not AZ balanced"))


def room(instances: Iterable[Instance], served: Iterable[ServiceState]) -> Room:
    """Return where one more task of the usual size fits."""
    sizes = Counter(service.memory for service in served if service.memory)
    memory = sizes.most_common(1)[0][0] if sizes else USUAL_MEMORY
    fits = [
        each.name
        for each in instances
        if each.status == "ACTIVE" and each.connected and each.free >= memory and each.free_cpu >= USUAL_CPU
    ]
    return Room(memory=memory, cpu=USUAL_CPU, instances=tuple(fits))


def all_asleep(served: Sequence[ServiceState]) -> bool:
    """Return whether there are services, and none of them is awake."""
    return any(each.state == "asleep" for each in served) and all(each.state in ("asleep", "off") for each in served)


def cost(described: Iterable[Described], prices: PriceList, *, asleep: Sequence[str] = ()) -> Cost:
    """Return what the instances that are there cost on Amazon, with what stands around them.

    `asleep`: the types of the instances of culm.yml, where no service is awake, so that none is needed.
    """
    types = [each.type for each in instances_of(described)]
    hosts = [prices.of_host(each, Assumptions().disk_gb) or 0.0 for each in types or asleep]
    assumed = Assumptions()
    billed = bill([type for type in types if type], prices, assumed)
    return Cost(
        dollars=billed.dollars,
        lines=tuple((line.name, line.amount, line.dollars) for line in billed.lines),
        assumptions=str(assumed),
        prices=f"{prices.region}, on demand, as of {prices.date}",
        saved=sum(hosts) / prices.hours_a_month if asleep else None,
    )
