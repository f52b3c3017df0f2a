"""What every runtime promises (`culm.cluster.instance.runtime.interface`), held against each of them."""

import asyncio
import contextlib
import json
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.cluster.runtime.eventually import eventually
from tests.cluster.runtime.oci import OciRegistry
from tests.cluster.runtime.rigs import ADDRESS, PORT, PROBE, DockerRig, FakeRig, ProcessRig, Rig, forget_images

from culm.cluster.instance.runtime.fake import Script
from culm.cluster.instance.runtime.interface import Line, Port, Scratch, Seen, Terminal
from culm.core.model.task_definitions import Ulimit
from culm.engine.client import unavailable
from culm.errors import RuntimeFailure

LINUX = sys.platform == "linux"


@pytest.fixture(scope="module")
def registry() -> Iterator[OciRegistry]:
    registry = OciRegistry()
    yield registry
    asyncio.run(forget_images(registry))
    registry.close()


@pytest.fixture(params=["fake", "process", "process-watched", pytest.param("docker", marks=pytest.mark.docker)])
async def rig(request: pytest.FixtureRequest, registry: OciRegistry, tmp_path: Path) -> AsyncIterator[Rig]:
    if request.param == "fake":
        rig: Rig = FakeRig()
    elif request.param == "docker":
        if (problem := unavailable()) is not None:
            pytest.skip(str(problem))
        rig = DockerRig(registry)
    else:
        rig = ProcessRig(registry, tmp_path / "home", use_cgroups=request.param == "process")
    yield rig
    await rig.close()


@pytest.fixture
def programs(rig: Rig) -> Rig:
    """A rig whose containers run real programs."""
    if not rig.runs_programs:
        pytest.skip("the fake runs no programs")
    return rig


async def look(rig: Rig, name: str) -> Seen | None:
    return next((seen for seen in await rig.runtime.list() if seen.name == name), None)


async def ended(rig: Rig, name: str) -> Seen:
    async def stopped() -> Seen | None:
        seen = await look(rig, name)
        return seen if seen and seen.state == "stopped" else None

    seen = await eventually(stopped)
    assert seen is not None
    return seen


async def lines(rig: Rig, name: str, after: str | None = None, *, follow: bool = True) -> list[Line]:
    async with asyncio.timeout(20):
        return [line async for line in rig.runtime.logs(name, after, follow=follow)]


async def hears(address: str, port: int) -> bytes:
    try:
        reader, writer = await asyncio.open_connection(address, port)
    except OSError:
        return b""
    heard = await reader.read(5)
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return heard


async def test_a_started_container_runs_and_is_listed_with_its_labels(rig: Rig):
    spec = rig.spec()
    seen = await rig.runtime.start(spec)
    assert (seen.name, seen.state, seen.exit_code) == (spec.name, "running", None)
    assert seen.labels.items() >= spec.labels.items()
    assert seen.image_digest == spec.image.partition("@")[2]
    assert seen.started_at is not None
    assert await look(rig, spec.name) == seen


async def test_starting_twice_is_starting_once(rig: Rig):
    spec = rig.spec()
    first, second = await asyncio.gather(rig.runtime.start(spec), rig.runtime.start(spec))
    assert first.runtime_id == second.runtime_id
    assert len(await rig.runtime.list()) == 1


async def test_starting_one_that_has_ended_does_not_run_it_again(rig: Rig):
    spec = rig.spec(Script(output=b"once\n", exit_code=4))
    await rig.runtime.start(spec)
    await ended(rig, spec.name)
    again = await rig.runtime.start(spec)
    assert (again.state, again.exit_code) == ("stopped", 4)
    assert [line.text for line in await lines(rig, spec.name)] == ["once"]


@pytest.mark.parametrize("exit_code", [0, 3, 255])
async def test_its_exit_code_is_told(rig: Rig, exit_code: int):
    spec = rig.spec(Script(exit_code=exit_code))
    await rig.runtime.start(spec)
    seen = await ended(rig, spec.name)
    assert (seen.exit_code, seen.out_of_memory) == (exit_code, False)
    assert seen.started_at is not None and seen.stopped_at is not None and seen.started_at <= seen.stopped_at


async def test_its_output_is_kept_line_by_line_in_order(rig: Rig):
    text = [f"line {number}" for number in range(200)]
    spec = rig.spec(Script(output="\n".join(text).encode(), exit_code=0))
    await rig.runtime.start(spec)
    told = await lines(rig, spec.name)
    assert [line.text for line in told] == text
    assert [line.at for line in told] == sorted(line.at for line in told)
    assert len({line.cursor for line in told}) == 200


async def test_output_goes_on_behind_a_cursor_also_for_a_new_daemon(rig: Rig):
    spec = rig.spec(Script(output=b"one\ntwo\nthree\n", exit_code=0))
    await rig.runtime.start(spec)
    first, second, third = await lines(rig, spec.name)
    rig.runtime = rig.restarted()
    assert await lines(rig, spec.name, first.cursor) == [second, third]
    assert await lines(rig, spec.name, third.cursor) == []


async def test_what_is_there_can_be_read_while_it_runs(rig: Rig):
    spec = rig.spec(Script(output=b"ready\n"))
    await rig.runtime.start(spec)

    async def told() -> list[Line]:
        return await lines(rig, spec.name, follow=False)

    assert [line.text for line in await eventually(told)] == ["ready"]


async def test_following_ends_when_the_container_ends(rig: Rig):
    spec = rig.spec(Script(output=b"ready\n"))
    await rig.runtime.start(spec)
    following = asyncio.ensure_future(lines(rig, spec.name))
    await ready(rig, spec.name)
    await rig.runtime.stop(spec.name, 5)
    assert [line.text for line in await following] == ["ready"]


async def test_output_that_is_not_text_is_kept_as_far_as_it_is(rig: Rig):
    spec = rig.spec(Script(output=b"caf\xe9 \xc3\xa9\n", exit_code=0))
    await rig.runtime.start(spec)
    assert [line.text for line in await lines(rig, spec.name)] == ["caf� é"]


async def test_a_long_line_stays_one_line(rig: Rig):
    spec = rig.spec(Script(output=b"x" * 100_000 + b"\nshort\n", exit_code=0))
    await rig.runtime.start(spec)
    assert [len(line.text) for line in await lines(rig, spec.name)] == [100_000, 5]


async def test_a_container_that_passes_its_memory_limit_is_killed_for_it(rig: Rig):
    spec = rig.spec(Script(memory=400), memory=128)
    await rig.runtime.start(spec)
    seen = await ended(rig, spec.name)
    assert (seen.exit_code, seen.out_of_memory) == (137, True)


async def test_one_that_passes_it_and_is_gone_at_once_was_out_of_memory_too(rig: Rig):
    spec = rig.spec(Script(memory=160, exit_code=0), memory=128)
    await rig.runtime.start(spec)
    seen = await ended(rig, spec.name)
    assert (seen.exit_code, seen.out_of_memory) == (137, True)


async def test_a_container_within_its_limit_lives(rig: Rig):
    spec = rig.spec(Script(memory=64, exit_code=0), memory=128)
    await rig.runtime.start(spec)
    seen = await ended(rig, spec.name)
    assert (seen.exit_code, seen.out_of_memory) == (0, False)


async def test_stop_lets_it_end_by_itself(rig: Rig):
    spec = rig.spec(Script(output=b"ready\n"))
    await rig.runtime.start(spec)
    await ready(rig, spec.name)
    seen = await rig.runtime.stop(spec.name, 10)
    assert seen is not None and (seen.state, seen.exit_code, seen.out_of_memory) == ("stopped", 143, False)


async def test_one_that_does_not_listen_is_killed_after_the_grace(rig: Rig):
    spec = rig.spec(Script(output=b"ready\n", obeys_sigterm=False))
    await rig.runtime.start(spec)
    await ready(rig, spec.name)
    seen = await rig.runtime.stop(spec.name, 1)
    assert seen is not None and (seen.state, seen.exit_code, seen.out_of_memory) == ("stopped", 137, False)


@pytest.mark.skipif(not LINUX, reason="the kernel tells which signals a process handles")
async def test_a_script_that_does_not_pass_sigterm_on_is_killed_after_the_grace(programs: Rig):
    script = "echo ready; while true; do sleep 0.05; done"
    spec = programs.spec(entry_point=("/bin/sh", "-c", script), command=())
    await programs.runtime.start(spec)
    await ready(programs, spec.name)
    seen = await programs.runtime.stop(spec.name, 1)
    assert seen is not None and (seen.state, seen.exit_code) == ("stopped", 137)
    beneath = replace(spec, name=f"{spec.name}-init", init=True)
    await programs.runtime.start(beneath)
    await ready(programs, beneath.name)
    seen = await programs.runtime.stop(beneath.name, 10)
    assert seen is not None and (seen.state, seen.exit_code) == ("stopped", 143)


async def test_a_limit_that_there_is_not_is_refused(programs: Rig):
    limit: Any = "nothing"
    spec = programs.spec(ulimits=(Ulimit(name=limit, soft_limit=1, hard_limit=1),))
    with pytest.raises(RuntimeFailure, match=r"(?i)Cannot(Create|Start)ContainerError: .*nothing"):
        await programs.runtime.start(spec)


@pytest.mark.parametrize("terminal", [True, False])
async def test_its_output_is_a_terminal_where_the_task_says_so(programs: Rig, terminal: bool):
    words = ("/bin/sh", "-c", "test -t 1 && test -t 0 && echo yes || echo no; echo second")
    spec = programs.spec(Script(exit_code=0), entry_point=words, command=(), terminal=terminal)
    await programs.runtime.start(spec)
    told = await lines(programs, spec.name)
    assert [line.text for line in told] == ["yes" if terminal else "no", "second"]
    assert [line.text for line in await lines(programs, spec.name, told[0].cursor)] == ["second"]


async def test_its_input_stays_open_where_the_task_says_so(programs: Rig):
    words = ("/bin/sh", "-c", "echo begun; read line; echo over")
    shut = programs.spec(Script(exit_code=0), entry_point=words, command=())
    await programs.runtime.start(shut)
    assert [line.text for line in await lines(programs, shut.name)] == ["begun", "over"]
    spec = replace(shut, name=f"{shut.name}-open", input_open=True)
    await programs.runtime.start(spec)
    await ready(programs, spec.name, "begun")
    seen = await programs.runtime.stop(spec.name, 0)
    assert seen is not None and seen.exit_code == 137
    assert [line.text for line in await lines(programs, spec.name)] == ["begun"]


async def test_a_stopped_container_can_be_stopped_again_and_keeps_its_output(rig: Rig):
    spec = rig.spec(Script(output=b"ready\n", exit_code=5))
    await rig.runtime.start(spec)
    first = await ended(rig, spec.name)
    assert await rig.runtime.stop(spec.name, 1) == first
    assert [line.text for line in await lines(rig, spec.name)] == ["ready"]


async def test_stopping_what_never_was_tells_so(rig: Rig):
    assert await rig.runtime.stop("culm-contract-nobody", 1) is None
    await rig.runtime.remove("culm-contract-nobody")


async def test_a_container_that_somebody_kills_ends_with_137(rig: Rig):
    spec = rig.spec(Script(output=b"ready\n"))
    await rig.runtime.start(spec)
    await ready(rig, spec.name)
    await rig.kill(spec.name)
    seen = await ended(rig, spec.name)
    assert (seen.exit_code, seen.out_of_memory) == (137, False)


async def test_it_gets_its_arguments_environment_and_directory(programs: Rig):
    spec = programs.spec(
        Script(exit_code=0),
        describes=True,
        config={"Env": ["FROM_IMAGE=yes", "BOTH=image", "PATH=/usr/bin:/bin"], "WorkingDir": "/srv/app"},
        command=("two words", "$HOME", ""),
        environment={"FROM_TASK": "a=b c", "BOTH": "task"},
    )
    await programs.runtime.start(spec)
    told = json.loads((await lines(programs, spec.name))[0].text)
    assert told["argv"] == ["two words", "$HOME", ""]
    assert told["env"].items() >= {"FROM_IMAGE": "yes", "FROM_TASK": "a=b c", "BOTH": "task"}.items()
    assert told["cwd"].endswith("/srv/app")


async def test_its_processes_have_its_limits_and_its_scratch_folder(programs: Rig):
    spec = programs.spec(
        Script(exit_code=0),
        entry_point=("sh", "-c", "cd /scratch && echo x > x && ulimit -Sn && ulimit -Hn"),
        ulimits=(Ulimit(name="nofile", soft_limit=99, hard_limit=111),),
        scratch=(Scratch(path="/scratch", size=8),),
        init=True,
    )
    await programs.runtime.start(spec)
    assert [line.text for line in await lines(programs, spec.name)] == ["99", "111"]
    assert (await ended(programs, spec.name)).exit_code == 0


async def test_a_read_only_container_cannot_write_or_is_refused_by_name(programs: Rig):
    spec = programs.spec(Script(exit_code=0), entry_point=("python3", "-c", "open('/x', 'w')"), read_only=True)
    if isinstance(programs, ProcessRig):
        with pytest.raises(RuntimeFailure, match="readonlyRootFilesystem needs Docker"):
            await programs.runtime.start(spec)
    else:
        await programs.runtime.start(spec)
        assert (await ended(programs, spec.name)).exit_code == 1
        assert any("Read-only file system" in line.text for line in await lines(programs, spec.name))


async def test_an_entry_point_of_the_task_drops_the_images_command(programs: Rig):
    spec = programs.spec(
        Script(exit_code=0),
        describes=True,
        config={"Entrypoint": ["python3", "/nothing.py"], "Cmd": ["of", "the", "image"]},
        entry_point=("python3", "/actor.py"),
    )
    await programs.runtime.start(spec)
    assert json.loads((await lines(programs, spec.name))[0].text)["argv"] == []


async def test_its_port_is_reachable_on_the_instances_address(programs: Rig):
    seen = await programs.runtime.start(programs.spec(listens=True))
    (port,) = seen.ports
    assert (port.container_port, port.protocol) == (PORT, "tcp") and port.host_port > 0
    assert await eventually(lambda: hears(ADDRESS, port.host_port)) == b"hello"


CALLS = f"""
import socket, time
while True:
    try:
        print(socket.create_connection(("localhost", {PORT})).recv(5).decode())
        break
    except OSError:
        time.sleep(0.05)
"""


async def test_containers_that_share_a_network_find_each_other_at_localhost(programs: Rig):
    holder = programs.spec(listens=True)
    seen = await programs.runtime.start(replace(holder, network_of=holder.name))
    joining = programs.spec(Script(), entry_point=("python3", "-c", CALLS), network_of=holder.name, peers=seen.ports)
    await programs.runtime.start(joining)
    assert [line.text for line in await lines(programs, joining.name)] == ["hello"]
    (port,) = seen.ports
    assert await hears(ADDRESS, port.host_port) == b"hello"


async def test_two_with_the_same_container_port_get_different_host_ports(rig: Rig):
    one = await rig.runtime.start(rig.spec(ports=(Port(container_port=PORT),)))
    two = await rig.runtime.start(rig.spec(ports=(Port(container_port=PORT),)))
    assert one.ports[0].host_port != two.ports[0].host_port


async def test_a_fixed_host_port_that_is_taken_is_a_failure_that_names_it(programs: Rig):
    with socket.create_server((ADDRESS, 0)) as other:
        port = other.getsockname()[1]
        spec = programs.spec(ports=(Port(container_port=PORT, host_port=port),))
        with pytest.raises(RuntimeFailure, match=rf"CannotStartContainerError: .*\b{port}\b") as caught:
            await programs.runtime.start(spec)
    assert "taken" in str(caught.value) or "already" in str(caught.value)
    assert await look(programs, spec.name) is None


async def test_a_fixed_host_port_of_another_container_is_taken(rig: Rig):
    first = await rig.runtime.start(rig.spec(listens=True))
    fixed = Port(container_port=PORT, host_port=first.ports[0].host_port)
    with pytest.raises(RuntimeFailure, match=rf"CannotStartContainerError: .*\b{fixed.host_port}\b"):
        await rig.runtime.start(replace(rig.spec(listens=True), ports=(fixed,)))


async def test_a_new_daemon_adopts_what_runs(rig: Rig):
    spec = rig.spec(Script(output=b"ready\n"))
    before = await rig.runtime.start(spec)
    await ready(rig, spec.name)
    rig.runtime = rig.restarted()
    assert await look(rig, spec.name) == before
    assert await rig.runtime.start(spec) == before
    seen = await rig.runtime.stop(spec.name, 10)
    assert seen is not None and seen.exit_code == 143


async def test_a_new_daemon_learns_what_ended_meanwhile(rig: Rig):
    spec = rig.spec(Script(exit_code=9))
    await rig.runtime.start(spec)
    rig.runtime = rig.restarted()
    assert (await ended(rig, spec.name)).exit_code == 9


async def test_exec_runs_a_command_inside(rig: Rig):
    spec = rig.spec()
    await rig.runtime.start(spec)
    assert await rig.runtime.exec(spec.name, ["python3", "/actor.py", "fail"]) == (3, b"told to fail\n")


async def test_exec_of_a_missing_command_is_that_commands_failure(rig: Rig):
    spec = rig.spec()
    await rig.runtime.start(spec)
    exit_code, output = await rig.runtime.exec(spec.name, ["no-such-program"])
    assert exit_code in (126, 127) and b"no-such-program" in output


async def test_exec_needs_a_running_container(rig: Rig):
    spec = rig.spec(Script(exit_code=0))
    await rig.runtime.start(spec)
    await ended(rig, spec.name)
    with pytest.raises(RuntimeFailure, match=spec.name):
        await rig.runtime.exec(spec.name, ["true"])


async def everything(terminal: Terminal) -> bytes:
    async with asyncio.timeout(20):
        told = b""
        while data := await terminal.read():
            told += data
        return told


async def says(terminal: Terminal, what: bytes) -> bytes:
    """What it has said when it has said this."""
    async with asyncio.timeout(20):
        told = b""
        while what not in told:
            data = await terminal.read()
            assert data, f"it ended without saying {what!r}: {told!r}"
            told += data
        return told


async def test_a_command_on_a_terminal_says_what_it_says_and_ends_with_its_code(rig: Rig):
    spec = rig.spec()
    await rig.runtime.start(spec)
    terminal = await rig.runtime.terminal(spec.name, ["python3", "/actor.py", "fail"])
    assert await everything(terminal) == b"told to fail\r\n"
    assert await terminal.wait() == 3
    await terminal.hang_up()


async def test_a_missing_command_says_so_on_its_terminal(rig: Rig):
    spec = rig.spec()
    await rig.runtime.start(spec)
    terminal = await rig.runtime.terminal(spec.name, ["no-such-program"])
    assert b"no-such-program" in await everything(terminal)
    assert await terminal.wait() in (126, 127)


async def test_a_terminal_needs_a_running_container(rig: Rig):
    spec = rig.spec(Script(exit_code=0))
    await rig.runtime.start(spec)
    await ended(rig, spec.name)
    with pytest.raises(RuntimeFailure, match=spec.name):
        await rig.runtime.terminal(spec.name, ["true"])


SHELL = (
    "import os, signal, sys, termios\n"
    "print('tty', os.isatty(0), os.ctermid() and os.tcgetpgrp(0) == os.getpgrp(), flush=True)\n"
    "def resized(*_):\n"
    "    os.write(1, b'size %d %d\\n' % os.get_terminal_size())\n"  # a handler may come while print is at it
    "signal.signal(signal.SIGWINCH, resized)\n"
    "try:\n"
    "    for line in sys.stdin:\n"
    "        print('got', line.strip(), flush=True)\n"
    "except KeyboardInterrupt:\n"
    "    print('interrupted', flush=True)\n"
    "    sys.exit(7)\n"
)


async def test_what_is_typed_reaches_the_command_as_a_terminal_gives_it(programs: Rig):
    spec = programs.spec()
    await programs.runtime.start(spec)
    terminal = await programs.runtime.terminal(spec.name, ["python3", "-c", SHELL])
    await says(terminal, b"tty True True\r\n")
    await terminal.write(b"hello\r")
    await says(terminal, b"got hello\r\n")
    await terminal.resize(123, 45)
    await says(terminal, b"size 123 45\r\n")
    await terminal.write(b"\x03")
    assert b"interrupted" in await everything(terminal)
    assert await terminal.wait() == 7


async def test_the_end_of_the_input_can_be_typed(programs: Rig):
    spec = programs.spec()
    await programs.runtime.start(spec)
    terminal = await programs.runtime.terminal(spec.name, ["python3", "-c", SHELL])
    await says(terminal, b"tty True True\r\n")
    await terminal.write(b"\x04")
    await everything(terminal)
    assert await terminal.wait() == 0


async def test_a_command_is_hung_up_on_even_when_it_does_not_listen(programs: Rig):
    spec = programs.spec()
    await programs.runtime.start(spec)
    deaf = (
        "import signal, time; signal.signal(signal.SIGHUP, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
    )
    terminal = await programs.runtime.terminal(spec.name, ["python3", "-c", deaf])
    await says(terminal, b"deaf")
    await terminal.hang_up()
    assert await terminal.wait() == 128 + 9


async def test_a_terminal_ends_with_its_container(programs: Rig):
    spec = programs.spec()
    await programs.runtime.start(spec)
    terminal = await programs.runtime.terminal(spec.name, ["python3", "-c", SHELL])
    await says(terminal, b"tty True True\r\n")
    await programs.runtime.stop(spec.name, 1)
    await everything(terminal)
    assert await terminal.wait() > 128


async def test_its_memory_and_time_are_measured_while_it_runs(rig: Rig):
    spec = rig.spec(Script(memory=64), memory=256)
    await rig.runtime.start(spec)

    async def used() -> float | None:
        usage = await rig.runtime.stats(spec.name)
        return usage.memory_peak if usage and 64 <= usage.memory <= usage.memory_peak and usage.memory < 128 else None

    assert await eventually(used)
    await rig.runtime.stop(spec.name, 1)
    assert await rig.runtime.stats(spec.name) is None
    assert await rig.runtime.stats("culm-contract-nobody") is None


async def test_its_health_follows_its_probe(rig: Rig):
    spec = rig.spec(probe=PROBE)
    await rig.runtime.start(spec)

    async def health() -> str | None:
        seen = await look(rig, spec.name)
        return seen.health if seen and seen.health != "UNKNOWN" else None

    assert await eventually(health) == "HEALTHY"
    await rig.sicken(spec.name)

    async def sick() -> bool:
        return await health() == "UNHEALTHY"

    assert await eventually(sick)


async def test_without_a_probe_its_health_is_unknown(rig: Rig):
    seen = await rig.runtime.start(rig.spec())
    assert seen.health == "UNKNOWN"


async def test_failures_within_the_start_period_do_not_count(programs: Rig):
    spec = programs.spec(Script(health="UNHEALTHY"), probe=replace(PROBE, start_period=300))
    sick = programs.spec(Script(health="UNHEALTHY"), probe=PROBE)
    await programs.runtime.start(spec)
    await programs.runtime.start(sick)

    async def unhealthy() -> bool:
        seen = await look(programs, sick.name)
        return seen is not None and seen.health == "UNHEALTHY"

    await eventually(unhealthy)
    seen = await look(programs, spec.name)
    assert seen is not None and seen.health == "UNKNOWN"


async def test_changes_are_told_as_they_happen(rig: Rig):
    spec = rig.spec(Script(output=b"ready\n"))
    told: asyncio.Queue[str] = asyncio.Queue()

    async def listen() -> None:
        async for name in rig.runtime.changes():
            told.put_nowait(name)

    listening = asyncio.ensure_future(listen())
    try:
        async with asyncio.timeout(20):
            await rig.runtime.start(spec)
            await ready(rig, spec.name)
            while await told.get() != spec.name:
                pass
            await rig.kill(spec.name)
            while await told.get() != spec.name or (await look(rig, spec.name) or spec).state != "stopped":  # type: ignore[union-attr]
                pass
    finally:
        listening.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await listening


@pytest.mark.parametrize("running", [True, False])
async def test_removing_leaves_nothing(rig: Rig, running: bool):
    spec = rig.spec(Script(output=b"ready\n", exit_code=None if running else 0))
    await rig.runtime.start(spec)
    await ready(rig, spec.name)
    await rig.runtime.remove(spec.name)
    assert await look(rig, spec.name) is None
    assert await rig.leftovers(spec.name) == []


@pytest.mark.parametrize("way", ["stop", "kill", "exit"])
@pytest.mark.skipif(not LINUX, reason="a child that left its session is found on Linux only")
async def test_children_that_left_its_session_die_with_it(programs: Rig, way: str):
    leaves = "import signal, time; signal.signal(15, signal.SIG_IGN); print('here', flush=True); time.sleep(3600)"
    spec = programs.spec(leaves=leaves)
    await programs.runtime.start(spec)
    await ready(programs, spec.name, "here")
    match way:
        case "stop":
            await programs.runtime.stop(spec.name, 1)
        case "kill":
            await programs.kill(spec.name)
        case "exit":
            await programs.runtime.remove(spec.name)
    if way != "exit":
        assert [line.text for line in await lines(programs, spec.name)] == ["here"]  # its end of the pipe is closed
        await programs.runtime.remove(spec.name)
    assert await programs.leftovers(spec.name) == []


async def test_a_missing_image_is_a_failure_by_name(programs: Rig):
    spec = programs.spec()
    missing = replace(spec, image=spec.image.partition("@")[0] + "@sha256:" + "0" * 64)
    with pytest.raises(RuntimeFailure, match=r"CannotPullContainerError: .*not (found|known)"):
        await programs.runtime.start(missing)
    assert await look(programs, spec.name) is None


async def test_refused_credentials_are_a_failure_by_name(programs: Rig):
    spec = replace(programs.spec(Script(output=b"never pulled")), registry_auth=("AWS", "wrong"))
    with pytest.raises(RuntimeFailure, match="CannotPullContainerError: "):
        await programs.runtime.start(spec)


async def test_a_registry_that_does_not_answer_is_a_failure_by_name(programs: Rig):
    spec = replace(programs.spec(), image="127.0.0.1:9/nobody@sha256:" + "0" * 64)
    with pytest.raises(RuntimeFailure, match=r"CannotPullContainerError: .*127\.0\.0\.1:9"):
        await programs.runtime.start(spec)


async def test_a_missing_command_is_a_failure_by_name(programs: Rig):
    spec = programs.spec(entry_point=("no-such-program",))
    with pytest.raises(RuntimeFailure, match=r"CannotStartContainerError: .*no-such-program"):
        await programs.runtime.start(spec)
    assert await look(programs, spec.name) is None
    assert await programs.leftovers(spec.name) == []


async def test_a_working_directory_that_is_a_file_is_a_failure_by_name(programs: Rig):
    spec = programs.spec(working_directory="/actor.py")
    with pytest.raises(RuntimeFailure, match=r"Cannot(Start|Create)ContainerError: .*/actor\.py.*not a directory"):
        await programs.runtime.start(spec)


async def test_a_failure_that_a_script_names_is_raised():
    rig = FakeRig()
    failure = RuntimeFailure("CannotPullContainerError", "no such image")
    with pytest.raises(RuntimeFailure, match="CannotPullContainerError: no such image"):
        await rig.runtime.start(rig.spec(Script(failure=failure)))


async def ready(rig: Rig, name: str, text: str = "ready") -> None:
    async def told() -> bool:
        return text in [line.text for line in await lines(rig, name, follow=False)]

    await eventually(told)
