"""One address for what tasks ask their agent and what they ask the load balancer."""

import asyncio
import socket

import httpx2
import pytest
from tests.traffic import a_group, a_listener, a_rule, a_web, forward, free_port

from culm.cluster.balancer.haproxy import render
from culm.cluster.balancer.haproxy.plane import HaproxyPlane
from culm.cluster.daemon import task_endpoint
from culm.cluster.daemon.sockets import bind
from culm.cluster.daemon.task_endpoint import TaskEndpoint

GATEWAY = "127.0.0.2"
TASK = "127.0.0.3"


@pytest.fixture
async def shared(tmp_path):
    """A port that the endpoint has on one address and the load balancer on another; who answers for each."""
    port = free_port()
    plane = HaproxyPlane(tmp_path, ["127.0.0.1", GATEWAY], reserved=(GATEWAY, port))
    listening = bind(GATEWAY, port)
    await plane.start()
    async with a_web() as agent, a_web() as service:
        group = a_group("web", service.target)
        await plane.apply([a_listener(port, a_rule(None, action=forward("web")))], [group])
        endpoint = TaskEndpoint(agent.port, tmp_path / render.handover_socket(port))
        serving = asyncio.create_task(endpoint.serve(listening))
        yield f"http://{GATEWAY}:{port}", agent, service
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
    await plane.stop()


@pytest.fixture
async def task():
    """Asks from an address of its own."""
    async with httpx2.AsyncClient(transport=httpx2.AsyncHTTPTransport(local_address=TASK)) as client:
        yield client


async def test_credentials_and_metadata_are_the_agent_s_and_all_else_is_the_load_balancer_s(shared, task):
    url, agent, service = shared
    for path, who in (("/v2/credentials/1", agent), ("/v4/1-2/task", agent), ("/pets/", service), ("/v2/x", service)):
        said = (await task.get(f"{url}{path}", headers={"Connection": "close"})).json()
        assert (said["target"], said["line"]) == (who.name, f"GET {path} HTTP/1.1")


async def test_services_see_who_asked_and_connections_are_kept(shared, task):
    url, _, service = shared
    for n in range(3):
        said = (await task.post(f"{url}/pets/{n}", headers={"Expect": "nothing"})).json()
        assert dict(said["headers"])["x-forwarded-for"] == TASK
    assert service.asked == 3


async def test_a_load_balancer_without_such_a_listener_hangs_up(tmp_path, task):
    listening = bind(GATEWAY, free_port())
    serving = asyncio.create_task(TaskEndpoint(1, tmp_path / "nobody.sock").serve(listening))
    with pytest.raises(httpx2.RemoteProtocolError):
        await task.get(f"http://{GATEWAY}:{listening.getsockname()[1]}/pets/")
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)


def test_without_amazon_s_address_or_its_port_there_is_none(monkeypatch):
    assert task_endpoint.listen("127.0.0.1") is None
    monkeypatch.setattr(task_endpoint, "GATEWAY", GATEWAY)
    with socket.create_server((GATEWAY, 0)) as taken:
        monkeypatch.setattr(task_endpoint, "PORT", taken.getsockname()[1])
        assert task_endpoint.listen(GATEWAY) is None
