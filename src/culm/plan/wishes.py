"""From what is wanted and a survey of the target to a plan: what `culm plan` shows, and what a deploy then does. Pure.

A *wish* is one service as a command wants it, beside what is there: a deploy wants it as culm.yml says, a rollback with
an earlier revision, a restart once more, a scaling with another count.
"""

from collections.abc import Mapping, Sequence
from dataclasses import field, replace

import msgspec

from culm import render
from culm.core.decide.state import ClusterState
from culm.core.model.instance_types import INSTANCE_TYPES
from culm.core.model.record import record
from culm.core.model.services import Service as EcsService
from culm.errors import CulmError, Differs, UsageError
from culm.plan import described, diff, plan, scaling, sleep, way_back
from culm.plan.bill import PriceList, assumptions, of_base, of_servers, of_sleep
from culm.plan.differences import Difference, differences
from culm.plan.machines import type_of, with_fleet
from culm.plan.moves import settled
from culm.plan.observed import Described, Observed, Survey
from culm.plan.quotas import RULES, TARGET_GROUPS
from culm.plan.trouble import primary_of, trouble
from culm.plan.waves import REVISION, Wanted
from culm.plan.way_back import Effect
from culm.project import references
from culm.project.previews import preview_of
from culm.project.project import EVERYWHERE, Project, Service, TargetSettings
from culm.render import database_task

BUILT = "built on deploy"
"""Stands for the digest of an image that is not in its repository yet."""
Images = Mapping[tuple[str, bool], str]
"""`uri@digest` of images that are there, by service and whether it is its migration's."""


@record
class Wish:
    """What a deploy wants of one service, and what is there."""

    service: Service
    live: Described | None
    """As ECS describes it; None: it is new."""
    revision: Described | None
    """The task definition that is live."""
    definition: render.Input
    """ecs.RegisterTaskDefinition."""
    same: bool
    """The live revision is already what registering the definition would make."""
    migration: render.Input | None
    """ecs.RegisterTaskDefinition of the migration that has to run first; None: none has to."""
    effect: Effect = "none"
    """What that does to the version that is live."""


@record
class Frame:
    """What a plan is made in, besides the services."""

    project: Project
    settings: TargetSettings
    now: float
    """Epoch seconds."""
    prices: PriceList
    peaks: Mapping[str, int] = field(default_factory=dict)
    """Memory that was measured, in MiB, by service."""
    notes: Sequence[str] = ()


def deploy(frame: Frame, names: Sequence[str], survey: Survey, images: Images) -> plan.Plan:
    """Return the plan of deploying these services as culm.yml says, on the instances that it says."""
    check_quotas(frame, survey)
    check_reach(frame)
    state = cluster(frame, survey)
    there = [type_of(i) for i in state.instances]
    if not there and sleep.all_asleep(survey):
        there = fleet(frame.settings)  # as they are when they are awake
    local = frame.settings.provider == "local"
    wished = fleet(frame.settings) if (local and frame.project.preview is None) or not there else there
    later = with_fleet(state, wished, region=survey.surroundings.region, reserved=not local)
    asked = [deployed(frame.project, frame.project.services[name], survey, images) for name in names]
    notes = [
        *frame.notes,
        *other_fleet(frame.settings, wished),
        *troubles(frame, names, survey),
        *sleep.notes(frame.project, survey.observed, there, frame.prices),
    ]
    based = basis(replace(frame, notes=notes), survey, later, wished, there)
    made = plan.make(replace(based, others=not_deployed(frame.project, names, survey)), asked)
    if frame.settings.provider == "aws":
        made = with_servers(frame, survey, made)
    lines = (
        *made.notes,
        *new_databases(frame, names, survey),
        *scaling.notes(frame.project, names, made.moves, frame.settings.provider),
    )
    return replace(made, notes=lines, images=dict(images), leftovers=leftovers(frame.project, survey))


def new_databases(frame: Frame, names: Sequence[str], survey: Survey) -> list[str]:
    """Return a line for each RDS server in which this deploy makes users and databases, and how it does that."""
    project, vault, lines = frame.project, survey.observed.vault or frozenset(), []
    for database in project.rds if frame.settings.provider == "aws" else ():
        lacking = [
            service.name
            for service in project.users(database)
            if f"{frame.settings.env}/{service.original}/{project.url_file(service, database)}" not in vault
        ]
        if lacking and set(lacking) & set(names):
            lines.append(
                f"{', '.join(lacking)}: databases are made in {project.name}-{database}; where it is not reached from "
                f"here, by a one-time task of {database_task.MEMORY} MiB inside its network"
            )
    return lines


def with_servers(frame: Frame, survey: Survey, made: plan.Plan) -> plan.Plan:
    """Add what the base costs, less what sleep saves of it; of servers the bill of now has those that are there."""
    project, there = frame.project, {**survey.observed.databases, **survey.observed.caches}
    live = [name for name in project.databases if f"{project.name}-{name}" in there]
    base = of_base(frame.settings, frame.prices)
    base += of_sleep(project, frame.settings, frame.prices, fleet(frame.settings))
    now = None if made.bill_now is None else made.bill_now + base + of_servers(project, frame.prices, live)
    return replace(made, bill=made.bill + base + of_servers(project, frame.prices, project.databases), bill_now=now)


def not_deployed(project: Project, names: Sequence[str], survey: Survey) -> list[Wanted]:
    """Return the live services that a deploy leaves alone, and that scaling or waking may give more tasks."""
    asleep = sleep.sleeping(project, survey.observed)
    return [
        replace(as_it_is(service, survey), scaling=service.scaling, wakes=asleep.get(name, 0))
        for name, service in project.services.items()
        if (service.scaling is not None or name in asleep) and name not in names and name in survey.observed.services
    ]


def check_quotas(frame: Frame, survey: Survey) -> None:
    """Raise Differs where more services are behind the load balancer than one can have rules and target groups for.

    AWS gives more rules to who asks, so there only AWS knows; the local cluster takes as many as AWS does by default.
    """
    balanced = [service.name for service in frame.project.services.values() if service.balanced]
    others = len(survey.observed.other_rules)
    if len(balanced) > TARGET_GROUPS:
        raise Differs(
            f"{len(balanced)} services have a path, and a load balancer takes {TARGET_GROUPS} target groups; "
            "nothing was changed",
            "`path: none` for those that nobody asks, or a second project",
        )
    rules = sum(1 + len(frame.project.services[name].entries) for name in balanced)
    if rules + others > RULES and frame.settings.provider == "local":
        needs = f"{rules} rules" if frame.project.preview else "a rule each"
        raise Differs(
            f"{len(balanced)} services need {needs} beside {others} of others, and a load balancer takes {RULES}; "
            "nothing was changed",
            "culm env ls, then culm env down NAME of a preview that nobody needs"
            if frame.project.preview
            else "remove rules that culm.yml does not name (culm diff lists them)",
        )


def check_reach(frame: Frame) -> None:
    """Raise Differs where a service would call another one by a load balancer that does not let it in.

    Instances call it from their public addresses, and those are not among `allow`.
    """
    allowed = frame.settings.allow
    if frame.settings.provider != "aws" or allowed == EVERYWHERE:
        return
    for service in frame.project.everything.values():
        given = [service.container.environment, *(beside.environment for beside in service.sidecars.values())]
        for name in sorted({name for each in given for text in each.values() for name, _ in references.names(text)}):
            if name in frame.project.services and name not in service.calls:
                raise Differs(
                    f"{service.name} calls {name} by the load balancer, which lets in only {', '.join(allowed)}, "
                    f"and not the instances of {frame.settings.name}; nothing was changed",
                    f"services.{service.name}.calls: [{name}], so that {{{name}.url}} leads there inside"
                    if service.schedule is None
                    else f"a job cannot call inside: leave {{{name}.url}} out of {service.name}, or drop `allow:`",
                )


def change(frame: Frame, survey: Survey, asked: Sequence[plan.Asked]) -> plan.Plan:
    """Return the plan of changing services that are live, on the instances that are there."""
    state = cluster(frame, survey)
    there = [type_of(i) for i in state.instances]
    return plan.make(basis(frame, survey, state, there, there), asked)


def basis(frame: Frame, survey: Survey, state: ClusterState, fleet: Sequence[str], there: Sequence[str]) -> plan.Basis:
    """Return what the plan is made from. `fleet`: instance types planned with; `there`: those on the target."""
    return plan.Basis(
        project=frame.project.name,
        target=frame.settings.name,
        state=state,
        fleet=fleet,
        fleet_now=there if survey.observed.load_balancer is not None else None,
        prices=frame.prices,
        assumed=assumptions(frame.settings),
        peaks=frame.peaks,
        notes=frame.notes,
    )


def cluster(frame: Frame, survey: Survey) -> ClusterState:
    """Return the cluster as the scheduler sees it, with what is under way at its end."""
    try:
        state = described.cluster_state(
            frame.now, survey.instances, survey.tasks, survey.services, survey.task_definitions
        )
    except msgspec.ValidationError as error:
        raise CulmError(
            f"the cluster {frame.project.name} has something that cannot be planned with: {error}",
            "a service that is no rolling one on EC2 instances? give this project a cluster of its own",
        ) from None
    services = frame.project.services.values()
    return settled(state, [render.family(frame.project, service, migrate=True) for service in services])


def fleet(settings: TargetSettings) -> list[str]:
    """Return culm.yml's instances, one type for each. Raises UsageError for a type that culm does not know."""
    for group in settings.instances:
        if group.instance_type not in INSTANCE_TYPES:
            known = ", ".join(INSTANCE_TYPES)
            raise UsageError(
                f"what an instance of type {group.instance_type} registers is not known", f"known: {known}"
            )
    return [group.instance_type for group in settings.instances for _ in range(group.count)]


def other_fleet(settings: TargetSettings, planned: Sequence[str]) -> list[str]:
    """Return a note where culm.yml names another fleet than the one that was planned with."""
    wished = fleet(settings)
    if sorted(wished) == sorted(planned):
        return []
    return [f"culm.yml says {plan.written(wished)}; planned with what is there, {plan.written(planned)}"]


def leftovers(project: Project, survey: Survey) -> tuple[str, ...]:
    """Return the services that run in the project's cluster, and that culm.yml does not name (any more)."""
    running = [service["serviceName"] for service in survey.services if service["status"] == "ACTIVE"]
    if project.preview is not None:
        return ()
    return tuple(sorted(name for name in running if name not in project.services and preview_of(name) is None))


def troubles(frame: Frame, names: Sequence[str], survey: Survey) -> list[str]:
    """Return a line for each of these services that is there and not well."""
    services = {name: survey.observed.services[name] for name in names if name in survey.observed.services}
    problems = {name: trouble(service, survey.stopped, frame.now) for name, service in services.items()}
    return [f"{name}: {problem.text}" for name, problem in problems.items() if problem and problem.kind != "killed"]


def wish(project: Project, service: Service, survey: Survey, images: Images) -> Wish:
    """Return what deploying a service with these images comes down to; images that are not known are to be built."""
    observed = survey.observed
    image = service.image or images.get((service.name, False), BUILT)
    migration_image = migration_image_of(service, images)
    definition = render.task_definition(project, service, image, migration_image, survey.surroundings)
    live = observed.services.get(service.name)
    revision = observed.task_definitions.get(live["taskDefinition"]) if live else None
    same = revision is not None and diff.task_definition_is(definition, revision)
    made = Wish(service=service, live=live, revision=revision, definition=definition, same=same, migration=None)
    if migration_image is None or same or migrated(service, revision, migration_image):
        return made
    files = survey.surroundings.migration_files.get(service.name)
    return replace(
        made,
        migration=render.migration(project, service, migration_image, survey.surroundings),
        effect=way_back.effect(way_back.files_of(revision), files, service.schema_change),
    )


def migration_of(revision: Described | None) -> str | None:
    """Return the digest of the migration that a revision came after; None where it names none."""
    if revision is None:
        return None
    labels: Mapping[str, str] = revision["containerDefinitions"][0].get("dockerLabels") or {}
    return labels.get(render.MIGRATION_LABEL)


def migrated(service: Service, revision: Described | None, image: str) -> bool:
    """Return whether the live revision came after this migration: it names the one that it came after."""
    return migration_of(revision) == render.migration_label(service, image)


def migration_image_of(service: Service, images: Images) -> str | None:
    """Return the image that a service's migration runs, `BUILT` if it is yet to be built; None: there is none."""
    if not service.migrates:
        return None
    if service.migration_command is not None and service.image is not None:
        return service.image
    return images.get((service.name, service.migration is not None), BUILT)


def deployed(project: Project, service: Service, survey: Survey, images: Images) -> plan.Asked:
    """Return what to ask of the plan for a service as culm.yml says."""
    service = scaling.with_count(service, survey.observed.services.get(service.name))
    want = wish(project, service, survey, images)
    live, revision = want.live, want.revision
    noted = sleep.difference(service, live)
    registered_now = revision if want.same and revision else registered(want.definition, revision)
    definition = described.task_definition(registered_now)
    migration = described.task_definition(registered(want.migration, None)) if want.migration else None
    settings = service_settings(project, service, survey, definition.task_definition_arn)
    changed = () if want.same else differences(revision and diff.normal(revision), diff.normal(want.definition))
    return plan.Asked(
        wanted=Wanted(
            service=ecs_service(project, service, survey, settings),
            definition=definition,
            migration=migration,
            roll=service.roll,
            after=service.after,
            again=failed(live),
            scaling=service.scaling,
            wakes=service.count if service.asleep else 0,
        ),
        differences=(
            *(changed if revision else ()),
            *settings_differences(settings, live),
            *(rescaled := scaling.difference(project, service, survey.observed)),
            *noted,
        ),
        rule=rule(project, service, survey.observed),
        rescales=bool(rescaled or noted),
        migration=_migration(want) if migration else "has run" if service.migrates else "none",
        effect=want.effect,
        good=is_good(live),
    )


def service_settings(project: Project, service: Service, survey: Survey, task_definition_arn: str) -> render.Input:
    """Return ecs.CreateService as culm.yml says, with this revision."""
    group = group_of(project, service, survey)
    return render.service(project, service, task_definition_arn, group, survey.surroundings.inner)


def group_of(project: Project, service: Service, survey: Survey) -> str | None:
    """Return the ARN of a service's target group; None where it is behind no load balancer.

    A word stands for a group that is still to be made.
    """
    if not service.balanced:
        return None
    group = survey.observed.target_groups.get(render.group_name(project, service), {})
    return str(group.get("TargetGroupArn", "planned"))


def _migration(want: Wish) -> plan.Migration:
    """Whether it is new is known only once its image is built."""
    assert want.migration is not None
    image = want.migration["containerDefinitions"][0]["image"]
    return "may run" if want.revision is not None and image == BUILT else "runs"


def registered(definition: Described, before: Described | None) -> Described:
    """Return what RegisterTaskDefinition would answer, but for the revision's number, which nobody knows yet."""
    family = definition["family"]
    return {
        **definition,
        "taskDefinitionArn": f"arn:aws:ecs:::task-definition/{family}:{REVISION}",
        "revision": (before or {}).get("revision", 0) + 1,
        "requiresAttributes": (before or {}).get("requiresAttributes", []),
    }


def ecs_service(project: Project, service: Service, survey: Survey, settings: Described) -> EcsService:
    """Return the service as the scheduler would see it after the deploy."""
    given = survey.surroundings
    arn = f"arn:aws:ecs:{given.region}:{given.account}:service/{project.name}/{service.name}"
    live = survey.observed.services.get(service.name, {})
    return described.to(
        EcsService,
        {
            **settings,
            "serviceArn": live.get("serviceArn", arn),
            "clusterArn": f"arn:aws:ecs:{given.region}:{given.account}:cluster/{project.name}",
        },
    )


def is_good(live: Described | None) -> bool:
    """Return whether what is live now is what ECS would go back to: its last deployment that completed."""
    primary = primary_of(live or {})
    return primary is not None and primary.get("rolloutState") == "COMPLETED"


def failed(live: Described | None) -> bool:
    """Return whether the service's PRIMARY deployment has failed; such a one is rolled out again."""
    deployments = (live or {}).get("deployments", ())
    return any(d["status"] == "PRIMARY" and d.get("rolloutState") == "FAILED" for d in deployments)


NAMES = {
    "desiredCount": "count",
    "healthCheckGracePeriodSeconds": "grace",
    "placementStrategy": "placement",
    "enableExecuteCommand": "exec",
    "serviceConnectConfiguration": "calls",
}
"""Settings of a service that culm.yml has, by their names there."""


def settings_differences(settings: Described, live: Described | None) -> tuple[Difference, ...]:
    """Return the settings of a live service that a deploy would change, for the plan's screen."""
    if live is None:
        return ()
    return tuple(
        Difference(field=name, old=str(live.get(member)), new=str(settings[member]))
        for member, name in NAMES.items()
        if member in live and member in settings and not diff.same(settings[member], live[member])
    )


def rule(project: Project, service: Service, observed: Observed) -> str | None:
    """Return what changes on the load balancer for a service; None where nothing does."""
    if not service.balanced and service.name not in observed.rules:
        return None
    ready = observed.listener is not None and render.group_name(project, service) in observed.target_groups
    if service.balanced and not ready:
        return f"route {' '.join(service.paths)}"
    call = diff.rule(project, service, observed) or next(iter(diff.further_rules(project, service, observed)), None)
    return call.what if call else None


def migrating(project: Project, service: Service, survey: Survey) -> Wanted:
    """Return what to ask of the plan for a service's migration by itself, whatever its image."""
    definition = render.migration(project, service, BUILT, survey.surroundings)
    planned = described.task_definition(registered(definition, None))
    settings = service_settings(project, service, survey, planned.task_definition_arn)
    return Wanted(service=ecs_service(project, service, survey, settings), definition=planned, migration=planned)


def as_it_is(service: Service, survey: Survey) -> Wanted:
    """Return a live service as it is. Raises CulmError when it is not deployed."""
    live = survey.observed.services.get(service.name)
    if live is None:
        raise CulmError(f"{service.name} is not deployed", f"culm deploy {service.name}")
    return Wanted(
        service=described.service(live),
        definition=described.task_definition(survey.observed.task_definitions[live["taskDefinition"]]),
        roll=service.roll,
    )


def rolled_back(service: Service, survey: Survey, revision: Described) -> plan.Asked:
    """Return what to ask of the plan for a live service with an earlier task definition, as ECS describes that."""
    now = as_it_is(service, survey)
    earlier = described.task_definition(revision)
    changed = differences(
        diff.normal(survey.observed.task_definitions[now.definition.task_definition_arn]), diff.normal(revision)
    )
    return plan.Asked(wanted=replace(now, definition=earlier, again=True), differences=changed)


def restarted(service: Service, survey: Survey) -> plan.Asked:
    """Return what to ask of the plan for a live service with new tasks of the same revision."""
    return plan.Asked(wanted=replace(as_it_is(service, survey), again=True))


def scaled(service: Service, survey: Survey, count: int) -> plan.Asked:
    """Return what to ask of the plan for a live service with another number of tasks."""
    now = as_it_is(service, survey)
    old = now.service.desired_count
    changed = () if old == count else (Difference(field="count", old=str(old), new=str(count)),)
    return plan.Asked(wanted=replace(now, service=replace(now.service, desired_count=count)), differences=changed)
