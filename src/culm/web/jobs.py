"""What a person does on the page: one of culm's own commands, started as a process, with its output kept."""

import itertools
import os
import re
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from culm.core.model.record import record
from culm.operate.snapshot.records import Snapshot
from culm.operate.snapshot.words import plural
from culm.project.project import TargetSettings
from culm.web.views.confirm import PageJob

LINES = 400
MOST = 50
"""Jobs that are remembered."""
NAMED = ("rollback", "restart", "scale", "sleep", "wake", "migrate")
"""Commands whose `--yes` says no more than that the name of a protected target was given: on the page."""
TASK = re.compile(r"[0-9a-f-]{8,64}")


@record
class Order:
    """A command that may be given, with what it will do."""

    words: tuple[str, ...]
    service: str
    consequences: tuple[str, ...]
    instead: tuple[str, ...] = ()
    """Another command, for whoever has decided what this one refuses to decide."""


def order(words: Sequence[str], snapshot: Snapshot) -> Order | None:
    """Check a command that came from a browser against what there is; None: it is none that the page may give."""
    match list(words):
        case ["rollback", name, number] if _is_service(snapshot, name) and _is_number(number):
            return _rollback(snapshot, name, int(number))
        case ["rollback", name, number, "--across-migration"] if _is_service(snapshot, name) and _is_number(number):
            return _rollback(snapshot, name, int(number), across=True)
        case ["restart", name] if (service := snapshot.service(name)) is not None:
            return _order(
                words, name, f"starts new tasks of {service.revision}, then stops the old ones", _room(snapshot)
            )
        case ["sleep", name] if _is_service(snapshot, name):
            return _order(words, name, "stops its tasks until it is woken; its revision, rule and count stay")
        case ["wake", name] if _is_service(snapshot, name):
            return _order(words, name, "starts its tasks again, after those that it calls", _room(snapshot))
        case ["scale", name, count] if (service := snapshot.service(name)) is not None and _is_number(count):
            wanted = int(count)
            change = f"from {service.desired} to {plural(wanted, 'task')}"
            need = max(wanted - service.desired, 0) * (service.memory or 0)
            free = sum(instance.free for instance in snapshot.instances)
            return _order(
                words,
                name,
                change,
                f"reserves {need} MiB more; {free} MiB are free" if need else "",
                "stops every task: the service does not answer any more" if not wanted else "",
                "the next culm up goes back to what culm.yml says",
            )
        case ["deploy", name] if _is_service(snapshot, name):
            return _order(
                words,
                name,
                "builds the service's folder, pushes its image, runs its migration if that changed, and rolls",
                _room(snapshot),
            )
        case ["migrate", name] if any(task.service == name and task.kind == "migration" for task in snapshot.tasks):
            return _order(words, name, "builds and runs the migration once; nothing undoes a migration")
        case ["stop-task", id] if TASK.fullmatch(id):
            task = next((task for task in snapshot.running if task.id == id), None)
            if task is None:
                return None
            return _order(
                words,
                task.service,
                f"stops task {id[:8]} of {task.service or task.group} on {task.instance}",
                "its service starts another one at once" if task.kind == "service" else "",
            )
        case _:
            return None


def _rollback(snapshot: Snapshot, name: str, number: int, *, across: bool = False) -> Order:
    """`across`: although a migration has run since, which nothing undoes."""
    service = snapshot.service(name)
    live = service.revision if service else ""
    words = ("rollback", name, str(number))
    if across:
        warning = "where a migration has run since, the earlier code will meet the newer schema"
        return _order((*words, "--across-migration"), name, f"from {live} to revision {number}", warning)
    order = _order(
        words,
        name,
        f"from {live} to revision {number}",
        "migrations are not undone; where one has run since, this is refused",
        _room(snapshot),
    )
    return replace(order, instead=(*words, "--across-migration"))


def _order(words: Sequence[str], service: str, *consequences: str) -> Order:
    return Order(words=tuple(words), service=service, consequences=tuple(filter(None, consequences)))


def _room(snapshot: Snapshot) -> str:
    if snapshot.room is None or snapshot.room.instances:
        return ""
    return (
        f"no instance has room for one more task of {snapshot.room.memory} MiB: "
        "the service is down while its task is replaced"
    )


def _is_service(snapshot: Snapshot, name: str) -> bool:
    return snapshot.service(name) is not None


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 5


class Jobs:
    """Started commands and what they said. Threads may share it."""

    def __init__(
        self,
        folder: Path,
        target: TargetSettings,
        *,
        now: Callable[[], float],
        done: Callable[[], None],
        stop_task: Callable[[str], None],
    ) -> None:
        self.folder = folder
        self.target = target.name
        self.protect = target.protect
        """Whether the target's name is asked for before anything is done."""
        self.now = now
        self.done = done
        self.stop_task = stop_task
        self._jobs: dict[str, tuple[Order, float, deque[str], list[int]]] = {}
        self._ids = itertools.count(1)
        self._lock = threading.Lock()

    def may_start(self, typed: str) -> bool:
        """Return whether what was typed is the target's name, or none is asked for."""
        return not self.protect or typed.strip() == self.target

    def start(self, given: Order) -> str:
        """Begin; returns the job's id at once."""
        with self._lock:
            id = str(next(self._ids))
            self._jobs[id] = (given, self.now(), deque(maxlen=LINES), [])
            while len(self._jobs) > MOST:
                del self._jobs[next(iter(self._jobs))]
        threading.Thread(target=self._run, args=(id, given), daemon=True).start()
        return id

    def get(self, id: str) -> PageJob | None:
        with self._lock:
            if id not in self._jobs:
                return None
            given, began, lines, status = self._jobs[id]
            return PageJob(
                id=id, words=given.words, began=began, lines=tuple(lines), status=status[0] if status else None
            )

    def service_of(self, id: str) -> str:
        with self._lock:
            return self._jobs[id][0].service if id in self._jobs else ""

    def _run(self, id: str, given: Order) -> None:
        _, _, lines, status = self._jobs[id]
        try:
            code = self._stop(given, lines) if given.words[0] == "stop-task" else self._command(given, lines)
        except Exception as error:  # it is the person who pressed the button who has to read it
            lines.append(f"culm: {error}")
            code = 1
        status.append(code)
        self.done()

    def _stop(self, given: Order, lines: "deque[str]") -> int:
        self.stop_task(given.words[1])
        lines.append(f"task {given.words[1][:8]} is told to stop")
        return 0

    def _command(self, given: Order, lines: "deque[str]") -> int:
        command = [sys.executable, "-m", "culm", *given.words, "--target", self.target]
        if self.protect and given.words[0] in NAMED:
            command.append("--yes")
        process = subprocess.Popen(
            command,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env={**os.environ, "NO_COLOR": "1", "TERM": "dumb"},
            start_new_session=True,
        )
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line.rstrip("\n"))
            self.done()
        return process.wait()
