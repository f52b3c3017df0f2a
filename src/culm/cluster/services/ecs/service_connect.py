"""Service Connect: named ports of services, which other services of the same namespace call by a name and a port.

On Amazon each task has a proxy for it. Here the cluster's own balancer carries it: every endpoint is a target group and
a listener on the port of its client alias, kept beside those of the ELB API and listed by none of its operations. So an
endpoint's tasks are registered, drained and waited for exactly as those behind a load balancer. All endpoints share the
balancer's address: two of them cannot have the same port, whatever their names.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-connect.html
"""

from collections.abc import Iterator
from dataclasses import replace
from sqlite3 import Connection

from culm.cluster.store.ecs import clusters, services
from culm.cluster.store.ecs.clusters import Cluster
from culm.cluster.store.elbv2 import listeners, load_balancers, rules, target_groups
from culm.cluster.wire.operations import Call
from culm.core.model import load_balancers as model
from culm.core.model.arn import last
from culm.core.model.services import LoadBalancer, Service, ServiceConnectClientAlias, ServiceConnectService
from culm.core.model.task_definitions import TaskDefinition
from culm.core.model.tasks import Task
from culm.errors import AwsError

CHECK_SECONDS, CHECK_TIMEOUT_SECONDS, CHECKS = 5, 2, 2


def taking_part(call: Call, cluster: Cluster, service: Service, definition: TaskDefinition) -> Service:
    """Return the service with its namespace and endpoints resolved against this revision.

    Raises AwsError, in ECS's words where they are known, for a namespace or a port name that there is not, and for an
    alias that is somebody else's.
    """
    given = service.service_connect_configuration
    if given is None or not given.enabled:
        return replace(service, endpoints=())
    namespace = last(given.namespace or (cluster.service_connect_defaults or {}).get("namespace") or "")
    if not namespace:
        raise _refused("Service Connect needs a namespace: neither the service nor its cluster's defaults name one.")
    if namespace not in _namespaces(call.db):
        raise AwsError("NamespaceNotFoundException", f"The namespace {namespace} was not found.")
    service = replace(service, service_connect_configuration=replace(given, namespace=namespace))
    for endpoint in given.services:
        alias = _alias(endpoint)
        _check_alias(call, service, alias, f"{alias.dns_name or _name(endpoint, namespace)}:{alias.port}")
    return replace(service, endpoints=tuple(_endpoint(service, endpoint, definition) for endpoint in given.services))


def carry(call: Call, service: Service) -> None:
    """Have the balancer carry the service's endpoints, and no others of it."""
    forget(call, service, but=tuple(each.target_group_arn or "" for each in service.endpoints))
    given = service.service_connect_configuration
    for endpoint, balancer in zip(given.services if given else (), service.endpoints, strict=False):
        arn = balancer.target_group_arn or ""
        _, cluster, *names = arn.split("/")
        parent = f"{arn.partition('/')[0]}/{cluster}"
        load_balancers.save(
            call.db,
            model.LoadBalancer(
                load_balancer_arn=parent,
                load_balancer_name=f"service-connect.{cluster}",
                scheme="internal",
                created_time=call.now,
            ),
        )
        target_groups.save(
            call.db,
            model.TargetGroup(
                target_group_arn=arn,
                target_group_name=".".join([cluster, *names]),
                port=balancer.container_port,
                health_check_protocol="TCP",
                health_check_interval_seconds=CHECK_SECONDS,
                health_check_timeout_seconds=CHECK_TIMEOUT_SECONDS,
                healthy_threshold_count=CHECKS,
                unhealthy_threshold_count=CHECKS,
            ),
        )
        listener = f"{arn}/listener"
        listeners.save(
            call.db,
            model.Listener(listener_arn=listener, load_balancer_arn=parent, port=_alias(endpoint).port),
        )
        forward = model.Action(type="forward", target_group_arn=arn)
        rules.save(
            call.db, model.Rule(rule_arn=f"{arn}/rule", listener_arn=listener, priority=None, actions=(forward,))
        )


def forget(call: Call, service: Service, but: tuple[str, ...] = ()) -> None:
    """Carry none of the service's endpoints any more, except `but`, target groups by ARN."""
    begin = f"{_folder(service)}/"
    for group in target_groups.list_all(call.db):
        if group.target_group_arn.startswith(begin) and group.target_group_arn not in but:
            listeners.delete(call.db, f"{group.target_group_arn}/listener")
            target_groups.delete(call.db, group.target_group_arn)
    parent = begin.rstrip("/").rpartition("/")[0]
    if not listeners.of_load_balancer(call.db, parent):
        load_balancers.delete(call.db, parent)


def names(db: Connection, task: Task) -> tuple[str, ...]:
    """Return the names that a task's containers can call: its namespace's as they are when it starts, as on Amazon."""
    kind, _, name = task.group.partition(":")
    service = services.find(db, f"{task.cluster_arn.replace(':cluster/', ':service/', 1)}/{name}")
    if kind != "service" or service is None:
        return ()
    given = service.service_connect_configuration
    if given is None or not given.enabled:
        return ()
    return tuple(sorted({name for namespace, name in _endpoint_names(db) if namespace == given.namespace}))


def _endpoint_names(db: Connection) -> Iterator[tuple[str, str]]:
    """Yield namespace and name of every endpoint."""
    for cluster in clusters.list_all(db):
        for service in services.in_cluster(db, cluster.name):
            given = service.service_connect_configuration
            if given is None or not given.enabled or service.status != "ACTIVE":
                continue
            for endpoint in given.services:
                namespace = given.namespace or ""
                yield namespace, _alias(endpoint).dns_name or _name(endpoint, namespace)


def _namespaces(db: Connection) -> set[str]:
    """Return the namespaces that there are: clusters' defaults make them, as ECS does."""
    defaults = (cluster.service_connect_defaults or {} for cluster in clusters.list_all(db))
    return {last(each["namespace"]) for each in defaults if each.get("namespace")}


def _alias(endpoint: ServiceConnectService) -> ServiceConnectClientAlias:
    if len(endpoint.client_aliases) != 1:
        raise _refused("Each service of Service Connect needs one clientAlias.")
    [alias] = endpoint.client_aliases
    if not 1 <= alias.port <= 65_535:
        raise _refused(f"The port {alias.port} of a clientAlias is not from 1 to 65535.")
    return alias


def _check_alias(call: Call, service: Service, alias: ServiceConnectClientAlias, name: str) -> None:
    there = listeners.find_by_port(call.db, alias.port)
    if there is not None and not there.listener_arn.startswith(f"{_folder(service)}/"):
        raise _refused(
            f"culm cannot serve the client alias {name}: port {alias.port} of this cluster is another listener's. "
            "Here all endpoints share one address, so each needs a port of its own."
        )


def _endpoint(service: Service, endpoint: ServiceConnectService, definition: TaskDefinition) -> LoadBalancer:
    for container in definition.container_definitions:
        for mapping in container.port_mappings:
            if mapping.name == endpoint.port_name:
                return LoadBalancer(
                    target_group_arn=f"{_folder(service)}/{endpoint.port_name}",
                    container_name=container.name,
                    container_port=mapping.container_port,
                )
    raise _refused(f"The portName {endpoint.port_name} is not the name of a port mapping of the task definition.")


def _folder(service: Service) -> str:
    """Return what the ARNs of its endpoints begin with."""
    return service.service_arn.replace(":service/", ":service-connect/", 1)


def _name(endpoint: ServiceConnectService, namespace: str) -> str:
    return f"{endpoint.discovery_name or endpoint.port_name}.{namespace}"


def _refused(message: str) -> AwsError:
    return AwsError("InvalidParameterException", message)
