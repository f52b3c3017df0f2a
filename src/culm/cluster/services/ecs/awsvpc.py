"""Tasks with an address of their own: what `networkConfiguration` must be, and the interface that a task gets.

A task's address is one of this machine's, in 127.0.0.0/8, whatever its subnet's block is; nothing is filtered.
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-networking.html
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from ipaddress import IPv4Address
from sqlite3 import Connection
from typing import Any

from culm.cluster.services.ecs.task_definition_rules import check_fargate_size
from culm.cluster.store import settings
from culm.cluster.store.ec2 import networks, security_groups
from culm.cluster.wire.operations import Call
from culm.core.model import fargate
from culm.core.model.network import Subnet
from culm.core.model.services import CapacityProviderStrategyItem, NetworkConfiguration, Service
from culm.core.model.task_definitions import TaskDefinition
from culm.core.model.tasks import NetworkInterface, Task
from culm.errors import AwsError

FIRST_ADDRESS = IPv4Address("127.80.0.1")
ADDRESSES = 46 << 16
"""Up to 127.125.255.255; then they begin anew."""
LAST_ADDRESS = "last task's address"
MOST_SUBNETS, MOST_SECURITY_GROUPS = 16, 5


def launch_type_of(
    launch_type: str | None, strategy: Sequence[CapacityProviderStrategyItem], of_cluster: str = "EC2"
) -> str:
    """Return where tasks are to run: as the caller says, or by the first capacity provider of the strategy."""
    if strategy:
        return fargate.LAUNCH_TYPE if strategy[0].capacity_provider in fargate.PROVIDERS else "EC2"
    return launch_type or of_cluster


def check(
    call: Call,
    definition: TaskDefinition,
    network: NetworkConfiguration | None,
    launch_type: str,
    platform_version: str | None = None,
) -> None:
    """Raise AwsError, in ECS's words, unless tasks of the definition can be started there in this network."""
    if launch_type == fargate.LAUNCH_TYPE:
        if "FARGATE" not in definition.compatibilities:
            raise _refused("Task definition does not support launch_type FARGATE.")
        check_fargate_size(definition.cpu, definition.memory)
        if platform_version not in (None, "LATEST", fargate.PLATFORM_VERSION, "1.3.0"):
            raise AwsError("PlatformUnknownException", f"The platform version {platform_version} does not exist.")
    elif platform_version is not None:
        raise _refused("The platform version must be null when specifying an EC2 launch type.")
    vpc = network.awsvpc_configuration if network else None
    if definition.network_mode != "awsvpc":
        if vpc is not None:
            raise _refused("Network Configuration is not valid for the given networkMode of this task definition.")
        return
    if vpc is None:
        raise _refused("Network Configuration must be provided when networkMode 'awsvpc' is specified.")
    if vpc.assign_public_ip == "ENABLED" and launch_type != fargate.LAUNCH_TYPE:
        raise _refused("Assign public IP is not supported for this launch type.")
    if not vpc.subnets:
        raise _refused("subnets can not be empty.")
    if len(vpc.subnets) > MOST_SUBNETS:
        raise _refused(f"subnets can have at most {MOST_SUBNETS} items.")
    if len(vpc.security_groups) > MOST_SECURITY_GROUPS:
        raise _refused(f"securityGroups can have at most {MOST_SECURITY_GROUPS} items.")
    for subnet in vpc.subnets:
        if networks.find(call.db, Subnet, subnet) is None:
            raise _refused(
                f"Error retrieving subnet information for [{subnet}]: The subnet ID '{subnet}' does not exist"
                " (ErrorCode: InvalidSubnetID.NotFound)"
            )
    for group in vpc.security_groups:
        if security_groups.find(call.db, group) is None:
            raise _refused(
                f"Error retrieving security group information for [{group}]: The security group '{group}' does not"
                " exist (ErrorCode: InvalidGroup.NotFound)"
            )


def interface(
    db: Connection, definition: TaskDefinition, network: NetworkConfiguration | None, new_id: Callable[[], str]
) -> NetworkInterface | None:
    """Return the interface of a new task, with an address that no other task has; None where its mode gives none.

    Off Linux only 127.0.0.1 is there: all tasks have that, and ports of their own.
    """
    vpc = network.awsvpc_configuration if network else None
    if definition.network_mode != "awsvpc" or vpc is None:
        return None
    turn = (int(settings.get(db, LAST_ADDRESS) or -1) + 1) % ADDRESSES
    settings.put(db, LAST_ADDRESS, str(turn))
    id = new_id()
    subnet_id = vpc.subnets[turn % len(vpc.subnets)]
    subnet = networks.find(db, Subnet, subnet_id)
    return NetworkInterface(
        attachment_id=f"{id[:8]}-{id[8:12]}-{id[12:16]}-{id[16:20]}-{id[20:]}",
        network_interface_id=f"eni-{id[:17]}",
        address=str(FIRST_ADDRESS + turn) if sys.platform == "linux" else "127.0.0.1",
        subnet_id=subnet_id,
        vpc_id=subnet.vpc_id if subnet else "",
        zone=subnet.zone if subnet else "a",
        security_groups=vpc.security_groups,
    )


def attachment(task: Task) -> list[Mapping[str, Any]]:
    """Return a task's interface as DescribeTasks shows it among its attachments."""
    if (eni := task.interface) is None:
        return []
    status = {"STOPPED": "DELETED", "PROVISIONING": "PRECREATED"}.get(task.last_status, "ATTACHED")
    details = {
        "subnetId": eni.subnet_id,
        "networkInterfaceId": eni.network_interface_id,
        "macAddress": "02:" + ":".join(eni.attachment_id[n : n + 2] for n in (0, 2, 4, 6, 9)),
        "privateDnsName": f"ip-{eni.address.replace('.', '-')}.ec2.internal",
        "privateIPv4Address": eni.address,
    }
    return [
        {
            "id": eni.attachment_id,
            "type": "ElasticNetworkInterface",
            "status": status,
            "details": [{"name": name, "value": value} for name, value in details.items()],
        }
    ]


def platform(launch_type: str) -> Mapping[str, str]:
    """Return `platformVersion` and `platformFamily` of a task or service; nothing of one on EC2."""
    if launch_type != fargate.LAUNCH_TYPE:
        return {}
    return {"platform_version": fargate.PLATFORM_VERSION, "platform_family": "Linux"}


def shown(service: Service) -> Mapping[str, Any]:
    """Return what a service or a deployment shows of its network and its platform."""
    platform_version = {"platform_version": service.platform_version or "LATEST"}
    of_fargate = platform(service.launch_type) and {**platform(service.launch_type), **platform_version}
    return {"network_configuration": service.network_configuration, **of_fargate}


def _refused(message: str) -> AwsError:
    return AwsError("InvalidParameterException", message)
