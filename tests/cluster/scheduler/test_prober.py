import asyncio

import pytest
from tests.traffic import a_web, eventually, free_port, serving

from culm.cluster.balancer.prober import Check, Prober, key, probe
from culm.core.decide.target_health import Answer
from culm.core.model.load_balancers import RegisteredTarget, TargetGroup

GROUP = TargetGroup(
    target_group_arn="group",
    target_group_name="web",
    port=80,
    health_check_path="/health?deep=1",
    health_check_timeout_seconds=1,
)


def check(port: int, group: TargetGroup = GROUP) -> Check:
    target = RegisteredTarget(target_group_arn="group", id="i-1", port=port, registered_at=0.0)
    return Check(target=target, address="127.0.0.1", group=group)


@pytest.mark.parametrize(
    ("say", "keep_open", "answer"),
    [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", True, Answer(status=200)),
        (b"HTTP/1.0 404 Not Found\r\n\r\nnot here", False, Answer(status=404)),
        (b"HTTP/1.1 204 No Content\r\n\r\n", True, Answer(status=204)),
        (b"SSH-2.0-OpenSSH\r\n\r\n", False, Answer()),
        (b"HTTP/1.1 200 OK", False, Answer()),
        (b"x" * 100_000, False, Answer()),
        (b"", True, Answer(timed_out=True)),
    ],
)
async def test_what_a_probe_makes_of_an_answer(say, keep_open, answer):
    async def says(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(say)
        if keep_open:
            await reader.read()

    async with serving(says) as port:
        assert await probe(check(port)) == answer


async def test_a_port_where_nobody_listens_is_a_failure():
    assert await probe(check(free_port())) == Answer()


async def test_the_health_check_port_may_be_another_one():
    async with a_web() as web:
        elsewhere = TargetGroup(
            target_group_arn="g", target_group_name="g", port=80, health_check_port=str(web.target.port)
        )
        assert await probe(check(free_port(), elsewhere)) == Answer(status=200)


async def test_targets_are_followed_while_they_are_watched():
    found = asyncio.Event()
    prober = Prober(changed=found.set)
    running = asyncio.create_task(prober.run())
    async with a_web() as web:
        watched = check(web.target.port)
        prober.watch({key(watched.target): watched})
        prober.watch({key(watched.target): watched})
        await found.wait()
        health = prober.health(watched.target)
        assert health is not None
        assert (health.state, web.asked) == ("healthy", 1)
        prober.watch({})
        assert prober.health(watched.target) is None
        prober.watch({key(watched.target): watched})
        await eventually(lambda: web.asked == 2)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
