"""The daemon: everything of the cluster half, wired together, from its start to its orderly end.

SIGTERM (or SIGINT) stops all that it runs and keeps the data. If it is killed instead, tasks, load balancer and
databases go on, and the next daemon adopts them.
"""

import asyncio
import contextlib
import fcntl
import json
import logging
import os
import signal
import socket
from collections.abc import Callable, Iterator, MutableMapping
from pathlib import Path
from typing import Any

from culm.cluster import clock, loop, operations
from culm.cluster.balancer.balancer import Balancer
from culm.cluster.balancer.haproxy import render
from culm.cluster.balancer.haproxy.plane import HaproxyPlane
from culm.cluster.daemon import keys, limits, runtimes, task_endpoint
from culm.cluster.daemon.files import write_owner_only
from culm.cluster.daemon.pruning import PRUNE_EVERY, Pruning
from culm.cluster.daemon.schedules import scheduled_tasks
from culm.cluster.daemon.server import Server
from culm.cluster.daemon.settings import NETWORK, Settings
from culm.cluster.daemon.shutdown import orderly, stop_tasks
from culm.cluster.daemon.sockets import listen, listened, machine_address
from culm.cluster.daemon.storage_keys import StorageKeys
from culm.cluster.daemon.task_endpoint import TaskEndpoint
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
from culm.cluster.instance.task_secrets import TaskSecrets
from culm.cluster.registry.app import application as registry_application
from culm.cluster.registry.registry import Registry
from culm.cluster.scheduler import alarms, scaling
from culm.cluster.scheduler.agents import Agents
from culm.cluster.scheduler.login import RegistryLogin
from culm.cluster.scheduler.reconciler import EVERY, Reconciler
from culm.cluster.store import machines, metrics
from culm.cluster.store import settings as kept
from culm.cluster.store.changes import Signal
from culm.cluster.store.db import Store
from culm.cluster.store.elbv2 import load_balancers
from culm.cluster.store.logs import events
from culm.cluster.wire.api import Api
from culm.cluster.wire.asgi import App, Scope, answering, application
from culm.cluster.wire.keyring import Keyring
from culm.core.model.arn import ACCOUNT
from culm.core.model.instance_types import parse_fleet
from culm.errors import CulmError

log = logging.getLogger(__name__)

DATABASES_EVERY = 1.0
HOUSEKEEPING_EVERY = 60.0
CHECKPOINT_EVERY = 1.0
FLEET_EVERY = 5.0
SCHEDULES_EVERY = 1.0


async def serve(settings: Settings) -> None:
    """Run the cluster until it is told to stop. Raises `CulmError` when it cannot begin."""
    _check(settings)
    with _locked(settings.home):
        killed = (settings.home / "cluster.json").exists()
        runtime, retire = await runtimes.choose(settings, clock.now, killed=killed)
        able = await runtime.capabilities()
        folder = keys.folder(settings.home, os.environ)
        ring = keys.keyring(folder, settings.home)
        storage_keys = StorageKeys(folder)
        write_owner_only(settings.home / runtimes.LAST, able.name)
        store = Store(settings.home / "state.db", storage_keys.sealer)
        try:
            await store.run(storage_keys.check)
            await Daemon(settings, store, runtime, able, ring, storage_keys).run()
        finally:
            store.close()
        await retire()


class Daemon:
    def __init__(
        self,
        settings: Settings,
        store: Store,
        runtime: runtimes.Runtime,
        able: Capabilities,
        ring: Keyring,
        storage_keys: StorageKeys,
    ) -> None:
        self._settings = settings
        self._store = store
        self._runtime = runtime
        self._able = able
        self._keys = ring
        self._storage_keys = storage_keys
        self._addresses = listened(able.gateway)

    async def run(self) -> None:
        last = await self._store.run(lambda db: kept.get(db, "port"))
        sockets = listen(self._addresses, self._settings.port, int(last) if last else None)
        port = sockets[0].getsockname()[1]
        await self._store.run(lambda db: kept.put(db, "port", str(port)))
        await self._store.run(lambda db: load_balancers.set_address(db, self._able.gateway))
        await self._run(sockets, port)

    async def _run(self, sockets: list[socket.socket], port: int) -> None:
        home, region = self._settings.home, self._settings.region
        endpoint = f"http://127.0.0.1:{port}"
        changed = Signal()
        stopping = _on_signals()

        credentials, metadata = Credentials(), Metadata(clock.now)
        listening = task_endpoint.listen(self._able.gateway)
        registry = Registry(self._store, home / "registry", now=clock.now, new_id=clock.new_id)
        await registry.start()
        agents = Agents(
            self._store,
            changed,
            region=region,
            registry=f"127.0.0.1:{port}",
            keys=self._keys,
            now=clock.now,
            new_id=clock.new_id,
        )
        await agents.reset()
        sink = LogSink(self._store, now=clock.now)
        secrets = TaskSecrets(self._store, region)
        login = RegistryLogin(self._store, now=clock.now, new_id=clock.new_id)

        def agent_for(machine: Machine) -> Agent:
            around = Surroundings(
                address=machine.address,
                region=region,
                api=f"http://{self._able.gateway}:{port}",
                agent=AMAZONS_AGENT if listening else f"http://{self._able.gateway}:{port}",
                volumes=str(home / "volumes"),
            )
            return Agent(
                machine=machine,
                around=around,
                control=agents,
                runtime=self._runtime,
                logs=sink,
                login=login,
                credentials=credentials,
                metadata=metadata,
                secrets=secrets,
                now=clock.now,
            )

        fleet = Fleet(
            self._store,
            default=self._settings.instances,
            region=region,
            address=machine_address,
            agent_for=agent_for,
            new_id=clock.new_id,
        )
        reconciler = Reconciler(self._store, agents, changed, now=clock.now, new_id=clock.new_id)
        plane = HaproxyPlane(
            home / "loadbalancer", self._addresses, reserved=listening.getsockname() if listening else None
        )
        balancer = Balancer(self._store, plane, address_of=machines.address_of, changed=changed, now=clock.now)
        databases = Databases(
            self._store, home / "postgres", self._addresses, gateway=self._able.gateway, network=NETWORK
        )
        api = Api(
            region=region,
            endpoint=endpoint,
            now=clock.now,
            new_id=clock.new_id,
            keys=self._keys,
            verified=self._settings.verify,
            load=operations.load,  # an import of all of them would be most of the time that a start takes
        )
        mounts: list[tuple[Callable[[Scope], bool], App]] = [
            (_under(CREDENTIALS), credentials),
            (_under(METADATA), metadata),
            (_under(EXECUTIONS), Executions(self._store, self._runtime, now=clock.now, new_id=clock.new_id)),
            (_under("/v2/"), registry_application(registry)),
        ]
        answer = answering(api, self._store, changed.set)
        server = Server(application(answer, mounts, api.refuse_head), answer)

        pruning = Pruning(home, self._store, self._runtime, f"127.0.0.1:{port}", clock.now)
        rotate = asyncio.Event()

        def on_hangup() -> None:
            self._storage_keys.ask_for_another()
            rotate.set()

        async def sealing() -> int:
            return await self._storage_keys.step(self._store)

        chores = loop.Isolated("the sweep of")

        async def housekeeping() -> int:
            now_ms = int(clock.now() * 1000)
            swept = 0
            with chores.item("blobs"):
                swept += await registry.sweep()
            with chores.item("logs"):
                swept += await self._store.run_long(lambda db: events.expire(db, now_ms))
            with chores.item("metrics"):
                swept += await self._store.run_long(lambda db: metrics.age(db, now_ms / 1000))
            limits.rotate(home / "daemon.log")
            return swept

        async def alarming() -> int:
            changes = await self._store.run(lambda db: alarms.look(db, clock.now()))
            if changes:
                changed.set()
            return 0

        async def autoscaling() -> int:
            scaled = await self._store.run(lambda db: scaling.look(db, clock.now(), clock.new_id, region, ACCOUNT))
            if scaled:
                changed.set()
            return 0

        scheduling = scheduled_tasks(self._store, region, endpoint, changed.set)

        async with asyncio.TaskGroup() as group, fleet:
            serving = group.create_task(server.serve(sockets))
            if listening is not None:
                balancer_port_80 = plane.folder / render.handover_socket(task_endpoint.PORT)
                for_tasks = group.create_task(TaskEndpoint(port, balancer_port_80).serve(listening))
            loops = [
                group.create_task(loop.run("fleet", fleet.step, changed.subscribe(), FLEET_EVERY)),
                group.create_task(loop.run("reconciler", reconciler.step, changed.subscribe(), EVERY)),
                group.create_task(loop.supervise("balancer", balancer.run)),
                group.create_task(loop.run("databases", databases.step, changed.subscribe("rds"), DATABASES_EVERY)),
                group.create_task(loop.run("schedules", scheduling, asyncio.Event(), SCHEDULES_EVERY)),
                group.create_task(loop.run("alarms", alarming, asyncio.Event(), alarms.EVERY_SECONDS)),
                group.create_task(loop.run("scaling", autoscaling, asyncio.Event(), scaling.EVERY_SECONDS)),
                group.create_task(loop.run("housekeeping", housekeeping, asyncio.Event(), HOUSEKEEPING_EVERY)),
                group.create_task(loop.run("checkpoint", self._store.checkpoint, asyncio.Event(), CHECKPOINT_EVERY)),
                group.create_task(loop.run("sealing", sealing, rotate, HOUSEKEEPING_EVERY)),
                group.create_task(loop.run("pruning", pruning.step, pruning.asked, PRUNE_EVERY)),
            ]
            asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, on_hangup)
            asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, pruning.asked.set)
            self._announce(endpoint, port)
            await stopping.wait()

            log.info("stopping")
            (home / "cluster.json").unlink(missing_ok=True)
            for each in loops:
                each.cancel()
            await orderly("the load balancer", plane.stop())
            await orderly("tasks", stop_tasks(self._store, agents, self._runtime, changed.subscribe(), clock.now))
            await orderly("old images", pruning.prune())  # the next daemon prunes as well
            await orderly("databases", databases.stop())
            if listening is not None:
                for_tasks.cancel()
            server.should_exit = True
            await serving
        log.info("stopped")

    def _announce(self, endpoint: str, port: int) -> None:
        """Write cluster.json, by which clients find us, and tell whoever started us."""
        described = {
            "endpoint": endpoint,
            "pid": os.getpid(),
            "runtime": self._able.name,
            "runtime_version": self._able.version,
            "memory_limit": self._able.memory_limit,
            "gateway": self._able.gateway,
            "region": self._settings.region,
            "ports": {"api": port},
            "environment": {
                "AWS_ENDPOINT_URL": endpoint,
                "AWS_REGION": self._settings.region,
                "AWS_DEFAULT_REGION": self._settings.region,
                "AWS_ACCESS_KEY_ID": self._keys.operator.access_key_id,
                "AWS_SECRET_ACCESS_KEY": self._keys.operator.secret_access_key,
            },
            "verify": self._settings.verify,
            "keys": str(self._storage_keys.file),
        }
        write_owner_only(self._settings.home / "cluster.json", json.dumps(described, indent=2))
        if not self._settings.verify:
            log.warning("NOTHING IS VERIFIED: any process that reaches %s may do everything", endpoint)
        log.info("ready at %s, %s", endpoint, self._able.version)
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


@contextlib.contextmanager
def _locked(home: Path) -> Iterator[None]:
    """One daemon a home; the kernel lets the lock go with the process, however it ends.

    A record lock, so that clients can ask who has it without taking anything (`culm.target.local.held`).
    """
    with (home / "cluster.lock").open("w") as lock:
        try:
            fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CulmError(f"a cluster runs already in {home}", "culm cluster status") from None
        yield


def _under(prefix: str) -> Callable[[MutableMapping[str, Any]], bool]:
    return lambda scope: str(scope["path"]).startswith(prefix)


def _on_signals() -> asyncio.Event:
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    return stopping
