"""Replacing a fleet on moto, whose auto scaling groups start instances; their agents are played here."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from moto.backends import get_backend
from tests.aws.conftest import ACCOUNT, QUIET, REGION, Account, Team

from culm.aws import base, facts, refresh, stack
from culm.aws.refresh import Refresh
from culm.errors import TimedOut
from culm.target.connection import Target

NEWER = "ami-0123456789abcdef0"


class Agents:
    """Registers every EC2 instance that runs; instances that drain lose their tasks."""

    def __init__(self, account: Account) -> None:
        self.ecs = get_backend("ecs")[ACCOUNT][REGION]
        self.ec2 = account.client("ec2")
        self.history: list[str] = []
        self.stuck = False

    def act(self, _: float = 0.0) -> None:
        reservations = self.ec2.describe_instances()["Reservations"]
        states = {i["InstanceId"]: i["State"]["Name"] for r in reservations for i in r["Instances"]}
        known = self.ecs.container_instances.setdefault("bamboo", {})
        for key, joined in list(known.items()):
            if states.get(joined.ec2_instance_id) != "running":
                self.history.append(f"gone {joined.ec2_instance_id} {joined.status} {joined.running_tasks_count}")
                del known[key]
            elif joined.status == "DRAINING" and not self.stuck:
                joined.running_tasks_count = 0
        there = {joined.ec2_instance_id for joined in known.values()}
        for instance, state in states.items():
            if state == "running" and instance not in there:
                self.ecs.register_container_instance("bamboo", instance).running_tasks_count = 1


@pytest.fixture
def target(team: Team, account: Account) -> Target:
    target = team.target(account.endpoint)
    base.bootstrap(target, team.project, QUIET)
    return target


@pytest.fixture
def agents(target: Target, account: Account) -> Agents:
    played = Agents(account)
    played.act()
    return played


def groups(target: Target) -> list[str]:
    return stack.physical_ids(target, "culm-bamboo", "AWS::AutoScaling::AutoScalingGroup")


def hurried(pause: Callable[[float], None]) -> dict[str, Any]:
    """A clock that moves on by a minute at every look."""
    ticks: Iterator[float] = iter(range(0, 1_000_000, 60))
    return {"pause": pause, "clock": lambda: float(next(ticks))}


def test_an_update_of_the_stack_keeps_the_image_and_the_instances(
    team: Team, target: Target, agents: Agents, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = refresh.fleet(target, team.project, groups(target))
    image = facts.in_force(stack.find(target, "culm-bamboo"))["Image"]
    # Amazon publishes another one; a public parameter is nobody's to write
    monkeypatch.setattr(facts, "newest_image", lambda target, settings: NEWER)
    team.writes(services="  accounts:\n  web: {path: /*}\n  orders:\n")
    base.bootstrap(target, team.project, QUIET)
    assert facts.in_force(stack.find(target, "culm-bamboo"))["Image"] == image != NEWER
    assert refresh.fleet(target, team.project, groups(target)) == before
    assert [instance.outdated for instance in before] == [False, False]


def test_instances_are_replaced_one_at_a_time_and_drained_first(team: Team, target: Target, agents: Agents) -> None:
    fleet = refresh.fleet(target, team.project, groups(target))
    work = Refresh(target, team.project, groups(target), lambda _: None, agents.act)
    for instance in fleet:
        work.replace(instance, len(fleet))
    assert sorted(agents.history) == sorted(f"gone {instance.id} DRAINING 0" for instance in fleet)
    now = refresh.fleet(target, team.project, groups(target))
    assert len(now) == 2
    assert not {instance.id for instance in now} & {instance.id for instance in fleet}
    assert all(i.container_instance and i.container_instance["status"] == "ACTIVE" for i in now)


def test_what_was_left_draining_comes_first(team: Team, target: Target, agents: Agents) -> None:
    last = refresh.fleet(target, team.project, groups(target))[-1]
    assert last.container_instance is not None
    arn = last.container_instance["containerInstanceArn"]
    target.client("ecs").update_container_instances_state(cluster="bamboo", containerInstances=[arn], status="DRAINING")
    assert refresh.fleet(target, team.project, groups(target))[0].id == last.id


def test_an_instance_that_does_not_drain_is_named_and_not_terminated(
    team: Team, target: Target, agents: Agents
) -> None:
    agents.stuck = True
    instance = refresh.fleet(target, team.project, groups(target))[0]
    work = Refresh(target, team.project, groups(target), lambda _: None, **hurried(agents.act))
    with pytest.raises(TimedOut, match=f"{instance.id} drains: 1 tasks left after 900 s") as late:
        work.replace(instance, 2)
    assert "culm aws refresh goes on" in late.value.hint
    assert agents.history == []


def test_an_instance_whose_agent_does_not_answer_is_replaced_without_waiting_for_it(
    team: Team, target: Target, agents: Agents
) -> None:
    dead, alive = sorted(agents.ecs.container_instances["bamboo"].values(), key=lambda each: each.ec2_instance_id)
    dead.agent_connected = False
    agents.stuck = True
    outdated = [each for each in refresh.fleet(target, team.project, groups(target)) if each.outdated]
    assert [each.id for each in outdated] == [dead.ec2_instance_id]
    Refresh(target, team.project, groups(target), lambda _: None, agents.act).replace(outdated[0], 2)
    assert agents.history == [f"gone {dead.ec2_instance_id} ACTIVE 1"]
    now = refresh.fleet(target, team.project, groups(target))
    assert alive.ec2_instance_id in {each.id for each in now}
    assert [each.outdated for each in now] == [False, False]
