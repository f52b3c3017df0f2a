"""`python -I -S -E -c BOOT DIRECTORY` supervises a container; with a command behind it, runs that inside.

The first process answers on its standard output (`{}`, or `{"error": ...}`) as soon as the container's program runs,
and ends; the supervisor goes on in a process of its own.
"""

import fcntl
import json
import os
import sys
import termios

from culm.cluster.instance.runtime.process.shim import files, launch
from culm.cluster.instance.runtime.process.shim.cgroups import Cgroup
from culm.cluster.instance.runtime.process.shim.supervisor import Supervisor

BOOT = (
    "import sys; sys.path.insert(0, sys.argv.pop(1));"
    "from culm.cluster.instance.runtime.process.shim.main import main; main()"
)
"""The first argument is the folder that holds the package: isolated mode looks nowhere else."""


def main() -> None:
    directory, *command = sys.argv[1:]
    if command:
        run_inside(directory, command)
    else:
        supervise(directory)


def supervise(directory: str) -> None:
    answer_read, answer_write = os.pipe()
    if os.fork():
        os.close(answer_write)
        with open(answer_read, "rb") as answer:
            sys.stdout.buffer.write(answer.read())
            sys.stdout.flush()
        os._exit(0)
    os.close(answer_read)
    os.setsid()
    _redirect(directory)
    files.lock(directory)
    supervisor = Supervisor(directory, files.read_plan(directory))
    answer_to_give: dict[str, str] = {}
    try:
        supervisor.start()
    except launch.CannotExecute as error:
        answer_to_give = {"error": str(error)}
    os.write(answer_write, json.dumps(answer_to_give).encode())
    os.close(answer_write)
    if not answer_to_give:
        supervisor.run()


def run_inside(directory: str, command: list[str]) -> None:
    """Become `command` (its file, then its argv) in the container's group, environment, directory and user."""
    plan = files.read_plan(directory)
    executable, *argv = command
    if os.isatty(0):
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)  # its own terminal: Ctrl-C and hanging up reach it
    group = Cgroup(plan["cgroup"]) if plan["cgroup"] else None
    if group is not None and group.pids():
        group.take(os.getpid())
    try:
        launch.become(plan, executable, argv)
    except (OSError, launch.CannotExecute) as error:
        sys.exit(launch.explain(error, executable, plan))


def _redirect(directory: str) -> None:
    """Keep away from the daemon's pipes; what Python itself has to say goes to a file."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    complaints = os.open(os.path.join(directory, "shim.log"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(nothing, 0)
    os.dup2(complaints, 1)
    os.dup2(complaints, 2)
    os.close(nothing)
    os.close(complaints)
