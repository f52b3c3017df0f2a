"""What goes wrong says its cause and its cure, ends with the right status, and leaves the rest running."""

import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.scenarios import misfits
from tests.scenarios.load import Load
from tests.scenarios.stand import Said, Stand
from tests.traffic import free_port


@pytest.fixture(scope="module")
def _misfits(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    stand = Stand(tmp_path_factory.mktemp("misfits"), port=free_port())
    yield stand
    stand.close()


@pytest.fixture
def stand(_misfits: Stand) -> Iterator[Stand]:
    """`good` serves, and nothing that happens to `bad` may be felt there."""
    misfits.service(_misfits, "good")
    misfits.service(_misfits, "bad", said="first")
    misfits.project(_misfits, "misfits", "good", "bad")
    _misfits.culm("up", "--runtime", "process")
    before = _misfits.tasks("misfits")
    good = {arn for arn, task in before.items() if task["group"] == "service:good"}
    with Load(_misfits.port, "/good/") as load:
        yield _misfits
        load.flows()
    assert load.failures == []
    assert good <= _misfits.tasks("misfits").keys()


def fails(stand: Stand) -> Said:
    said = stand.culm("deploy", "bad", status=1)
    assert "\ntry: " in said.err
    assert stand.get("/bad/").body == "first"
    return said


def test_a_migration_that_exits_3_ends_the_deploy_with_its_last_words(stand: Stand) -> None:
    migrate = misfits.DOCKERFILE.replace(
        '["python3", "serve.py"]', '["sh", "-c", "echo the table is locked; echo LockError: held; exit 3"]'
    )
    stand.write("bad/Dockerfile.migrate", migrate)
    try:
        said = fails(stand)
    finally:
        (stand.project / "bad/Dockerfile.migrate").unlink()

    assert (
        "culm: the migration of bad ended with exit code 3; bad stays as it was\n  cause: LockError: held" in said.err
    )
    assert "the table is locked" in said.err


def test_a_service_that_crashes_at_its_start_says_why(stand: Stand) -> None:
    misfits.service(stand, "bad", first="sys.exit('settings.toml has no [mail]')")

    said = fails(stand)

    # whoever sees it first tells it: culm's own count of the ends, or ECS's circuit breaker
    assert "it starts and stops again" in said.err or "circuit breaker" in said.err
    assert "It was rolled back to misfits-bad:" in said.err
    assert "exit code 1" in said.err
    assert "settings.toml has no [mail]" in said.err


def test_a_service_that_never_gets_healthy_says_what_the_load_balancer_saw(stand: Stand) -> None:
    misfits.service(stand, "bad", said="no mail server", status=503)

    said = fails(stand)

    assert "never gets healthy" in said.err
    assert "503" in said.err
    assert "It was rolled back to misfits-bad:" in said.err


def test_a_service_that_eats_400_mb_is_ended_for_it(stand: Stand) -> None:
    misfits.service(stand, "bad", first="eaten = bytearray(b'x') * (400 << 20)")

    said = fails(stand)

    assert "exit code 137" in said.err
    assert "OutOfMemoryError: Container killed due to memory usage" in said.err
    assert "memory:" in said.err.splitlines()[-2] + said.err.splitlines()[-1]


def test_a_fixed_port_that_is_taken_says_how_to_listen_on_one_of_its_own(stand: Stand) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        misfits.service(stand, "bad", port=str(taken.getsockname()[1]))

        said = fails(stand)

    assert "Address already in use" in said.err
    assert "PORT" in said.err.splitlines()[-2] + said.err.splitlines()[-1]


def test_a_load_balancer_s_port_that_is_taken_is_named(stand: Stand) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        stand.edit("culm.yml", f"port: {stand.port}", f"port: {port}")
        said = stand.culm("up", status=1)

    assert f"port {port} of 127.0.0.1, the load balancer's, is taken" in said.err
    assert "try: " in said.err and "culm.yml" in said.err


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("bad: {grace: 5}", "bad: {graze: 5}", ["culm.yml:5", "graze", "grace"]),
        ("bad: {grace: 5}", "bad: {build: nowhere}", ["culm.yml:5", "nowhere"]),
        ("bad: {grace: 5}", "bad: {path: /good/*}", ["culm.yml:5", "/good/*", "good"]),
    ],
    ids=["wrong key", "missing folder", "two services on one path"],
)
def test_a_mistake_in_culm_yml_is_told_with_its_line(stand: Stand, old: str, new: str, told: list[str]) -> None:
    stand.edit("culm.yml", old, new)

    said = stand.culm("up", status=2)

    assert [word for word in told if word not in said.err] == [], said.err


@pytest.fixture
def full(tmp_path: Path) -> Iterator[Stand]:
    """A stand whose home has a small disk of its own."""
    stand = Stand(tmp_path, port=free_port())
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "none", stand.home]).returncode:
        pytest.skip("only root can mount a small disk")
    try:
        yield stand
    finally:
        stand.close()
        subprocess.run(["umount", "--lazy", stand.home], check=True)


def test_a_full_disk_is_named_and_all_is_well_when_there_is_room_again(full: Stand) -> None:
    misfits.service(full, "good")
    misfits.project(full, "misfits", "good")
    full.culm("up", "--runtime", "process")
    misfits.service(full, "good", said="changed")
    fill = full.home / "fill"
    with Load(full.port, "/good/") as load:
        with fill.open("wb") as file, pytest.raises(OSError, match="No space left"):
            while True:
                file.write(b"x" * 65536)
                file.flush()
        said = full.culm("deploy", "good", status=1)
        assert "disk" in said.err and "try: " in said.err, said.err
        assert full.get("/good/").body == "well"

        fill.unlink()
        full.culm("deploy", "good")
        assert full.get("/good/").body == "changed"
    assert load.failures == []
