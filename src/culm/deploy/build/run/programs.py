"""What a RUN line does besides installing Python packages: files, Node.js, Go, programs of a prefix."""

import re
from dataclasses import replace

from culm.deploy.build import files, hosted
from culm.deploy.build.gobuild import GoBuild
from culm.deploy.build.plan import Left
from culm.deploy.build.programs import FILES, NOTHING, OF_THE_BASE, builds, is_python, named, plain_words
from culm.deploy.build.run.line import ENGINE_HINT, RunLine
from culm.deploy.build.run.python import UV_INSTALLER, bring_uv
from culm.deploy.build.shell import Command
from culm.deploy.build.stage import Lost

DISTRIBUTION_PYTHON = re.compile(
    r"(?:python3?|py3)-(?!pip|venv|dev|setuptools|wheel|distutils|minimal|full|virtualenv|lib2to3|apt|debian|pkg)\w"
)


def done_by_programs(run: RunLine, command: Command, folder: str) -> bool:
    """Do a command by this machine's programs; return whether it was done, or need not be."""
    argv, stage = command.argv, run.stage
    name = named(argv[0])
    if name in FILES:
        return change_files(run, command, folder)
    if name in NOTHING and not command.output:
        return True
    if name in ("sh", "bash") and stage.options.get(UV_INSTALLER) in [stage.absolute(w, folder) for w in argv[1:2]]:
        bring_uv(run)
        return True
    if name in ("conda", "mamba", "micromamba"):
        run.fail(run.line, f"RUN {' '.join(argv)}: conda's environments need a container engine", ENGINE_HINT)
    if name == "go" and plain_words(argv)[:1] == ["build"]:
        return go(run, command, folder)
    if name == "go" and not builds(argv):
        run.left_out = True
        return True
    if hosted.is_node(argv):
        return node(run, command, folder)
    if is_python(name):
        return python_program(run, command, folder)
    if of_a_prefix(run, argv[0], folder) or has_python_header(run, argv[0], folder):
        return run.execute(command, folder)
    if name in OF_THE_BASE:
        return of_the_base(run, command)
    if hosted.text_tool(stage, argv, folder) and run.host.has(name):
        return run.execute(command, folder)
    return False


def of_the_base(run: RunLine, command: Command) -> bool:
    """Leave out what belongs to the base image, such as apt-get; a Python from it is noted as lost."""
    run.left_out = True
    packages = [w for w in plain_words(command.argv)[1:] if DISTRIBUTION_PYTHON.match(w)]
    if packages and ("install" in command.argv or "add" in command.argv):
        left = Left(line=run.line, text=f"RUN {' '.join(command.argv)}")
        run.stage.lost.append(Lost(left=left, path=f"python:{packages[0]}"))
    if named(command.argv[0]) == "xargs" and "pip" in {named(word) for word in command.argv[1:]}:
        run.fail(run.line, f"RUN {' '.join(command.argv)}: installs what only running it could tell", ENGINE_HINT)
    return True


def change_files(run: RunLine, command: Command, folder: str) -> bool:
    """Carry out a command that changes files alone. Returns whether it could be."""
    if named(command.argv[0]) in ("sed", "tee"):
        if hosted.text_tool(run.stage, command.argv, folder) and named(command.argv[0]) == "sed":
            return run.execute(command, folder)
        run.left_out = True
        return not run.touches_the_image(command, folder)
    match files.do(run.stage, command, folder):
        case files.CANNOT:
            return False
        case files.NOT_HERE:
            run.left_out = True
    return True


def save(run: RunLine, command: Command, folder: str) -> bool:
    """Do `X > FILE`; return whether the file could be made."""
    path = run.stage.absolute(command.output, folder)
    content = files.written(run.stage, command, folder)
    if content is not None:
        of_the_base = path.startswith("/etc/") and command.append and path not in run.stage.tree
        if of_the_base:
            run.left_out = True
        else:
            files.save(run.stage, path, content, append=command.append)
        return True
    return False


def python_program(run: RunLine, command: Command, folder: str) -> bool:
    """Run a Python command, or note why it cannot be. Returns whether the line may go on."""
    words = command.argv[1:]
    if words[:2] in (("-m", "compileall"), ("-m", "ensurepip"), ("-m", "site")) or words[:1] in (
        ("--version",),
        ("-V",),
    ):
        return True
    return run.execute(command, folder)


def of_a_prefix(run: RunLine, program: str, folder: str) -> bool:
    """Return whether a Python prefix has this program; it is made to find out."""
    if "/" in program:
        place = run.stage.place_of(run.stage.absolute(program, folder))
        return place is not None
    if program in OF_THE_BASE or program in NOTHING or builds((program,)):
        return False
    return any(
        program in (run.host.programs(place.contents) or ())
        for place in run.stage.places
        if place.contents.steps and place.part in ("environment", "prefix")
    )


def has_python_header(run: RunLine, program: str, folder: str) -> bool:
    """Return whether the program is a script of the image that begins with `#!...python`."""
    file = run.stage.tree.get(run.stage.absolute(program, folder)) if "/" in program else None
    return file is not None and file.kind == "file" and re.match(rb"#!.*python", file.data()[:80]) is not None


def node(run: RunLine, command: Command, folder: str) -> bool:
    """Run one of Node's commands, with a package manager that the image would install first.

    Returns whether it was understood.
    """
    argv = hosted.node(run.stage, command.argv, run.host)
    if argv is None:
        return False
    if not argv:
        return True
    if manager := hosted.missing_manager(run.stage, argv[0], folder, run.host):
        run.execute(replace(command, argv=("npm", "install", "--global", "--prefix", "/usr/local", manager)), folder)
    return run.execute(replace(command, argv=argv), folder)


def go(run: RunLine, command: Command, folder: str) -> bool:
    """Compile a program here, and return whether there is a compiler; else it is left out, as every other build."""
    of_go = {k: v for k, v in run.stage.variables.items() if k.startswith(("GO", "CGO_")) and k != "GOPATH"}
    build = GoBuild(
        where=f"{run.file}:{run.line}: {run.text}",
        argv=command.argv,
        environment={**of_go, **command.environment},
        folder=folder,
        tree=run.stage.tree,
    )
    program = run.host.compile(build) if build.output is not None else None
    if program is None or build.output is None:
        return False
    run.stage.add({run.stage.absolute(build.output, folder): program})
    run.by_host = True
    return True
