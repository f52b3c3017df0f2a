"""A service's process: its output line by line, its end, and waiting until it is well."""

import os
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path

from culm.errors import CulmError, TimedOut

STOP_SECONDS = 15.0
HEALTHY_SECONDS = 60.0
KEPT_LINES = 20


class Running:
    """A process in a session of its own, so that Ctrl-C is culm's to pass on."""

    def __init__(
        self, name: str, command: tuple[str, ...], cwd: Path, env: Mapping[str, str], say: Callable[[str], None]
    ) -> None:
        self.name = name
        self.last: deque[str] = deque(maxlen=KEPT_LINES)
        self._say = say
        try:
            self.process = subprocess.Popen(
                command,
                cwd=cwd,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                start_new_session=True,
            )
        except OSError as error:
            raise CulmError(
                f"{name} cannot be started: {command[0]}: {error.strerror}", "does its Dockerfile's CMD run here?"
            ) from None
        self._pump = threading.Thread(target=self._read, daemon=True)
        self._pump.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as lines:
            for line in lines:
                self.last.append(line.rstrip("\n"))
                self._say(line.rstrip("\n"))

    def ended(self) -> int | None:
        """Return its exit status; None while it runs."""
        return self.process.poll()

    def wait(self) -> int:
        status = self.process.wait()
        self._pump.join()
        return status

    def stop(self) -> None:
        """Stop all of it by SIGTERM, as ECS does; by SIGKILL when it takes too long."""
        for sign in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self.process.pid, sign)
            except ProcessLookupError:
                break
            try:
                self.process.wait(STOP_SECONDS)
                break
            except subprocess.TimeoutExpired:
                continue
        self.wait()

    def until_healthy(self, url: str) -> None:
        """Wait until it answers with a 2xx; raise with its last lines when it ends or takes too long."""
        end = time.monotonic() + HEALTHY_SECONDS
        while True:
            if (status := self.ended()) is not None:
                self._pump.join()
                raise CulmError(
                    f"{self.name} ended with status {status}:\n" + "\n".join(self.last), "fix it, and start again"
                )
            try:
                with urllib.request.urlopen(url, timeout=5):
                    return
            except (OSError, urllib.error.HTTPError) as error:
                why = error
            if time.monotonic() > end:
                raise TimedOut(f"{self.name} does not answer at {url}: {why}\n" + "\n".join(self.last), "is it slow?")
            time.sleep(0.1)


def finish(name: str, command: tuple[str, ...], cwd: Path, env: Mapping[str, str], say: Callable[[str], None]) -> None:
    """Run a command to its end; raises with its last lines when it fails."""
    running = Running(name, command, cwd, env, say)
    try:
        status = running.wait()
    except BaseException:
        running.stop()
        raise
    if status:
        raise CulmError(f"{name} ended with status {status}:\n" + "\n".join(running.last), "fix it, and start again")
