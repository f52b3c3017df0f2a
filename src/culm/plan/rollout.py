"""Makes the list of steps of a deploy, a rollback, a restart, a scaling, a migration. Pure; see `steps` for what it is.

A lane has four parts. Each lane of a wave goes through them by itself, except for three ties:

    ready      images and revisions that nothing has to wait for
    migrate    begins when the waves before have ended, one lane of a wave after the other; they end side by side
    roll       begins when all migrations of the wave have ended, again one lane after the other
    settle     waits until the service is steady, and watches it; the next wave begins when it is steady

Services that the plan had no move for, and that must move after all, come last, each in a wave of its own.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any

from culm import render
from culm.core.model.record import record
from culm.plan import diff, scaling, sleep
from culm.plan.calls import Call, ResultOf
from culm.plan.differences import differences
from culm.plan.observed import Described, Observed, Survey
from culm.plan.plan import Plan, ServicePlan
from culm.plan.scaling import LENDS_TAG, lent
from culm.plan.steps import (
    AwaitInstances,
    AwaitMigration,
    AwaitSteady,
    AwaitStopped,
    Build,
    Configure,
    GiveBack,
    GoBack,
    Recall,
    Revision,
    RunMigration,
    ScaleBack,
    Settle,
    Stays,
    Step,
    Undo,
    tasks,
)
from culm.plan.way_back import goes_back
from culm.plan.wishes import BUILT, Images, Wish, is_good, migration_image_of, wish
from culm.project.project import Project, Service

ROOM_SECONDS = 15.0
"""How long room may be promised and not there yet."""
FILES, INSTANCES = "the files", "the instances"
"""Lanes of what is prepared for all services; no service can have such a name."""
NOTHING_NEW = "its image is new, and none of its files is"
FIELDS = 3
"""Differences that a step's `why` names."""


@record
class Lane:
    """One service's steps, before they are put in order with the others'."""

    name: str
    ready: tuple[Step, ...] = ()
    migrate: tuple[Step, ...] = ()
    roll: tuple[Step, ...] = ()
    settle: tuple[Step, ...] = ()
    needs: tuple[str, ...] = ()

    @property
    def steps(self) -> tuple[Step, ...]:
        return (*self.ready, *self.migrate, *self.roll, *self.settle)


def preparation(
    project: Project, names: Iterable[str], images: Images, kinds: Sequence[bool] = (False, True)
) -> tuple[Step, ...]:
    """Return what services need before any of them can run: files, instances, and the images that are not there yet.

    `kinds`: of which images; False is the service's own, True its migration's.
    """
    return (
        Step(key="write files", lane=FILES, act=Configure()),
        Step(key="await instances", lane=INSTANCES, act=AwaitInstances()),
        *builds(project, names, images, kinds),
    )


def builds(
    project: Project, names: Iterable[str], images: Images, kinds: Sequence[bool] = (False, True)
) -> tuple[Step, ...]:
    """Build the images of services and jobs that are not there yet."""
    return tuple(
        Step(
            key=f"{name}: build {dockerfile.name}",
            lane=name,
            act=Build(service=name, migration=migration, dockerfile=f"{name}/{dockerfile.name}"),
            why="its image is not in the repository",
        )
        for name in names
        for migration, dockerfile in (
            (False, project.everything[name].dockerfile),
            (True, project.everything[name].migration),
        )
        if dockerfile is not None and (name, migration) not in images
        if migration in kinds or (not migration and project.everything[name].migration_command is not None)
    )


def deploy(project: Project, survey: Survey, plan: Plan, names: Sequence[str], images: Images) -> tuple[Step, ...]:
    """Deploy services in the plan's order, with these images; what is missing among them is yet to be built."""
    parts = {name: plan.service(name) for name in names}
    lanes = {}
    for name in names:
        made = deployed(project, survey, parts[name], wish(project, project.services[name], survey, images))
        lanes[name] = replace(made, needs=tuple(n for n in project.services[name].after if n in names))
    moving = set(chain.from_iterable(plan.waves))
    rest = [[name] for name in in_order(project, [name for name in names if name not in moving])]
    waves = [[name for name in wave if name in lanes] for wave in plan.waves]
    return in_waves([[lanes[name] for name in wave] for wave in (*waves, *rest)])


def in_order(project: Project, names: Sequence[str]) -> list[str]:
    """Return the names, each after those that culm.yml says it comes after."""
    ordered: list[str] = []

    def visit(service: Service) -> None:
        for other in service.after:
            if other in names:
                visit(project.services[other])
        if service.name not in ordered:
            ordered.append(service.name)

    for name in names:
        visit(project.services[name])
    return ordered


def in_waves(waves: Sequence[Sequence[Lane]]) -> tuple[Step, ...]:
    """Tie the lanes of each wave together, and each wave to those before it."""
    steps: list[Step] = []
    before: tuple[str, ...] = ()
    for wave in waves:
        placed: tuple[str, ...] = ()
        migrated = tuple(lane.migrate[-1].key for lane in wave if lane.migrate)
        called: tuple[str, ...] = ()
        for lane in wave:
            own = {step.key for step in lane.steps}
            others = tuple(key for key in migrated if key not in own)
            migrate, roll = after(lane.migrate, before + placed), after(lane.roll, before + others + called)
            placed += tuple(step.key for step in lane.migrate if isinstance(step.act, RunMigration))
            called += tuple(step.key for step in lane.roll[-1:])
            tied = replace(lane, migrate=migrate, roll=roll)
            steps += needing(tied.steps, lane.needs)
        before += tuple(step.key for lane in wave if lane.migrate or lane.roll for step in lane.settle[:1])
    return tuple(steps)


def after(steps: tuple[Step, ...], keys: tuple[str, ...]) -> tuple[Step, ...]:
    """Return the steps, the first of which waits for these of other lanes."""
    return (replace(steps[0], after=keys), *steps[1:]) if steps else ()


def needing(steps: tuple[Step, ...], lanes: tuple[str, ...]) -> tuple[Step, ...]:
    """Return the steps, the first of which waits for these lanes to succeed."""
    return (replace(steps[0], needs=lanes), *steps[1:]) if steps else ()


def deployed(project: Project, survey: Survey, part: ServicePlan, want: Wish) -> Lane:
    """Return the lane that brings a service to what culm.yml says, its migration first; `part` says how it rolls."""
    observed, live = survey.observed, want.live
    want = replace(want, service=scaling.with_count(want.service, live))
    service, name = want.service, want.service.name
    ready: list[Step] = []
    migrate: list[Step] = []
    lends = live is not None and (lent(live) is not None or (want.migration is not None and part.lends))
    if want.migration is not None:
        task_definition, registering = migration_revision(want, observed)
        ready += registering
        if lends and live is not None:
            migrate += lending(project, service, live)
        if live is not None or task_definition not in observed.migrated:
            migrate += migrating(service, task_definition, why=NOTHING_NEW if want.effect == "none" else "")
    arn, register = revision(want, observed)
    (migrate if migrate else ready).extend(register)
    described = {**live, "desiredCount": 0} if live is not None and lends and want.migration else live
    roll, settle = rolling(project, replace(survey, observed=replace_live(observed, name, described)), part, want, arn)
    if lends and live is not None:
        roll += [unmarked(service, live)]
    if (removal := scaling.removal(project, service, observed)) is not None:
        roll = [scaled(service, removal), *roll]
    settle += sleep.tag_steps(service, live)
    settle += [scaled(service, change) for change in scaling.changes(project, service, observed)]
    return Lane(name=name, ready=tuple(ready), migrate=tuple(migrate), roll=tuple(roll), settle=tuple(settle))


def replace_live(observed: Observed, name: str, live: Described | None) -> Observed:
    """Return what was observed, with the service as it is described once its slot is lent."""
    return observed if live is None else replace(observed, services={**observed.services, name: live})


def migration_revision(want: Wish, observed: Observed) -> tuple[Revision, list[Step]]:
    """Return the migration's task definition: the newest there is, if that is it, else one to be registered."""
    assert want.migration is not None
    name = want.service.name
    newest = observed.newest.get(want.migration["family"])
    if newest is not None and diff.task_definition_is(want.migration, newest):
        return str(newest["taskDefinitionArn"]), []
    key = f"{name}: register migration"
    step = Step(
        key=key,
        lane=name,
        act=registering(want.migration),
        why="its migration changed",
        ends="registered {taskDefinition[family]}:{taskDefinition[revision]}",
    )
    return ResultOf(step=key, path=("taskDefinition", "taskDefinitionArn")), [step]


def registering(definition: render.Input) -> Call:
    what = f"register {definition['family']}"
    return Call(what=what, client="ecs", operation="register_task_definition", input=definition)


def revision(want: Wish, observed: Observed) -> tuple[Revision, list[Step]]:
    """Return the service's task definition, and the steps that register it.

    It is what is live, or the newest there is, if that is the same; else one to be registered.
    """
    newest = want.revision if want.same else observed.newest.get(want.definition["family"])
    if newest is not None and (want.same or diff.task_definition_is(want.definition, newest)):
        return str(newest["taskDefinitionArn"]), []
    why = "it is new"
    if want.revision is not None:
        fields = [d.field for d in differences(diff.normal(want.revision), diff.normal(want.definition))]
        more = f" and {len(fields) - FIELDS} more" if len(fields) > FIELDS else ""
        why = f"{', '.join(fields[:FIELDS])}{more} changed"
    step = Step(
        key=f"{want.service.name}: register",
        lane=want.service.name,
        act=registering(want.definition),
        why=why,
        ends="registered {taskDefinition[family]}:{taskDefinition[revision]}",
    )
    return ResultOf(step=step.key, path=("taskDefinition", "taskDefinitionArn")), [step]


def lending(project: Project, service: Service, live: Described) -> list[Step]:
    """Stop the service's tasks. The mark comes first: where a deploy dies in the middle, the next one finds it."""
    name, arn = service.name, str(live["serviceArn"])
    count = lent(live)
    marks = []
    if count is None:
        count = int(live["desiredCount"])
        given = {"resourceArn": arn, "tags": [{"key": LENDS_TAG, "value": str(count)}]}
        what = "note how many tasks it has"
        marks = [
            Step(
                key=f"{name}: mark",
                lane=name,
                act=Call(what=what, client="ecs", operation="tag_resource", input=given),
                why="its migration needs its memory",
                begins="is down while its migration runs",
                undo=GiveBack(service=name, arn=arn, count=count),
            )
        ]
    stop = Step(
        key=f"{name}: stop",
        lane=name,
        act=counting(project, name, 0, "stop its tasks"),
        undo=None if marks else GiveBack(service=name, arn=arn, count=count),
    )
    return [*marks, stop, Step(key=f"{name}: stopped", lane=name, act=AwaitStopped(service=name))]


def counting(project: Project, name: str, count: int, what: str) -> Call:
    """Return the call that scales a service."""
    given = {"cluster": project.name, "service": name, "desiredCount": count}
    return Call(what=what, client="ecs", operation="update_service", input=given)


def scaled(service: Service, change: scaling.Change) -> Step:
    """Return a step about a service's automatic scaling."""
    return Step(
        key=f"{service.name}: {change.call.operation}",
        lane=service.name,
        act=change.call,
        undo=Recall(calls=change.back, words="its scaling as before") if change.back else None,
        begins=change.call.what,
    )


def unmarked(service: Service, live: Described) -> Step:
    """Return the step that deletes the note of a slot that was lent."""
    given = {"resourceArn": str(live["serviceArn"]), "tagKeys": [LENDS_TAG]}
    act = Call(what="delete that note", client="ecs", operation="untag_resource", input=given)
    return Step(key=f"{service.name}: unmark", lane=service.name, act=act)


def migrating(service: Service, task_definition: Revision, patience: float = ROOM_SECONDS, why: str = "") -> list[Step]:
    """Return the two steps of a migration. `patience`: seconds to wait for room that was promised."""
    name = service.name
    return [
        Step(
            key=f"{name}: migrate",
            lane=name,
            act=RunMigration(service=name, task_definition=task_definition, patience=patience),
            why=why,
            begins="migrating",
        ),
        Step(
            key=f"{name}: migrated",
            lane=name,
            act=AwaitMigration(service=name, task=ResultOf(step=f"{name}: migrate")),
            ends="migrated",
        ),
    ]


def rolling(
    project: Project, survey: Survey, part: ServicePlan, want: Wish, arn: Revision
) -> tuple[list[Step], list[Step]]:
    """Route and roll; then wait and watch. Nothing is called for what is as it should be."""
    service, name, live, observed = want.service, want.service.name, want.live, survey.observed
    ran = want.migration is not None
    undoes = is_good(live) and goes_back(want.effect, part.how)
    routed = diff.rule(project, service, observed)
    first, inner = part.how == "start-first", survey.surroundings.inner
    call = diff.service(project, service, observed, arn, start_first=first, undoes=undoes, inner=inner)
    rolls = call is not None and "deploymentConfiguration" in call.input
    roll = []
    if routed is not None:
        roll.append(Step(key=f"{name}: route", lane=name, act=routed, begins=routed.what))
    for number, further in enumerate(diff.further_rules(project, service, observed)):
        roll.append(Step(key=f"{name}: route {number}", lane=name, act=further, begins=further.what))
    if call is not None:
        undo: Undo | None = None
        if rolls and live is not None:
            before = str(live["taskDefinition"])
            schema = want.effect not in ("none", "expand")
            back_to = GoBack(service=name, failed=arn, before=before, newer_schema=schema)
            undo = back_to if undoes else Stays() if ran else None
        roll.append(Step(key=f"{name}: roll", lane=name, act=call, commits=True, undo=undo, begins=call.what))
    back = by_hand(service, live, migrated=ran) if rolls and not undoes else ""
    changed = bool(roll) or not want.same or ran
    steady = AwaitSteady(service=name, revision=arn, fresh=rolls, back=back)
    settle = waiting(name, steady, service.settle if rolls else 0.0, changed=changed)
    return roll, settle


def waiting(name: str, steady: AwaitSteady, seconds: float, *, changed: bool) -> list[Step]:
    """Wait until the service is steady, and watch it for so long; one that nothing was called for is not talked of."""
    ending = "is steady" if changed else ""
    steps = [Step(key=f"{name}: steady", lane=name, act=steady, ends="" if seconds else ending)]
    if seconds:
        steps.append(Step(key=f"{name}: settle", lane=name, act=Settle(service=name, seconds=seconds), ends=ending))
    return steps


def by_hand(service: Service, live: Described | None, *, migrated: bool) -> str:
    """Return what to try where nothing goes back by itself; empty for a service that is new."""
    if live is None:
        return ""
    if migrated:
        number = str(live["taskDefinition"]).rpartition(":")[2]
        return (
            "if the version before it copes with the newer schema: "
            f"culm rollback {service.name} {number} --across-migration"
        )
    return f"go back to the version before it: culm rollback {service.name}"


def change(project: Project, survey: Survey, plan: Plan, updates: Mapping[str, Mapping[str, Any]]) -> tuple[Step, ...]:
    """Roll live services in the plan's order: `updates` are members of ecs.UpdateService by service."""
    lanes = {name: changed(project, survey, plan.service(name), update) for name, update in updates.items()}
    moving = set(chain.from_iterable(plan.waves))
    waves = [*plan.waves, *([name] for name in updates if name not in moving)]
    return in_waves([[lanes[name] for name in wave if name in lanes] for wave in waves])


def changed(project: Project, survey: Survey, part: ServicePlan, update: Mapping[str, Any]) -> Lane:
    """Return the lane of a live service that gets `update`, members of ecs.UpdateService."""
    service, name = project.services[part.name], part.name
    live = survey.observed.services[name]
    given = {"cluster": project.name, "service": name, **update}
    if rolls := set(update) != {"desiredCount"}:
        start_first = part.how == "start-first"
        given["deploymentConfiguration"] = render.deployment_configuration(service, start_first=start_first)
    count = int(live["desiredCount"])
    if not rolls and update["desiredCount"] == count:
        steady = AwaitSteady(service=name, revision=None, fresh=False)
        return Lane(name=name, settle=tuple(waiting(name, steady, 0.0, changed=True)))
    what = diff.update(update)
    back = f"go back to the version before it: culm rollback {name}" if rolls else ""
    steady = AwaitSteady(service=name, revision=update.get("taskDefinition"), fresh=rolls, back=back)
    roll = Step(
        key=f"{name}: roll",
        lane=name,
        act=Call(what=what, client="ecs", operation="update_service", input=given),
        undo=None if rolls else ScaleBack(service=name, count=count),
        commits=True,
    )
    return Lane(
        name=name,
        roll=(roll,),
        settle=tuple(waiting(name, steady, service.settle if rolls else 0.0, changed=True)),
    )


def migrations(project: Project, survey: Survey, images: Images, lenders: Mapping[str, bool]) -> tuple[Step, ...]:
    """Run migrations alone, one after the other; the first that fails ends it.

    `lenders` says for each service, in order, whether it has to be down while its migration runs.
    """
    steps: list[Step] = []
    before: tuple[str, ...] = ()
    for name, lends in lenders.items():
        lane = migrated(project, survey, project.services[name], images, lends=lends)
        steps += needing(after(lane, tuple(step.key for step in steps[-1:])), before)
        before = (name,)
    return tuple(steps)


def migration(project: Project, survey: Survey, images: Images, name: str) -> Wish:
    """Return what a service's migration by itself comes down to."""
    service, live = project.services[name], survey.observed.services.get(name)
    image = migration_image_of(service, images)
    assert image not in (None, BUILT), "it has been built"
    definition = render.migration(project, service, str(image), survey.surroundings)
    return Wish(service=service, live=live, revision=None, definition={}, same=True, migration=definition)


def migrated(project: Project, survey: Survey, service: Service, images: Images, *, lends: bool) -> tuple[Step, ...]:
    """Return the steps of one migration.

    A service that lends its slot is down meanwhile, and starts again as it was.
    """
    name, live = service.name, survey.observed.services.get(service.name)
    want = migration(project, survey, images, name)
    task_definition, steps = migration_revision(want, survey.observed)
    if not lends or live is None:
        return (*steps, *migrating(service, task_definition, patience=0.0))
    count = lent(live) or int(live["desiredCount"])
    return (
        *steps,
        *lending(project, service, live),
        *migrating(service, task_definition),
        Step(
            key=f"{name}: start",
            lane=name,
            act=counting(project, name, count, f"start its {tasks(count)} again"),
            commits=True,
        ),
        unmarked(service, live),
        Step(key=f"{name}: steady", lane=name, act=AwaitSteady(service=name, revision=None, fresh=False)),
    )
