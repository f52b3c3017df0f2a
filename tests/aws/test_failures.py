"""Stacks that fail, and those that were left in the middle.

moto's CloudFormation always succeeds; its records are set here as Amazon's would be after a failure.
"""

from typing import Any

import pytest
from moto.backends import get_backend
from moto.cloudformation.models import CloudFormationBackend, Event
from moto.cloudformation.models import Stack as Record
from tests.aws.conftest import ACCOUNT, REGION, Account, Team

from culm.aws import base, stack
from culm.aws.stack import Talk
from culm.errors import CulmError
from culm.target.connection import Target


def record(name: str = "culm-bamboo") -> Any:
    backend = get_backend("cloudformation")[ACCOUNT][REGION]  # type: ignore[arg-type, index]
    return backend.get_stack(name)


def happened(to: Any, name: str, status: str, reason: str) -> None:
    to.events.append(
        Event(
            stack_id=to.stack_id,
            stack_name=to.name,
            logical_resource_id=name,
            physical_resource_id=f"{name}-1",
            resource_type="AWS::ECS::Cluster",
            resource_status=status,
            resource_status_reason=reason,
            resource_properties=None,
        )
    )


def bootstrap(target: Target, team: Team, said: list[str] | None = None) -> bool:
    told = said if said is not None else []
    return base.bootstrap(target, team.project, Talk(say=told.append, progress=lambda _: None))


def test_a_stack_that_never_was_is_told_why_cleared_away_and_made_anew(team: Team, account: Account) -> None:
    target = team.target(account.endpoint)
    bootstrap(target, team)
    before = record()
    happened(before, "Cluster", "CREATE_FAILED", "Unable to assume the service linked role.")
    before.status = "ROLLBACK_COMPLETE"
    said: list[str] = []
    assert bootstrap(target, team, said)
    assert said[:3] == [
        "stack culm-bamboo is ROLLBACK_COMPLETE: it was never complete, and nothing runs on it",
        "  Cluster (AWS::ECS::Cluster): Unable to assume the service linked role.",
        "deleting stack culm-bamboo; what it made with data in it stays, and is adopted",
    ]
    assert record().stack_id != before.stack_id
    assert record().status == "UPDATE_COMPLETE", "its key was adopted first"


def test_a_failed_change_says_what_failed_and_that_the_stack_stays(
    team: Team, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = team.target(account.endpoint)
    bootstrap(target, team)

    def fails(self: CloudFormationBackend, change_set_name: str, stack_name: str | None = None) -> None:
        found: Record = self.get_stack(stack_name or "")
        found._add_stack_event("UPDATE_IN_PROGRESS", resource_status_reason="User Initiated")
        happened(found, "RoleOfOrders", "CREATE_FAILED", "bamboo-orders already exists in stack other")
        found._add_stack_event("UPDATE_ROLLBACK_COMPLETE")
        found.status = "UPDATE_ROLLBACK_COMPLETE"

    monkeypatch.setattr(CloudFormationBackend, "execute_change_set", fails)
    team.writes(services="  accounts:\n  web: {path: /*}\n  orders:\n")
    with pytest.raises(CulmError) as failure:
        bootstrap(target, team)
    assert failure.value.what.splitlines() == [
        "stack culm-bamboo stays as it was: the change failed (UPDATE_ROLLBACK_COMPLETE)",
        "  RoleOfOrders (AWS::ECS::Cluster): bamboo-orders already exists in stack other",
    ]
    assert "a `name:` of its own" in failure.value.hint


def test_a_stack_that_is_stuck_names_the_way_out(team: Team, account: Account) -> None:
    target = team.target(account.endpoint)
    bootstrap(target, team)
    record().status = "UPDATE_ROLLBACK_FAILED"
    with pytest.raises(CulmError, match="is UPDATE_ROLLBACK_FAILED") as stuck:
        bootstrap(target, team)
    assert stuck.value.hint == "aws cloudformation continue-update-rollback --stack-name culm-bamboo"


def test_somebody_elses_update_is_waited_for(team: Team, account: Account) -> None:
    target = team.target(account.endpoint)
    bootstrap(target, team)
    record().status = "UPDATE_IN_PROGRESS"
    told: list[str] = []

    def progress(what: str) -> None:
        told.append(what)
        record().status = "UPDATE_COMPLETE"

    assert not base.bootstrap(target, team.project, Talk(say=told.append, progress=progress))
    assert told[0] == "stack culm-bamboo is UPDATE_IN_PROGRESS: waits for it"
    assert told[1].startswith("UPDATE_IN_PROGRESS: culm-bamboo ")


def test_a_stack_that_culm_did_not_make_is_left_alone(team: Team, account: Account) -> None:
    account.client("cloudformation").create_stack(
        StackName="culm-bamboo", TemplateBody='{"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}}'
    )
    with pytest.raises(CulmError, match="stack culm-bamboo is not one of ours"):
        bootstrap(team.target(account.endpoint), team)


def test_subnets_that_are_not_what_they_seem_are_told_before_anything_is_made(team: Team, account: Account) -> None:
    subnets = account.client("ec2").describe_subnets()["Subnets"]
    vpc, [one, other, *_] = subnets[0]["VpcId"], sorted(s["SubnetId"] for s in subnets)
    team.writes(f"stg: {{provider: aws, vpc: vpc-0, subnets: [{one}, {other}]}}")
    with pytest.raises(CulmError, match=f"targets.stg.subnets: {one} is in {vpc}, not in vpc-0|{other} is in"):
        bootstrap(team.target(account.endpoint), team)
    [zone] = [subnet["AvailabilityZone"] for subnet in subnets if subnet["SubnetId"] == one]
    beside = account.client("ec2").create_subnet(VpcId=vpc, AvailabilityZone=zone, CidrBlock="172.31.240.0/24")
    team.writes(f"stg: {{provider: aws, vpc: {vpc}, subnets: [{one}, {beside['Subnet']['SubnetId']}]}}")
    with pytest.raises(CulmError, match=r"targets\.stg\.subnets: all are in"):
        bootstrap(team.target(account.endpoint), team)
    assert stack.find(team.target(account.endpoint), "culm-bamboo") is None


def test_a_network_is_not_moved(team: Team, account: Account) -> None:
    bootstrap(team.target(account.endpoint), team)
    subnets = account.client("ec2").describe_subnets(Filters=[{"Name": "default-for-az", "Values": ["true"]}])[
        "Subnets"
    ]
    vpc, [one, other, *_] = subnets[0]["VpcId"], [s["SubnetId"] for s in subnets if s["VpcId"] == subnets[0]["VpcId"]]
    for elsewhere in ("vpc: default", f"vpc: {vpc}, subnets: [{one}, {other}]"):
        team.writes(f"stg: {{provider: aws, region: us-east-1, {elsewhere}}}")
        with pytest.raises(CulmError, match="the stack has another network"):
            bootstrap(team.target(account.endpoint), team)
    assert account.client("cloudformation").describe_stacks()["Stacks"][0]["StackStatus"] == "CREATE_COMPLETE"
