"""One deploy at a time on a target: an object in the vault's bucket, made only where there is none, and renewed.

S3 takes a conditional write from one of many: https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
Age is told by S3's own clock, so the clocks of those who deploy need not agree.
"""

import getpass
import json
import os
import secrets
import socket
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

from culm.core.model.record import record
from culm.deploy import vault_files
from culm.errors import CulmError
from culm.project.project import Project
from culm.render import permissions
from culm.target.clock import now
from culm.target.connection import Target
from culm.target.observe import or_none
from culm.vault.files import ABSENT, CONFLICTS

KEY = permissions.LOCK
RENEW_SECONDS = 20.0
EXPIRY_SECONDS = 90.0
"""After its last renewal anybody may take it: whoever had it is gone."""
Say = Callable[[str], None]


class Held(CulmError):
    """Somebody else deploys there."""


class Lost(CulmError):
    """It was ours, and is not any more."""


@record
class Holder:
    """Who has the lock."""

    by: str
    """`ada@laptop`."""
    machine: str
    """One boot of one machine: its process ids mean something there alone."""
    does: str
    """`culm deploy web`."""
    since: float
    """Epoch seconds, by the holder's clock: for people."""
    pid: int
    age_seconds: float
    """Since it was renewed last, by S3's clock."""
    etag: str

    @property
    def dead(self) -> bool:
        """It has not been renewed, or was held by a process of this machine that is no more."""
        return self.age_seconds > EXPIRY_SECONDS or (self.machine == machine() and not alive(self.pid))


class Lock:
    """`acquire`, and `release` in the end; between them a thread renews it. Other threads may call `check`."""

    def __init__(self, target: Target, project: Project, does: str, say: Say = lambda _: None) -> None:
        self.target = target
        self.project = project
        self.does = does
        self._say = say
        self._s3 = target.client("s3")
        self._vault = vault_files.vault_of(target, project)
        self._etag: str | None = None
        self._version: str | None = None
        """Of the object as we wrote it; None: the bucket keeps no versions."""
        self._lost: Lost | None = None
        self._changing = threading.Lock()
        self._done = threading.Event()
        self._renewing = threading.Thread(target=self._renew, daemon=True)
        self._since = now()

    def acquire(self) -> None:
        """Have it, or raise `Held`. Whose holder is dead is taken over."""
        with self._changing:
            if self._etag is not None:
                return
            self._vault.prepare(self.target.region)
            if not self._write(IfNoneMatch="*"):
                found = self.holder()
                if found is not None and not found.dead:
                    raise held(found, self.project, self.target)
                if found is not None:
                    self._say(f"takes over from {found.by}, who began {clock(found.since)} and is gone")
                condition = {"IfMatch": found.etag} if found else {"IfNoneMatch": "*"}
                if not self._write(**condition):
                    other = self.holder()
                    raise held(other, self.project, self.target) if other else Held("somebody was quicker", "try again")
                sweep(self._s3, self._vault.bucket, self._version)
            self._renewing.start()

    def check(self) -> None:
        """Raise if it was taken from us."""
        if self._lost is not None:
            raise self._lost

    def release(self) -> None:
        """Only what we wrote goes: never a lock that somebody has taken over. What cannot be told, time tells."""
        from botocore.exceptions import BotoCoreError, ClientError

        self._done.set()
        if self._renewing.ident is not None:
            self._renewing.join()
        if self._etag is None:
            return
        try:
            if self._version is not None:
                self._s3.delete_object(Bucket=self._vault.bucket, Key=KEY, VersionId=self._version)
            elif (found := self.holder()) is not None and found.etag == self._etag:
                self._s3.delete_object(Bucket=self._vault.bucket, Key=KEY)
        except (BotoCoreError, ClientError):
            self._say(f"the lock could not be given back: it is free in {EXPIRY_SECONDS:.0f} s")
        self._etag = None

    def holder(self) -> Holder | None:
        return holder(self._s3, self._vault.bucket)

    def _write(self, **condition: str) -> bool:
        """Whether the condition held, and it is ours."""
        from botocore.exceptions import ClientError

        told = {"by": me(), "machine": machine(), "pid": os.getpid(), "does": self.does, "since": self._since}
        body = json.dumps(told | {"renewal": secrets.token_hex(8)}).encode()
        try:
            made = self._s3.put_object(Bucket=self._vault.bucket, Key=KEY, Body=body, **condition)
        except ClientError as error:
            if error.response["Error"]["Code"] in (*CONFLICTS, "NoSuchKey"):
                return False
            raise
        before, self._etag, self._version = self._version, made["ETag"], made.get("VersionId")
        if before is not None:
            self._s3.delete_object(Bucket=self._vault.bucket, Key=KEY, VersionId=before)
        return True

    def renew(self) -> None:
        """A sign of life; finds out when it is not ours any more."""
        from botocore.exceptions import BotoCoreError, ClientError

        assert self._etag is not None, "it was acquired"
        try:
            kept = self._write(IfMatch=self._etag)
        except (BotoCoreError, ClientError):
            return  # the deploy's own calls will tell; the next renewal may succeed
        if not kept:
            self._lost = self._taken_by("somebody else")  # first: that it is lost is known, whoever has it now
            with suppress(BotoCoreError, ClientError, ValueError, KeyError):  # the last two: nobody can read it
                holder = self.holder()
                self._lost = self._taken_by(holder.by if holder else "somebody who opened it")

    def _taken_by(self, who: str) -> Lost:
        return Lost(
            f"the lock on {self.project.name} was taken over by {who}: stops here",
            "culm status; then the same command again goes on from here",
        )

    def _renew(self) -> None:
        while self._lost is None and not self._done.wait(RENEW_SECONDS):
            self.renew()


@contextmanager
def locked(target: Target, project: Project, say: Say = lambda _: None) -> Iterator[Lock]:
    """What is written in here is written under the lock; nothing written, none taken. Raises `Held` at the first write.

    Whoever knows before that there is something to write calls its `acquire`, and looks again after that.
    """
    lock = Lock(target, project, doing(sys.argv), say)

    def before(operation: str, params: Mapping[str, Any]) -> None:
        own = params.get("Key") == KEY or operation in ("CreateBucket", "PutBucketVersioning")
        if not own:
            lock.acquire()
            lock.check()

    outer, target.before_write = target.before_write, before
    try:
        yield lock
    finally:
        target.before_write = outer
        lock.release()


def holder(s3: Any, bucket: str) -> Holder | None:
    """Who has the lock of this bucket; None: nobody."""
    answer = or_none(lambda: s3.get_object(Bucket=bucket, Key=KEY), *ABSENT)
    if answer is None:
        return None
    told = json.loads(answer["Body"].read())
    s3s_now = parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"])
    return Holder(
        by=told["by"],
        machine=told["machine"],
        does=told["does"],
        since=told["since"],
        pid=told["pid"],
        age_seconds=max(0.0, (s3s_now - answer["LastModified"]).total_seconds()),
        etag=answer["ETag"],
    )


def sweep(s3: Any, bucket: str, kept: str | None) -> None:
    """Delete every version but one: what a dead holder wrote would come up again when that one goes."""
    pages = s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=KEY)
    for one in [one for page in pages for kind in ("Versions", "DeleteMarkers") for one in page.get(kind, ())]:
        if one["Key"] == KEY and one["VersionId"] != kept:
            s3.delete_object(Bucket=bucket, Key=KEY, VersionId=one["VersionId"])


def unlock(target: Target, project: Project) -> Holder | None:
    """Open it whoever has it; that one stops at its next renewal. Who had it; None: it was open."""
    s3, bucket = target.client("s3"), vault_files.vault_of(target, project).bucket
    found = holder(s3, bucket)
    if found is not None:
        sweep(s3, bucket, None)
    return found


def held(found: Holder, project: Project, target: Target) -> Held:
    return Held(
        f"{found.by} is deploying {project.name} to {target.settings.name}: `{found.does}`, since {clock(found.since)}",
        f"wait for it (it was there {found.age_seconds:.0f} s ago; without a sign of life for {EXPIRY_SECONDS:.0f} s "
        f"the lock is free), or open it: culm unlock --target {target.settings.name}",
    )


def clock(at: float) -> str:
    """`14:03:20`, by this machine's clock."""
    return time.strftime("%H:%M:%S", time.localtime(at))


def me() -> str:
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"


def machine() -> str:
    """This boot of this machine, or container."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:  # not Linux
        boot = f"{uuid.getnode():x}"
    return f"{socket.gethostname()} {boot}"


def doing(arguments: list[str]) -> str:
    """The command, as it was typed."""
    return " ".join(["culm", *arguments[1:]])


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
