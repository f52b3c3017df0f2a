"""The commands as people type them."""

import errno
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from tests import culm_command

from culm.cli import COMMANDS, FIRST_SCREEN, culm, first_screen, of_machine


def run(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """A process of its own: exit status and both streams as a shell sees them."""
    environment = {"PATH": "/usr/bin:/bin", "CULM_HOME": str(folder / "home")}
    return culm_command.run(arguments, cwd=folder, environment=environment)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("accounts", "Web Shop"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "Dockerfile").write_text("FROM base\nEXPOSE 8000\n")
    (tmp_path / "accounts" / "conf").mkdir()
    (tmp_path / "accounts" / "conf" / "database.url").write_text("postgresql://localhost/accounts\n")
    (tmp_path / "notes").mkdir()
    return tmp_path


@pytest.mark.parametrize("name", COMMANDS)
def test_each_commands_help_begins_with_its_line_in_the_list(name: str) -> None:
    command = culm.get_command(click.Context(culm), name)
    assert command is not None
    assert command.get_short_help_str(limit=200) == COMMANDS[name]


def test_help_lists_every_command_and_imports_none() -> None:
    code = """\
import sys
from culm.cli import FIRST_SCREEN, main, first_screen
try:
    main()
finally:
    print(sorted(name for name in sys.modules if name.startswith("culm")))
"""
    done = subprocess.run([sys.executable, "-c", code, "--help"], capture_output=True, text=True, check=True)
    assert all(name in done.stdout for name in COMMANDS)
    redaction = ["culm.vault", "culm.vault.redaction", "culm.vault.secret"]  # of all that is printed
    assert done.stdout.splitlines()[-1] == str(["culm", "culm.cli", "culm.errors", *redaction])


def test_an_unknown_command_is_a_usage_error() -> None:
    result = CliRunner().invoke(culm, ["pu"])
    assert result.exit_code == 2
    assert "No such command 'pu'" in result.stderr


@pytest.mark.parametrize(
    ("typed", "near"),
    [(["depoly"], "deploy"), (["run-nwo"], "run-now"), (["vault", "gte"], "get"), (["aws", "dif"], "diff")],
)
def test_a_mistyped_command_names_the_nearest(typed: list[str], near: str) -> None:
    result = CliRunner().invoke(culm, typed)
    assert result.exit_code == 2
    assert f"No such command {typed[-1]!r}. Did you mean {near!r}?" in result.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_gets_its_script_and_asks_by_it(tmp_path: Path, shell: str) -> None:
    done = run("completion", shell, folder=tmp_path)
    assert done.returncode == 0
    assert f"_CULM_COMPLETE={shell}_complete" in done.stdout
    asked = {
        "PATH": "/usr/bin:/bin",
        "_CULM_COMPLETE": f"{shell}_complete",
        "COMP_WORDS": "culm roll",
        "COMP_CWORD": "roll" if shell == "fish" else "1",
    }
    answer = subprocess.run(
        [sys.executable, "-m", "culm"], cwd=tmp_path, env=asked, capture_output=True, text=True, check=False
    )
    assert "rollback" in answer.stdout


def test_culm_alone_shows_what_to_begin_with_and_where_the_rest_is() -> None:
    result = CliRunner().invoke(culm, [])
    assert result.exit_code == 0
    shown = [line.split()[1] for line in result.stdout.splitlines() if line.startswith("  culm ")]
    assert shown == ["init", "plan", "up", "status", "logs"]
    assert "culm --help" in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 100


@pytest.mark.parametrize("width", [60, 80, 100])
def test_culm_alone_breaks_lines_between_words(width: int) -> None:
    folded = first_screen(width)
    assert max(map(len, folded.splitlines())) <= width
    assert folded.split() == FIRST_SCREEN.split()


def test_errors_say_what_and_what_to_try(folder: Path) -> None:
    (folder / "culm.yml").write_text("name: bamboo\nservices:\n  accounts: {memmory: 1}\n")
    done = run("up", folder=folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "culm: culm.yml:3: services.accounts.memmory: there is no such key\ntry: did you mean memory?\n"
    )


@pytest.mark.parametrize("command", ["status", "logs", "up", "down"])
def test_a_folder_without_a_manifest_says_how_to_make_one(tmp_path: Path, command: str) -> None:
    done = run(command, folder=tmp_path)
    assert done.returncode == 2
    assert "there is no culm.yml" in done.stderr
    assert "culm init" in done.stderr


@pytest.mark.parametrize("command", [["status"], ["logs"], ["scale", "accounts", "2"], ["restart", "accounts"]])
def test_a_cluster_that_does_not_run_is_told_and_not_started(folder: Path, command: list[str]) -> None:
    assert run("init", "--name", "bamboo", folder=folder).returncode == 0
    done = run(*command, folder=folder)
    assert done.returncode == 2
    assert "the local cluster does not run\ntry: `culm up` starts it" in done.stderr


def test_down_of_what_is_not_up_is_no_error(folder: Path) -> None:
    run("init", "--name", "bamboo", folder=folder)
    done = run("down", folder=folder)
    assert (done.returncode, done.stderr) == (0, "the local cluster does not run\n")


@pytest.mark.parametrize(
    ("arguments", "what", "hint"),
    [
        (["deploy", "acounts"], "culm.yml has no service 'acounts'", "did you mean accounts?"),
        (["up", "--target", "lcal"], "culm.yml has no target 'lcal'", "did you mean local?"),
        (["migrate", "accounts"], "accounts has no migration", "add a Dockerfile.migrate"),
    ],
)
def test_wrong_names_get_the_nearest_one(folder: Path, arguments: list[str], what: str, hint: str) -> None:
    run("init", "--name", "bamboo", folder=folder)
    done = run(*arguments, folder=folder)
    assert done.returncode == 2
    assert f"culm: {what}\ntry: {hint}" in done.stderr


def test_init_names_the_folders_that_have_a_dockerfile(folder: Path) -> None:
    done = run("init", "--name", "bamboo", folder=folder)
    assert (done.returncode, done.stderr) == (0, "wrote culm.yml with web-shop, accounts; next: culm up\n")
    assert (folder / "culm.yml").read_text() == (
        "# yaml-language-server: $schema=.culm/culm.schema.json\n"
        "name: bamboo\n"
        "targets:\n"
        "  local: {instances: 2 x t2.micro}\n"
        "databases:\n"
        "  main: {engine: postgres}\n"
        "services:\n"
        "  web-shop:\n"
        '    build: "Web Shop"\n'
        "    path: /  # all that is no other service's\n"
        '    health: {path: /, codes: "200-499"}  # any answer counts; a page that says it is well is better\n'
        "  accounts:\n"
        "    build: accounts\n"
        "    path: /accounts/*\n"
        "    strip: true  # its routes do not begin with /accounts\n"
        '    health: {path: /, codes: "200-499"}  # any answer counts; a page that says it is well is better\n'
        "    database: main\n"
    )


def test_init_puts_the_schema_where_its_first_line_says(folder: Path) -> None:
    run("init", "--name", "bamboo", folder=folder)
    assert (folder / ".culm" / "culm.schema.json").read_text() == run("schema", folder=folder).stdout


def test_init_keeps_a_manifest_that_is_there(folder: Path) -> None:
    (folder / "culm.yml").write_text("name: mine\n")
    done = run("init", folder=folder)
    assert done.returncode == 2
    assert "culm init --force" in done.stderr
    assert (folder / "culm.yml").read_text() == "name: mine\n"


def test_init_without_service_folders_says_what_it_looks_for(tmp_path: Path) -> None:
    done = run("init", folder=tmp_path)
    assert done.returncode == 2
    assert "no folder in" in done.stderr


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.EACCES, "cannot use /x/y: Permission denied"),
        (errno.ENOTDIR, "cannot use /x/y: Not a directory"),
        (errno.EROFS, "cannot use /x/y: Read-only file system"),
    ],
)
def test_a_file_that_this_machine_does_not_give_is_a_sentence(number: int, words: str) -> None:
    fault = of_machine(OSError(number, "z", "/x/y"))
    assert fault is not None
    assert fault.what == words
    assert fault.hint


def test_what_may_be_a_bug_keeps_its_traceback_and_a_full_disk_has_no_name() -> None:
    assert of_machine(OSError(errno.EBADF, "z", "/x/y")) is None
    assert of_machine(OSError(errno.EACCES, "z")) is None
    full = of_machine(OSError(errno.ENOSPC, "z"))
    assert full is not None
    assert full.what == "No space left on device"


@pytest.mark.parametrize("command", ["up", "status", "vault"])
def test_a_home_that_is_no_folder_is_a_sentence_and_no_traceback(folder: Path, command: str) -> None:
    (folder / "culm.yml").write_text("name: bamboo\nservices: {accounts: {port: 80}}\n")
    (folder / "home").write_text("")
    done = run(*([command] if command != "vault" else ["vault", "ls"]), folder=folder)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-2:] == [
        f"culm: cannot use {folder}/home/cluster.lock: Not a directory",
        "try: a file stands where a folder is wanted; CULM_HOME names the folder where culm keeps its data",
    ]
