"""The simulated EC2: a fleet of container instances for every ECS cluster, and an agent on each.

A cluster's tag `culm:instances` says which (`2 x t2.micro`, or `none`); without it the daemon's default holds. On
Amazon the tag is a note, and an auto scaling group does this work. A cluster that auto scaling groups are made for
here has their instances alone.
"""

import asyncio
import logging
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Self

from culm.cluster.instance.agent import Agent
from culm.cluster.instance.machine import Machine
from culm.cluster.loop import Isolated, supervise
from culm.cluster.store import autoscaling, machines
from culm.cluster.store.autoscaling import AutoScalingGroup
from culm.cluster.store.db import Store, savepoint
from culm.cluster.store.ecs import clusters, container_instances, tags, tasks
from culm.cluster.store.machines import SimulatedMachine
from culm.core.decide.fleet import FleetChange, fleet_change
from culm.core.decide.fleet import Machine as Known
from culm.core.model import fargate
from culm.core.model.arn import arn
from culm.core.model.instance_types import INSTANCE_TYPES, InstanceType, parse_fleet
from culm.core.model.instances import ContainerInstance

log = logging.getLogger(__name__)

INSTANCES_TAG = "culm:instances"
NO_CHANGE = FleetChange()
Of = tuple[str, str | None]
"""Whose instances: an ECS cluster's, and of which of its auto scaling groups; None: those that come with it."""
HOST = InstanceType(
    name="fargate", vcpus=1 << 20, memory=1 << 40, registered_memory=1 << 40, architecture="x86_64", measured=False
)
"""The machine under the host of Fargate, which takes every task."""


class Fleet:
    """Use as a context: its agents end with it, their containers run on.

    `address` picks one that is not among those in use; `agent_for` makes the agent of a machine.
    """

    def __init__(
        self,
        store: Store,
        *,
        default: str,
        region: str,
        account: str,
        address: Callable[[Sequence[str]], str],
        agent_for: Callable[[Machine], Agent],
        new_id: Callable[[], str],
    ) -> None:
        self._store = store
        self._default = default
        self._region = region
        self._account = account
        self._address = address
        self._agent_for = agent_for
        self._new_id = new_id
        self._agents: dict[str, asyncio.Task[None]] = {}
        self._group = asyncio.TaskGroup()
        self._isolated = Isolated("the fleet of cluster")

    async def __aenter__(self) -> Self:
        await self._group.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        for agent in self._agents.values():
            agent.cancel()
        await self._group.__aexit__(None, None, None)

    async def step(self) -> int:
        """Look once: machines for new wishes, an agent for each machine, none for those that have gone."""
        there = {machine.ec2_instance_id: machine for machine in await self._store.run(self._decide)}
        new = [machine for id, machine in there.items() if id not in self._agents]
        for machine in new:
            self._agents[machine.ec2_instance_id] = self._group.create_task(self._keep(machine.ec2_instance_id))
        for id in [id for id in self._agents if id not in there]:
            self._agents.pop(id).cancel()
        return len(new)

    async def end_agents(self) -> None:
        """End every agent; machines that are there at the next `step` have new ones. Their containers run on."""
        agents = [self._agents.pop(id) for id in list(self._agents)]
        for agent in agents:
            agent.cancel()
        await asyncio.gather(*agents, return_exceptions=True)

    async def _keep(self, id: str) -> None:
        """An agent that fails is started again, as ecs-init does; its containers run on meanwhile.

        Each time with what is known of the machine by then: one that had joined must not join as another.
        """

        async def run() -> None:
            machine = await self._store.run(lambda db: _found(db, id, self._account))
            await self._agent_for(machine).run()

        await supervise(f"the agent of {id}", run)

    def _decide(self, db: sqlite3.Connection) -> list[Machine]:
        """Write down the machines that each cluster is to have.

        Returns those that are to have an agent, as it needs to know them: all but those that a client deregistered.
        """
        there = machines.every(db)
        known: dict[Of, list[SimulatedMachine]] = defaultdict(list)
        for machine in there:
            known[machine.cluster, machine.autoscaling_group].append(machine)
        hosts = known.pop((fargate.HOSTS, None), [])
        groups: dict[Of, AutoScalingGroup] = {(group.cluster, group.name): group for group in autoscaling.list_all(db)}
        active = {cluster.name for cluster in clusters.list_all(db)}
        joined = {i.ec2_instance_id: i for i in container_instances.everywhere(db)}
        live = tasks.live_by_instance(db)
        changes = self._host_fargate(db, hosts, live)
        ours = active - {cluster for cluster, _ in groups}
        for of in sorted({(cluster, None) for cluster in active} | groups.keys() | known.keys(), key=str):
            with self._isolated.item(of[1] or of[0]), savepoint(db):
                there_of = [_known(db, machine, joined, live) for machine in known[of]]
                if group := groups.get(of):
                    there_of = [replace(each, protected=group.protects(each.ec2_instance_id)) for each in there_of]
                    wished = _wished_by(group, there_of)
                else:
                    wished = self._wished(db, of[0]) if of[0] in ours and of[1] is None else ()
                change = fleet_change(wished, there_of)
                if change != NO_CHANGE:
                    changes += 1
                    self._change(db, of, change, joined)
        started = []
        for machine in machines.every(db) if changes else there:
            with self._isolated.item(machine.ec2_instance_id):
                if machine.autoscaling_group and machine.cluster not in active:
                    continue  # its agent joins when the cluster is there
                if _known(db, machine, joined, live).registered:
                    started.append(_machine(machine, joined, self._account))
        return started

    def _host_fargate(self, db: sqlite3.Connection, hosts: list[SimulatedMachine], live: Mapping[str, int]) -> int:
        """Write down a region's host of Fargate when the first task of this launch type is there; it stays.

        `live`: the tasks of each instance that are not STOPPED. Returns how many hosts were added.
        """
        there = {machine.availability_zone for machine in hosts}
        wanted = {f"{host.split(':')[3]}a" for host, running in live.items() if running and fargate.is_host(host)}
        for zone in sorted(wanted - there):
            self._insert(db, (fargate.HOSTS, None), HOST.name, zone)
        return len(wanted - there)

    def _wished(self, db: sqlite3.Connection, cluster: str) -> tuple[InstanceType, ...]:
        types = next((tag.value for tag in tags.of_cluster(db, cluster) if tag.key == INSTANCES_TAG), self._default)
        try:
            return () if types == "none" else parse_fleet(types)
        except ValueError as error:
            log.error("cluster %s: tag %s: %s; the default of %s holds", cluster, INSTANCES_TAG, error, self._default)
            return parse_fleet(self._default)

    def _change(
        self, db: sqlite3.Connection, of: Of, change: FleetChange, registered: dict[str, ContainerInstance]
    ) -> None:
        for id in change.drain:
            container_instances.set_status(db, registered[id].container_instance_arn, "DRAINING")
        for id in change.remove:
            if id in registered:
                container_instances.set_status(db, registered[id].container_instance_arn, "INACTIVE")
            machines.delete(db, id)
        for instance_type in change.add:
            zone = sum(machine.cluster == of[0] for machine in machines.every(db)) % 2
            self._insert(db, of, instance_type, f"{self._region}{'ab'[zone]}")

    def _insert(self, db: sqlite3.Connection, of: Of, instance_type: str, zone: str) -> None:
        made = SimulatedMachine(
            ec2_instance_id=f"i-{self._new_id()[:17]}",
            cluster=of[0],
            autoscaling_group=of[1],
            instance_type=instance_type,
            address=self._address([machine.address for machine in machines.every(db)]),
            availability_zone=zone,
        )
        machines.insert(db, made)
        log.info("cluster %s: %s %s at %s", made.cluster, instance_type, made.ec2_instance_id, made.address)


def _wished_by(group: AutoScalingGroup, there: Sequence[Known]) -> tuple[InstanceType, ...]:
    """Return the types of a group's instances: of those that run, the protected and the busiest stay, of any type."""
    wanted = max(group.instances, sum(machine.protected for machine in there))
    staying = sorted(there, key=lambda machine: (machine.protected, not machine.draining, machine.tasks), reverse=True)
    types = [machine.instance_type for machine in staying[:wanted]]
    types += [group.instance_type] * (wanted - len(types))
    return tuple(INSTANCE_TYPES[name] for name in types)


def _known(
    db: sqlite3.Connection,
    machine: SimulatedMachine,
    registered: Mapping[str, ContainerInstance],
    live: Mapping[str, int],
) -> Known:
    """Return what decides of a machine. `live`: the tasks of each instance that are not STOPPED."""
    instance = registered.get(machine.ec2_instance_id)
    joined = instance or container_instances.find_by_ec2_instance_id(db, machine.ec2_instance_id)
    return Known(
        ec2_instance_id=machine.ec2_instance_id,
        instance_type=machine.instance_type,
        registered=instance is not None or joined is None,  # one that has not joined yet is about to
        tasks=live.get(joined.container_instance_arn, 0) if joined else 0,
        draining=instance is not None and instance.status == "DRAINING",
    )


def _found(db: sqlite3.Connection, id: str, account: str) -> Machine:
    registered = {i.ec2_instance_id: i for i in container_instances.everywhere(db)}
    machine = next(machine for machine in machines.every(db) if machine.ec2_instance_id == id)
    return _machine(machine, registered, account)


def _machine(machine: SimulatedMachine, registered: dict[str, ContainerInstance], account: str) -> Machine:
    kind = INSTANCE_TYPES.get(machine.instance_type, HOST)
    there = registered.get(machine.ec2_instance_id)
    arn_before = there.container_instance_arn if there else None
    if machine.cluster == fargate.HOSTS:
        arn_before = fargate.host_arn(arn("ecs", machine.availability_zone[:-1], account, "cluster"))
    return Machine(
        cluster=machine.cluster,
        ec2_instance_id=machine.ec2_instance_id,
        address=machine.address,
        instance_type=kind.name,
        cpu=kind.cpu,
        memory=kind.registered_memory,
        availability_zone=machine.availability_zone,
        container_instance_arn=arn_before,
    )
