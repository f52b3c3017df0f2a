"""Services that sleep: whether one does, what putting it to sleep and waking it calls, and what that saves. Pure.

A lane of `culm sleep` has four steps; a worked example with `web`, which calls `accounts`:

    1  web       note that it wakes with 2 tasks; undo: that note as before
    2  web       stop its tasks; commits
    3  web       wait until its tasks have stopped
    4  accounts  note that it wakes with 1 task; after 2; undo: that note as before
    ...

Callers go to sleep before those whom they call, and `culm wake` goes the other way: `accounts` is steady before `web`
is started. The order is that of `calls:` and `after:`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from culm import render
from culm.core.decide.office_hours import hours_a_week, parse_hours
from culm.core.model.record import record
from culm.core.model.sleep import (
    AWAKE_TAG,
    CALLS_TAG,
    HOLIDAYS_TAG,
    HOURS_TAG,
    IGNORE_TAG,
    SLEEP_TAG,
    count_when_awake,
    holidays,
    idle_seconds,
    ignored,
)
from culm.plan.bill import Assumptions, PriceList
from culm.plan.calls import Call
from culm.plan.differences import Difference
from culm.plan.observed import Described, Observed, Survey
from culm.plan.steps import AwaitSteady, AwaitStopped, Recall, Step, tasks
from culm.project.project import Project, Service

WEEK_HOURS = 168
MINUTES_OF_INSTANCES, MINUTES_OF_DATABASES = 4, 11
FUNCTION_MB = 256
"""Of the function by which requests wake."""
LAMBDA_GB_SECOND, LAMBDA_REQUEST = 0.0000166667, 0.0000002
"""Dollars, in most regions."""


def tags_of(live: Described) -> dict[str, str]:
    """Return a described service's tags."""
    return {str(tag["key"]): str(tag.get("value", "")) for tag in live.get("tags", ())}


def asleep(live: Described | None) -> int | None:
    """Return how many tasks a described service has when it is awake; None: it does not sleep."""
    return None if live is None else count_when_awake(int(live["desiredCount"]), tags_of(live))


def sleeping(project: Project, live: Observed) -> dict[str, int]:
    """Return services that sleep, with the number of tasks that each has when it is awake."""
    counts = {name: asleep(live.services.get(name)) for name in project.services}
    return {name: count for name, count in counts.items() if count is not None}


def all_asleep(survey: Survey) -> bool:
    """Tell whether a target has services, none of which has or wants a task, and one at least sleeps."""
    sleepers = [each for each in survey.services if asleep(each) is not None]
    return bool(sleepers) and all(int(each["desiredCount"]) == 0 for each in survey.services)


def as_live(service: Service, live: Described | None) -> Service:
    """Return the service marked as sleeping where it is described so."""
    return service if asleep(live) is None else replace(service, asleep=True)


def awake(service: Service, live: Described | None) -> Described | None:
    """Return a sleeping service as it would be described awake; any other one as it is described."""
    count = asleep(live)
    return live if live is None or count is None else {**live, "desiredCount": count}


def wanted_tags(service: Service, live: Described) -> dict[str, str]:
    """Return the tags about sleep that a deploy wants of a live service.

    One that sleeps has its count and whom it calls, one that sleeps by itself has when. The count that it went to sleep
    with the last time is left as it is while it is awake; where the stack's clock stops it, it is always there.
    """
    had = tags_of(live)
    wanted = render.sleep_tags(service)
    if asleep(live) is not None:
        wanted |= {AWAKE_TAG: str(service.count)} | called_by(service)
    elif wanted and AWAKE_TAG in had and AWAKE_TAG not in wanted:
        wanted[AWAKE_TAG] = had[AWAKE_TAG]
    return wanted


def called_by(service: Service) -> dict[str, str]:
    """Return the tag that names whom a service calls; empty for one that calls nobody."""
    return {CALLS_TAG: " ".join(service.calls)} if service.calls else {}


def tag_steps(service: Service, live: Described | None) -> list[Step]:
    """Return the steps that bring a live service's tags about sleep to what culm.yml says; none where they agree."""
    if live is None:
        return []
    arn, had, wanted = str(live["serviceArn"]), own_tags(live), wanted_tags(service, live)
    put = {key: value for key, value in wanted.items() if had.get(key) != value}
    gone = [key for key in had if key not in wanted]
    steps = []
    if put:
        given = {"resourceArn": arn, "tags": [{"key": key, "value": value} for key, value in put.items()]}
        what = "note how it sleeps"
        steps.append(Call(what=what, client="ecs", operation="tag_resource", input=given))
    if gone:
        given = {"resourceArn": arn, "tagKeys": gone}
        steps.append(
            Call(what="delete what was noted of its sleep", client="ecs", operation="untag_resource", input=given)
        )
    name = service.name
    return [Step(key=f"{name}: {call.operation}", lane=name, act=call) for call in steps]


def own_tags(live: Described) -> dict[str, str]:
    """Return the tags of a described service that are about sleep."""
    own, begins = (AWAKE_TAG, CALLS_TAG, SLEEP_TAG, HOURS_TAG), (IGNORE_TAG, HOLIDAYS_TAG)
    return {key: value for key, value in tags_of(live).items() if key in own or key.startswith(begins)}


def difference(service: Service, live: Described | None) -> tuple[Difference, ...]:
    """Return what a plan says of a live service's sleep that changes; a note that was left behind is no difference."""
    if live is None:
        return ()
    before, after = words(own_tags(live)), words(render.sleep_tags(service))
    changed = [] if before == after else [Difference(field="sleep", old=before, new=after)]
    count = asleep(live)
    if count is not None and count != service.count:
        changed.append(Difference(field="count when awake", old=str(count), new=str(service.count)))
    return tuple(changed)


def words(tags: dict[str, str]) -> str | None:
    """Return when a service sleeps; None where it never does by itself.

    `outside mon-fri 08:00-20:00 UTC and on 2026-12-25; after 1800 s, not counting /ping`.
    """
    parts = []
    if HOURS_TAG in tags:
        days = ", ".join(holidays(tags))
        parts.append(f"outside {tags[HOURS_TAG]}" + (f" and on {days}" if days else ""))
    if (seconds := idle_seconds(tags)) is not None:
        ignoring = ", ".join(ignored(tags))
        parts.append(f"after {seconds:.0f} s" + (f", not counting {ignoring}" if ignoring else ""))
    return "; ".join(parts) or None


def order(project: Project, names: Iterable[str]) -> list[str]:
    """Return the names so that each comes after those that it calls and those that culm.yml starts before it.

    Services that call each other in a circle keep the order of culm.yml.
    """
    wanted, ordered, begun = list(names), list[str](), set[str]()

    def visit(name: str) -> None:
        if name in begun:
            return
        begun.add(name)
        for other in before(project.services[name]):
            if other in project.services:
                visit(other)
        if name in wanted:
            ordered.append(name)

    for name in wanted:
        visit(name)
    return ordered


def before(service: Service) -> tuple[str, ...]:
    """Return the services that have to be awake before this one starts."""
    return tuple(dict.fromkeys((*service.calls, *service.after)))


def depth(project: Project, name: str) -> int:
    """Return how many services have to be awake one after the other before this one; circles are not followed."""

    def deepest(at: str, path: tuple[str, ...]) -> int:
        others = [each for each in before(project.services[at]) if each in project.services and each not in path]
        return max((1 + deepest(each, (*path, each)) for each in others), default=0)

    return deepest(name, (name,))


def stopping(project: Project) -> list[str]:
    """Return the databases whose RDS instances stop while all services sleep."""
    return [name for name, each in project.rds.items() if each.sleep]


def minutes_to_wake(project: Project) -> int:
    """Return about how many minutes a target on aws takes until its services answer, when a request or a hand wakes it.

    An instance boots and joins in two or three, tasks start and pass their checks in one; RDS takes up to a quarter of
    an hour.
    """
    return MINUTES_OF_INSTANCES + (MINUTES_OF_DATABASES if stopping(project) else 0)


def note(service: Service, live: Described, tags: dict[str, str]) -> Step:
    """Return the step that writes these tags; undone, they are as they were."""
    arn, had = str(live["serviceArn"]), tags_of(live)
    given = {"resourceArn": arn, "tags": [{"key": key, "value": value} for key, value in tags.items()]}
    kept = [{"key": key, "value": had[key]} for key in tags if key in had]
    gone = [key for key in tags if key not in had]
    back = []
    if kept:
        back.append(Call(what="", client="ecs", operation="tag_resource", input={"resourceArn": arn, "tags": kept}))
    if gone:
        untag = {"resourceArn": arn, "tagKeys": gone}
        back.append(Call(what="", client="ecs", operation="untag_resource", input=untag))
    what = f"note that it wakes with {tasks(int(tags[AWAKE_TAG]))}"
    return Step(
        key=f"{service.name}: note",
        lane=service.name,
        act=Call(what=what, client="ecs", operation="tag_resource", input=given),
        undo=Recall(calls=tuple(back), words="that note as before"),
    )


def counting(project: Project, service: Service, count: int, what: str) -> Step:
    """Return the step that sets a service's desired count; nothing takes it back."""
    given = {"cluster": project.name, "service": service.name, "desiredCount": count}
    call = Call(what=what, client="ecs", operation="update_service", input=given)
    return Step(key=f"{service.name}: count", lane=service.name, act=call, commits=True)


def put_to_sleep(project: Project, live: Observed, names: Sequence[str]) -> tuple[Step, ...]:
    """Return the steps that put deployed services to sleep; those that sleep or have no tasks need none."""
    steps: list[Step] = []
    stopped: list[str] = []
    for name in reversed(order(project, names)):
        described, service = live.services[name], project.services[name]
        count = int(described["desiredCount"])
        if count == 0:
            continue
        tags = {AWAKE_TAG: str(count)} | called_by(service)
        stop = counting(project, service, 0, "stop its tasks")
        waiting = Step(key=f"{name}: stopped", lane=name, act=AwaitStopped(service=name), ends="sleeps")
        steps += [replace(note(service, described, tags), after=tuple(stopped)), stop, waiting]
        stopped = [stop.key]
    return tuple(steps)


def wake(project: Project, live: Observed, names: Sequence[str]) -> tuple[Step, ...]:
    """Return the steps that wake services; those that do not sleep need none.

    The count comes first: whatever dies after it leaves a service that is awake. The note goes last: while it is there,
    requests that come too early are held on the local target.
    """
    steps: list[Step] = []
    waking = [name for name in order(project, names) if asleep(live.services.get(name)) is not None]
    for name in waking:
        described, service = live.services[name], project.services[name]
        count = asleep(described)
        assert count is not None, "only those that sleep are woken"
        first = tuple(f"{other}: steady" for other in order(project, before(service)) if other in waking)
        start = replace(counting(project, service, count, f"start its {tasks(count)}"), after=first)
        given = {"resourceArn": str(described["serviceArn"]), "tagKeys": marks(service, described)}
        forget = Call(what="delete that note", client="ecs", operation="untag_resource", input=given)
        steps += [
            replace(start, begins=f"wakes: {tasks(count)}"),
            Step(
                key=f"{name}: steady",
                lane=name,
                act=AwaitSteady(service=name, revision=None, fresh=False),
                ends="is awake",
            ),
            Step(key=f"{name}: forget", lane=name, act=forget),
        ]
    return tuple(steps)


def marks(service: Service, live: Described) -> list[str]:
    """Return the keys of a sleeping service's tags that it has not when it is awake."""
    kept = render.sleep_tags(service)
    return [key for key in (AWAKE_TAG, CALLS_TAG) if key in tags_of(live) and key not in kept]


def with_callees(project: Project, names: Iterable[str]) -> list[str]:
    """Return the names with all that these call, directly or not, in culm.yml's order."""
    reached: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting += project.services[name].calls
    return [name for name in project.services if name in reached]


def notes(project: Project, live: Observed, fleet: Sequence[str], prices: PriceList) -> list[str]:
    """Return what a plan says of services that sleep, and what that saves. `fleet`: as `saving` takes it."""
    lines = [
        f"{name} sleeps, and a deploy leaves it asleep: `culm wake {name}`, or `--wake`, starts its {tasks(count)}"
        for name, count in sleeping(project, live).items()
    ]
    if lines:
        lines.append(f"asleep: {saving(project, live, fleet, prices)}")
    return [*lines, *office_hours(project, fleet, prices), *on_aws(project)]


def on_aws(project: Project) -> list[str]:
    """Return what a plan says of sleep by the stack: a request that wakes and its price, databases, and jobs."""
    policies = [service.sleep for service in project.services.values() if service.sleep is not None]
    if not any(policy.by_stack for policy in policies):
        return []
    lines = []
    if any(policy.on_request for policy in policies):
        lines.append(
            f"a request wakes all (wake: on-request): services answer after about {minutes_to_wake(project)} minutes. "
            f"Until then a Lambda function does, the first time after about a second (its cold start), for "
            f"${dollars_a_million():.2f} a million requests"
        )
    if names := stopping(project):
        lines.append(f"{', '.join(names)} stops while all sleep; RDS itself starts it after 7 days, and it then costs")
    if project.jobs and any(policy.hours for policy in policies):
        lines.append(f"outside office hours there is no instance for {', '.join(project.jobs)}: these runs fail")
    return lines


def dollars_a_million() -> float:
    """Return what Lambda takes for a million requests of a second each. https://aws.amazon.com/lambda/pricing/"""
    return 1e6 * (FUNCTION_MB / 1024 * LAMBDA_GB_SECOND + LAMBDA_REQUEST)


def office_hours(project: Project, fleet: Sequence[str], prices: PriceList) -> list[str]:
    """Return what a plan says of office hours: how much of a week they are, and what the rest of it is worth on aws."""
    policies = {service.sleep for service in project.services.values() if service.sleep is not None}
    texts = sorted({policy.hours for policy in policies if policy.hours is not None})
    alone = all(service.sleep is not None and service.sleep.hours is not None for service in project.services.values())
    lines = []
    for text in texts:
        awake = hours_a_week(parse_hours(text))
        hosts = sum(prices.of_host(kind, Assumptions().disk_gb) or 0.0 for kind in fleet)
        worth = f", when no instance is needed: ${hosts * (1 - awake / WEEK_HOURS):.2f} a month on aws" if alone else ""
        lines.append(
            f"office hours are {text}: services sleep {WEEK_HOURS - awake:g} of {WEEK_HOURS} hours a week{worth}"
        )
    return lines


@record
class Saving:
    """What sleeping saves as long as it lasts."""

    memory: int
    """MiB on the instances that nothing holds."""
    dollars_an_hour: float
    """Of instances that hold nothing, where all services sleep; what they cost on Amazon."""
    everything: bool
    """Whether no service is awake."""

    def __str__(self) -> str:
        """`512 MiB free; on aws the instances could stop: $0.0341 an hour`."""
        free = f"{self.memory} MiB free"
        if not self.everything:
            return f"{free}; the instances go on, and so does their price, as long as one service is awake"
        return f"{free}; no instance is needed, which is worth ${self.dollars_an_hour:.4f} an hour on aws"


def saving(project: Project, live: Observed, fleet: Sequence[str], prices: PriceList) -> Saving:
    """Return what is saved now. `fleet`: the instance types that are there."""
    counts = sleeping(project, live)
    deployed = [name for name in project.services if name in live.services]
    everything = bool(deployed) and all(
        name in counts or int(live.services[name]["desiredCount"]) == 0 for name in deployed
    )
    hosts = [prices.of_host(kind, Assumptions().disk_gb) or 0.0 for kind in fleet]
    return Saving(
        memory=sum(count * memory_of(live, live.services[name]) for name, count in counts.items()),
        dollars_an_hour=sum(hosts) / prices.hours_a_month if everything and counts else 0.0,
        everything=everything and bool(counts),
    )


def memory_of(live: Observed, service: Described) -> int:
    """Return the MiB that one task of a described service reserves on its instance."""
    definition = live.task_definitions[service["taskDefinition"]]
    containers = definition["containerDefinitions"]
    return sum(int(each.get("memoryReservation") or each.get("memory") or 0) for each in containers)
