"""Networks of the team's own: private subnets, a load balancer for them alone, addresses of one's choice."""

from typing import Any

import pytest
from tests.aws.conftest import ACCOUNT, QUIET, REGION, Account, Team

from culm import render
from culm.aws import base, cost, facts, stack, transitions
from culm.aws.document import read
from culm.aws.facts import ENDPOINTS
from culm.aws.template import body, template
from culm.cli.price_lists import load
from culm.errors import CulmError

OWN = "vpc: vpc-1, subnets: [subnet-1, subnet-2]"
PRIVATE = f"{OWN}, private-subnets: [subnet-3, subnet-4]"


class Office:
    """A team's VPC: two public subnets and, in the same zones, two private ones without a way out."""

    def __init__(self, account: Account) -> None:
        self.ec2: Any = account.client("ec2")
        self.vpc: str = self.ec2.create_vpc(CidrBlock="10.7.0.0/16")["Vpc"]["VpcId"]
        self.public = [self.subnet(f"10.7.{number}.0/24", "ab"[number]) for number in range(2)]
        self.private = [self.subnet(f"10.7.1{number}.0/24", "ab"[number]) for number in range(2)]
        self.table: str = self.ec2.create_route_table(VpcId=self.vpc)["RouteTable"]["RouteTableId"]
        for subnet in self.private:
            self.ec2.associate_route_table(RouteTableId=self.table, SubnetId=subnet)

    def subnet(self, block: str, zone: str) -> str:
        made = self.ec2.create_subnet(VpcId=self.vpc, CidrBlock=block, AvailabilityZone=f"{REGION}{zone}")
        return str(made["Subnet"]["SubnetId"])

    def internet_gateway(self) -> str:
        gateway = self.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        self.ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=self.vpc)
        return str(gateway)

    def leads_out_by(self, **gateway: str) -> None:
        self.ec2.create_route(RouteTableId=self.table, DestinationCidrBlock="0.0.0.0/0", **gateway)

    def nat(self) -> str:
        address = self.ec2.allocate_address(Domain="vpc")["AllocationId"]
        made = self.ec2.create_nat_gateway(SubnetId=self.public[0], AllocationId=address)
        return str(made["NatGateway"]["NatGatewayId"])

    def written(self, **more: list[str]) -> str:
        private = ", ".join(more.get("private", self.private))
        subnets = ", ".join(self.public)
        where = f"vpc: {self.vpc}, subnets: [{subnets}], private-subnets: [{private}], internal: true"
        return f"stg: {{provider: aws, region: {REGION}, {where}}}"


@pytest.fixture
def office(account: Account) -> Office:
    return Office(account)


def check(team: Team, account: Account, written: str) -> None:
    team.writes(written)
    target = team.target(account.endpoint)
    facts.check_network(target, target.settings)


def test_instances_without_a_way_out_would_never_join_so_what_is_missing_is_named(
    team: Team, account: Account, office: Office
) -> None:
    with pytest.raises(CulmError, match=f"{office.private[0]} has no way out.*ecs, ecs-agent, .*s3"):
        check(team, account, office.written())
    for name in ENDPOINTS[:-1]:
        office.ec2.create_vpc_endpoint(
            VpcId=office.vpc, ServiceName=f"com.amazonaws.{REGION}.{name}", VpcEndpointType="Interface"
        )
    with pytest.raises(CulmError, match=r"no endpoints for s3$"):
        check(team, account, office.written())
    office.ec2.create_vpc_endpoint(VpcId=office.vpc, ServiceName=f"com.amazonaws.{REGION}.s3")
    check(team, account, office.written())


def test_a_private_subnet_leads_out_by_a_nat_and_not_by_an_internet_gateway(
    team: Team, account: Account, office: Office
) -> None:
    gateway = office.internet_gateway()
    office.leads_out_by(GatewayId=gateway)
    with pytest.raises(CulmError, match=f"leads out by {gateway}, which takes public addresses"):
        check(team, account, office.written())
    office.ec2.delete_route(RouteTableId=office.table, DestinationCidrBlock="0.0.0.0/0")
    office.leads_out_by(NatGatewayId=office.nat())
    check(team, account, office.written())


def test_a_load_balancer_reaches_only_zones_that_it_is_in(team: Team, account: Account, office: Office) -> None:
    office.leads_out_by(NatGatewayId=office.nat())
    far = office.subnet("10.7.20.0/24", "c")
    with pytest.raises(CulmError, match=f"private-subnets: {REGION}c has none of `subnets`"):
        check(team, account, office.written(private=[office.private[0], far]))


def test_instances_stand_in_private_subnets_behind_an_internal_load_balancer(
    team: Team, account: Account, office: Office
) -> None:
    office.leads_out_by(NatGatewayId=office.nat())
    team.writes(office.written())
    assert base.bootstrap(team.target(account.endpoint), team.project, QUIET)
    [balancer] = account.client("elbv2").describe_load_balancers()["LoadBalancers"]
    assert balancer["Scheme"] == "internal"
    assert {zone["SubnetId"] for zone in balancer["AvailabilityZones"]} == set(office.public)
    [group] = account.client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"]
    assert set(group["VPCZoneIdentifier"].split(",")) == set(office.private)
    [launch] = account.client("ec2").describe_launch_templates()["LaunchTemplates"]
    versions = account.client("ec2").describe_launch_template_versions(LaunchTemplateId=launch["LaunchTemplateId"])
    [interface] = versions["LaunchTemplateVersions"][-1]["LaunchTemplateData"]["NetworkInterfaces"]
    assert interface["AssociatePublicIpAddress"] is False
    assert (
        stack.propose(
            team.target(account.endpoint), team.project, stack.find(team.target(account.endpoint), "culm-bamboo")
        )
        is None
    )


@pytest.mark.parametrize(
    ("network", "addresses"), [(OWN, 4), (PRIVATE, 2), (f"{PRIVATE}, internal: true", 0), (f"{OWN}, internal: true", 2)]
)
def test_the_bill_counts_the_public_addresses_that_there_are(team: Team, network: str, addresses: int) -> None:
    team.writes(f"stg: {{provider: aws, {network}}}")
    settings = team.target().settings
    month = cost.cost(team.project, settings, load("us-east-1"))
    assert sum(line.units for line in month.lines if line.name == "public IPv4") == addresses
    said = cost.screen(month, settings, load("us-east-1"))
    assert ("your NAT or endpoints not counted" in said) == ("private-subnets" in network)


@pytest.mark.parametrize(
    ("before", "after", "refusal"),
    [
        ("cidr: 10.1.0.0/24", "cidr: 10.2.0.0/24", "cidr: a network keeps its addresses"),
        (OWN, f"{OWN}, internal: true", "internal: a load balancer keeps its kind"),
        (OWN, OWN.replace("vpc-1", "vpc-2"), "vpc: a stack stays in its network"),
        (OWN, PRIVATE, None),
        ("retention: 7", "retention: 30", None),
    ],
)
def test_what_a_living_stack_cannot_follow_is_refused(team: Team, before: str, after: str, refusal: str | None) -> None:
    def made(written: str) -> dict[str, Any]:
        team.writes(f"stg: {{provider: aws, {written}}}")
        vault = render.vault_bucket("bamboo", ACCOUNT, REGION)
        return read(body(template(team.project, team.target().settings, vault)))

    why = transitions.impossible(made(before), made(after))
    assert (why or "").startswith(refusal or "") and (why is None) == (refusal is None)


def test_addresses_of_ones_choice_are_cut_into_four_parts(team: Team) -> None:
    team.writes("stg: {provider: aws, cidr: 172.20.8.0/22}", "databases: {main: {engine: postgres, rds: {}}}")
    vault = render.vault_bucket("bamboo", ACCOUNT, REGION)
    resources = template(team.project, team.target().settings, vault).resources
    blocks = [each["Properties"]["CidrBlock"] for each in resources.values() if each["Type"] == "AWS::EC2::Subnet"]
    assert blocks == ["172.20.8.0/24", "172.20.9.0/24", "172.20.10.0/24", "172.20.11.0/24"]
    assert resources["Network"]["Properties"]["CidrBlock"] == "172.20.8.0/22"
