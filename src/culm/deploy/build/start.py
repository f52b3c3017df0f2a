"""Does an image hold what it starts, and what its service needs? What only an engine could have made is found here.

ENTRYPOINT and CMD are followed: `sh -c`, `exec`, `poetry run`, and the commands of a shell script that the image was
given. Each program must be a file of the image, in one of its Python prefixes, or on this machine.
"""

import posixpath
import re
from collections.abc import Mapping, Sequence

from culm.deploy.build import shell
from culm.deploy.build.context import ImageFile, made
from culm.deploy.build.hosted import BuildHost
from culm.deploy.build.plan import Left
from culm.deploy.build.programs import NOTHING, is_python, named
from culm.deploy.build.stage import BuildStage
from culm.project.texts import decoded

RUNNERS: Mapping[str, tuple[str, ...]] = {
    "node": ("npm", "yarn", "pnpm", "bun"),
    "npm": ("npm",),
    "npx": ("npm",),
    "yarn": ("yarn",),
    "pnpm": ("pnpm",),
    "bun": ("bun",),
    "java": ("mvn", "./mvnw", "gradle", "./gradlew"),
    "dotnet": ("dotnet",),
    "ruby": ("bundle",),
    "bundle": ("bundle",),
    "php": ("composer",),
}
"""Programs that need what a build left behind."""
INITS = frozenset({"tini", "dumb-init", "catatonit", "docker-init"})
"""They reap and pass signals on, which the process runtime's supervisor does."""
SHELLS = frozenset({"sh", "bash", "ash", "dash"})
BUILTINS = frozenset(
    {
        "cd",
        "exit",
        "return",
        "read",
        "shift",
        "trap",
        "wait",
        "kill",
        "ulimit",
        "umask",
        "eval",
        "getopts",
        "let",
        "set",
    }
    | {
        "then",
        "else",
        "fi",
        "do",
        "done",
        "if",
        "for",
        "while",
        "until",
        "case",
        "esac",
        "break",
        "continue",
        "source",
        ".",
    }
    | {
        "function",
        "local",
        "declare",
        "export",
        "unset",
        "exec",
        "mkdir",
        "chmod",
        "chown",
        "cp",
        "mv",
        "rm",
        "ln",
        "touch",
    }
)
SYSTEM_FOLDERS = ("/usr/local/bin", "/usr/bin", "/bin")
"""Where a base image has its programs, `/usr/local/bin/npm`; this machine may have the same ones elsewhere."""
PACKAGES: Mapping[str, tuple[str, ...]] = {
    "nc": ("netcat", "ncat"),
    "psql": ("postgresql",),
    "pg_isready": ("postgresql",),
    "mysql": ("mysql", "mariadb"),
    "mysqladmin": ("mysql", "mariadb"),
    "redis-cli": ("redis",),
    "envsubst": ("gettext",),
    "convert": ("imagemagick",),
    "supervisord": ("supervisor",),
}
"""Programs whose package is called otherwise."""


def cannot_start(stage: BuildStage, host: BuildHost) -> Left | None:
    """Return the line that the service cannot do without, and why; None where it has what it starts."""
    if stage.brings_server and not stage.entrypoint and not stage.command:
        return Left(
            line=stage.from_line, text=f"FROM {stage.base}: what it starts is in that image, which a host does not have"
        )
    for argv in started(stage):
        program = argv[0]
        if not is_there(stage, program, host, anywhere=hands_on(stage, stage.entrypoint)):
            return lacking(stage, program)
        if (missing := missing_script(stage, argv, host)) is not None:
            return missing
    for program, script in in_scripts(stage):
        if is_there(stage, program, host, anywhere=True) or stands_in(stage, host, program):
            continue
        if (culprit := installed_by(stage, program)) is not None:
            return Left(line=culprit.line, text=f"{culprit.text}: needs a container engine; {script} runs {program}")
    return lost_by_the_service(stage)


NETCAT = b"""#!/bin/bash
# In place of netcat, which this host lacks: `nc -z HOST PORT` alone.
while [[ ${1-} == -* ]]; do [[ $1 == -*w ]] && shift; shift; done
exec 2>/dev/null 3<>"/dev/tcp/$1/$2"
"""
ONLY_ASKS = re.compile(r"\b(?:nc|netcat)\s+(?:-[vnw\d]+\s+(?:\d+\s+)?)*-[vnw]*z")
USES = re.compile(r"(?m)(?:^|[\s;&|!(`])(?:nc|netcat)\s")


def stands_in(stage: BuildStage, host: BuildHost, program: str) -> bool:
    """Put a script in netcat's place where it only asks whether somebody listens. Returns whether it did."""
    if program not in ("nc", "netcat") or not host.has("bash"):
        return False
    words = [word for argv in (stage.entrypoint, stage.command) for word in argv[:2]]
    scripts = [file for word in words if (file := stage.tree.get(stage.absolute(word)) or on_path(stage, word))]
    texts = [decoded(file.data()[:65536]) for file in scripts if file.kind == "file"]
    uses = sum(len(USES.findall(text)) for text in texts)
    if not uses or uses > sum(len(ONLY_ASKS.findall(text)) for text in texts):
        return False
    stage.add({f"/usr/local/bin/{program}": made(NETCAT, 0o755)})
    return True


def lacking(stage: BuildStage, program: str) -> Left:
    """Return the line that is to blame for a program that the image lacks, and why."""
    name = posixpath.basename(program)
    if stage.brings_server and name in stage.base:
        why = f"FROM {stage.base}: needs a container engine; line {stage.started_at} runs {program}, which is in it"
        return Left(line=stage.from_line, text=why)
    suspects = stage.builds or stage.left
    culprit = installed_by(stage, program) or next(
        (left for left in reversed(suspects) if name in left.text),
        suspects[-1] if suspects and (stage.builds or "/" in program) else None,
    )
    if culprit is None:
        return absent(stage, program)
    why = f"{culprit.text}: needs a container engine; line {stage.started_at} runs {program}"
    return Left(line=culprit.line, text=why)


def absent(stage: BuildStage, path: str) -> Left:
    """Return the line that starts what no line brings.

    It says where the image has a file of that name, if there is one.
    """
    name = posixpath.basename(path)
    alike = [each for each in stage.tree if posixpath.basename(each) == name]
    where = f" in {stage.workdir}: it has {alike[0]}" if len(alike) == 1 and not path.startswith("/") else ""
    return Left(line=stage.started_at, text=f"runs {path}, {ABSENT}{where}")


ABSENT = "which the image does not hold"
"""What is said of a program or script that no line of the Dockerfile brings, so that an engine lacks it, too."""


def installed_by(stage: BuildStage, program: str) -> Left | None:
    """Return the line that was left out and names the program or its package."""
    names = (*PACKAGES.get(posixpath.basename(program), ()), posixpath.basename(program))
    return next((left for left in stage.left if any(names_it(left.text, n) for n in names)), None)


def names_it(text: str, name: str) -> bool:
    """Return whether a text names a program: `postgresql` in `install postgresql15-client`, but not `b` in `bin`."""
    return re.search(rf"(?<!\w){re.escape(name)}[\d.]*(?!\w)", text) is not None


def missing_script(stage: BuildStage, argv: Sequence[str], host: BuildHost) -> Left | None:
    """Return the line that starts a missing file: `python app.py`, `node server.js` or `sh start.sh`.

    That is where the image was given the folder but not this file.
    """
    program, *words = argv
    name = posixpath.basename(program)
    if not (is_python(name) or name == "node" or name in SHELLS):
        return None
    script = next(iter(words), "")
    if script.startswith("-") or not re.search(r"\.(py|m?js|cjs|sh)$", script):
        return None
    path = stage.absolute(script)
    if (
        path in stage.tree
        or any(path.startswith(p.path + "/") for p in stage.places)
        or path.startswith(tuple(stage.volumes or ("\0",)))
    ):
        return None
    for lost in stage.lost:
        if f"{path}/".startswith(lost.path.rstrip("/") + "/"):
            text = f"{lost.left.text}: needs a container engine; line {stage.started_at} runs {script}"
            return Left(line=lost.left.line, text=text)
    return absent(stage, script)


def lost_by_the_service(stage: BuildStage) -> Left | None:
    """Return a line that was to make something where the service works, or in its Python."""
    for lost in stage.lost:
        if posixpath.basename(lost.path) in INITS:
            continue
        below = stage.workdir != "/" and lost.path.startswith(stage.workdir.rstrip("/") + "/")
        at_work = lost.path == stage.workdir or (below and lost.path not in stage.tree)
        packages = lost.path.startswith("python:") and bool(run_by_python(stage))
        of_its_own = lost.path in stage.tree and stage.tree[lost.path].kind == "file"
        if at_work or packages or of_its_own or named_by_start(stage, lost.path):
            return Left(
                line=lost.left.line,
                text=f"{lost.left.text}: needs a container engine, and the service may need what it makes",
            )
    return None


def named_by_start(stage: BuildStage, path: str) -> bool:
    """Return whether the image's entry point or command names this file."""
    words = [*stage.entrypoint, *stage.command]
    return any(path == stage.absolute(word) for word in words if "/" in word)


def is_there(stage: BuildStage, program: str, host: BuildHost, *, anywhere: bool = False) -> bool:
    """Return whether a program is copied, installed, or on this host; any Python stands for the base image's.

    With `anywhere` a prefix counts though PATH does not lead to it: a script may activate it.
    """
    if is_python(program):
        return True
    if "/" in program:
        path = stage.absolute(program)
        if path in stage.tree:
            return True
        place = stage.place_of(path)
        if place is not None:
            names = host.programs(place.contents)
            return names is None or posixpath.basename(path) in names
        inside = any(path.startswith(p.path + "/") for p in stage.places)
        of_the_system = posixpath.dirname(path) in SYSTEM_FOLDERS and host.has(posixpath.basename(path))
        return inside or host.has(path) or of_the_system
    if program in RUNNERS and any(left.text.split()[1] in RUNNERS[program] for left in stage.builds):
        return False
    if host.has(program) or program in BUILTINS or program in NOTHING:
        return True
    if any(f"{folder}/{program}" in stage.tree for folder in stage.variables["PATH"].split(":")):
        return True
    search = stage.variables["PATH"].split(":")
    for place in stage.places:
        folder = place.path if place.part == "programs" else f"{place.path.rstrip('/')}/bin"
        if anywhere or folder in search:
            names = host.programs(place.contents)
            if names is None or program in names:
                return True
    if program == "uv" and stage.uv is not None:
        if stage.uv not in stage.places:
            stage.places.append(stage.uv)
        return True
    return False


def needs_python(stage: BuildStage, host: BuildHost) -> bool:
    """Return whether something runs the base image's Python, which is then made though nothing was installed."""
    programs = run_by_python(stage)
    return bool(programs) and (bool(stage.python) or any(not host.has(program) for program in programs))


def run_by_python(stage: BuildStage) -> list[str]:
    """Return, of the programs that the image starts, Python, and the scripts whose first line names it."""
    programs = [argv[0] for argv in started(stage)] + [program for program, _ in in_scripts(stage)]
    files = {program: stage.tree.get(stage.absolute(program)) for program in programs if "/" in program}
    scripts = [p for p, file in files.items() if file and file.kind == "file" and b"python" in file.data()[:80]]
    return [program for program in programs if is_python(program)] + ["python3" for _ in scripts]


def started(stage: BuildStage) -> list[tuple[str, ...]]:
    """Return the commands that the image starts.

    These are an entrypoint with its arguments, and the command that a script is given.
    """
    entrypoint, command = stage.entrypoint, stage.command
    if not entrypoint:
        listed = [inner(stage, command)]
    elif in_shell(stage, entrypoint):
        listed = [inner(stage, entrypoint)]
    elif hands_on(stage, entrypoint):
        listed = [entrypoint, inner(stage, command)]
    else:
        listed = [(*entrypoint, *command)]
    return [argv for words in listed if (argv := unwrapped(words)) and not argv[0].startswith("-")]


def unwrapped(argv: Sequence[str]) -> tuple[str, ...]:
    """Return the command without `exec`, which is the shell's."""
    words = list(argv)
    while words and words[0] in ("exec", "nohup"):
        words = words[1:]
    return tuple(words)


def in_shell(stage: BuildStage, argv: Sequence[str]) -> bool:
    """Return whether a command is written in the shell form."""
    return tuple(argv[: len(stage.shell)]) == stage.shell and len(argv) > len(stage.shell)


def inner(stage: BuildStage, argv: tuple[str, ...]) -> tuple[str, ...]:
    """Return the last command of the shell form's text; the words of the exec form."""
    if not in_shell(stage, argv):
        return argv
    listed = [command.argv for command in shell.commands(argv[len(stage.shell)], stage.variables)]
    return next((words for words in reversed(listed) if words[0] not in ("cd", "set", "export", ":")), ())


def hands_on(stage: BuildStage, entrypoint: Sequence[str]) -> bool:
    """Return whether the entrypoint is a script of the image that runs what it is given: it has `"$@"`."""
    for word in entrypoint[:2]:
        file = stage.tree.get(stage.absolute(word)) or on_path(stage, word)
        if file is not None and file.kind == "file" and re.search(rb"\$[@*]|\$\{@", file.data()[:65536]):
            return True
    return False


def without_init(stage: BuildStage, host: BuildHost) -> list[str]:
    """Take an init that is not there out of what the image starts; returns its words."""
    name = "entrypoint" if stage.entrypoint else "command"
    words = list(getattr(stage, name))
    if not words or posixpath.basename(words[0]) not in INITS or is_there(stage, words[0], host):
        return []
    end = 1
    while end < len(words) and words[end].startswith("-"):
        end += 1
        if words[end - 1] == "--":
            break
        if words[end - 1] in ("-r", "--rewrite", "-p", "-e"):
            end += 1
    setattr(stage, name, tuple(words[end:]))
    return words[:end]


def in_scripts(stage: BuildStage) -> list[tuple[str, str]]:
    """Return the programs that the started shell scripts run, with the script's path."""
    out: list[tuple[str, str]] = []
    for argv in (stage.entrypoint, stage.command):
        for word in argv[:2]:
            file = stage.tree.get(stage.absolute(word)) or on_path(stage, word)
            if file is None or file.kind != "file" or not word or word.startswith("-"):
                continue
            data = file.data()[:65536]
            if not re.match(rb"#![^\n]*\b(ba|da|a)?sh\b", data) and named(argv[0]) not in SHELLS:
                continue
            text = "\n".join(decoded(data).splitlines()[1:])
            programs = sorted(shell.programs_named(text))
            out += [(n, word) for n in programs if re.fullmatch(r"[A-Za-z][\w.-]*", n) and n not in BUILTINS]
    return out


def on_path(stage: BuildStage, word: str) -> ImageFile | None:
    """Return the program's file in the image, None where it is not there."""
    folders = stage.variables["PATH"].split(":") if "/" not in word else ()
    return next((stage.tree[f"{f}/{word}"] for f in folders if f"{f}/{word}" in stage.tree), None)
