"""Which containers of a task share a network, as all of one do in the mode `awsvpc`: `localhost` is the task.

Amazon's agent starts a container of its own that does nothing but hold the network. Here one of the task's containers
holds it, since that agent's image cannot be taken for granted: it starts before those that join it. What others wait
to see ended, such as a migration, has a network of its own if it runs before the holder.

Example: `app` waits until `migrate` is COMPLETE and `proxy` is HEALTHY; `logs` waits for nothing. Both `proxy` and
`logs` could hold the network; `proxy` does if it alone is essential. `app` and `logs` join it, `migrate` does not.
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-networking-awsvpc.html
"""

from culm.core.model.agent import ContainerPayload, TaskPayload

ENDS = ("COMPLETE", "SUCCESS")
"""Conditions of a dependency that wait for a container's end."""


def holder(task: TaskPayload) -> str | None:
    """Return the name of the container that holds the task's network; None where each container has its own."""
    if not task.address or len(task.containers) == 1:
        return None
    staying = _staying(task)
    names = {container.name for container in staying}
    first = [container for container in staying if not _before(task, container.name) & names]
    return min(first, key=lambda container: (not container.essential, container.restart_policy is not None)).name


def joining(task: TaskPayload) -> frozenset[str]:
    """Return the names of the containers that join the holder's network."""
    if (held_by := holder(task)) is None:
        return frozenset()
    staying = {container.name for container in _staying(task)} - {held_by}
    return frozenset(c.name for c in task.containers if c.name in staying or held_by in _before(task, c.name))


def _staying(task: TaskPayload) -> list[ContainerPayload]:
    """Return the containers whose end no other waits for."""
    ending = {d.container_name for c in task.containers for d in c.depends_on if d.condition in ENDS}
    return [container for container in task.containers if container.name not in ending]


def _before(task: TaskPayload, name: str) -> set[str]:
    """Return the names of all that a container waits for, directly or not."""
    dependencies = {c.name: {d.container_name for d in c.depends_on} for c in task.containers}
    before: set[str] = set()
    waiting = list(dependencies[name])
    while waiting:
        each = waiting.pop()
        if each not in before:
            before.add(each)
            waiting += dependencies[each]
    return before
