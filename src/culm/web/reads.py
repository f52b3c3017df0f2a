"""What single pages show besides the snapshot: revisions, images, the vault's names, log lines, a sent request."""

import http.client
import logging
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from culm import render
from culm.deploy.revisions import last_outcomes
from culm.operate import bench, log_search
from culm.operate.log_search import Wanted
from culm.operate.logs import LogLine
from culm.operate.sentences import sentence
from culm.operate.snapshot.records import ServiceState, Snapshot
from culm.plan.capacity import Demand
from culm.project.project import Project
from culm.target.connection import Target
from culm.target.observe import or_none
from culm.vault.files import Vault
from culm.vault.names import Folder
from culm.web.views.logs import Found, wanted_level
from culm.web.views.others import ImageRow, VaultFile
from culm.web.views.routes import Composed, Reply
from culm.web.views.service import Detail

log = logging.getLogger(__name__)

REVISIONS = 8
LINES = 500
LAST_LINES = 12
"""Of a service's page."""
FRESH_SECONDS = 3.0
HOUR_MS = 3_600_000
UNITS = {"m": 60_000, "h": HOUR_MS, "d": 24 * HOUR_MS}
COUNT_SECONDS = 0.3
"""How long the Logs page waits for the count of errors; among many lines it comes with the next look."""
ERRORS = "?error ?ERROR ?Error ?CRITICAL ?critical ?FATAL ?fatal ?Traceback ?panic"
"""What a line has that may say that it is an error."""
MOST_ERRORS = 1000
"""Of a group, that are counted."""
LATE_MS = 5 * 60_000
"""How much later than it was written a line may come, and still be counted."""
MOST_BODY = 64 * 1024
TIMEOUT_SECONDS = 15.0
TRACE_SECONDS = 2.0
"""How long a request's log lines are waited for."""

T = TypeVar("T")


class ErrorTally:
    """The errors of log groups within the hour. What was counted is not read again: a look reads what came since."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._counted: dict[str, tuple[int, list[int]]] = {}
        """By group: until when it was read, and the times of errors before; all in milliseconds."""

    def of(self, group: str, now_ms: int) -> list[int]:
        """Return the times of a group's errors within the hour before `now_ms`, oldest first."""
        hour_ago = now_ms - HOUR_MS
        until, times = self._counted.get(group, (hour_ago, []))
        start = max(hour_ago, until - LATE_MS)
        wanted = Wanted(start=start, text=ERRORS, limit=MOST_ERRORS)
        newer = [
            line.at for line in log_search.newest(self._target, [group], wanted) if sentence(line.text).level == "error"
        ]
        times = [*(at for at in times if hour_ago <= at < start), *newer][-MOST_ERRORS:]
        self._counted[group] = (now_ms, times)
        return times


class Reads:
    """Threads may share it. What many viewers ask for within FRESH_SECONDS is asked for once."""

    def __init__(self, target: Target, project: Project, now: Callable[[], float]) -> None:
        self.target = target
        self.project = project
        self.now = now
        self._kept: dict[object, tuple[float, Any]] = {}
        self._definitions: dict[str, Mapping[str, Any]] = {}
        self._lock = threading.Lock()
        self._counting: threading.Thread | None = None
        self._tally = ErrorTally(target)

    def _fresh(self, key: object, read: Callable[[], T], seconds: float = FRESH_SECONDS) -> T:
        with self._lock:
            kept = self._kept.get(key)
        if kept is not None and time.monotonic() - kept[0] < seconds:
            value: T = kept[1]
            return value
        value = read()
        with self._lock:
            if len(self._kept) > 200:
                self._kept.clear()
            self._kept[key] = (time.monotonic(), value)
        return value

    def detail(self, service: ServiceState) -> Detail:
        revisions = self._fresh(("revisions", service.name, service.revision), lambda: self._revisions(service), 30.0)
        rolls = tuple((each.id, each.rollout) for each in service.deployments)
        outcomes = self._fresh(("outcomes", service.name, rolls), lambda: self._outcomes(service), 30.0)
        wanted = Wanted(start=int(self.now() * 1000) - HOUR_MS, limit=LAST_LINES)
        lines = (
            self._fresh(("lines", service.name), lambda: log_search.newest(self.target, [service.log_group], wanted))
            if service.log_group
            else []
        )
        return Detail(revisions=revisions, outcomes=outcomes, lines=lines)

    def _revisions(self, service: ServiceState) -> Sequence[Mapping[str, Any]]:
        """The newest of the live one's family."""
        ecs = self.target.client("ecs")
        family = service.revision.rpartition(":")[0]
        arns = ecs.list_task_definitions(familyPrefix=family, sort="DESC", maxResults=100)["taskDefinitionArns"]
        mine = [arn for arn in arns if arn.rpartition("/")[2].rpartition(":")[0] == family][:REVISIONS]
        for arn in mine:
            if arn not in self._definitions:
                self._definitions[arn] = ecs.describe_task_definition(taskDefinition=arn)["taskDefinition"]
        return [self._definitions[arn] for arn in mine]

    def _outcomes(self, service: ServiceState) -> Mapping[str, str]:
        ecs, cluster = self.target.client("ecs"), self.project.name
        return or_none(lambda: last_outcomes(ecs, cluster, service.name), "ServiceNotFoundException") or {}

    def logs(self, snapshot: Snapshot, query: Mapping[str, str]) -> Found:
        """Return the lines that `query` asks for. Errors are counted after them: the search has the target alone."""
        answer = self._searched(snapshot, query)
        return replace(answer, errors=self._counted(snapshot))

    def _searched(self, snapshot: Snapshot, query: Mapping[str, str]) -> Found:
        groups = self._groups(snapshot, query.get("service", ""))
        if "stream" in query and query.get("at", "").isdigit():
            group = query.get("group", "")
            known = group in [each.log_group for each in snapshot.services]
            at = int(query["at"])
            lines = log_search.lines_around(self.target, group, query["stream"], at) if known else []
            return Found(lines=lines, middle=at)
        end = query.get("end", "")
        level = query.get("level", "")
        wanted = Wanted(
            start=int(self.now() * 1000) - milliseconds(query.get("since", "1h")),
            end=int(end) - 1 if end.isdigit() else None,
            text=query.get("q", ""),
            limit=LINES * (4 if level else 1),
        )
        try:
            lines = log_search.newest(self.target, groups, wanted)
        except Exception as error:
            if "InvalidParameterException" not in str(error):
                raise
            return Found(problem=str(error).rpartition("operation: ")[2])
        cut = len(lines) >= wanted.limit
        if task := query.get("task"):
            lines = [line for line in lines if line.stream.endswith(task)]
        lines = [line for line in lines if wanted_level(sentence(line.text), level)]
        return Found(lines=lines[-LINES:], cut=cut)

    def _groups(self, snapshot: Snapshot, service: str) -> list[str]:
        return list(
            dict.fromkeys(each.log_group for each in snapshot.services if each.log_group and service in ("", each.name))
        )

    def _counted(self, snapshot: Snapshot) -> Mapping[str, tuple[int, float | None]]:
        """Return the errors of each service, or those of before, or none: a search is not to wait for their count."""
        if self._counting is None or not self._counting.is_alive():
            self._counting = threading.Thread(target=self._count, args=(snapshot,), daemon=True)
            self._counting.start()
        self._counting.join(COUNT_SECONDS)
        with self._lock:
            kept = self._kept.get("errors")
        return kept[1] if kept is not None else {}

    def _count(self, snapshot: Snapshot) -> None:
        try:
            self._fresh("errors", lambda: self._errors(snapshot), 5.0)
        except Exception as error:  # the page goes without; the next look tries again
            log.warning("errors cannot be counted: %s", error)

    def _errors(self, snapshot: Snapshot) -> dict[str, tuple[int, float | None]]:
        """By service, within the hour: what says that it is an error."""
        counted: dict[str, tuple[int, float | None]] = {}
        for service in snapshot.services:
            if service.log_group:
                times = self._tally.of(service.log_group, int(self.now() * 1000))
                counted[service.name] = (len(times), times[-1] / 1000 if times else None)
        return counted

    def images(self, snapshot: Snapshot) -> list[ImageRow]:
        return self._fresh("images", lambda: self._images(snapshot))

    def _images(self, snapshot: Snapshot) -> list[ImageRow]:
        ecr = self.target.client("ecr")
        running: dict[str, set[str]] = {}
        for task in snapshot.running:
            running.setdefault(f"sha256:{task.image}", set()).add(task.revision)
        images: list[ImageRow] = []
        for page in ecr.get_paginator("describe_repositories").paginate():
            for repository in page["repositories"]:
                name = repository["repositoryName"]
                if not name.startswith(f"{self.project.name}/"):
                    continue
                for some in ecr.get_paginator("describe_images").paginate(repositoryName=name):
                    images += [
                        ImageRow(
                            repository=name,
                            tags=tuple(each.get("imageTags", ())),
                            digest=each["imageDigest"],
                            megabytes=each.get("imageSizeInBytes", 0) / 1e6,
                            pushed_at=each["imagePushedAt"].timestamp() if "imagePushedAt" in each else None,
                            runs=tuple(sorted(running.get(each["imageDigest"], ()))),
                        )
                        for each in some["imageDetails"]
                    ]
        return sorted(images, key=lambda image: (image.repository, -(image.pushed_at or 0.0)))

    def vault(self) -> list[VaultFile]:
        return self._fresh("vault", self._vault)

    def _vault(self) -> list[VaultFile]:
        """Names and versions, never what is in them. Who may not list versions gets the names alone."""
        bucket = render.vault_bucket(self.project.name, self.target.account, self.target.region)
        vault = Vault(self.target.client("s3"), bucket)
        listed = or_none(lambda: list(vault.present(Folder())), "AccessDenied")
        if listed is None:
            listed = list(vault.list(Folder()))
        return [
            VaultFile(
                name=str(file.name),
                version=file.version,
                versions=file.versions,
                changed_at=file.at,
                bytes=file.size,
                readers=(
                    f"service {file.name.service}" if file.name.service in self.project.services else "nobody but you",
                ),
            )
            for file in listed
        ]

    def demands(self) -> list[Demand]:
        """Return what culm.yml and `culm bench` say that services take, for the plan's sliders."""
        return bench.demands(self.project)

    def plan(self, folder: Path, *services: str) -> tuple[str, str]:
        """Return what `culm plan` prints, and why it did not: (text, problem)."""
        seconds = FRESH_SECONDS if services else 60.0  # what is about to be deployed is not to be a minute old
        return self._fresh(("plan", *services), lambda: self._plan(folder, services), seconds)

    def _plan(self, folder: Path, services: Sequence[str]) -> tuple[str, str]:
        command = [sys.executable, "-m", "culm", "plan", "--target", self.target.settings.name, *services]
        try:
            ran = subprocess.run(
                command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False
            )
        except subprocess.TimeoutExpired:
            return "", "culm plan takes longer than two minutes; run it in a terminal"
        return ran.stdout, ran.stderr.strip() if ran.returncode not in (0, 3) else ""

    def send(self, url: str, asked: Composed, groups: Sequence[str]) -> Reply:
        """Send a request to the load balancer, and to nothing else, and find what services logged about it."""
        parts = urlsplit(url)
        trace = f"1-{int(self.now()):08x}-{secrets.token_hex(12)}"
        headers = {"X-Amzn-Trace-Id": f"Root={trace}", "User-Agent": "culm", **headers_of(asked.headers)}
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        connection = kind(parts.hostname or "", parts.port, timeout=TIMEOUT_SECONDS)
        began = time.monotonic()
        try:
            connection.connect()
            connected = time.monotonic()
            connection.request(asked.method, asked.target, body=asked.body.encode() or None, headers=headers)
            response = connection.getresponse()
            answered = time.monotonic()
            body = response.read(MOST_BODY)
            read = time.monotonic()
        finally:
            connection.close()
        return Reply(
            status=response.status,
            reason=response.reason,
            headers=response.getheaders(),
            body=body.decode(errors="replace"),
            connect=connected - began,
            wait=answered - connected,
            read=read - answered,
            trace_id=trace,
            lines=self._traced(trace, groups),
        )

    def _traced(self, trace: str, groups: Sequence[str]) -> list[LogLine]:
        """Log lines with the trace id; they come a moment after the answer."""
        wanted = Wanted(start=int(self.now() * 1000) - 60_000, text=f'"{trace}"', limit=100)
        end = time.monotonic() + TRACE_SECONDS
        while True:
            lines = log_search.newest(self.target, groups, wanted)
            if lines or time.monotonic() > end:
                return lines
            time.sleep(0.2)

    def stop_task(self, id: str) -> None:
        self.target.client("ecs").stop_task(cluster=self.project.name, task=id, reason="stopped on culm's page")


def milliseconds(text: str) -> int:
    """Return the milliseconds of `10m`, `6h` or `7d`; an hour's when it cannot be read."""
    number, unit = text[:-1], text[-1:]
    return int(number) * UNITS[unit] if number.isdigit() and len(number) < 6 and unit in UNITS else HOUR_MS


def headers_of(text: str) -> dict[str, str]:
    """Read headers, one a line, `Name: value`; raises ValueError on a line that is none."""
    headers: dict[str, str] = {}
    for line in filter(str.strip, text.splitlines()):
        name, colon, value = line.partition(":")
        if not colon or not name.strip() or not name.strip().isascii() or any(c.isspace() for c in name.strip()):
            raise ValueError(f"“{line.strip()}” is not a header; write Name: value")
        headers[name.strip()] = value.strip()
    return headers
