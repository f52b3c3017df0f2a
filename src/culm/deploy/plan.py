"""From culm.yml and a survey of the target to a plan: what `culm plan` shows, and what a deploy then does."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import msgspec

from culm import render
from culm.core.decide.state import ClusterState
from culm.core.model.instance_types import INSTANCE_TYPES
from culm.core.model.services import Service as EcsService
from culm.deploy import apply
from culm.deploy.images import Images, recipe
from culm.errors import CulmError, UsageError
from culm.plan import described, diff, plan
from culm.plan.bill import Assumptions, PriceList
from culm.plan.differences import Difference, differences
from culm.plan.machines import type_of, with_fleet
from culm.plan.moves import settled
from culm.plan.observed import Described
from culm.plan.waves import REVISION, Wanted
from culm.project.project import Project, Service, TargetSettings
from culm.target.survey import Survey

BUILT = "built on deploy"
"""Stands for the digest of an image that is not in its repository yet."""
Known = Mapping[tuple[str, bool], str]
"""`uri@digest` of the images that are there, by service and whether it is its migration's."""


def make(
    project: Project,
    settings: TargetSettings,
    names: Sequence[str],
    found: Survey,
    images: Known,
    now: float,
    prices: PriceList,
    *,
    peaks: Mapping[str, int] | None = None,
    notes: Sequence[str] = (),
) -> plan.Plan:
    """The plan of deploying these services; `now` in epoch seconds, `peaks` the memory that was measured, in MiB."""
    state = cluster(project, settings, found, now)
    there = [type_of(i) for i in state.instances]
    wished = fleet(settings) if settings.provider == "local" or not there else there
    later = with_fleet(state, wished, region=found.around.region, reserved=settings.provider == "aws")
    return plan.make(
        project=project.name,
        target=settings.name,
        state=later,
        asked=[asked(project, project.services[name], found, images) for name in names],
        fleet=wished,
        fleet_now=there if found.live.load_balancer is not None else None,
        prices=prices,
        assumed=Assumptions(),
        peaks=peaks,
        notes=[*notes, *other_fleet(settings, wished)],
    )


def cluster(project: Project, settings: TargetSettings, found: Survey, now: float) -> ClusterState:
    """The live cluster as the scheduler sees it, with what is under way at its end."""
    try:
        state = described.cluster_state(now, found.instances, found.tasks, found.services, found.task_definitions)
    except msgspec.ValidationError as error:
        raise CulmError(
            f"the cluster {project.name} has something that cannot be planned with: {error}",
            "a service that is no rolling one on EC2 instances? give this project a cluster of its own",
        ) from None
    families = [render.family(project, one, migrate=True) for one in project.services.values()]
    return settled(state, families)


def fleet(settings: TargetSettings) -> list[str]:
    """culm.yml's instances, one type for each."""
    for group in settings.instances:
        if group.instance_type not in INSTANCE_TYPES:
            known = ", ".join(INSTANCE_TYPES)
            raise UsageError(
                f"what an instance of type {group.instance_type} registers is not known", f"known: {known}"
            )
    return [group.instance_type for group in settings.instances for _ in range(group.count)]


def other_fleet(settings: TargetSettings, planned: Sequence[str]) -> list[str]:
    wished = fleet(settings)
    if sorted(wished) == sorted(planned):
        return []
    return [f"culm.yml says {plan.written(wished)}; planned with what is there, {plan.written(planned)}"]


def known_images(project: Project, names: Sequence[str], found: Survey, images: Images) -> Known:
    """Which images are in their repositories already."""

    def look(one: Service, *, migrate: bool) -> str | None:
        if one.image is not None and not migrate:
            return one.image
        repository = render.repository(project, one, migrate=migrate)
        uri = found.live.repositories.get(repository)
        wanted = recipe(one, migrate=migrate)
        return images.known(repository, uri, wanted) if wanted and uri else None

    keys = [(name, migrate) for name in names for migrate in (False, True)]
    with ThreadPoolExecutor(max_workers=16) as pool:
        there = pool.map(lambda key: look(project.services[key[0]], migrate=key[1]), keys)
        return {key: image for key, image in zip(keys, there, strict=True) if image is not None}


def asked(project: Project, one: Service, found: Survey, images: Known) -> plan.Asked:
    """What the deploy would register and call for one service."""
    live, around = found.live, found.around
    image = images.get((one.name, False), BUILT)
    migration_image = images.get((one.name, True), BUILT) if one.migration else None
    wanted = render.task_definition(project, one, image, migration_image, around)
    service = live.services.get(one.name)
    revision = live.task_definitions.get(service["taskDefinition"]) if service else None
    same = revision is not None and diff.task_definition_is(wanted, revision)
    migrates = not same and migration_image is not None and not apply.migrated(revision, migration_image)
    definition = described.task_definition(revision if same and revision else registered(wanted, revision))
    migration = (
        described.task_definition(registered(render.migration(project, one, migration_image, around), None))
        if migrates and migration_image
        else None
    )
    planned = "planned" if one.balanced else None
    group = live.target_groups.get(render.family(project, one), {}).get("TargetGroupArn", planned)
    group = group if one.balanced else None
    wished = render.service(project, one, definition.task_definition_arn, group)
    changed = () if same else differences(revision and diff.normal(revision), diff.normal(wanted))
    return plan.Asked(
        wanted=Wanted(
            service=ecs_service(project, one, found, wished),
            definition=definition,
            migration=migration,
            roll=one.roll,
            after=one.after,
            again=failed(service),
        ),
        differences=(*(changed if revision else ()), *settings_differences(wished, service)),
        rule=rule(project, one, found),
        migration=_migration(revision, migration_image) if migrates else "has run" if one.migration else "none",
    )


def _migration(revision: Described | None, image: str | None) -> plan.Migration:
    return "may run" if revision is not None and image == BUILT else "runs"


def registered(wanted: Described, before: Described | None) -> Described:
    """As RegisterTaskDefinition would answer, but for the revision's number, which nobody knows yet."""
    family = wanted["family"]
    return {
        **wanted,
        "taskDefinitionArn": f"arn:aws:ecs:::task-definition/{family}:{REVISION}",
        "revision": (before or {}).get("revision", 0) + 1,
        "requiresAttributes": (before or {}).get("requiresAttributes", []),
    }


def ecs_service(project: Project, one: Service, found: Survey, wished: Described) -> EcsService:
    around = found.around
    arn = f"arn:aws:ecs:{around.region}:{around.account}:service/{project.name}/{one.name}"
    live = found.live.services.get(one.name, {})
    return described.to(
        EcsService,
        {
            **wished,
            "serviceArn": live.get("serviceArn", arn),
            "clusterArn": f"arn:aws:ecs:{around.region}:{around.account}:cluster/{project.name}",
        },
    )


def failed(service: Described | None) -> bool:
    deployments = (service or {}).get("deployments", ())
    return any(d["status"] == "PRIMARY" and d.get("rolloutState") == "FAILED" for d in deployments)


NAMES = {
    "desiredCount": "count",
    "healthCheckGracePeriodSeconds": "grace",
    "placementStrategy": "placement",
    "enableExecuteCommand": "exec",
}
"""Settings of a service that culm.yml has, by their names there."""


def settings_differences(wished: Described, service: Described | None) -> tuple[Difference, ...]:
    if service is None:
        return ()
    return tuple(
        Difference(field=name, old=str(service.get(member)), new=str(wished[member]))
        for member, name in NAMES.items()
        if member in service and not diff.same(wished[member], service[member])
    )


def rule(project: Project, one: Service, found: Survey) -> str | None:
    """What changes on the load balancer for it."""
    if not one.balanced and one.name not in found.live.rules:
        return None
    if one.balanced and (found.live.listener is None or render.family(project, one) not in found.live.target_groups):
        return f"route {' '.join(one.paths)}"
    change = diff.rule(project, one, found.live)
    return change.what if change else None
