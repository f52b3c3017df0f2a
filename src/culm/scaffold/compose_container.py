"""Keys of a compose service that say what its container is like: limits, health check, storage, user.

AWS takes fewer values than compose does; what lies outside is moved to the nearest one that it takes, and noted.
"""

import re
from collections.abc import Mapping

from culm.lint import commands
from culm.project import sizes, values
from culm.project.compose.services import ComposeService
from culm.project.compose.tree import Scalar, Table, Tree, scalars
from culm.project.compose.values import size
from culm.project.schema import DefaultsBlock
from culm.scaffold import guess
from culm.scaffold.candidates import Outline
from culm.scaffold.compose_notes import Notes

MOUNTED = "mounted from this machine"
USUAL_GRACE = DefaultsBlock().grace
"""A shorter `start_period` shortens nothing: compose never ends a container that is unhealthy, and ECS does."""


def resources(notes: Notes, service: ComposeService, candidate: Outline) -> None:
    """Write memory in MiB and CPU units, as far as the compose file limits them."""
    block = candidate.block
    memory = (("deploy", "resources", "limits", "memory"), ("mem_limit",))
    if not notes.any_unset(service, *memory) and service.memory:
        block.put("memory", max(round(service.memory / 2**20), sizes.SMALLEST_MEMORY))
    processors = (("deploy", "resources", "limits", "cpus"), ("cpus",))
    if not notes.any_unset(service, *processors) and (cpus := service.cpus):
        block.put("cpu", max(int(cpus * 1024), 1))
    counts = (("scale",), ("deploy", "replicas"))
    if not notes.any_unset(service, *counts) and (count := service.replicas) is not None:
        where = service.at("scale") or service.at("deploy", "replicas")
        if count > 1:
            block.put("count", count)
        elif count == 0 and where is not None:
            notes.of(service, where.place, "replicas", "left out: 0; a service has a task at least")
    deploy = service.at("deploy")
    for key, value in (deploy.entries if isinstance(deploy, Table) else {}).items():
        if key == "resources":
            for part in ("limits", "reservations"):
                for name, each in below(value, part).items():
                    if part == "reservations" or name not in ("memory", "cpus"):
                        notes.of(
                            service, each.place, f"deploy.resources.{part}.{name}", "has no equivalent in culm.yml"
                        )
        elif key != "replicas":
            notes.of(service, value.place, f"deploy.{key}", "has no equivalent in culm.yml")


def below(tree: Tree, key: str) -> Mapping[str, Tree]:
    inner = tree.get(key) if isinstance(tree, Table) else None
    return inner.entries if isinstance(inner, Table) else {}


def health(notes: Notes, service: ComposeService, candidate: Outline) -> None:
    """Write how health is checked: by a page where the command asks for one."""
    check = service.healthcheck
    if check is None:
        return
    line = " ".join(check.test[1:] if check.test[:1] in (("CMD",), ("CMD-SHELL",)) else check.test)
    written: dict[str, object] = {}
    match = re.search(r"(?:https?://)?(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1\])(?::\d+)?(/[^\s'\"|;)&]*)", line)
    match = match or re.search(r"https?://[^\s/'\"]+(/[^\s'\"|;)&]*)", line)
    works = guess.is_worker(service.name, " ".join(candidate.command)) and not candidate.published
    served = candidate.block.get("path") != "none" and not works
    asked = re.search(r"https?://(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1\]):(\d+)", line)
    if asked and served and "port" not in candidate.block.keys:
        candidate.block.put("port", int(asked[1]), "by its health check")
    if match and served:
        written["path"] = match[1]
    elif re.search(r"https?://(?:localhost|127\.0\.0\.1)(?::\d+)?(\s|$|['\"])", line) and served:
        written["path"] = "/"
    elif check.disabled:
        notes.of(service, check.place, "healthcheck", "left out: a service's health is always looked at")
        return
    elif mounted(service, line):
        notes.of(service, check.place, "healthcheck", "left out: its command is mounted from this machine")
        return
    elif check.test and not served and commands.leak(line) is None:
        written["command"] = list(check.test if check.test[0] in ("CMD", "CMD-SHELL") else ("CMD", *check.test))
    elif check.test:
        notes.of(
            service,
            check.place,
            "healthcheck",
            "left out: no page in it; `health:` names what the load balancer asks",
        )
    times(notes, service, check.interval, "interval", written)
    times(notes, service, check.timeout, "timeout", written)
    if check.retries:
        written["unhealthy"] = min(max(check.retries, 2), 10)
    if check.start_period and round(check.start_period) > USUAL_GRACE:
        candidate.block.put("grace", round(check.start_period))
    for key, value in check.keys.items():
        if key not in ("test", "interval", "timeout", "retries", "start_period", "disable"):
            notes.of(service, value.place, f"healthcheck.{key}", "has no equivalent in culm.yml")
    interval, timeout = written.get("interval"), written.get("timeout")
    if timeout is not None and seconds(timeout) >= seconds(interval or "5s"):
        written["interval"] = f"{min(seconds(timeout) + 1, 300)}s"
        if interval is not None:
            notes.of(
                service,
                check.place,
                "healthcheck.timeout",
                f"interval is {written['interval']}: longer than the timeout",
            )
    if "path" not in written and "command" not in written:
        written = {}
    if written:
        page = written.get("path")
        candidate.block.put("health", page if list(written) == ["path"] else written)


def mounted(service: ComposeService, line: str) -> bool:
    """Return whether a command names what is mounted from this machine."""
    binds = [mount.target for mount in service.mounts if mount.kind == "bind"]
    return any(re.search(rf"(?<![\w/]){re.escape(target)}(/|\s|$)", line) for target in binds)


def times(notes: Notes, service: ComposeService, value: float | None, key: str, written: dict[str, object]) -> None:
    """Write a time in the range that AWS takes; one that lies outside is moved to its end, and noted."""
    if value is None:
        return
    least, most = (5, 300) if key == "interval" else (2, 60)
    taken = min(max(round(value), least), most)
    if taken != value:
        notes.of(
            service,
            service.place_of("healthcheck"),
            f"healthcheck.{key}",
            f"{taken} s: AWS takes {least} to {most} s",
        )
    written[key] = f"{taken}s"


def storage(notes: Notes, service: ComposeService, candidate: Outline) -> None:
    """Keep named volumes, but not what is mounted from this machine."""
    kept: dict[str, str] = {}
    memory: dict[str, str] = {}
    for mount in service.mounts:
        if mount.kind == "tmpfs":
            memory[mount.target] = "64 MB"
        elif mount.kind == "volume" and mount.source:
            from culm.scaffold import names

            name = names.shortened(names.plain(mount.source), 30)
            if name and name not in kept and mount.target.startswith("/") and mount.target != "/":
                kept[name] = f"{mount.target}:ro" if mount.read_only else mount.target
            else:
                notes.of(service, mount.place, "volumes", f"left out: {mount.source} at {mount.target}")
        elif mount.kind == "volume":
            notes.of(service, mount.place, "volumes", f"left out: {mount.target} has no name, and goes with its task")
        else:
            notes.of(service, mount.place, "volumes", why_not_mounted(mount.source, mount.target))
    for scalar in scalars(service.at("tmpfs")):
        where, _, options = scalar.text.partition(":")
        match = re.search(r"size=(\w+)", options)
        memory[where] = f"{max(size(match[1]) // 2**20, 6) if match and not match[1].endswith('%') else 64} MB"
    if (shared := service.read(service.at("shm_size"), service.key("shm_size"), size)) is not None:
        memory["/dev/shm"] = f"{max(shared // 2**20, sizes.SMALLEST_MEMORY)} MB"
    if kept:
        candidate.block.put("volumes", kept)
    if memory:
        candidate.block.put("tmpfs", memory)


def why_not_mounted(source: str, target: str) -> str:
    """Say why a file or folder of this machine is not mounted."""
    if source.endswith(".sock"):
        return f"left out: {source}; a task does not reach its engine"
    return f"left out: {target} is {MOUNTED}; put it into the image, or settings into the vault"


def container(notes: Notes, service: ComposeService, candidate: Outline) -> None:
    """Write what the container itself is like."""
    block = candidate.block
    if (user := service.text("user")) and not notes.unset(service, service.at("user"), "user"):
        block.put("user", user)
    for key, called in (("read_only", "read-only"), ("init", "init")):
        if service.text(key).lower() == "true":
            block.put(called, True)
    if (grace := service.stop_grace_period) is not None:
        block.put("stop", f"{min(max(round(grace), 1), 120)}s")
        if grace > 120:
            notes.of(service, service.place_of("stop_grace_period"), "stop_grace_period", "120 s: ECS takes no more")
    limits = {}
    for name, value in below(service.table, "ulimits").items():
        parts = [below(service.table.entries["ulimits"], name).get(part) for part in ("soft", "hard")]
        text = "/".join(part.text for part in parts if isinstance(part, Scalar)) if isinstance(value, Table) else ""
        limits[name] = value.text if isinstance(value, Scalar) else text
    if limits:
        block.put("ulimits", limits)
    if platform := service.text("platform"):
        if platform in ("linux/amd64", "linux/arm64") and candidate.image is not None:
            block.put("platform", platform)
        else:
            notes.of(service, service.place_of("platform"), "platform", "left out: the instances' own")


def seconds(text: object) -> int:
    return values.duration(str(text))
