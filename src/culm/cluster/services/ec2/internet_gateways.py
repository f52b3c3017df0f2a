"""Internet gateways: nothing here needs one to be reached, so they are only kept and described back.

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateInternetGateway.html
"""

from dataclasses import replace
from typing import Any

from culm.cluster.services.ec2 import tags
from culm.cluster.services.ec2.filters import Filter, Seen, chosen, member
from culm.cluster.services.ec2.references import DEPENDENCIES, existing, fresh, views
from culm.cluster.services.ec2.tags import TagSpecification
from culm.cluster.store.ec2 import networks
from culm.cluster.wire.operations import Call, operation
from culm.core.model.network import InternetGateway, Vpc
from culm.core.model.record import record
from culm.errors import AwsError


@record
class CreateInternetGatewayInput:
    tag_specifications: tuple[TagSpecification, ...] = ()


@operation("ec2", "CreateInternetGateway")
def create_internet_gateway(call: Call, req: CreateInternetGatewayInput) -> dict[str, Any]:
    """Create a gateway that is attached to nothing."""
    gateway = InternetGateway(id=fresh("igw", call))
    networks.save(call.db, gateway)
    tags.given(call, gateway.id, req.tag_specifications)
    return {"internet_gateway": described(call, gateway)}


@record
class AttachmentInput:
    internet_gateway_id: str
    vpc_id: str


@operation("ec2", "AttachInternetGateway")
def attach_internet_gateway(call: Call, req: AttachmentInput) -> None:
    """Attach a gateway: a VPC has one, and it is one VPC's."""
    gateway, vpc = existing(call, InternetGateway, req.internet_gateway_id), existing(call, Vpc, req.vpc_id)
    if gateway.vpc_id is not None:
        raise AwsError(
            "Resource.AlreadyAssociated", f"resource {gateway.id} is already attached to network {gateway.vpc_id}"
        )
    if any(each.vpc_id == vpc.id for each in networks.of_kind(call.db, InternetGateway)):
        message = f"Network {vpc.id} already has an internet gateway attached"
        raise AwsError("InvalidParameterValue", message)
    networks.save(call.db, replace(gateway, vpc_id=vpc.id))


@operation("ec2", "DetachInternetGateway")
def detach_internet_gateway(call: Call, req: AttachmentInput) -> None:
    """Detach a gateway from its VPC. Raises Gateway.NotAttached when it is attached to another one or to none."""
    gateway = existing(call, InternetGateway, req.internet_gateway_id)
    if gateway.vpc_id != req.vpc_id:
        raise AwsError("Gateway.NotAttached", f"resource {gateway.id} is not attached to network {req.vpc_id}")
    networks.save(call.db, replace(gateway, vpc_id=None))


@record
class DeleteInternetGatewayInput:
    internet_gateway_id: str


@operation("ec2", "DeleteInternetGateway")
def delete_internet_gateway(call: Call, req: DeleteInternetGatewayInput) -> None:
    """Delete a gateway. Raises DependencyViolation while it is attached."""
    gateway = existing(call, InternetGateway, req.internet_gateway_id)
    if gateway.vpc_id is not None:
        raise AwsError("DependencyViolation", DEPENDENCIES.format("internetGateway", gateway.id))
    networks.delete(call.db, gateway.id)


@record
class DescribeInternetGatewaysInput:
    internet_gateway_ids: tuple[str, ...] = ()
    filters: tuple[Filter, ...] = ()


@operation("ec2", "DescribeInternetGateways")
def describe_internet_gateways(call: Call, req: DescribeInternetGatewaysInput) -> dict[str, Any]:
    known = {
        "internet-gateway-id": member("internet_gateway_id"),
        "owner-id": member("owner_id"),
        "attachment.vpc-id": lambda item: [each["vpc_id"] for each in item["attachments"]],
        "attachment.state": lambda item: [each["state"] for each in item["attachments"]],
    }
    return {
        "internet_gateways": chosen(
            views(call, InternetGateway, req.internet_gateway_ids, described), req.filters, known
        )
    }


def described(call: Call, gateway: InternetGateway) -> Seen:
    return {
        "internet_gateway_id": gateway.id,
        "owner_id": call.account,
        "attachments": [{"vpc_id": gateway.vpc_id, "state": "available"}] if gateway.vpc_id else [],
        "tags": tags.shown(call, gateway.id),
    }
