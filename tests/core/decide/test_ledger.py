from dataclasses import replace

import pytest
from tests.builders import a_container, a_service, a_starting_task, a_state, a_task, a_task_definition, an_instance

from culm.core.decide.ledger import Fleet, Need, need_of
from culm.core.model.task_definitions import PortMapping, RequiredAttribute
from culm.core.model.tasks import ContainerOverride, Status, TaskOverride


def test_counts_the_reservation_before_the_limit():
    containers = (a_container("a", memory=512, memory_reservation=128), a_container("b", memory=256, cpu=10))
    assert need_of(a_task_definition(containers=containers)) == Need(cpu=138, memory=384)


def test_counts_the_task_level_size_before_the_containers():
    assert need_of(replace(a_task_definition(), cpu="256", memory="512")) == Need(cpu=256, memory=512)


@pytest.mark.parametrize(
    ("override", "memory"),
    [
        (ContainerOverride(name="app", memory=300), 300),
        (ContainerOverride(name="app", memory_reservation=100), 100),
        (ContainerOverride(name="other", memory=300), 256),
        (ContainerOverride(name="app", cpu=5), 256),
    ],
)
def test_an_override_counts_in_the_place_of_what_it_overrides(override, memory):
    assert need_of(a_task_definition(), TaskOverride(container_overrides=(override,))).memory == memory


def test_an_overridden_limit_leaves_the_reservation_that_counts():
    definition = a_task_definition(containers=(a_container(memory=512, memory_reservation=128),))
    override = TaskOverride(container_overrides=(ContainerOverride(name="app", memory=1024),))
    assert need_of(definition, override).memory == 128


def test_an_overridden_task_size_counts_alone():
    assert need_of(a_task_definition(), TaskOverride(cpu="512", memory="700")) == Need(cpu=512, memory=700)


@pytest.mark.parametrize(
    ("mode", "mapping", "ports", "udp"),
    [
        ("bridge", PortMapping(container_port=80, host_port=8080), (8080,), ()),
        ("bridge", PortMapping(container_port=80), (), ()),
        ("bridge", PortMapping(container_port=53, host_port=53, protocol="udp"), (), (53,)),
        ("host", PortMapping(container_port=80), (80,), ()),
        ("awsvpc", PortMapping(container_port=80, host_port=80), (), ()),
    ],
)
def test_counts_the_host_ports_that_are_fixed(mode, mapping, ports, udp):
    need = need_of(a_task_definition(containers=(a_container(port_mappings=(mapping,)),), network_mode=mode))
    assert (need.ports, need.ports_udp) == (ports, udp)


def test_needs_the_attributes_of_the_task_definition():
    definition = a_task_definition(requires_attributes=(RequiredAttribute(name="com.amazonaws.ecs.capability.x"),))
    assert need_of(definition).attributes == ("com.amazonaws.ecs.capability.x",)


def test_a_task_holds_its_room_from_its_placement_until_it_is_stopped():
    web = a_service()
    state = a_state(
        web,
        tasks=[
            a_starting_task("placed", of=web),
            a_task("running", of=web),
            a_task("ending", of=web, desired_status="STOPPED", last_status=Status.STOPPING),
            a_task("ended", of=web, last_status=Status.STOPPED),
            a_task("elsewhere", of=web, on="i-gone"),
            a_task("unknown", of=web, task_definition_arn="forgotten:1"),
        ],
    )
    node = Fleet.of(state)["i-1"]
    assert (node.memory, node.cpu) == (995 - 3 * 256, 1024 - 3 * 128)
    assert (node.groups, node.staying, node.running) == ({"service:web": 4}, {"service:web": 3}, 2)


def test_an_overridden_task_holds_what_it_was_given():
    override = TaskOverride(container_overrides=(ContainerOverride(name="app", memory=500),))
    fleet = Fleet.of(a_state(a_service(), tasks=[a_task(overrides=override)]))
    assert fleet["i-1"].memory == 495


def test_giving_room_back_restores_the_instance():
    node = Fleet([an_instance()])["i-1"]
    before = node.copy()
    need = Need(cpu=1, memory=2, ports=(80,), ports_udp=(53,))
    node.take(need, "g")
    assert node.ports == {*before.ports, 80}
    assert node.copy().ports_udp == {53}
    node.give_back(need, "g")
    assert (node.cpu, node.memory, node.ports, node.ports_udp, node.groups["g"]) == (1024, 995, before.ports, set(), 0)


def test_instances_are_ordered_by_age():
    fleet = Fleet(
        [an_instance("b", registered_at=2.0), an_instance("c", registered_at=1.0), an_instance("a", registered_at=2.0)]
    )
    assert [n.arn for n in fleet] == ["c", "a", "b"]


def test_several_tasks_are_loaded_as_if_one_by_one():
    together, single = Fleet([an_instance()]), Fleet([an_instance()])
    together.load(together["i-1"], Need(cpu=3, memory=6), "g", tasks=3, staying=2, running=1)
    for stays, runs in ((True, True), (True, False), (False, False)):
        single.take(single["i-1"], Need(cpu=1, memory=2), "g", stays=stays, runs=runs)
    one, other = together["i-1"], single["i-1"]
    assert (one.cpu, one.memory, one.groups, one.staying, one.running) == (
        other.cpu, other.memory, other.groups, other.staying, other.running,
    )  # fmt: skip
    assert list(together.holders("g")) == [one]
