import os
import pwd
import re
import shutil
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from culm.cluster.instance.runtime.interface import Port, Probe, Spec
from culm.cluster.instance.runtime.process.images import Image
from culm.cluster.instance.runtime.process.orders import order, resolve
from culm.cluster.instance.runtime.process.rootfs import Rootfs
from culm.cluster.instance.runtime.process.shim.files import Plan
from culm.errors import RuntimeFailure

BOUND = (Port(container_port=8080, host_port=31000),)
REAL_TIME = pytest.mark.skipif(not hasattr(signal, "SIGRTMIN"), reason="this system has no real-time signals")
SPEC = Spec(name="one", image="r.test/app:1", address="127.7.7.7", environment={}, labels={})


@pytest.fixture
def rootfs(tmp_path: Path) -> Rootfs:
    root = tmp_path / "rootfs"
    (root / "app").mkdir(parents=True)
    (root / "app/run").write_text("#!/bin/sh\n")
    (root / "app/run").chmod(0o755)
    (root / "app/data").write_text("")
    return Rootfs(root)


def image(rootfs: Rootfs, **more: object) -> Image:
    return replace(Image(digest="sha256:1", rootfs=rootfs.root, environment={}, labels={}), **more)  # type: ignore[arg-type]


def plan(rootfs: Rootfs, spec: Spec = SPEC, **more: object) -> Plan:
    return order(spec, image(rootfs, **{"command": ("/app/run",), **more}), rootfs, BOUND, None)


@pytest.mark.parametrize(
    ("entry_point", "command", "argv"),
    [
        (None, None, ["sh", "image", "cmd"]),
        (None, ("task",), ["sh", "image", "task"]),
        (None, (), ["sh", "image"]),
        (("sh", "task"), None, ["sh", "task"]),
        (("sh", "task"), ("words",), ["sh", "task", "words"]),
        ((), ("sh", "words"), ["sh", "words"]),
    ],
)
def test_entry_point_and_command_combine_as_docker_has_it(
    rootfs: Rootfs, entry_point: tuple[str, ...] | None, command: tuple[str, ...] | None, argv: list[str]
):
    spec = replace(SPEC, entry_point=entry_point, command=command)
    assert plan(rootfs, spec, entry_point=("sh", "image"), command=("cmd",))["argv"] == argv


def test_paths_and_ports_in_the_command_are_the_hosts(rootfs: Rootfs):
    words = ("/app/run", "--data=/app/data", "--port", "8080")
    made = plan(rootfs, replace(SPEC, command=words))
    root = str(rootfs.root)
    assert made["argv"] == [f"{root}/app/run", f"--data={root}/app/data", "--port", "31000"]
    assert made["executable"] == f"{root}/app/run"


def test_what_a_command_and_its_variables_call_at_localhost_is_the_tasks_other_container(rootfs: Rootfs):
    peers = (Port(container_port=9000, host_port=9000), Port(container_port=80, host_port=0))
    given = {"API": "http://localhost:9000", "LATER": "http://localhost:80"}
    spec = replace(SPEC, command=("/app/run", "--to=localhost:9000"), environment=given, peers=peers)
    made = plan(rootfs, spec, environment={"CACHE": "127.0.0.1:9000"})
    assert made["argv"][1:] == ["--to=127.7.7.7:9000"]
    assert (
        made["environment"].items()
        >= {
            "API": "http://127.7.7.7:9000",
            "CACHE": "127.7.7.7:9000",
            "LATER": "http://localhost:80",
            "CULM_PEERS": "127.7.7.7 9000=9000",
        }.items()
    )


def test_it_sees_nothing_of_the_daemons_environment_but_the_path(rootfs: Rootfs, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "the operator's")
    made = plan(rootfs, replace(SPEC, environment={"A": "1"}))["environment"]
    moved = {"CULM_LISTEN", "PYTHONPATH", "NODE_OPTIONS"}
    assert set(made) == {"A", "HOME", "TMPDIR", "HOSTNAME", "PATH", "PORT", "HOST", "CULM_CONTAINER", *moved}
    assert Path(made["HOME"]).is_relative_to(rootfs.root) and Path(made["TMPDIR"]).is_dir()


@pytest.mark.parametrize("first", ["/opt/venv", "/usr/local"])
def test_python_is_the_one_that_the_images_path_has_first(rootfs: Rootfs, first: str):
    for prefix in ("/opt/venv", "/usr/local"):
        python = rootfs.inside(f"{prefix}/bin/python")
        python.parent.mkdir(parents=True)
        python.touch(mode=0o755)
    path = f"{first}/bin:/opt/venv/bin:/usr/local/bin"
    made = plan(rootfs, replace(SPEC, command=("python", "-m", "app"), environment={"PATH": path}))
    assert made["executable"] == str(rootfs.inside(f"{first}/bin/python"))
    assert "VIRTUAL_ENV" not in made["environment"]


def test_a_script_of_the_images_python_is_not_run_by_the_hosts(rootfs: Rootfs):
    python, script = rootfs.inside("/usr/local/bin/python3"), rootfs.inside("/app/tool")
    python.parent.mkdir(parents=True)
    for file in (python, script):
        file.write_text("#!/usr/bin/python3\n")
        file.chmod(0o755)
    assert plan(rootfs, replace(SPEC, command=("/app/tool",)))["executable"] == str(python)


def test_a_missing_directory_is_made_and_one_that_is_a_file_is_refused(rootfs: Rootfs):
    assert Path(plan(rootfs, working_directory="/srv/deep")["directory"]).is_dir()
    for path in ("/app/data", "/app/data/deeper"):
        with pytest.raises(RuntimeFailure, match=f"working directory {path}: not a directory"):
            plan(rootfs, replace(SPEC, working_directory=path))


def test_no_command_at_all_is_refused(rootfs: Rootfs):
    with pytest.raises(RuntimeFailure, match="no command"):
        plan(rootfs, command=())


@pytest.mark.parametrize(
    ("program", "why"),
    [
        ("no-such-program", r"executable file not found in \$PATH"),
        ("/app/none", "no such file or directory"),
        ("/app/data", "permission denied"),
        ("/app", "permission denied"),
    ],
)
def test_a_program_that_cannot_run_is_refused_with_the_engines_words(rootfs: Rootfs, program: str, why: str):
    with pytest.raises(RuntimeFailure, match=f'CannotStartContainerError: exec: ".*{program}": {why}'):
        plan(rootfs, replace(SPEC, command=(program,)))


def test_a_program_of_the_base_image_is_the_hosts_wherever_that_has_it(rootfs: Rootfs):
    executable, argv = resolve(["/usr/local/bin/sh", "-e"], os.defpath, rootfs.root)
    assert (Path(executable).name, argv) == ("sh", ["/usr/local/bin/sh", "-e"])


def test_a_script_whose_interpreter_the_base_image_had_runs_with_the_hosts(rootfs: Rootfs):
    script = rootfs.root / "script"
    script.write_text("#!/opt/base/bin/sh -e\n")
    script.chmod(0o755)
    executable, argv = resolve([str(script), "word"], os.defpath, rootfs.root)
    assert (Path(executable).name, argv) == ("sh", ["sh", "-e", str(script), "word"])
    script.write_text("#!/opt/base/bin/no-such-shell\n")
    with pytest.raises(RuntimeFailure, match="interpreter /opt/base/bin/no-such-shell is not on this machine"):
        resolve([str(script)], os.defpath, rootfs.root)


@pytest.mark.parametrize(
    ("command", "argv"),
    [
        (("CMD-SHELL", "curl localhost:8080/health"), ["/bin/sh", "-c", "curl 127.7.7.7:31000/health"]),
        (("CMD", "sh", "8080"), ["sh", "31000"]),
        (("sh", "-c", "true"), ["sh", "-c", "true"]),
        (("CMD", "no-such-program"), ["no-such-program"]),
    ],
)
def test_a_probe_asks_the_container_where_it_listens(rootfs: Rootfs, command: tuple[str, ...], argv: list[str]):
    probe = plan(rootfs, replace(SPEC, probe=Probe(command=command, interval=7)))["probe"]
    assert probe is not None and (probe["argv"], probe["interval"]) == (argv, 7)


def test_a_probe_of_none_is_none(rootfs: Rootfs):
    assert plan(rootfs, replace(SPEC, probe=Probe(command=("NONE",))))["probe"] is None


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("SIGQUIT", signal.SIGQUIT),
        ("INT", signal.SIGINT),
        ("term", signal.SIGTERM),
        ("10", 10),
        ("SIGTERM", signal.SIGTERM),
        pytest.param("SIGRTMIN+3", int(getattr(signal, "SIGRTMIN", 0)) + 3, marks=REAL_TIME),
        pytest.param("RTMAX-1", int(getattr(signal, "SIGRTMAX", 0)) - 1, marks=REAL_TIME),
    ],
)
def test_the_images_stop_signal_is_kept(rootfs: Rootfs, name: str, number: int):
    assert plan(rootfs, stop_signal=name)["stop_signal"] == number


def test_a_host_name_of_its_own_stands_in_the_environment(rootfs: Rootfs):
    assert plan(rootfs, replace(SPEC, hostname="web"))["environment"]["HOSTNAME"] == "web"
    assert plan(rootfs, SPEC)["environment"]["HOSTNAME"] == SPEC.name


@pytest.mark.parametrize("name", ["SIGNOTHING", "0", "999", "SIGRTMIN+99", "a b"])
def test_a_stop_signal_that_there_is_not_is_named(rootfs: Rootfs, name: str):
    with pytest.raises(RuntimeFailure, match=rf"CannotStartContainerError: .*STOPSIGNAL is {re.escape(name)}"):
        plan(rootfs, stop_signal=name)


def test_a_script_with_windows_line_ends_is_told_what_is_wrong(rootfs: Rootfs):
    script = rootfs.inside("/entry.sh")
    script.write_bytes(b"#!/bin/sh\r\necho hello\r\n")
    script.chmod(0o755)
    with pytest.raises(RuntimeFailure, match=r'exec: "/.*entry.sh": its first line ends with a carriage return'):
        plan(rootfs, replace(SPEC, entry_point=("/entry.sh",)))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_root_becomes_the_images_user_if_the_host_knows_it_and_it_can_reach_the_files(
    tmp_path_factory: pytest.TempPathFactory,
):
    nobody = pwd.getpwnam("nobody")
    root = Path("/tmp") / tmp_path_factory.mktemp("open").name
    (root / "app").mkdir(parents=True)
    rootfs = Rootfs(root)
    spec = replace(SPEC, command=("sh",))
    try:
        for user in ("nobody", "nobody:nogroup", str(nobody.pw_uid)):
            assert plan(rootfs, spec, user=user)["user"] == (nobody.pw_uid, nobody.pw_gid)
        assert (root / "app").stat().st_uid == nobody.pw_uid
        for user in ("", "root", "0", "no-such-user", "61234"):
            assert plan(rootfs, spec, user=user)["user"] is None
        root.chmod(0o700)
        assert plan(Rootfs(root / "app"), spec, user="nobody")["user"] is None
    finally:
        shutil.rmtree(root)
