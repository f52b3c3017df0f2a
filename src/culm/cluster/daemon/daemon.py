"""The daemon: everything of the cluster half, wired together, from its start to its orderly end.

SIGTERM (or SIGINT) stops all that it runs and keeps the data. If it is killed instead, tasks, load balancer and
databases go on, and the next daemon adopts them.

The order of the start, and why:

1. The sockets listen. A port that is taken is an error before anything else is touched, and the agents, the registry
   and the API must know the port by which containers reach them.
2. `Components` makes every component and connects it to those it needs. None of them runs yet.
3. `Components.prepare` puts right what a daemon that was killed left: half-written blobs, and agents that are marked as
   connected. It must be done before the first request and before the first agent registers.
4. The API serves, then the endpoint for tasks, then the loops: a loop starts containers, and they call the API.
5. cluster.json is written last, so whoever finds it finds a cluster that answers.

The order of the end: cluster.json goes first, so that no new client comes. The loops are cancelled, or they would
start again what is being stopped. The load balancer goes before the tasks, so that it sends no request to a task that
ends; old images go after the tasks that used them; databases after the tasks that may still write to them. The API
answers until all of that is done, because agents and tasks report to it; the agents end last, with the `Fleet`.
"""

import asyncio
import json
import logging
import os
import signal
import socket
import ssl
from collections.abc import Callable, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any

from culm.cluster import clock, loop, operations
from culm.cluster.balancer import access_logs, idle, office_hours, sign_in
from culm.cluster.balancer.access_logs import AccessLogs
from culm.cluster.balancer.balancer import Balancer
from culm.cluster.balancer.haproxy import binary, render
from culm.cluster.balancer.haproxy.plane import HaproxyPlane
from culm.cluster.balancer.idle import IdleServices
from culm.cluster.balancer.office_hours import OfficeHoursLoop
from culm.cluster.balancer.sign_in import Authenticator
from culm.cluster.balancer.waker import Waker
from culm.cluster.daemon import health, https, keys, limits, live_tails, previews, resetting, runtimes, task_endpoint
from culm.cluster.daemon.connection import Answer
from culm.cluster.daemon.files import write_owner_only
from culm.cluster.daemon.issuers import EVERY_SECONDS as ISSUERS_EVERY
from culm.cluster.daemon.issuers import Issuers
from culm.cluster.daemon.lock import locked
from culm.cluster.daemon.pruning import PRUNE_EVERY, Pruning
from culm.cluster.daemon.resetting import Resetting
from culm.cluster.daemon.schedules import scheduled_tasks
from culm.cluster.daemon.server import Server
from culm.cluster.daemon.settings import NETWORK, Settings, settled
from culm.cluster.daemon.shutdown import orderly, stop_tasks
from culm.cluster.daemon.sockets import listen, listened, machine_address
from culm.cluster.daemon.storage_keys import StorageKeys
from culm.cluster.daemon.task_endpoint import TaskEndpoint
from culm.cluster.database.caches import Caches
from culm.cluster.database.keeper import Place
from culm.cluster.database.servers import Databases
from culm.cluster.exec.operation import PATH as EXECUTIONS
from culm.cluster.exec.stream import Executions
from culm.cluster.instance.agent import Agent
from culm.cluster.instance.credentials import PATH as CREDENTIALS
from culm.cluster.instance.credentials import Credentials
from culm.cluster.instance.fleet import Fleet
from culm.cluster.instance.log_sink import LogSink
from culm.cluster.instance.machine import Machine
from culm.cluster.instance.metadata import Metadata
from culm.cluster.instance.runtime.interface import Capabilities
from culm.cluster.instance.specs import AMAZONS_AGENT, METADATA, Surroundings
from culm.cluster.instance.task_files import TaskFiles
from culm.cluster.instance.task_secrets import TaskSecrets
from culm.cluster.registry.app import application as registry_application
from culm.cluster.registry.parts import Parts
from culm.cluster.registry.registry import Registry
from culm.cluster.scheduler import alarms, messages, scaling
from culm.cluster.scheduler.agents import Agents
from culm.cluster.scheduler.login import RegistryLogin
from culm.cluster.scheduler.reconciler import EVERY, Reconciler
from culm.cluster.store import machines, metrics
from culm.cluster.store import settings as kept
from culm.cluster.store.changes import Signal
from culm.cluster.store.db import Store
from culm.cluster.store.elbv2 import load_balancers
from culm.cluster.store.logs import events
from culm.cluster.store.s3 import bodies
from culm.cluster.wire.api import Api
from culm.cluster.wire.asgi import App, Scope, answering, application
from culm.cluster.wire.keyring import Keyring
from culm.core.model.instance_types import parse_fleet
from culm.errors import CulmError, PlaneFailure

log = logging.getLogger(__name__)

DATABASES_EVERY = 1.0
HOUSEKEEPING_EVERY = 60.0
CHECKPOINT_EVERY = 1.0
FLEET_EVERY = 5.0
SCHEDULES_EVERY = 1.0


@dataclass(frozen=True)
class Resources:
    """What every component stands on: `serve` opens it before the first is made, and closes it after the last."""

    settings: Settings
    store: Store
    runtime: runtimes.Runtime
    capabilities: Capabilities
    keys: Keyring
    storage_keys: StorageKeys


async def serve(settings: Settings) -> None:
    """Run the cluster until it is told to stop. Raises `CulmError` when it cannot begin."""
    _check(settings)
    with locked(settings.home):
        killed = (settings.home / "cluster.json").exists()
        runtime, retire = await runtimes.choose(settings, clock.now, killed=killed)
        capabilities = await runtime.capabilities()
        folder = keys.folder(settings.home, os.environ)
        secret = keys.master(folder)
        storage_keys = StorageKeys(folder)
        write_owner_only(settings.home / runtimes.LAST, capabilities.name)
        store = Store(settings.home / "state.db", storage_keys.sealer)
        try:
            await store.run(storage_keys.check)
            settings = await store.run(lambda db: settled(db, settings))
            ring = keys.keyring(secret, settings.home, settings.account)
            await Daemon(Resources(settings, store, runtime, capabilities, ring, storage_keys)).run()
        finally:
            store.close()
        await retire()


class Components:
    """The components of a running cluster, each connected to those it needs. Making them starts none of them."""

    def __init__(self, resources: Resources, addresses: Sequence[str], port: int) -> None:
        """`addresses` and `port`: where the API listens."""
        settings, store = resources.settings, resources.store
        self._resources = resources
        self._port = port
        self._api = f"http://{resources.capabilities.gateway}:{port}"
        self.endpoint = f"http://127.0.0.1:{port}"
        self.changed = Signal()
        self.credentials, self.metadata = Credentials(), Metadata(clock.now)
        self.listening = task_endpoint.listen(resources.capabilities.gateway)
        """The socket at the address that Amazon's agent has; None where this machine does not let us have it."""
        self.registry = Registry(
            store, settings.home / "registry", now=clock.now, new_id=clock.new_id, account=settings.account
        )
        self.agents = Agents(
            store,
            self.changed,
            region=settings.region,
            account=settings.account,
            registry=f"127.0.0.1:{port}",
            keys=resources.keys,
            now=clock.now,
            new_id=clock.new_id,
        )
        self._sink = LogSink(store, now=clock.now)
        self._secrets = TaskSecrets(store)
        self._files = TaskFiles(store)
        self._login = RegistryLogin(store, now=clock.now, new_id=clock.new_id)
        self.fleet = Fleet(
            store,
            default=settings.instances,
            region=settings.region,
            account=settings.account,
            address=machine_address,
            agent_for=self._agent_for,
            new_id=clock.new_id,
        )
        self.reconciler = Reconciler(store, self.agents, self.changed, now=clock.now, new_id=clock.new_id)
        self.plane = HaproxyPlane(
            settings.home / "loadbalancer",
            addresses,
            reserved=self.listening.getsockname() if self.listening else None,
        )
        self.access_logs = AccessLogs(store, self.plane.folder, now=clock.now, new_id=clock.new_id)
        self.balancer = Balancer(store, self.plane, address_of=machines.address_of, changed=self.changed, now=clock.now)
        self.waker = Waker(store, self.plane.folder, address_of=machines.address_of, changed=self.changed)
        self.balancer.waker = self.waker
        self.authenticator = self.balancer.authenticator = Authenticator(store, self.plane.folder, clock.now)
        self.idle = IdleServices(store, self.plane, self.changed)
        self.office_hours = OfficeHoursLoop(store, self.changed)
        self.databases = Databases(
            store, settings.home / "postgres", addresses, gateway=resources.capabilities.gateway, network=NETWORK
        )
        gateway = resources.capabilities.gateway
        place = Place(folder=settings.home / "valkey", addresses=addresses, gateway=gateway, network=NETWORK)
        self.caches = Caches(store, place)
        self.messages = messages.Messages(store, now=clock.now, post=messages.post)
        self.resetting = Resetting(settings.home, store, resources.runtime, self.fleet.end_agents, clock.now)
        self.resetting.after = self.registry.start
        self.resetting.changed = self.changed.set
        self._app, self._answer = self._application()
        self.server = Server(self._app, self._answer)
        self.pruning = Pruning(settings.home, store, resources.runtime, f"127.0.0.1:{port}", clock.now)

    async def prepare(self) -> None:
        """Put right what a daemon that was killed left. Before the first request, and before any agent registers."""
        self.access_logs.listen()
        await self.registry.start()
        await self._resources.store.run_long(bodies.drop_unnamed)
        await self.agents.reset()

    def _agent_for(self, machine: Machine) -> Agent:
        """Make the agent of one simulated machine; the `Fleet` runs it."""
        surroundings = Surroundings(
            address=machine.address,
            region=self._resources.settings.region,
            api=self._api,
            agent=AMAZONS_AGENT if self.listening else self._api,
            volumes=str(self._resources.settings.home / "volumes"),
        )
        return Agent(
            machine=machine,
            surroundings=surroundings,
            control=self.agents,
            runtime=self._resources.runtime,
            logs=self._sink,
            login=self._login,
            credentials=self.credentials,
            metadata=self.metadata,
            secrets=self._secrets,
            files=self._files,
            now=clock.now,
        )

    def https_server(self, tls: ssl.SSLContext) -> Server:
        """Return a server of the same, in TLS."""
        return Server(self._app, self._answer, tls)

    def _application(self) -> tuple[App, Answer]:
        """Make the ASGI application (AWS API, registry, what tasks ask their agent), and the short path to the API."""
        resources = self._resources
        api = Api(
            region=resources.settings.region,
            account=resources.settings.account,
            endpoint=self.endpoint,
            now=clock.now,
            new_id=clock.new_id,
            keys=resources.keys,
            layer_parts=Parts(self.registry),
            verified=resources.settings.verify,
            load=operations.load,  # an import of all of them would be most of the time that a start takes
        )
        executions = Executions(resources.store, resources.runtime, now=clock.now, new_id=clock.new_id)
        mounts: list[tuple[Callable[[Scope], bool], App]] = [
            (_under(CREDENTIALS), self.credentials),
            (_under(METADATA), self.metadata),
            (_under(EXECUTIONS), executions),
            (_under("/v2/"), registry_application(self.registry)),
            (health.claims, health.page),
            (resetting.claims, resetting.ResetRequests(self.resetting, allowed=resources.settings.reset_over_http)),
            (sign_in.claims, sign_in.PublicKeys(resources.store)),
            (live_tails.claims, live_tails.LiveTails(api, resources.store, now=clock.now)),
        ]
        answer = answering(api, resources.store, self.changed.set)
        return application(answer, mounts, api.refuse_head, resources.settings.home), answer


class Maintenance:
    """The work that no component does for itself; each method is the step of a loop of its own."""

    def __init__(self, resources: Resources, registry: Registry, changed: Signal) -> None:
        self._resources = resources
        self._registry = registry
        self._changed = changed
        self._sweeps = loop.Isolated("the sweep of")
        self.rotate = asyncio.Event()
        """Set: another storage key was asked for, seal now."""

    def ask_for_another_key(self) -> None:
        """Make a new key for what is stored, as SIGHUP asks for."""
        self._resources.storage_keys.ask_for_another()
        self.rotate.set()

    async def seal(self) -> int:
        """Seal rows with the newest storage key; how many."""
        return await self._resources.storage_keys.step(self._resources.store)

    async def sweep(self) -> int:
        """Remove blobs without an image, logs past their retention, old metrics; how many. Begin a long log anew."""
        store, now = self._resources.store, clock.now()
        swept = 0
        with self._sweeps.item("blobs"):
            swept += await self._registry.sweep()
        with self._sweeps.item("objects"):
            while rows := await store.run_long(bodies.sweep):
                swept += rows
        with self._sweeps.item("logs"):
            swept += await store.run_long(lambda db: events.expire(db, int(now * 1000)))
        with self._sweeps.item("metrics"):
            swept += await store.run_long(lambda db: metrics.age(db, int(now * 1000) / 1000))
        limits.rotate(self._resources.settings.home / "daemon.log")
        limits.return_free_memory()
        return swept

    async def evaluate_alarms(self) -> int:
        """Evaluate every alarm. Returns 0, as one look is enough; a change wakes the other loops."""
        if await self._resources.store.run(lambda db: alarms.look(db, clock.now())):
            self._changed.set()
        return 0

    async def scale(self) -> int:
        """Set the number of tasks of services that follow a target. Returns 0; a change wakes the other loops."""
        if await self._resources.store.run(lambda db: scaling.look(db, clock.now(), clock.new_id)):
            self._changed.set()
        return 0


class Daemon:
    """The cluster of one home: `run` starts it, waits until it is told to stop, and stops it."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._settings = resources.settings
        self._store = resources.store
        self._capabilities = resources.capabilities
        self._addresses = listened(resources.capabilities.gateway)

    async def run(self) -> None:
        """Run until SIGTERM or SIGINT. Raises `CulmError` where the port cannot be had."""
        last = await self._store.run(lambda db: kept.get(db, "port"))
        sockets = listen(self._addresses, self._settings.port, int(last) if last else None)
        secure_port = self._settings.https_port
        secure = listen(self._addresses, secure_port, None, "--https-port") if secure_port else []
        port = sockets[0].getsockname()[1]
        await self._store.run(lambda db: kept.put(db, "port", str(port)))
        await self._store.run(lambda db: load_balancers.set_address(db, self._capabilities.gateway))
        stopping = _on_signals()
        components = Components(self._resources, self._addresses, port)
        await components.prepare()
        servers = [(components.server, sockets)]
        if secure:
            servers.append((components.https_server(await self._tls()), secure))
        await self._serve(components, servers, stopping)

    async def _tls(self) -> ssl.SSLContext:
        issued = await self._store.run(lambda db: https.issue(db, self._addresses, clock.now()))
        return https.context(self._settings.home, *issued)

    async def _serve(
        self, components: Components, servers: Sequence[tuple[Server, list[socket.socket]]], stopping: asyncio.Event
    ) -> None:
        """Start `components`, wait for `stopping`, stop them; this module's docstring explains both orders."""
        port = servers[0][1][0].getsockname()[1]
        async with asyncio.TaskGroup() as group, components.fleet:
            serving = [group.create_task(server.serve(sockets)) for server, sockets in servers]
            for_tasks: asyncio.Task[None] | None = None
            if components.listening is not None:
                balancer_port_80 = components.plane.folder / render.handover_socket(task_endpoint.PORT)
                for_tasks = group.create_task(TaskEndpoint(port, balancer_port_80).serve(components.listening))
            loops = self._start_loops(group, components)
            limits.collect_less()
            self._announce(components.endpoint, port)
            await stopping.wait()

            log.info("stopping")
            (self._settings.home / "cluster.json").unlink(missing_ok=True)
            for each in loops:
                each.cancel()
            await self._stop(components)
            if for_tasks is not None:
                for_tasks.cancel()
            for server, _ in servers:
                server.should_exit = True
            await asyncio.wait(serving)
        log.info("stopped")

    def _start_loops(self, group: asyncio.TaskGroup, components: Components) -> list[asyncio.Task[None]]:
        """Start every loop in `group`, and let SIGHUP, SIGUSR1 and SIGUSR2 wake theirs."""
        changed, pruning, reset = components.changed, components.pruning, components.resetting
        maintenance = Maintenance(self._resources, components.registry, changed)
        issuers = Issuers(self._settings.home, self._store, clock.now)
        place = self._settings.region, self._settings.account
        scheduling = scheduled_tasks(self._store, *place, components.endpoint, changed.set)
        by_timer_only = asyncio.Event  # nothing wakes such a loop before its time
        loops = [
            loop.run("fleet", components.fleet.step, changed.subscribe(), FLEET_EVERY),
            loop.run("reconciler", components.reconciler.step, changed.subscribe(), EVERY),
            loop.supervise("balancer", components.balancer.run),
            loop.run("databases", components.databases.step, changed.subscribe("rds"), DATABASES_EVERY),
            loop.run("caches", components.caches.step, changed.subscribe("elasticache"), DATABASES_EVERY),
            loop.run("issuers", issuers.step, changed.subscribe("iam"), ISSUERS_EVERY),
            loop.run("schedules", scheduling, by_timer_only(), SCHEDULES_EVERY),
            loop.run("office hours", components.office_hours.step, by_timer_only(), office_hours.EVERY_SECONDS),
            loop.run("idle services", components.idle.step, by_timer_only(), idle.EVERY_SECONDS),
            loop.run("access logs", components.access_logs.step, by_timer_only(), access_logs.EVERY_SECONDS),
            loop.run("alarms", maintenance.evaluate_alarms, by_timer_only(), alarms.EVERY_SECONDS),
            loop.run("messages", components.messages.step, by_timer_only(), messages.EVERY_SECONDS),
            loop.run("scaling", maintenance.scale, by_timer_only(), scaling.EVERY_SECONDS),
            loop.run("housekeeping", maintenance.sweep, by_timer_only(), HOUSEKEEPING_EVERY),
            loop.run("checkpoint", self._store.checkpoint, by_timer_only(), CHECKPOINT_EVERY),
            loop.run("sealing", maintenance.seal, maintenance.rotate, HOUSEKEEPING_EVERY),
            loop.run("previews", self._expiry().step, by_timer_only(), previews.EVERY),
            loop.run("pruning", pruning.step, pruning.asked, PRUNE_EVERY),
            loop.run("resetting", reset.step, reset.signalled, HOUSEKEEPING_EVERY),
        ]
        tasks = [group.create_task(each) for each in loops]
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, maintenance.ask_for_another_key)
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, pruning.asked.set)
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR2, reset.ask)
        return tasks

    def _expiry(self) -> previews.Expiry:
        suffix = f"-{self._settings.account}-{self._settings.region}"
        return previews.Expiry(self._settings.home, self._store, suffix, clock.now)

    async def _stop(self, components: Components) -> None:
        """Stop what runs outside of this process; one that does not stop in time keeps none of the others from it."""
        runtime, changed = self._resources.runtime, components.changed.subscribe()
        await orderly("the load balancer", components.plane.stop())
        await orderly("access logs", components.access_logs.close())
        await orderly("held requests", components.waker.close())
        await orderly("sign-ins", components.authenticator.close())
        await orderly("tasks", stop_tasks(self._store, components.agents, runtime, changed, clock.now))
        await orderly("old images", components.pruning.prune())  # the next daemon prunes as well
        await orderly("databases", components.databases.stop())
        await orderly("caches", components.caches.stop())

    def _announce(self, endpoint: str, port: int) -> None:
        """Write cluster.json, by which clients find us, and tell whoever started us."""
        described = {
            "endpoint": endpoint,
            "pid": os.getpid(),
            "runtime": self._capabilities.name,
            "runtime_version": self._capabilities.version,
            "memory_limit": self._capabilities.memory_limit,
            "gateway": self._capabilities.gateway,
            "region": self._settings.region,
            "account": self._settings.account,
            "ports": {"api": port} | ({"https": self._settings.https_port} if self._settings.https_port else {}),
            "environment": {
                "AWS_ENDPOINT_URL": endpoint,
                "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",  # `stream-127.0.0.1` is no host
                "AWS_REGION": self._settings.region,
                "AWS_DEFAULT_REGION": self._settings.region,
                "AWS_ACCESS_KEY_ID": self._resources.keys.operator.access_key_id,
                "AWS_SECRET_ACCESS_KEY": self._resources.keys.operator.secret_access_key,
            },
            "verify": self._settings.verify,
            "reset_over_http": self._settings.reset_over_http,
            "keys": str(self._resources.storage_keys.file),
        }
        write_owner_only(self._settings.home / "cluster.json", json.dumps(described, indent=2))
        if not self._settings.verify:
            log.warning("NOTHING IS VERIFIED: any process that reaches %s may do everything", endpoint)
        log.info("ready at %s, %s", endpoint, self._capabilities.version)
        if self._settings.ready_fd is not None:
            with os.fdopen(self._settings.ready_fd, "w") as answer:
                json.dump(described, answer)


def _check(settings: Settings) -> None:
    try:
        settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        if settings.home.stat().st_mode & 0o077:
            settings.home.chmod(0o700)  # what is inside is its owner's alone
    except OSError as error:
        raise CulmError(f"cannot use {settings.home}: {error.strerror}", "set CULM_HOME to a folder of yours") from None
    try:
        parse_fleet(settings.instances)
    except ValueError as error:
        raise CulmError(f"instances: {error}", "write for example: --instances '2 x t2.micro'") from None
    try:
        binary.find()
    except PlaneFailure as failure:
        raise CulmError(failure.message, "`culm doctor` says what else this machine lacks") from None


def _under(prefix: str) -> Callable[[MutableMapping[str, Any]], bool]:
    return lambda scope: str(scope["path"]).startswith(prefix)


def _on_signals() -> asyncio.Event:
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    return stopping
