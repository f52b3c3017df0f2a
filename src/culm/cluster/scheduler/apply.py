"""The scheduler's actions, written down; the transaction that they were decided in commits them.

Effects come after it, from the rows: whoever dies in between leaves rows that the next look acts on.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from sqlite3 import Connection

from culm.cluster.services.ecs.launch import Launch, launch
from culm.cluster.services.ecs.strategies import shares
from culm.cluster.store.ecs import events, services, tags, tasks
from culm.core.decide import events as words
from culm.core.decide.actions import Action, ForgetTask, MarkHealthy, SaveService, StartTask, StopTask, Tell
from culm.core.decide.state import ClusterState, group_of, is_of
from culm.core.model.services import Service, ServiceEvent, dashed
from culm.core.model.task_definitions import Tag


def apply(db: Connection, state: ClusterState, actions: Iterable[Action], new_id: Callable[[], str]) -> None:
    """Write each action's row, in order, and what ECS tells of the starts and stops."""
    by_arn = {service.service_arn: service for service in state.services}
    by_task = {task.task_arn: task for task in state.tasks}
    task_sets_first = sorted(state.services, key=lambda service: service.task_set is None)
    started: dict[str, list[str]] = defaultdict(list)
    stopped: dict[str, list[str]] = defaultdict(list)
    unstarted: Counter[str] = Counter()
    for action in actions:
        match action:
            case StartTask():
                started[action.service_arn].append(_start(db, state, by_arn[action.service_arn], action, new_id))
            case StopTask():
                if tasks.stop(db, action.task_arn, action.stop_code, action.stopped_reason, state.now):
                    task = by_task[action.task_arn]
                    arn = next(service.service_arn for service in task_sets_first if is_of(task, service))
                    if task.started_at is None:
                        unstarted[arn] += 1
                    else:
                        stopped[arn].append(task.task_arn)
            case MarkHealthy():
                tasks.set_healthy(db, action.task_arn, state.now)
            case SaveService():
                services.save_facts(db, action.service, state.now)
            case Tell():
                tell(db, action.service_arn, action.message, state.now, new_id)
            case ForgetTask():
                tasks.delete(db, action.task_arn)
    for arn, task_arns in started.items():
        tell(db, arn, words.started(by_arn[arn].service_name, task_arns), state.now, new_id)
    for arn, task_arns in stopped.items():
        tell(db, arn, words.stopped(by_arn[arn].service_name, task_arns), state.now, new_id)
    for arn, count in unstarted.items():
        tell(db, arn, words.stopped_pending(by_arn[arn].service_name, count), state.now, new_id)


def tell(db: Connection, service_arn: str, message: str, now: float, new_id: Callable[[], str]) -> None:
    events.add(db, service_arn, ServiceEvent(id=dashed(new_id()), created_at=now, message=message))


def _start(db: Connection, state: ClusterState, service: Service, action: StartTask, new_id: Callable[[], str]) -> str:
    definition = state.task_definitions[action.task_definition]
    what = Launch(
        cluster_arn=service.cluster_arn,
        definition=definition,
        group=group_of(service),
        started_by=action.deployment_id,
        service_arn=service.service_arn,
        launch_type=service.launch_type,
        capacity_provider_name=_provider(db, service),
        tags=_tags(db, service, definition.task_definition_arn),
        load_balanced=bool(service.balancers),
        enable_execute_command=service.enable_execute_command,
        network=service.network_configuration,
    )
    return launch(db, what, action.container_instance_arn, state.now, new_id).task_arn


def _provider(db: Connection, service: Service) -> str | None:
    """Return the capacity provider whose turn it is, given the tasks that the service has."""
    if not service.capacity_provider_strategy:
        return None
    there = sum(running + pending for running, pending in tasks.counts(db, service.service_arn).values())
    return shares(service.capacity_provider_strategy, there + 1)[-1]


def _tags(db: Connection, service: Service, task_definition_arn: str) -> tuple[Tag, ...]:
    match service.propagate_tags:
        case "SERVICE":
            return tuple(tags.of(db, service.service_arn))
        case "TASK_DEFINITION":
            return tuple(tags.of(db, task_definition_arn))
        case _:
            return ()
