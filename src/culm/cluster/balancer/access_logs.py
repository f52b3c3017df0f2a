"""Access logs of load balancers: the lines of requests, in files of a bucket.

    HAProxy -- a datagram for each request --> SOCKET -- every minute --> s3://bucket/prefix/AWSLogs/...log.gz

HAProxy sends a datagram (`access_lines.FIELDS`) where a load balancer's attribute asks for it. It knows of no ARN;
those are looked up when a file is written: the load balancer by the listener's port, the target group by its backend,
the certificate by its fingerprint. As Amazon says of its own, all is done with best effort: what comes while the daemon
is down, or to a listener that is deleted before the next file, is not kept.
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-access-logs.html
"""

import asyncio
import gzip
import hashlib
import logging
import socket
import sqlite3
import ssl
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from culm.cluster.balancer.access_lines import SOCKET, LoggedListener, key, line
from culm.cluster.balancer.haproxy.console import short_path
from culm.cluster.balancer.haproxy.render import backend_of
from culm.cluster.services.elbv2 import attributes
from culm.cluster.store import certificates
from culm.cluster.store.db import Store
from culm.cluster.store.elbv2 import listeners, load_balancers, target_groups
from culm.cluster.store.s3 import bodies, buckets, objects
from culm.core.model.load_balancers import Listener

log = logging.getLogger(__name__)

EVERY_SECONDS = 60.0
"""Between two files; Amazon writes one every five minutes."""
MOST_LINES = 200_000
"""That are held until the next file; more of a minute are not kept, and counted."""
_RECEIVED_BYTES = 65_536
_AT_ONCE = 1000
_BUFFERED_BYTES = 1 << 22


class AccessLogs:
    """Takes in what HAProxy sends, and writes it into buckets."""

    def __init__(self, store: Store, folder: Path, *, now: Callable[[], float], new_id: Callable[[], str]) -> None:
        """`folder` is the one in which HAProxy runs."""
        self._store = store
        self._folder = folder
        self._now = now
        self._new_id = new_id
        self._datagrams: dict[int, list[str]] = defaultdict(list)
        self.held = 0
        """Requests that are not in a file yet."""
        self._passed_over = 0
        self._socket: socket.socket | None = None

    def listen(self) -> None:
        """Take in datagrams from now on. HAProxy, which may run already, finds the socket by its name."""
        path = self._folder / SOCKET
        self._folder.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        receiving = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        receiving.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFERED_BYTES)
        with short_path(path) as short:
            receiving.bind(short)
        path.chmod(0o600)
        self._socket = receiving
        asyncio.get_running_loop().add_reader(receiving, self._receive)

    def _receive(self) -> None:
        assert self._socket is not None
        for _ in range(_AT_ONCE):
            try:
                data = self._socket.recv(_RECEIVED_BYTES)
            except BlockingIOError:
                return
            if self.held == MOST_LINES:
                self._passed_over += 1
                continue
            text = data.decode("utf-8", "replace").rstrip("\n")
            port = text.partition(" ")[0]
            if port.isdecimal():
                self._datagrams[int(port)].append(text)
                self.held += 1

    async def step(self) -> int:
        """Write a file for each load balancer that had requests; how many."""
        if not self.held:
            return 0
        datagrams, self._datagrams, self.held = self._datagrams, defaultdict(list), 0
        if self._passed_over:
            log.warning("access logs: %d requests of a minute were over %d", self._passed_over, MOST_LINES)
            self._passed_over = 0
        return await self._store.run_long(lambda db: self._write(db, datagrams))

    async def close(self) -> None:
        """Write what is held, and take in no more."""
        if self._socket is not None:
            self._receive()
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()
            self._socket = None
            await self.step()

    def _write(self, db: sqlite3.Connection, datagrams: Mapping[int, Sequence[str]]) -> int:
        written = 0
        by_file: dict[str, tuple[LoggedListener, list[str]]] = {}
        for source in self._sources(db):
            lines = by_file.setdefault(source.load_balancer.load_balancer_arn, (source, []))[1]
            for datagram in datagrams.get(source.listener.port, ()):
                with suppress(ValueError):
                    lines.append(line(datagram, source))
        for source, lines in by_file.values():
            if lines:
                lines.sort(key=lambda each: each.split(" ", 2)[1])
                written += self._put(db, source, "".join(f"{each}\n" for each in lines))
        return written

    def _sources(self, db: sqlite3.Connection) -> Iterator[LoggedListener]:
        groups = {backend_of(group.target_group_name): group.target_group_arn for group in target_groups.list_all(db)}
        all_of_them = {each.load_balancer_arn: each for each in load_balancers.list_all(db)}
        for listener in listeners.list_all(db):
            load_balancer = all_of_them[listener.load_balancer_arn]
            values = attributes.effective(attributes.LOAD_BALANCER, load_balancer.attributes)
            if values["access_logs.s3.enabled"] == "true":
                yield LoggedListener(
                    load_balancer=load_balancer,
                    listener=listener,
                    bucket=values["access_logs.s3.bucket"],
                    prefix=values["access_logs.s3.prefix"],
                    groups=groups,
                    certificates=dict(_fingerprints(db, listener)),
                )

    def _put(self, db: sqlite3.Connection, source: LoggedListener, text: str) -> int:
        bucket = buckets.find(db, source.bucket)
        if bucket is None:
            log.warning("access logs: there is no bucket %s any more", source.bucket)
            return 0
        data = gzip.compress(text.encode(), mtime=0)
        version = objects.ObjectVersion(
            bucket=bucket.name,
            key=key(source, self._now(), self._new_id()),
            version_id=self._new_id() if bucket.versioning == "Enabled" else objects.NULL,
            body_id=self._new_id(),
            facts=objects.Facts(
                last_modified=self._now(),
                size=len(data),
                e_tag=f'"{hashlib.md5(data, usedforsecurity=False).hexdigest()}"',
                headers=objects.Headers(content_type="application/octet-stream"),
            ),
        )
        objects.put(db, version)
        bodies.write(db, str(version.body_id), data)
        return 1


def _fingerprints(db: sqlite3.Connection, listener: Listener) -> Iterator[tuple[str, str]]:
    for arn in listener.certificates:
        certificate = certificates.find(db, arn)
        if certificate is not None:
            with suppress(ValueError):
                der = ssl.PEM_cert_to_DER_cert(certificate.body.strip())
                yield hashlib.sha1(der, usedforsecurity=False).hexdigest().upper(), arn
