"""A cluster's instances with what is left on them, from what the store counts."""

from dataclasses import replace
from sqlite3 import Connection

from culm.cluster.store.ecs import attributes, container_instances, scheduling
from culm.core.decide.ledger import Fleet, Need
from culm.core.model.instances import ContainerInstance


def instances_of(db: Connection, cluster: str) -> list[ContainerInstance]:
    """Return the registered instances, with the attributes that people put on them behind their agents' own."""
    custom = attributes.by_target(db, cluster)
    return [
        replace(i, attributes=(*i.attributes, *custom[i.container_instance_arn]))
        if i.container_instance_arn in custom
        else i
        for i in container_instances.in_cluster(db, cluster)
    ]


def fleet_of(db: Connection, cluster: str) -> Fleet:
    """Return a cluster's instances with what their tasks take, summed by the database rather than task by task."""
    fleet = Fleet(instances_of(db, cluster))
    needs: dict[tuple[int, int], Need] = {}  # most instances of a large fleet have the same tasks
    for arn, group, cpu, memory, tasks, staying, running in scheduling.loads(db, cluster):
        node = fleet.nodes.get(arn)
        if node is not None:
            need = needs.get((cpu, memory)) or needs.setdefault((cpu, memory), Need(cpu=cpu, memory=memory))
            fleet.load(node, need, group, tasks=tasks, staying=staying, running=running)
    for arn, port, protocol in scheduling.host_ports(db, cluster):
        if arn in fleet.nodes:
            (fleet[arn].ports if protocol == "tcp" else fleet[arn].ports_udp).add(port)
    return fleet
