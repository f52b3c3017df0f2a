"""Carries a deploy out: the base first, then each service; what is decided in `diff` is called here."""

import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from typing import Any

from culm import render
from culm.core.model.record import record
from culm.deploy import databases, diagnoses, undo, vault_files, wait
from culm.deploy.build.port import Say
from culm.deploy.images import Images, recipe
from culm.deploy.lending import lent, returned, slot_of
from culm.deploy.migrate import migrate
from culm.deploy.ordering import Stage, Turns
from culm.errors import CulmError
from culm.plan import diff
from culm.plan.capacity_check import fits_beside
from culm.plan.diff import Change
from culm.plan.observed import Live
from culm.plan.plan import ServicePlan
from culm.project.project import Project, Service
from culm.target.connection import Target
from culm.target.eventual_consistency import made, once_known
from culm.target.observe import described_instances, observe, or_none
from culm.target.polling import intervals
from culm.target.surroundings import surroundings

ROUNDS = 20
"""Of base changes: what one makes, the next stands on. More would mean that they never settle."""
SETTLE_SECONDS = 30.0
"""How long a target may not show what it has been told."""
INSTANCE_SECONDS = {"local": 60.0, "aws": 300.0}
"""How long instances may take to join: on Amazon they boot first, and register a minute or two later."""
LOAD_BALANCER_FILE = "load-balancer.url"


def call(target: Target, change: Change) -> Any:
    return getattr(target.client(change.client), change.operation)(**change.input)


def base(target: Target, project: Project, say: Say) -> tuple[Live, render.Surroundings]:
    """Bring about what services stand on; the state after it. Nothing is called when it is all there."""
    vault = render.vault_bucket(project.name, target.account, target.region)
    before: list[Change] = []
    moved = time.monotonic()
    for _, pause in zip(range(ROUNDS), intervals(0.2, 4.0), strict=False):
        live = observe(target, project, vault)
        around = surroundings(target, project, live)
        changes = diff.base(project, live, around)
        if not changes:
            return live, around
        if changes != before:
            moved = time.monotonic()
        elif time.monotonic() - moved > SETTLE_SECONDS:
            break
        else:
            time.sleep(pause)
        for change in changes:
            if change not in before:
                say(change.what)
        with ThreadPoolExecutor(max_workers=8) as pool:
            list(pool.map(lambda change: made(partial(call, target, change)), changes))
        before = changes
    what = "; ".join(change.what for change in changes)
    raise CulmError(f"the target does not keep what it is told: {what}", "does another deploy run at the same time?")


def instances(target: Target, cluster: str, progress: Say) -> None:
    """Wait until the cluster has instances that take tasks: none can be run before."""
    started = time.monotonic()
    for pause in intervals():
        [found] = target.client("ecs").describe_clusters(clusters=[cluster])["clusters"]
        registered = found["registeredContainerInstancesCount"]
        ill = diagnoses.unwell(described_instances(target, cluster)) if registered else []
        if len(ill) < registered:
            return
        if time.monotonic() - started > INSTANCE_SECONDS[target.settings.provider]:
            if ill:
                told = "".join(f"\n  {line}" for line in ill)
                what = f"no container instance of cluster {cluster} takes tasks{told}"
                raise CulmError(what, diagnoses.cure("agent is disconnected") or "")
            hint = diagnoses.cure("no container instances were found") or ""
            if target.settings.provider == "local":
                hint = "culm cluster status, and its daemon.log"
            raise CulmError(f"no container instance has joined cluster {cluster}", hint)
        progress("waiting for container instances")
        time.sleep(pause)


def configuration(
    target: Target, project: Project, live: Live, around: render.Surroundings, say: Say, progress: Say
) -> None:
    """The files that only the target can tell: databases' and the load balancer's URLs."""
    vault_files.vault_of(target, project).prepare(target.region)
    databases.prepare(target, project, live, around, say, progress)
    assert live.load_balancer is not None, "the base is there"
    dns_name = live.load_balancer["DNSName"]
    url = f"{target.url(dns_name, around.port) if target.settings.domain else f'http://{dns_name}:{around.port}'}\n"
    for name in project.services:
        if vault_files.get(target, around, name, LOAD_BALANCER_FILE) != url:
            vault_files.put(target, around, name, LOAD_BALANCER_FILE, url)


@record
class Published:
    """A service's images, by digest."""

    service: str
    migration: str | None


def publish(images: Images, project: Project, service: Service, live: Live, say: Say, progress: Say) -> Published:
    def ensure(*, migrate: bool) -> str | None:
        wanted = recipe(service, migrate=migrate)
        if wanted is None:
            return None
        name = render.repository(project, service, migrate=migrate)
        return images.ensure(name, live.repositories[name], wanted, say, progress)

    ready = service.image or ensure(migrate=False)
    assert ready is not None, "a service has an image or a Dockerfile"
    return Published(service=ready, migration=ensure(migrate=True))


def service(
    target: Target,
    project: Project,
    one: Service,
    published: Published,
    live: Live,
    around: render.Surroundings,
    way: ServicePlan,
    turns: Turns,
    say: Say,
    progress: Say,
) -> bool:
    """Register, migrate, route, roll, wait, each when it is its turn; whether anything changed."""
    wanted = render.task_definition(project, one, published.service, published.migration, around)
    found = live.services.get(one.name)
    revision = live.task_definitions.get(found["taskDefinition"]) if found else None
    same = revision is not None and diff.task_definition_is(wanted, revision)
    ran = False
    with ExitStack() as slot:
        if not same and published.migration is not None and not migrated(revision, published.migration):
            migration = migration_revision(target, project, one, published.migration, around, say)
            turns.to_migrate(one.name)
            if found is not None and (way.lends or lent(found) is not None):
                found = slot.enter_context(slot_of(target, project, one, found, say, progress))
                live = replace(live, services={**live.services, one.name: found})
            say("migrating")
            placed = partial(turns.reached, one.name, Stage.MIGRATING)
            migrate(target, project, one, migration, progress, placed=placed)
            say("migrated")
            ran = True
        arn = str(revision["taskDefinitionArn"]) if same and revision else register(target, wanted, say)
        routed = diff.rule(project, one, live)
        undoes = not ran and undo.is_good(found)
        change = diff.service(project, one, live, arn, start_first=way.how == "start-first", undoes=undoes)
        turns.to_roll(one.name)
        for step in (routed, change):
            if step is not None:
                say(step.what)
                once_known(partial(call, target, step))
    if found is not None and lent(found) is not None:
        returned(target, found)
    turns.reached(one.name, Stage.CALLED)
    changed = not same or routed is not None or change is not None
    rolls = change is not None and "deploymentConfiguration" in change.input
    back = undo.by_hand(one, found, migrated=ran) if rolls and not undoes else ""
    try:
        wait.until_steady(target, project, one, progress, fresh=rolls, revision=arn, back=back)
    except wait.NotSteady as failure:
        if rolls and undoes:
            say("goes back to the version before it")
            raise undo.went_back(target, project, one, arn, progress, failure) from failure
        if rolls and ran and found is not None:
            raise CulmError(f"{failure.what}\n{undo.STAYS}", failure.hint) from failure
        raise
    if changed:
        say("is steady")
    return changed


def migrated(revision: Mapping[str, Any] | None, image: str) -> bool:
    """Whether the live revision came after this migration: it names the one that it came after."""
    if revision is None:
        return False
    labels = revision["containerDefinitions"][0].get("dockerLabels") or {}
    return bool(labels.get(render.MIGRATION_LABEL) == image.rpartition("@")[2])


def migration_revision(
    target: Target, project: Project, one: Service, image: str, around: render.Surroundings, say: Say
) -> str:
    wanted = render.migration(project, one, image, around)
    family = render.family(project, one, migrate=True)
    ecs = target.client("ecs")
    last = or_none(lambda: ecs.describe_task_definition(taskDefinition=family)["taskDefinition"], "ClientException")
    return str(last["taskDefinitionArn"]) if diff.task_definition_is(wanted, last) else register(target, wanted, say)


def register(target: Target, wanted: Mapping[str, Any], say: Say) -> str:
    made = target.client("ecs").register_task_definition(**wanted)["taskDefinition"]
    say(f"registered {made['family']}:{made['revision']}")
    return str(made["taskDefinitionArn"])


def starts_first(target: Target, project: Project, one: Service, found: Mapping[str, Any] | None) -> bool:
    """Whether the instances have room for a new task beside the old one; a `roll` of its own does not ask."""
    return found is not None and fits_beside(one, described_instances(target, project.name))


def roll(target: Target, project: Project, one: Service, progress: Say, **update: Any) -> None:
    """Update a live service, start-first where there is room, and wait until it is steady."""
    [found] = target.client("ecs").describe_services(cluster=project.name, services=[one.name])["services"] or [None]
    if found is None or found["status"] != "ACTIVE":
        raise CulmError(f"{one.name} is not deployed", f"culm deploy {one.name}")
    how = render.deployment_configuration(one, start_first=starts_first(target, project, one, found))
    target.client("ecs").update_service(cluster=project.name, service=one.name, deploymentConfiguration=how, **update)
    back = f"go back to the version before it: culm rollback {one.name}"
    told = update.get("taskDefinition")
    wait.until_steady(target, project, one, progress, fresh=True, revision=told, back=back)
