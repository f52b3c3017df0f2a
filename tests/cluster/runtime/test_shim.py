"""The shim's judgements, which need no process."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from culm.cluster.instance.runtime.process.shim import files, listeners, tree
from culm.cluster.instance.runtime.process.shim.cgroups import weight_of
from culm.cluster.instance.runtime.process.shim.files import PortPlan, ProbePlan
from culm.cluster.instance.runtime.process.shim.health import Health
from culm.cluster.instance.runtime.process.shim.supervisor import published

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
PROBE = ProbePlan(executable="x", argv=["x"], interval=10, timeout=5, retries=3, start_period=0)
PLANNED = [PortPlan(container_port=8080, host_port=31000)]


def test_it_is_healthy_with_the_first_success_and_unhealthy_after_its_retries():
    health = Health(PROBE, 0)
    assert health.due_at == 10
    seen = []
    for at, ok in enumerate([False, True, False, False, True, False, False, False, False, True]):
        health.answered(ok, at)
        seen.append(health.status)
    assert seen == ["UNKNOWN", *["HEALTHY"] * 6, *["UNHEALTHY"] * 2, "HEALTHY"]
    assert health.due_at == 19


def test_failures_of_the_start_period_count_only_after_a_success():
    health = Health({**PROBE, "retries": 1, "start_period": 30}, 100)
    health.answered(False, 129)
    assert health.status == "UNKNOWN"
    health.answered(False, 130)
    assert health.status == "UNHEALTHY"
    early = Health({**PROBE, "retries": 1, "start_period": 30}, 100)
    early.answered(True, 101)
    early.answered(False, 102)
    assert early.status == "UNHEALTHY"


@pytest.mark.parametrize(
    ("heard", "insists", "host_port"),
    [
        (set(), True, 31000),
        ({31000, 8080}, True, 31000),
        ({8080}, False, 8080),
        ({5000, 8080}, True, 8080),
        ({5000}, False, 31000),
        ({6000, 5000}, True, 5000),
    ],
)
def test_a_container_is_published_where_it_listens(heard: set[int], insists: bool, host_port: int):
    assert published(PLANNED, heard, insists=insists) == [PortPlan(container_port=8080, host_port=host_port)]


def test_two_ports_are_never_published_at_the_same_place():
    planned = [PortPlan(container_port=80, host_port=31000), PortPlan(container_port=81, host_port=31001)]
    assert [port["host_port"] for port in published(planned, {5000}, insists=True)] == [5000, 31001]
    assert [port["host_port"] for port in published(planned, {5000, 81}, insists=True)] == [5000, 81]


def test_cpu_units_become_weights_as_runc_has_them():
    assert [weight_of(cpu) for cpu in (0, 2, 1024, 262144, 999999)] == [1, 1, 39, 10000, 10000]


def test_a_lock_is_held_until_its_holder_ends(tmp_path: Path):
    assert not files.is_alive(str(tmp_path))
    descriptor = files.lock(str(tmp_path))
    assert files.is_alive(str(tmp_path))
    os.close(descriptor)
    assert not files.is_alive(str(tmp_path))


@LINUX
def test_descendants_are_found_with_and_without_the_kernels_list():
    code = "import subprocess, sys; subprocess.run(['sleep', '60'])"
    with subprocess.Popen([sys.executable, "-c", code], start_new_session=True) as child:
        try:
            while not (below := tree.descendants(child.pid)):
                pass
            assert below == tree._children_by_parent()(child.pid)
            assert child.pid in tree.descendants(os.getpid())
            assert tree.memory_of([child.pid], None) >= tree.memory_of([child.pid], 0) > 1_000_000
        finally:
            os.killpg(child.pid, 9)
    assert tree.descendants(child.pid) == []


@LINUX
def test_a_process_is_known_by_its_environment():
    with subprocess.Popen(["sleep", "60"], env={"CULM_CONTAINER": "unmistakable"}) as child:
        try:
            while not (found := tree.with_variable("CULM_CONTAINER", "unmistakable")):
                pass
            assert found == [child.pid]
        finally:
            child.kill()


@LINUX
@pytest.mark.parametrize(("family", "address"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_a_listener_and_its_holder_are_found(family: int, address: str):
    with socket.create_server((address, 0), family=family) as server:
        port = server.getsockname()[1]
        own = listeners.sockets_of([os.getpid()])
        assert [
            (seen.address, seen.port) for seen in listeners.listeners() if seen.inode in own and seen.port == port
        ] == [(address, port)]
        assert f"pid {os.getpid()} " in str(listeners.holder(address, port))


@LINUX
def test_a_process_that_ends_while_it_is_looked_at_spoils_nothing(monkeypatch: pytest.MonkeyPatch):
    """One of its descriptors is closed, and then it is gone, each between two looks."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        inode = os.readlink(f"/proc/self/fd/{server.fileno()}")[8:-1]
        own = os.listdir(f"/proc/{os.getpid()}/fd")
        listed = {f"/proc/{os.getpid()}/fd": ["99999", *own]}
        real = os.listdir
        monkeypatch.setattr(listeners.os, "listdir", lambda path: listed.get(path) or real(path))
        assert inode in listeners.sockets_of([2**22 + 1, os.getpid()])
    assert listeners.command_of(2**22 + 1) is None


def test_a_wildcard_listener_is_reached_at_every_address():
    for address in ("0.0.0.0", "::", "127.77.0.11", "::ffff:127.77.0.11"):
        assert listeners.reaches(listeners.ListeningSocket(address, 80, "1"), "127.77.0.11")
    assert not listeners.reaches(listeners.ListeningSocket("127.0.0.1", 80, "1"), "127.77.0.11")
