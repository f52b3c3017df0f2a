"""The `culm` command as a process of its own, whose libraries are loaded once for all tests of a worker.

Of the second that a command takes, four fifths are imports. So one process, the keeper, imports what the commands
import and does nothing else; each command is a fork of it, with the arguments, folder, environment and files that it
would have been started with. A test that is about the start itself, or about signals from a terminal, starts
`python -m culm` afresh.

A request goes to the keeper as one byte with four descriptors: a socket, and the command's stdin, stdout and stderr.
On that socket the fork reads the rest as a line of JSON, and the keeper answers with the exit status as `subprocess`
has it: below zero, the number of the signal that ended it.
"""

import atexit
import contextlib
import gc
import importlib
import json
import os
import pkgutil
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any, NoReturn

START = (sys.executable, "-m", "culm")
LIBRARIES = ("boto3", "s3transfer.manager", "detect_secrets", "multiprocessing.managers", "difflib", "http.server")
"""What commands import when they need it, and not before."""
SERVICES = ("ec2", "ecr", "ecs", "elbv2", "iam", "logs", "rds", "s3", "scheduler", "secretsmanager", "sts")
"""Those whose models a command reads: ten thousand lines of JSON for some, a fifth of a second for all."""
AT_START = ("PYTHON", "LC_", "LANG", "TZ")
"""Beginnings of the names of variables that the interpreter reads when it starts."""


def run(
    arguments: Sequence[str],
    *,
    cwd: Path | None = None,
    environment: Mapping[str, str] | None = None,
    given: str = "",
    seconds: float = 600.0,
) -> CompletedProcess[str]:
    """Run `culm` with these arguments, in the folder `cwd`, and write `given` to its stdin.

    Raises subprocess.TimeoutExpired after `seconds`; the command goes on.
    """
    environment = dict(os.environ if environment is None else environment)
    command = [*START, *arguments]
    if any(name.startswith("COVERAGE") for name in environment):  # it writes at a real end what it has counted
        return subprocess.run(
            command, cwd=cwd, env=environment, input=given, capture_output=True, text=True, timeout=seconds
        )
    request = {"arguments": list(arguments), "cwd": str(cwd or Path.cwd()), "environment": environment}
    with tempfile.TemporaryFile() as stdin, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        stdin.write(given.encode())
        stdin.seek(0)
        ours, theirs = socket.socketpair()
        with ours:
            with theirs:
                socket.send_fds(keeper(environment), [b"!"], [each.fileno() for each in (theirs, stdin, out, err)])
            ours.settimeout(seconds)
            ours.sendall(json.dumps(request).encode() + b"\n")
            try:
                status = line(ours)
            except TimeoutError:
                raise subprocess.TimeoutExpired(command, seconds) from None
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read().decode())
    if not status:
        raise RuntimeError("the keeper of loaded libraries has ended; its last words are on this process's stderr")
    return CompletedProcess(command, int(status), *texts)


def line(connection: socket.socket) -> bytes:
    """Everything up to the end of a line, or of the connection."""
    data = b""
    while not data.endswith(b"\n") and (more := connection.recv(65536)):
        data += more
    return data


_keepers: dict[frozenset[tuple[str, str]], socket.socket] = {}
_starting = threading.Lock()


def keeper(environment: Mapping[str, str]) -> socket.socket:
    """The socket to a keeper whose interpreter has started as this environment wants it; it ends with this process.

    The rest of its environment is this process's: it is no stand's, and none that looks for its processes finds it.
    """
    kind = frozenset((name, value) for name, value in environment.items() if name.startswith(AT_START))
    with _starting:
        if kind not in _keepers:
            ours, theirs = socket.socketpair()
            with theirs:
                process = subprocess.Popen(
                    [sys.executable, "-P", __file__],
                    stdin=theirs,
                    stdout=subprocess.DEVNULL,
                    cwd=Path(__file__).parent,
                    env=dict(kind) | {name: v for name, v in os.environ.items() if not name.startswith(AT_START)},
                    start_new_session=True,
                )
            process.returncode = 0  # nobody waits for it
            atexit.register(ours.close)
            _keepers[kind] = ours
        return _keepers[kind]


# The keeper.


def keep(requests: socket.socket) -> None:
    """Fork a command for each request, until nobody can ask any more."""
    load()
    assert threading.active_count() == 1, "a fork takes no thread along"
    gc.freeze()
    ended, wake = socket.socketpair()
    ended.setblocking(False)
    wake.setblocking(False)
    signal.set_wakeup_fd(wake.fileno(), warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    running: dict[int, socket.socket] = {}
    with selectors.DefaultSelector() as selector:
        selector.register(requests, selectors.EVENT_READ)
        selector.register(ended, selectors.EVENT_READ)
        while True:
            ready = {key.fileobj for key, _ in selector.select()}
            if ended in ready:
                with contextlib.suppress(BlockingIOError):
                    ended.recv(4096)
                answer(running)
            if requests in ready:
                byte, descriptors, _, _ = socket.recv_fds(requests, 1, 4)
                if not byte:
                    return
                reply = socket.socket(fileno=descriptors[0])
                pid = os.fork()
                if not pid:
                    others = [requests, ended, wake, selector, *running.values()]
                    become_command(reply, descriptors[1:], others)
                for descriptor in descriptors[1:]:
                    os.close(descriptor)
                running[pid] = reply


def load() -> None:
    """Import the client half, and what it imports when it needs it."""
    import culm

    for module in pkgutil.walk_packages(culm.__path__, "culm."):
        if not module.name.startswith("culm.cluster") and not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    for name in LIBRARIES:
        importlib.import_module(name)
    load_models()


def load_models() -> None:
    """Read botocore's models of what commands talk to; sessions without a data path of their own have them so."""
    import botocore.session
    from botocore.loaders import create_loader

    from culm.target.connection import StaticCredentials, isolated

    shared = create_loader()
    botocore.session.create_loader = lambda path=None: create_loader(path) if path else shared
    session = isolated(StaticCredentials(access_key="none", secret_key="none"), "us-east-1")
    for name in SERVICES:
        session.client(name)


def answer(running: dict[int, socket.socket]) -> None:
    """Send the status of each command that has ended to who waits for it."""
    while running:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if not pid:
            return
        with running.pop(pid) as reply, contextlib.suppress(OSError):  # who waited has given up
            reply.sendall(b"%d\n" % os.waitstatus_to_exitcode(status))


def become_command(reply: socket.socket, files: Sequence[int], others: Sequence[Any]) -> NoReturn:
    """Run the command that is asked for, as the interpreter would, and end this process."""
    status = 1
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        for other in others:
            other.close()
        for number, file in enumerate(files):
            os.dup2(file, number)
            os.close(file)
        with reply:
            request = json.loads(line(reply))
        os.chdir(request["cwd"])
        os.environ.clear()
        os.environ.update(request["environment"])
        time.tzset()
        sys.stdin = sys.__stdin__ = os.fdopen(0, closefd=False)
        sys.stdout = sys.__stdout__ = os.fdopen(1, "w", closefd=False)
        sys.stderr = sys.__stderr__ = os.fdopen(2, "w", buffering=1, errors="backslashreplace", closefd=False)
        import culm.cli

        sys.argv = [str(Path(culm.cli.__file__).parents[1] / "__main__.py"), *request["arguments"]]
        culm.cli.main()
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException as error:
        sys.excepthook(type(error), error, error.__traceback__)
    finally:
        threading._shutdown()  # waits for its threads, as at the end of a program
        atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
        os._exit(status)


if __name__ == "__main__":
    keep(socket.socket(fileno=os.dup(0)))
