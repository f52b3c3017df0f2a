"""A compose service, its short forms and its long forms read alike.

Values are read when they are asked for, so that whoever looks for secrets is not stopped by a port that cannot be.
https://github.com/compose-spec/compose-spec/blob/main/05-services.md
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import TypeVar

from culm.core.model.record import record
from culm.project.compose import merge, values
from culm.project.compose.tree import Scalar, Sequence, SourceLine, Table, Tree, absent, listed, refuse, table, text

T = TypeVar("T")


@record
class Build:
    """`build:`."""

    place: SourceLine
    context: str
    """An absolute path, or where git or a web server has it."""
    dockerfile: str
    inline: str | None
    """The Dockerfile itself."""
    args: Mapping[str, Scalar]
    target: str
    contexts: Mapping[str, str]
    """`additional_contexts`."""
    keys: Mapping[str, Tree]

    @property
    def folder(self) -> Path | None:
        """The folder that it is built from; None: it is not on this machine."""
        return None if is_remote(self.context) else Path(self.context)


@record
class Port:
    place: SourceLine
    target: int
    published: str
    host_ip: str
    protocol: str


@record
class Mount:
    place: SourceLine
    kind: str
    """`bind`, `volume`, `tmpfs` or another type of the long form."""
    source: str
    target: str
    read_only: bool


@record
class Dependency:
    place: SourceLine
    condition: str = "service_started"
    required: bool = True


@record
class ComposeCheck:
    """`healthcheck:`; times in seconds, None: not said."""

    place: SourceLine
    test: tuple[str, ...]
    """`("CMD", ...)`, `("CMD-SHELL", line)`; empty: not said, or switched off."""
    disabled: bool
    interval: float | None
    timeout: float | None
    start_period: float | None
    retries: int | None
    keys: Mapping[str, Tree]


@record
class EnvironmentFile:
    place: SourceLine
    path: str
    """Absolute."""
    required: bool = True
    raw: bool = False
    """Whether variables and quotes in it mean nothing: `format: raw`."""


@record
class ComposeService:
    name: str
    table: Table
    """All of it, files merged and `extends` carried out."""

    @property
    def place(self) -> SourceLine:
        return self.table.place

    @property
    def keys(self) -> Mapping[str, Tree]:
        return {name: value for name, value in self.table.entries.items() if not absent(value)}

    def key(self, name: str) -> str:
        """Return where the service's key of that name stands: `services.web.ports`."""
        return f"services.{self.name}.{name}"

    def text(self, name: str) -> str:
        """Return a key's value as text, empty if it is not there. Raises UsageError for a list or a mapping."""
        return text(self.table.get(name), self.key(name))

    def place_of(self, name: str) -> SourceLine:
        """Return the file and line of a key, or the service's own where it is not written."""
        value = self.table.get(name)
        return value.place if value is not None else self.place

    def _read(self, where: Tree, read: Callable[[str], T], what: str) -> T:
        try:
            return read(text(where, what))
        except ValueError as error:
            refuse(where.place, f"{what}: {error}")

    def read(self, tree: Tree | None, what: str, read: Callable[[str], T]) -> T | None:
        """Return a value below this service, read.

        None when it is absent. What cannot be read is refused with its line.
        """
        return None if tree is None or absent(tree) else self._read(tree, read, what)

    @property
    def build(self) -> Build | None:
        """Return how the image is built, or None for a service that only names one. Raises UsageError."""
        written = self.table.get("build")
        if written is None or absent(written):
            return None
        keys = table(merge.build(written), self.key("build"))
        inline = keys.get("dockerfile_inline")
        return Build(
            place=written.place,
            context=text(keys.get("context"), self.key("build.context")),
            dockerfile=text(keys.get("dockerfile"), self.key("build.dockerfile")) or "Dockerfile",
            inline=None if absent(inline) else text(inline, self.key("build.dockerfile_inline")),
            args=self.settings("build", "args"),
            target=text(keys.get("target"), self.key("build.target")),
            contexts={name: each.text for name, each in self.settings("build", "additional_contexts").items()},
            keys=keys,
        )

    @property
    def image(self) -> str:
        return self.text("image")

    def settings(self, *path: str) -> dict[str, Scalar]:
        """Read `NAME: value`, or `- NAME=value`, at a path below the service."""
        tree = self.at(*path)
        if tree is None:
            return {}
        entries = table(merge.named(tree), self.key(".".join(path)))
        result: dict[str, Scalar] = {}
        for name, value in entries.items():
            if not isinstance(value, Scalar):
                refuse(value.place, f"{self.key('.'.join(path))}.{name} is to be one value")
            result[name] = value
        return result

    @property
    def environment(self) -> dict[str, Scalar]:
        """`environment:`; a name alone is null: its value comes from outside."""
        return self.settings("environment")

    @property
    def environment_files(self) -> list[EnvironmentFile]:
        """Return the `env_file` entries in their order, short form and long. Raises UsageError."""
        written = self.table.get("env_file")
        if written is None or absent(written):
            return []
        result = []
        for item in listed(merge.sequence(written), self.key("env_file")):
            if isinstance(item, Table):
                path = text(item.get("path"), self.key("env_file.path"))
                required = text(item.get("required"), self.key("env_file.required")).lower() != "false"
                raw = text(item.get("format"), self.key("env_file.format")) == "raw"
                result.append(EnvironmentFile(place=item.place, path=path, required=required, raw=raw))
            else:
                result.append(EnvironmentFile(place=item.place, path=text(item, self.key("env_file"))))
        return result

    def command(self, name: str = "command") -> tuple[str, ...] | None:
        """Return `command:` or `entrypoint:` as words; None where it is not written, or is the image's own."""
        written = self.table.get(name)
        if written is None or absent(written):
            return None
        if isinstance(written, Sequence):
            return tuple(text(item, self.key(name)) for item in written.items)
        return self._read(written, values.words, self.key(name))

    @property
    def port_items(self) -> tuple[Tree, ...]:
        return listed(self.table.get("ports"), self.key("ports"))

    def ports_of(self, item: Tree) -> list[Port]:
        """Return the ports of an entry of `ports:`: several for a range."""
        if isinstance(item, Table):
            what = self.key("ports.target")
            target = self.read(item.get("target"), what, values.count)
            if target is None:
                refuse(item.place, f"{what} is missing")
            published, host_ip = (text(item.get(name), self.key(f"ports.{name}")) for name in ("published", "host_ip"))
            protocol = text(item.get("protocol"), self.key("ports.protocol")).lower() or "tcp"
            return [Port(place=item.place, target=target, published=published, host_ip=host_ip, protocol=protocol)]
        return [
            Port(
                place=item.place,
                target=pair.target,
                published=pair.published,
                host_ip=pair.host_ip,
                protocol=pair.protocol,
            )
            for pair in self._read(item, values.ports, self.key("ports"))
        ]

    @property
    def ports(self) -> list[Port]:
        """Return every published port; a range is as many ports. Raises UsageError."""
        return [port for item in self.port_items for port in self.ports_of(item)]

    @property
    def exposed(self) -> list[Port]:
        """`expose:`."""
        items = listed(self.table.get("expose"), self.key("expose"))
        return [port for item in items for port in self.ports_of(item)]

    @property
    def mounts(self) -> list[Mount]:
        """Return the volumes and binds, short form and long. Raises UsageError."""
        result = []
        for item in listed(self.table.get("volumes"), self.key("volumes")):
            if isinstance(item, Table):
                kind, source, target = (
                    text(item.get(n), self.key(f"volumes.{n}")) for n in ("type", "source", "target")
                )
                only = text(item.get("read_only"), self.key("volumes.read_only")).lower() == "true"
            else:
                parts = self._read(item, values.mount, self.key("volumes"))
                kind, source, target, only = parts.kind, parts.source, parts.target, parts.read_only
            result.append(
                Mount(place=item.place, kind=kind, source=source, target=target.rstrip("/") or "/", read_only=only)
            )
        return result

    @property
    def depends_on(self) -> dict[str, Dependency]:
        """What it waits for, also by `links:`, `volumes_from:` and the network or processes that it shares."""
        result = {name: Dependency(place=place) for name, place in self.shared.items()}
        written = self.table.get("depends_on")
        if written is None or absent(written):
            return result
        what = self.key("depends_on")
        for name, value in table(merge.keyed(written), what).items():
            entry = table(value, f"{what}.{name}")
            condition = text(entry.get("condition"), f"{what}.{name}.condition") or "service_started"
            required = text(entry.get("required"), f"{what}.{name}.required").lower() != "false"
            result[name] = Dependency(place=value.place, condition=condition, required=required)
        return result

    @property
    def shared(self) -> dict[str, SourceLine]:
        """Services that it cannot be without, though `depends_on:` does not name them."""
        result = {}
        for key in ("links", "volumes_from"):
            for item in listed(self.table.get(key), self.key(key)):
                name = text(item, self.key(key))
                if not name.startswith("container:"):
                    result[name.removeprefix("service:").partition(":")[0]] = item.place
        for key in ("network_mode", "pid", "ipc"):
            if (value := self.text(key)).startswith("service:"):
                result[value.removeprefix("service:")] = self.place_of(key)
        return result

    @property
    def healthcheck(self) -> ComposeCheck | None:
        """Return the check, with times in seconds; None if there is none. Raises UsageError."""
        written = self.table.get("healthcheck")
        if written is None or absent(written):
            return None
        what = self.key("healthcheck")
        keys = table(written, what)
        test = keys.get("test")
        line: tuple[str, ...] = ()
        if isinstance(test, Sequence):
            line = tuple(text(item, f"{what}.test") for item in test.items)
        elif test is not None and not absent(test):
            line = ("CMD-SHELL", text(test, f"{what}.test"))
        disabled = text(keys.get("disable"), f"{what}.disable").lower() == "true" or line[:1] == ("NONE",)

        def seconds(name: str) -> float | None:
            return self.read(keys.get(name), f"{what}.{name}", values.duration)

        return ComposeCheck(
            place=written.place,
            test=() if disabled else line,
            disabled=disabled,
            interval=seconds("interval"),
            timeout=seconds("timeout"),
            start_period=seconds("start_period"),
            retries=self.read(keys.get("retries"), f"{what}.retries", values.count),
            keys=keys,
        )

    @property
    def profiles(self) -> tuple[str, ...]:
        return tuple(text(item, self.key("profiles")) for item in listed(self.table.get("profiles"), "profiles"))

    def at(self, *path: str) -> Tree | None:
        """Return the value at a path below the service."""
        tree: Tree | None = self.table
        for step in path:
            tree = tree.get(step) if isinstance(tree, Table) else None
        return None if absent(tree) else tree

    @property
    def memory(self) -> int | None:
        """The most that it may have, in bytes."""
        return self.first((("deploy", "resources", "limits", "memory"), ("mem_limit",)), values.size)

    @property
    def memory_reservation(self) -> int | None:
        """Return the bytes that are reserved, from `deploy` or `mem_reservation`; None if none are."""
        return self.first((("deploy", "resources", "reservations", "memory"), ("mem_reservation",)), values.size)

    @property
    def cpus(self) -> Decimal | None:
        """Return the limit in processors, from `deploy` or `cpus`; None if there is none."""
        return self.first((("deploy", "resources", "limits", "cpus"), ("cpus",)), values.number)

    @property
    def replicas(self) -> int | None:
        """Return how many tasks are wanted, from `scale` or `deploy`; None if neither says so."""
        return self.first((("scale",), ("deploy", "replicas")), values.count)

    @property
    def stop_grace_period(self) -> float | None:
        """Return the seconds between SIGTERM and SIGKILL; None if it is not written."""
        return self.first((("stop_grace_period",),), values.duration)

    def first(self, paths: tuple[tuple[str, ...], ...], read: Callable[[str], T]) -> T | None:
        """Return the value at the first of several paths that is there."""
        for path in paths:
            if (tree := self.at(*path)) is not None:
                return self._read(tree, read, self.key(".".join(path)))
        return None


def is_remote(context: str) -> bool:
    """Return whether a build context is one that is fetched: git or an archive on the web."""
    return "://" in context or context.startswith(("git@", "github.com/")) or context.endswith(".git")
