"""Network interfaces: there are none, for tasks and load balancers are on the machine's own.

Tools look for them before they delete a subnet or a security group.
"""

from typing import Any

from culm.cluster.services.ec2.filters import Filter, Seen, named
from culm.cluster.wire.operations import Call, operation
from culm.core.model.record import record


@record
class DescribeNetworkInterfacesInput:
    network_interface_ids: tuple[str, ...] = ()
    filters: tuple[Filter, ...] = ()
    """Whatever they are: they find none."""


@operation("ec2", "DescribeNetworkInterfaces")
def describe_network_interfaces(call: Call, req: DescribeNetworkInterfacesInput) -> dict[str, Any]:
    """Return none: tasks have no interfaces of their own here. Raises the error of an unknown id when ids are named."""
    none: list[Seen] = []
    code, noun = "InvalidNetworkInterfaceID.NotFound", "networkInterface ID"
    return {"network_interfaces": named(none, "network_interface_id", req.network_interface_ids, code, noun)}
