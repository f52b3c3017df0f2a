"""One deploy at a time on a target: a lock that is an object in the vault's bucket.

Who holds it. A process, not a person: whoever wrote the object `culm.lock` last, as long as its ETag is the one that
this process got back. The object says who that is (`ada@laptop`, the machine's boot, the process, the command, the
time), for whoever is refused.

States, as a second process sees them:

    free      there is no object, or only a delete marker
    held      it was written at most EXPIRY_SECONDS ago
    dead      it is older than that, or its process was one of this boot of this machine and has ended

and as its own process sees them: not acquired, acquired, and lost, which is for good.

Acquiring writes the object on the condition that there is none (`If-None-Match: *`); of several who try at once S3 lets
one succeed. If the condition fails, the object is read: if it is held, `Held` is raised and says who holds it. If it is
dead, it is *taken over*: written on the condition that it is still the one that was read (`If-Match: ETAG`), so that
of two who find it dead only one gets it. Nothing is acquired before the first write of a command; a deploy that has
nothing to change takes no lock.

Renewing writes it again every RENEW_SECONDS, with `If-Match` of our own ETag and a new random number in it, so that
each renewal has an ETag of its own. If that condition fails, somebody took the lock over or `culm unlock` deleted it:
the lock is lost, and the next write of the deploy raises `Lost` instead. A renewal that gets no answer proves
nothing: the next one may succeed, and EXPIRY_SECONDS leaves room for four. Losing it is noticed at the next renewal,
so for up to RENEW_SECONDS the old holder may still write; that is why a deploy reads the target again after
acquiring, and why every step can be repeated.

Releasing deletes the version that we wrote, and no other: what somebody else has written since stays.

Why S3. The bucket is there before anything is deployed, on the local cluster as on AWS, and every deploy may write to
it; a table or a queue would be one more thing to make, to pay and to permit. S3 is consistent: a read after a write
sees it, and a conditional write is decided by S3 alone:
https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html

Why S3's clock. Two laptops' clocks may be minutes apart. The age of a lock is S3's `Date` of the answer less the
object's `Last-Modified`, both by one clock; neither deploy's own clock has a part in it. `since` is the holder's clock,
and only ever shown to people.

An example. S3's clock is on the left; Ada's laptop falls asleep in the middle of a deploy.

    14:00:00  Ada    put if none: made, ETag a1                            Ada holds it
    14:00:20  Ada    put if a1: ETag a2                                    renewed
    14:00:30  Bob    put if none: 412; get: a2, 10 s old                   "ada@laptop is deploying", exit
    14:00:35  Ada    her laptop sleeps
    14:01:55  Bob    put if none: 412; get: a2, 95 s old: dead
    14:01:55  Bob    put if a2: ETag b1; deletes older versions            Bob holds it
    14:03:10  Ada    has woken up; put if a2: 412                          lost: her deploy's next write raises Lost
    14:03:11  Ada    releases: the version that she wrote is gone          b1 stays, Bob goes on
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
"""Between two renewals."""
EXPIRY_SECONDS = 90.0
"""Seconds after its last renewal from which anybody may take it over."""
Say = Callable[[str], None]


class Held(CulmError):
    """Somebody else deploys to the target."""


class Lost(CulmError):
    """The lock was ours, and somebody has taken it over or opened it."""


@record
class Holder:
    """Who has the lock."""

    by: str
    """`ada@laptop`."""
    machine: str
    """One boot of one machine, on which alone `pid` means a process."""
    does: str
    """`culm deploy web`."""
    since: float
    """Epoch seconds, by the holder's clock: for people."""
    pid: int
    age_seconds: float
    """Seconds since it was renewed last, by S3's clock."""
    etag: str

    @property
    def dead(self) -> bool:
        """True when it has expired, or its process was one of this machine and has ended."""
        return self.age_seconds > EXPIRY_SECONDS or (self.machine == machine() and not alive(self.pid))


class Lock:
    """One process's claim on a target's lock: `acquire` it, `release` it at the end.

    Between the two a thread of its own renews it. `acquire` and `check` may be called from several threads.
    """

    def __init__(self, target: Target, project: Project, does: str, say: Say = lambda _: None) -> None:
        self.target = target
        self.project = project
        self.does = does
        self._say = say
        self._s3 = target.client("s3")
        self._vault = vault_files.vault_of(target, project)
        self._etag: str | None = None
        self._version: str | None = None
        """The object's version that we wrote; None: the bucket keeps no versions."""
        self._lost: Lost | None = None
        self._changing = threading.Lock()
        self._done = threading.Event()
        self._renewing = threading.Thread(target=self._renew, daemon=True)
        self._since = now()

    def acquire(self) -> None:
        """Acquire the lock and start renewing it; do nothing if it was acquired before.

        Takes over one whose holder is dead, and says so. Raises `Held` when somebody else has it.
        """
        with self._changing:
            if self._etag is not None:
                return
            self._vault.prepare(self.target.region)
            if not self._write(IfNoneMatch="*"):
                holder = self.holder()
                if holder is not None and not holder.dead:
                    raise held(holder, self.project, self.target)
                if holder is not None:
                    self._say(f"taking the lock over from {holder.by}, who began {clock(holder.since)} and is gone")
                condition = {"IfMatch": holder.etag} if holder else {"IfNoneMatch": "*"}
                if not self._write(**condition):
                    other = self.holder()
                    raise (
                        held(other, self.project, self.target)
                        if other
                        else Held("somebody else took the lock at the same moment", "run the same command again")
                    )
                sweep(self._s3, self._vault.bucket, self._version)
            self._renewing.start()

    def check(self) -> None:
        """Raise `Lost` if a renewal has found that the lock is not ours any more."""
        if self._lost is not None:
            raise self._lost

    def release(self) -> None:
        """Stop renewing, and delete the lock if it is still the one that we wrote.

        Raises nothing: if AWS does not answer, says that the lock opens by itself after EXPIRY_SECONDS.
        """
        from botocore.exceptions import BotoCoreError, ClientError

        self._done.set()
        if self._renewing.ident is not None:
            self._renewing.join()
        if self._etag is None:
            return
        try:
            if self._version is not None:
                self._s3.delete_object(Bucket=self._vault.bucket, Key=KEY, VersionId=self._version)
            elif self._is_ours():
                self._s3.delete_object(Bucket=self._vault.bucket, Key=KEY)
        except (BotoCoreError, ClientError):
            self._say(f"the lock could not be deleted: it opens by itself in {EXPIRY_SECONDS:.0f} s")
        self._etag = None

    def _is_ours(self) -> bool:
        """Return whether the object is the one that we wrote last, whatever somebody else may have written there."""
        current = or_none(lambda: self._s3.head_object(Bucket=self._vault.bucket, Key=KEY), *ABSENT)
        return current is not None and current["ETag"] == self._etag

    def holder(self) -> Holder | None:
        """Return who has the lock now; None when nobody has it."""
        return holder(self._s3, self._vault.bucket)

    def _write(self, **condition: str) -> bool:
        """Write the object if S3 finds `condition` true. Returns whether it did, so that the lock is ours.

        Raises ClientError for any other refusal.
        """
        from botocore.exceptions import ClientError

        content = {"by": me(), "machine": machine(), "pid": os.getpid(), "does": self.does, "since": self._since}
        body = json.dumps(content | {"renewal": secrets.token_hex(8)}).encode()
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
        """Write the lock again; mark it as lost when it is not ours any more. Raises nothing if AWS does not answer."""
        from botocore.exceptions import BotoCoreError, ClientError

        assert self._etag is not None, "it was acquired"
        try:
            renewed = self._write(IfMatch=self._etag)
        except (BotoCoreError, ClientError):
            return  # the next renewal may succeed; if AWS is out of reach, the deploy's own calls fail and say so
        if not renewed:
            # before asking who: that may fail, and the deploy must stop anyway
            self._lost = self._taken_by("somebody else")
            with suppress(BotoCoreError, ClientError, ValueError, KeyError):  # the last two: not a lock of ours
                holder = self.holder()
                self._lost = self._taken_by(holder.by if holder else "`culm unlock`")

    def _taken_by(self, who: str) -> Lost:
        return Lost(
            f"the lock on {self.project.name} was taken over by {who}: this command stops here",
            "look at culm status, then run the same command again: it goes on from here",
        )

    def _renew(self) -> None:
        while self._lost is None and not self._done.wait(RENEW_SECONDS):
            self.renew()


@contextmanager
def locked(target: Target, project: Project, say: Say = lambda _: None) -> Iterator[Lock]:
    """Take the lock before the first call in this block that writes to the target, and release it at the end.

    A block that writes nothing takes no lock. Yields the lock: who knows that it will write calls `acquire` first, and
    then reads again what it has decided by. The first write raises `Held` if somebody else has the lock, every later
    one `Lost` once it was taken over.
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
    """Read who has the lock of this bucket; None when nobody has it."""
    answer = or_none(lambda: s3.get_object(Bucket=bucket, Key=KEY), *ABSENT)
    if answer is None:
        return None
    content = json.loads(answer["Body"].read())
    s3s_now = parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"])
    return Holder(
        by=content["by"],
        machine=content["machine"],
        does=content["does"],
        since=content["since"],
        pid=content["pid"],
        age_seconds=max(0.0, (s3s_now - answer["LastModified"]).total_seconds()),
        etag=answer["ETag"],
    )


def sweep(s3: Any, bucket: str, kept: str | None) -> None:
    """Delete every version of the lock but `kept`.

    Without that, what a dead holder wrote would be the current version again once `kept` is deleted.
    """
    pages = s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=KEY)
    for version in [each for page in pages for kind in ("Versions", "DeleteMarkers") for each in page.get(kind, ())]:
        if version["Key"] == KEY and version["VersionId"] != kept:
            s3.delete_object(Bucket=bucket, Key=KEY, VersionId=version["VersionId"])


def unlock(target: Target, project: Project) -> Holder | None:
    """Delete the lock, whoever has it; the holder stops at its next renewal.

    Returns who had it; None when it was free.
    """
    s3, bucket = target.client("s3"), vault_files.vault_of(target, project).bucket
    previous = holder(s3, bucket)
    if previous is not None:
        sweep(s3, bucket, None)
    return previous


def held(by: Holder, project: Project, target: Target) -> Held:
    """Return the error that says who has the lock, since when, and what to do."""
    return Held(
        f"{by.by} is deploying {project.name} to {target.settings.name}: `{by.does}`, since {clock(by.since)}",
        f"wait for it (the lock was renewed {by.age_seconds:.0f} s ago; {EXPIRY_SECONDS:.0f} s after its last renewal "
        f"it is free), or open it: culm unlock --target {target.settings.name}",
    )


def clock(at: float) -> str:
    """Return epoch seconds as `14:03:20`, in this machine's time zone."""
    return time.strftime("%H:%M:%S", time.localtime(at))


def me() -> str:
    """Return `user@host`; the user's number where it has no name."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"


def machine() -> str:
    """Return a name of this boot of this machine or container: the host name and the kernel's boot id."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:  # not Linux
        boot = f"{uuid.getnode():x}"
    return f"{socket.gethostname()} {boot}"


def doing(arguments: list[str]) -> str:
    """Return the command as it was typed, from `sys.argv`."""
    return " ".join(["culm", *arguments[1:]])


def alive(pid: int) -> bool:
    """Return whether this machine has a process of that id, whoever owns it."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
