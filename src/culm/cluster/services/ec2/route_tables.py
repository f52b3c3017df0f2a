"""Route tables: kept and described back; no packet here takes a route.

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateRouteTable.html
"""

from dataclasses import replace
from typing import Any

from culm.cluster.services.ec2 import tags
from culm.cluster.services.ec2.filters import Filter, Seen, chosen, member, of_each
from culm.cluster.services.ec2.references import DEPENDENCIES, cidr, existing, fresh, views
from culm.cluster.services.ec2.tags import TagSpecification
from culm.cluster.store.ec2 import networks
from culm.cluster.wire.operations import Call, operation
from culm.core.model.network import Association, InternetGateway, Route, RouteTable, Subnet, Vpc
from culm.core.model.record import record
from culm.errors import AwsError


@record
class CreateRouteTableInput:
    vpc_id: str
    client_token: str | None = None
    """Once more, it means the table that was made with it."""
    tag_specifications: tuple[TagSpecification, ...] = ()


@operation("ec2", "CreateRouteTable")
def create_route_table(call: Call, req: CreateRouteTableInput) -> dict[str, Any]:
    """Create a table with the VPC's own route; the same client token gives the same table again."""
    vpc = existing(call, Vpc, req.vpc_id)
    made = (t for t in networks.of_kind(call.db, RouteTable) if req.client_token and t.client_token == req.client_token)
    table = next(made, None)
    if table is None:
        table = RouteTable(id=fresh("rtb", call), vpc_id=vpc.id, client_token=req.client_token)
        networks.save(call.db, table)
        tags.given(call, table.id, req.tag_specifications)
    return {"route_table": described(call, table), "client_token": table.client_token}


def make_main(call: Call, vpc_id: str) -> None:
    """Make the route table that a VPC is born with."""
    main = Association(id=fresh("rtbassoc", call))
    networks.save(call.db, RouteTable(id=fresh("rtb", call), vpc_id=vpc_id, associations=(main,)))


@record
class DeleteRouteTableInput:
    route_table_id: str


@operation("ec2", "DeleteRouteTable")
def delete_route_table(call: Call, req: DeleteRouteTableInput) -> None:
    """Delete a table. Raises DependencyViolation while it is associated with a subnet, or is the VPC's main one."""
    table = existing(call, RouteTable, req.route_table_id)
    if table.associations:
        raise AwsError("DependencyViolation", DEPENDENCIES.format("routeTable", table.id))
    networks.delete(call.db, table.id)


@record
class RouteInput:
    route_table_id: str
    destination_cidr_block: str
    gateway_id: str


@operation("ec2", "CreateRoute")
def create_route(call: Call, req: RouteInput) -> dict[str, Any]:
    """Add a route. Raises RouteAlreadyExists when there is one to this destination."""
    table, route = existing(call, RouteTable, req.route_table_id), _route(call, req)
    if any(each.destination == route.destination for each in table.routes):
        message = f"The route identified by {route.destination} already exists."
        raise AwsError("RouteAlreadyExists", message)
    networks.save(call.db, replace(table, routes=(*table.routes, route)))
    return {"return": True}


@operation("ec2", "ReplaceRoute")
def replace_route(call: Call, req: RouteInput) -> None:
    """Replace the route to this destination. Raises InvalidRoute.NotFound when there is none."""
    table, route = existing(call, RouteTable, req.route_table_id), _route(call, req)
    kept = _without(table, route.destination)
    networks.save(call.db, replace(table, routes=(*kept, route)))


@record
class DeleteRouteInput:
    route_table_id: str
    destination_cidr_block: str


@operation("ec2", "DeleteRoute")
def delete_route(call: Call, req: DeleteRouteInput) -> None:
    """Delete the route to this destination. Raises InvalidRoute.NotFound when there is none."""
    table = existing(call, RouteTable, req.route_table_id)
    kept = _without(table, str(cidr(req.destination_cidr_block, "destinationCidrBlock")))
    networks.save(call.db, replace(table, routes=kept))


def _route(call: Call, req: RouteInput) -> Route:
    destination = str(cidr(req.destination_cidr_block, "destinationCidrBlock"))
    return Route(destination=destination, gateway_id=existing(call, InternetGateway, req.gateway_id).id)


def _without(table: RouteTable, destination: str) -> tuple[Route, ...]:
    kept = tuple(route for route in table.routes if route.destination != destination)
    if len(kept) == len(table.routes):
        message = f"no route with destination-cidr-block {destination} in route table {table.id}"
        raise AwsError("InvalidRoute.NotFound", message)
    return kept


@record
class AssociateRouteTableInput:
    route_table_id: str
    subnet_id: str


@operation("ec2", "AssociateRouteTable")
def associate_route_table(call: Call, req: AssociateRouteTableInput) -> dict[str, Any]:
    """Let a subnet use this table.

    Raises InvalidParameterValue across VPCs, and Resource.AlreadyAssociated when it has another one; the same pair
    again gives the association that it has.
    """
    table, subnet = existing(call, RouteTable, req.route_table_id), existing(call, Subnet, req.subnet_id)
    if table.vpc_id != subnet.vpc_id:
        raise AwsError("InvalidParameterValue", f"{table.id} and {subnet.id} belong to different networks")
    for there in networks.of_kind(call.db, RouteTable):
        for each in there.associations:
            if each.subnet_id == subnet.id:
                if there.id == table.id:
                    return _associated(each.id)
                message = f"the specified association for route table {table.id} conflicts with an existing association"
                raise AwsError("Resource.AlreadyAssociated", message)
    made = Association(id=fresh("rtbassoc", call), subnet_id=subnet.id)
    networks.save(call.db, replace(table, associations=(*table.associations, made)))
    return _associated(made.id)


@record
class DisassociateRouteTableInput:
    association_id: str


@operation("ec2", "DisassociateRouteTable")
def disassociate_route_table(call: Call, req: DisassociateRouteTableInput) -> None:
    """Give a subnet back to its VPC's main table."""
    table, association = _association(call, req.association_id)
    if association.subnet_id is None:
        message = f"cannot disassociate the main route table association {association.id}"
        raise AwsError("InvalidParameterValue", message)
    networks.save(call.db, replace(table, associations=tuple(a for a in table.associations if a != association)))


@record
class ReplaceRouteTableAssociationInput:
    association_id: str
    route_table_id: str


@operation("ec2", "ReplaceRouteTableAssociation")
def replace_route_table_association(call: Call, req: ReplaceRouteTableAssociationInput) -> dict[str, Any]:
    """Give a subnet, or the whole VPC, another table; the association gets another id."""
    before, association = _association(call, req.association_id)
    after = existing(call, RouteTable, req.route_table_id)
    made = replace(association, id=fresh("rtbassoc", call))
    networks.save(call.db, replace(before, associations=tuple(a for a in before.associations if a != association)))
    after = existing(call, RouteTable, after.id)
    networks.save(call.db, replace(after, associations=(*after.associations, made)))
    return {"new_association_id": made.id, "association_state": {"state": "associated"}}


def _association(call: Call, id: str) -> tuple[RouteTable, Association]:
    for table in networks.of_kind(call.db, RouteTable):
        for association in table.associations:
            if association.id == id:
                return table, association
    raise AwsError("InvalidAssociationID.NotFound", f"The association ID '{id}' does not exist")


def _associated(id: str) -> dict[str, Any]:
    return {"association_id": id, "association_state": {"state": "associated"}}


@record
class DescribeRouteTablesInput:
    route_table_ids: tuple[str, ...] = ()
    filters: tuple[Filter, ...] = ()


@operation("ec2", "DescribeRouteTables")
def describe_route_tables(call: Call, req: DescribeRouteTablesInput) -> dict[str, Any]:
    known = {
        "route-table-id": member("route_table_id"),
        "vpc-id": member("vpc_id"),
        "owner-id": member("owner_id"),
        "association.main": of_each("associations", "main"),
        "association.subnet-id": of_each("associations", "subnet_id"),
        "association.route-table-association-id": of_each("associations", "route_table_association_id"),
        "association.route-table-id": of_each("associations", "route_table_id"),
        "route.destination-cidr-block": of_each("routes", "destination_cidr_block"),
        "route.gateway-id": of_each("routes", "gateway_id"),
    }
    return {"route_tables": chosen(views(call, RouteTable, req.route_table_ids, described), req.filters, known)}


def described(call: Call, table: RouteTable) -> Seen:
    """Return a route table as it is described, with the route to its own VPC first."""
    local = Route(destination=existing(call, Vpc, table.vpc_id).cidr_block, gateway_id="local")
    return {
        "route_table_id": table.id,
        "vpc_id": table.vpc_id,
        "owner_id": call.account,
        "associations": [
            {
                "route_table_association_id": association.id,
                "route_table_id": table.id,
                "subnet_id": association.subnet_id,
                "main": association.subnet_id is None,
                "association_state": {"state": "associated"},
            }
            for association in table.associations
        ],
        "routes": [
            {
                "destination_cidr_block": route.destination,
                "gateway_id": route.gateway_id,
                "origin": "CreateRouteTable" if route.gateway_id == "local" else "CreateRoute",
                "state": "active",
            }
            for route in (local, *table.routes)
        ],
        "propagating_vgws": [],
        "tags": tags.shown(call, table.id),
    }
