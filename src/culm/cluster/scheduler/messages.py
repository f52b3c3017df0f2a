"""Sends what goes wrong to a cluster's webhook, as EventBridge does on aws.

A cluster's tag `culm:notify` names the secret that holds the webhook's URL, and another the share of errors that is
too much; `culm up` writes them where culm.yml has `notify:`. Each look takes what was written down since the one
before: tasks that stopped, events of services, instances whose agents have been away for a while, and the load
balancer's counts of the last five minutes. What happened while this daemon was not there is told by nobody. One message
a second goes out, the oldest first; one that cannot be sent is tried again, for an hour.
"""

import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from sqlite3 import Connection
from urllib.parse import urlsplit

from culm.cluster.loop import Isolated
from culm.cluster.store import metrics, secrets
from culm.cluster.store.db import Store
from culm.cluster.store.ecs import clusters, container_instances, events, tags, tasks
from culm.cluster.store.elbv2 import load_balancers
from culm.cluster.store.sealing import Corrupted
from culm.core.decide import incidents
from culm.core.model.arn import resource
from culm.core.model.metrics import MINUTE, metric
from culm.core.model.record import record
from culm.core.model.tasks import StopCode, Task

log = logging.getLogger(__name__)

EVERY_SECONDS = 1.0
LATE_SECONDS = 60.0
"""How long after its time the news of a task's end may be written down."""
AGAIN_SECONDS = 10.0
"""Before a message that could not be sent is tried again."""
KEPT_SECONDS = 3600.0
"""A message of yesterday is of no use."""
MOST_WAITING = 100
TIMEOUT_SECONDS = 10.0

Post = Callable[[str, str], Awaitable[str]]
"""Sends a text to a URL; returns why it was not taken, without the URL, which is a secret; empty: it was."""


@record
class Message:
    cluster: str
    text: str
    at: float


@record
class News:
    """What one look has found."""

    messages: tuple[Message, ...]
    newest_event: int


class Messages:
    """`step` is the step of a loop."""

    def __init__(self, store: Store, *, now: Callable[[], float], post: Post) -> None:
        self._store, self._now, self._post = store, now, post
        self._began = now()
        self._told: dict[str, float] = {}
        """Tasks that were looked at, by ARN: when they stopped."""
        self._newest_event: int | None = None
        """None until the first look: what is older is no news."""
        self._away: dict[str, float] = {}
        """Container instances whose agents were connected and are not, by ARN: since when."""
        self._connected: set[str] = set()
        self._lost: set[str] = set()
        """Container instances that were told of."""
        self._failing: set[str] = set()
        """Clusters whose share of errors was told of, and that it is over was not."""
        self._waiting: deque[Message] = deque(maxlen=MOST_WAITING)
        self._next_at = 0.0
        self._isolated = Isolated("messages of cluster")

    async def step(self) -> int:
        """Look, and send the oldest message. Returns 0: there is no hurry for the next one."""
        now = self._now()
        news = await self._store.run(lambda db: self._look(db, now))
        self._newest_event = news.newest_event
        self._told = {task: at for task, at in self._told.items() if at >= now - LATE_SECONDS}
        self._waiting.extend(news.messages)
        while self._waiting and self._waiting[0].at < now - KEPT_SECONDS:
            self._waiting.popleft()
        if self._waiting and now >= self._next_at:
            await self._send(self._waiting[0], now)
        return 0

    async def _send(self, message: Message, now: float) -> None:
        url = await self._store.run(lambda db: self._url(db, message.cluster))
        problem = (
            "the secret that it names is not there, or cannot be read"
            if url == ""
            else url and await self._post(url, message.text)
        )
        if not problem:
            self._waiting.popleft()
            return
        log.warning("cluster %s: nobody was told by `notify:`: %s", message.cluster, problem)
        self._next_at = now + AGAIN_SECONDS

    def _look(self, db: Connection, now: float) -> News:
        newest = events.newest(db)
        messages: list[Message] = []
        for cluster in clusters.list_all(db):
            with self._isolated.item(cluster.name):
                if self._secret(db, cluster.name) is not None:
                    texts = self._incidents(db, cluster.name, now)
                    messages += [Message(cluster=cluster.name, text=text, at=now) for text in texts]
        return News(messages=tuple(messages), newest_event=newest)

    def _incidents(self, db: Connection, cluster: str, now: float) -> Iterator[str]:
        """Give a sentence for everything that went wrong since the last look, each once."""
        sentences: dict[str, None] = {}
        since = max(self._began, now - LATE_SECONDS)
        for task in list(tasks.select(db, "cluster = ? AND stopped_at >= ?", (cluster, since))):
            if task.task_arn in self._told:
                continue
            self._told[task.task_arn] = task.stopped_at or now
            sentences |= dict.fromkeys(
                filter(None, [incidents.of_task(cluster, task), self._taken_away(db, cluster, task)])
            )
        if self._newest_event is not None:
            for service, message in events.after(db, cluster, self._newest_event):
                sentences |= dict.fromkeys(filter(None, [incidents.of_event(cluster, service, message)]))
        yield from sentences
        yield from self._silent(db, cluster, now)
        yield from self._errors(db, cluster, now)

    def _taken_away(self, db: Connection, cluster: str, task: Task) -> str | None:
        """Return what is told where a task ended because its instance was deregistered under it."""
        if task.stop_code != StopCode.INFRASTRUCTURE_HEALTH or task.container_instance_arn is None:
            return None
        instance = container_instances.find(db, task.container_instance_arn)
        return incidents.of_instance(cluster, instance) if instance is not None else None

    def _silent(self, db: Connection, cluster: str, now: float) -> Iterator[str]:
        """Give a sentence for each instance whose agent was connected, and has been away for SILENT_SECONDS."""
        for instance in container_instances.in_cluster(db, cluster):
            name = instance.container_instance_arn
            if instance.agent_connected:
                self._connected.add(name)
                self._lost.discard(name)
                self._away.pop(name, None)
            elif name in self._connected - self._lost and self._seconds_away(name, now) >= incidents.SILENT_SECONDS:
                self._lost.add(name)
                yield incidents.of_instance(cluster, instance)

    def _seconds_away(self, instance: str, now: float) -> float:
        return now - self._away.setdefault(instance, now)

    def _errors(self, db: Connection, cluster: str, now: float) -> Iterator[str]:
        """Give a sentence when the share of answers with status 5xx exceeds what the cluster's tag says, or no more."""
        threshold = self._tag(db, cluster, incidents.ERRORS_TAG)
        balancer = load_balancers.find_by_name(db, cluster)
        if threshold is None or not threshold.isdigit() or balancer is None:
            return
        named = resource(balancer.load_balancer_arn).removeprefix("loadbalancer/")
        start = (now // MINUTE + 1) * MINUTE - incidents.ERRORS_SECONDS

        def count(name: str) -> float:
            about = metric("AWS/ApplicationELB", name, LoadBalancer=named)
            return sum(point.sum for point in metrics.find(db, about, start, now + MINUTE))

        counts = (count(name) for name in ("RequestCount", "HTTPCode_Target_5XX_Count", "HTTPCode_ELB_5XX_Count"))
        percent = incidents.share(*counts)
        if (percent > int(threshold)) != (cluster in self._failing):
            self._failing ^= {cluster}
            yield incidents.of_share(cluster, percent, int(threshold))

    def _tag(self, db: Connection, cluster: str, key: str) -> str | None:
        """Return the value of one of the cluster's tags; None: it has no such tag."""
        return next((tag.value for tag in tags.of_cluster(db, cluster) if tag.key == key), None)

    def _secret(self, db: Connection, cluster: str) -> str | None:
        """Return the name of the secret with the webhook's URL; None: nobody is to be told."""
        named = self._tag(db, cluster, incidents.NOTIFY_TAG)
        return named if named != incidents.NOBODY else None

    def _url(self, db: Connection, cluster: str) -> str | None:
        """Return the webhook's URL; empty: its secret cannot be read. None: nobody is to be told any more."""
        name = self._secret(db, cluster)
        if name is None:
            return None
        secret = secrets.find(db, name)
        versions = secrets.versions(db, secret.arn) if secret is not None and secret.deleted_at is None else ()
        current = [version.version_id for version in versions if "AWSCURRENT" in version.stages]
        if secret is None or not current:
            return ""
        try:
            return secrets.value(db, secret.arn, current[0]).decode("utf-8", "replace").strip()
        except Corrupted:
            return ""


async def post(url: str, text: str) -> str:
    """Send a message to a webhook, as Slack takes it. Returns why it was not taken, or nothing."""
    import httpx2

    from culm.cluster.outgoing import refuse_link_local

    here = url.startswith("http:") and urlsplit(url).hostname in ("127.0.0.1", "localhost", "::1")
    try:
        async with httpx2.AsyncClient(
            timeout=TIMEOUT_SECONDS,
            trust_env=not here,
            verify=not here,
            event_hooks={"request": [refuse_link_local]},
        ) as client:
            answer = await client.post(url, json={"text": text})
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        return f"the webhook cannot be reached ({type(error).__name__})"
    return "" if answer.is_success else f"the webhook answered with status {answer.status_code}"
