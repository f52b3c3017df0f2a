"""Each command of a RUN line, taken to whoever can do it."""

import re
from collections.abc import Sequence
from dataclasses import replace

from culm.deploy.build import shell
from culm.deploy.build.programs import NOTHING, named, plain_words
from culm.deploy.build.run.line import ENGINE_HINT, RunLine
from culm.deploy.build.run.programs import done_by_programs, save
from culm.deploy.build.run.python import POETRY_INSTALLER, UV_INSTALLER, bring_uv, done_by_python, installed_by_script
from culm.deploy.build.shell import Command, Commands
from culm.errors import CulmError
from culm.project.texts import decoded

RUNNERS = frozenset({"poetry", "uv", "pipenv", "pdm", "hatch"})
"""`poetry run X` is X in the project's environment."""


def carry_out(run: RunLine, listed: str | Sequence[str]) -> None:
    """Do what a RUN line says: the shell form's text, or the exec form's words.

    Raises what `run.fail` raises for a line that a host cannot do, and whose result the image would need.
    """
    if isinstance(listed, str):
        variables = {"HOME": run.stage.home, **run.stage.variables}
        follow(run, shell.commands(listed, variables, run.exists, run.matching))
    elif listed:
        script = listed[2:3] if len(listed) == 3 and named(listed[0]) in ("sh", "bash") and "c" in listed[1] else None
        if script:
            carry_out(run, script[0])
        else:
            take(run, Command(argv=tuple(listed)))
    if run.left_out and run.left not in run.stage.left:
        run.stage.left.append(run.left)
    if run.by_host and run.left not in run.stage.compiled:
        run.stage.compiled.append(run.left)


def follow(run: RunLine, listed: Commands, outer: tuple[int, ...] = ()) -> None:
    """Take each command in its turn, inside the subshells `outer`; one that may fail sends back whether it did."""
    succeeded: bool | None = None
    while True:
        try:
            command = listed.send(succeeded)
        except StopIteration:
            return
        succeeded = True
        try:
            take(run, replace(command, subshell=outer + command.subshell))
        except CulmError:
            if not command.may_fail:
                raise
            succeeded = False


def take(run: RunLine, command: Command) -> None:
    """Carry out one command of a RUN line on the image's tree, or note that it was left out."""
    folder = run.folder(command.subshell)
    command = unwrapped(run, command)
    name = named(command.argv[0])
    if not command.plain:
        not_plain(run, command, folder)
    elif name in ("cd", "pushd"):
        run.folders[command.subshell] = run.stage.absolute(next(iter(command.argv[1:]), run.stage.home), folder)
    elif command.output and save(run, command, folder):
        pass
    elif name in (".", "source") and command.argv[-1].endswith("activate"):
        run.active = run.stage.absolute(command.argv[-1].removesuffix("/activate").removesuffix("/bin"), folder)
    elif (text := script_text(run, command, folder)) is not None:
        follow_script(run, command, text, folder)
    elif not done_by_python(run, command, folder) and not done_by_programs(run, command, folder):
        run.unknown(command, folder)


BEYOND = re.compile(
    r"\$[@*#0-9]|\$\{[@*#0-9]|\b(?:while|until|case|function|source|eval|exec|trap|read)\b|^\s*[\w:.-]+\s*\(\)|^\s*\. ",
    re.MULTILINE,
)
"""What makes a script more than a list of commands: arguments, functions, loops, other scripts."""
MOST_NESTED = 3


def script_text(run: RunLine, command: Command, folder: str) -> str | None:
    """Return the text of the image's shell script that a command runs.

    None where it cannot be followed like a RUN line.
    """
    words = command.argv[1:] if named(command.argv[0]) in ("sh", "bash") else command.argv
    if len(words) != 1 or "/" not in words[0] or run.nested >= MOST_NESTED:
        return None
    file = run.stage.tree.get(run.stage.absolute(words[0], folder))
    if file is None or file.kind != "file":
        return None
    text = decoded(file.data()[:65536])
    is_shell = len(words) < len(command.argv) or re.match(r"#!\s*/\S*(?:\benv\s+)?\b(?:ba|da)?sh\b", text) is not None
    return text if is_shell and not BEYOND.search(text) else None


def follow_script(run: RunLine, command: Command, text: str, folder: str) -> None:
    """Do what a script says, line by line; where it went to is its own affair."""
    before = run.folders.get(command.subshell)
    run.nested += 1
    variables = {"HOME": run.stage.home, **run.stage.variables, **command.environment}
    follow(run, shell.commands(text, variables, run.exists, run.matching), command.subshell)
    run.nested -= 1
    run.folders[command.subshell] = before if before is not None else folder


def unwrapped(run: RunLine, command: Command) -> Command:
    """Return X for `exec X`, `env A=1 X`, `sudo X` and `poetry run X`."""
    argv = list(command.argv)
    environment = dict(command.environment)
    while len(argv) > 1:
        if argv[0] in ("exec", "sudo", "nice", "command", "time"):
            argv = argv[1:]
        elif named(argv[0]) == "env" and "=" in argv[1]:
            environment[argv[1].partition("=")[0]] = argv[1].partition("=")[2]
            argv = [argv[0], *argv[2:]]
        elif named(argv[0]) == "env" and not argv[1].startswith("-") and environment:
            argv = argv[1:]
        elif named(argv[0]) in RUNNERS and plain_words(argv)[:1] == ["run"]:
            rest = argv[argv.index("run") + 1 :]
            while rest and rest[0].startswith("-"):
                rest = rest[1:]
            if not rest or not into_project(run, named(argv[0]), command):
                break
            argv = rest
        else:
            break
    return replace(command, argv=tuple(argv), environment=environment)


def into_project(run: RunLine, runner: str, command: Command) -> bool:
    """Make the project's environment the active one, and return whether it is known."""
    folder = run.folder(command.subshell)
    path = run.stage.absolute(run.stage.environment.get("UV_PROJECT_ENVIRONMENT", ".venv"), folder)
    if run.stage.place_at(path) is not None:
        run.active = path
        return True
    return runner != "uv" and run.stage.place_at(run.stage.in_use()) is not None


def not_plain(run: RunLine, command: Command, folder: str) -> None:
    """Follow a pipe, a substitution or a loop."""
    argv, pipeline = command.argv, command.pipeline
    if any(POETRY_INSTALLER in word for words in pipeline for word in words):
        installed_by_script(run, "poetry", command, folder)
        return
    if any(UV_INSTALLER in word for words in pipeline for word in words):
        bring_uv(run)
        return
    if len(pipeline) == 2 and named(pipeline[1][0]) == "tee" and argv == pipeline[1]:
        source = replace(command, argv=pipeline[0], output=plain_words(pipeline[1])[0], append="-a" in pipeline[1])
        if save(run, source, folder):
            return
    if len(pipeline) == 2 and argv == pipeline[0] and named(pipeline[1][0]) == "tee" and named(argv[0]) in NOTHING:
        return
    words = [word for each in (pipeline or (argv,)) for word in each]
    if any(re.fullmatch(r"pip[\d.]*", named(word)) for word in words) and "install" in words:
        line = " | ".join(" ".join(each) for each in pipeline or (argv,))
        what = f"RUN {line}: what it installs only running it could tell"
        run.fail(run.line, what, f"name it plainly; or {ENGINE_HINT}")
    if named(argv[0]) in NOTHING and not command.output:
        return
    run.unknown(command, folder)
