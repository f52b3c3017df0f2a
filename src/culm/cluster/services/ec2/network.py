"""The default VPC's ids, and the availability zones."""

from typing import Any

from culm.cluster.services.ec2.filters import Filter, Seen, chosen, member, named
from culm.cluster.wire.operations import Call, operation
from culm.core.model.record import record

VPC_ID = "vpc-00000000000000001"
ZONES = "abc"
"""The default VPC, where the simulated instances are, has a subnet in the first two."""


def subnet_id(zone: str) -> str:
    """Return the id of a subnet of the default VPC."""
    return f"subnet-0000000000000000{zone}"


def zone_id(region: str, letter: str) -> str:
    """Return a zone's id, `use1-az1` or `apse2-az1`."""
    area, direction, count = region.split("-")[0], region.split("-")[-2], region.split("-")[-1]
    short = "".join(word[0] for word in ("north", "south", "central", "east", "west") if word in direction)
    return f"{area}{short}{count}-az{ZONES.index(letter) + 1}"


@record
class DescribeAvailabilityZonesInput:
    zone_names: tuple[str, ...] = ()
    zone_ids: tuple[str, ...] = ()
    filters: tuple[Filter, ...] = ()
    all_availability_zones: bool = False
    """All of them are opted in, so there are no others."""


@operation("ec2", "DescribeAvailabilityZones")
def describe_availability_zones(call: Call, req: DescribeAvailabilityZonesInput) -> dict[str, Any]:
    zones: list[Seen] = [
        {
            "zone_name": f"{call.region}{zone}",
            "zone_id": zone_id(call.region, zone),
            "region_name": call.region,
            "group_name": f"{call.region}-zg-1",
            "network_border_group": call.region,
            "zone_type": "availability-zone",
            "state": "available",
            "opt_in_status": "opt-in-not-required",
        }
        for zone in ZONES
    ]
    known = {
        "zone-name": member("zone_name"),
        "zone-id": member("zone_id"),
        "zone-type": member("zone_type"),
        "group-name": member("group_name"),
        "region-name": member("region_name"),
        "state": member("state"),
        "opt-in-status": member("opt_in_status"),
    }
    zones = named(zones, "zone_name", req.zone_names, "InvalidParameterValue", "availability zone")
    zones = named(zones, "zone_id", req.zone_ids, "InvalidParameterValue", "availability zone id")
    return {"availability_zones": chosen(zones, req.filters, known)}
