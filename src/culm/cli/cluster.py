"""`culm cluster`: start, stop and describe the local cluster."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import click

from culm.cli import SuggestingGroup
from culm.errors import CulmError, Differs, TimedOut
from culm.target.local import held, home, running, settled

RUNTIMES = ("auto", "docker", "process")
STOP_SECONDS = 60.0
ROTATE_SECONDS = 300.0
PRUNE_SECONDS = 120.0
RESET_SECONDS = 120.0
GOES = (
    "services and tasks, load balancers, images,\nbuckets, configuration and secrets of every project, logs, roles, "
    "databases and caches with what they hold"
)

UNVERIFIED = (
    "WARNING: --no-verify: signatures and permissions are not checked. Every process on this machine, and every task,\n"
    "may read all configuration and do everything. Start the cluster again without it for anything that matters."
)

GIVEN = ("port", "https_port", "region", "account")
"""Options of `start` that the daemon has under the same name."""

FORMS = {
    "region": (r"[a-z]{2}(-[a-z]+)+-[0-9]", "a region is written like eu-central-1"),
    "account": (r"[0-9]{12}", "an account id has twelve digits"),
}


def _checked(context: click.Context, option: click.Parameter, value: str | None) -> str | None:
    form, words = FORMS[str(option.name)]
    if value is not None and not re.fullmatch(form, value):
        raise click.BadParameter(words)
    return value


@click.group(cls=SuggestingGroup)
def cluster() -> None:
    """The local cluster: AWS on this machine."""


@cluster.command()
@click.option("--runtime", type=click.Choice(RUNTIMES), default="auto", show_default=True, help="What runs the tasks.")
@click.option("--instances", default="2 x t2.micro", show_default=True, help="The simulated container instances.")
@click.option("--port", type=click.IntRange(1, 65535), help="The API's port. [default: 4588, or the next free one]")
@click.option("--https-port", type=click.IntRange(1, 65535), help="Speak TLS at this port, too.")
@click.option("--region", callback=_checked, help="The region in ARNs, for good. [default: us-east-1]")
@click.option("--account", callback=_checked, help="The account id in ARNs, for good. [default: 000000000000]")
@click.option("--no-verify", is_flag=True, help="Believe every request, signed or not. For throw-away use only.")
@click.option("--reset-over-http", is_flag=True, help="Let POST /_culm/reset remove everything, for test suites.")
@click.option("--foreground", is_flag=True, help="Stay in the foreground and log to the terminal.")
def start(*, runtime: str, instances: str, foreground: bool, **settings: Any) -> None:
    """Start the cluster; what ran in it before it was stopped runs again."""
    if described := settled():
        given = {name: settings[name] for name in GIVEN}
        asked = {"runtime": None if runtime == "auto" else runtime, **given}
        asked |= {"verify": False if settings["no_verify"] else None}
        _compare(described, asked | {"reset_over_http": settings["reset_over_http"] or None})
        click.echo(f"the cluster runs already at {described['endpoint']}", err=True)
        return
    command = [sys.executable, "-m", "culm.cluster.daemon", "--home", str(home())]
    command += ["--runtime", runtime, "--instances", instances]
    for name in GIVEN:
        if settings[name]:
            command += [f"--{name.replace('_', '-')}", str(settings[name])]
    if settings["reset_over_http"]:
        command.append("--reset-over-http")
    if settings["no_verify"]:
        command.append("--no-verify")
        click.secho(UNVERIFIED, err=True, bold=True, fg="red")
    if foreground:
        os.execv(sys.executable, command)
    described = _spawn(command)
    click.echo(f"the cluster is at {described['endpoint']} ({described['runtime_version']})", err=True)
    if secure := described["ports"].get("https"):
        click.echo(f"and at https://localhost:{secure} (whom to trust: culm cluster trust)", err=True)


def _compare(described: dict[str, Any], asked: dict[str, Any]) -> None:
    """Raise CulmError where the cluster that runs is not as it is asked for; None: however it is."""
    ports = described["ports"]
    runs = {
        "runtime": (described["runtime"], f"with the {described['runtime']} runtime"),
        "port": (ports["api"], f"at port {ports['api']}"),
        "https_port": (ports.get("https"), f"with HTTPS at {ports['https']}" if "https" in ports else "without HTTPS"),
        "region": (described["region"], f"in region {described['region']}"),
        "account": (described.get("account"), f"as account {described.get('account')}"),
        "verify": (described["verify"], "and verifies signatures"),
        "reset_over_http": (described["reset_over_http"], "and does not let itself be reset over HTTP"),
    }
    for name, wanted in asked.items():
        value, words = runs[name]
        if wanted is not None and wanted != value:
            raise CulmError(f"the cluster runs already, {words}", "first: culm cluster stop")


def _spawn(command: list[str]) -> dict[str, Any]:
    """Start the daemon in a session of its own; wait until it says that it is ready, or why it will not be."""
    try:
        home().mkdir(mode=0o700, parents=True, exist_ok=True)
        log = (home() / "daemon.log").open("ab")
    except OSError as error:
        raise CulmError(f"cannot use {home()}: {error.strerror}", "set CULM_HOME to a folder of yours") from None
    read, write = os.pipe()
    with log, open(read, encoding="utf-8") as answer:
        subprocess.Popen(
            [*command, "--ready-fd", str(write)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=(write,),
            start_new_session=True,
            cwd="/",
        )
        os.close(write)
        text = answer.read()
    if not text:
        tail = (home() / "daemon.log").read_text(errors="replace").splitlines()[-5:]
        raise CulmError("the cluster did not start:\n" + "\n".join(tail), f"see {home() / 'daemon.log'}")
    reply: dict[str, Any] = json.loads(text)
    if "what" in reply:
        raise CulmError(reply["what"], reply["hint"])
    return reply


@cluster.command()
def stop() -> None:
    """Stop the cluster and everything that runs in it; the data stays."""
    described = running()
    if described is None:
        click.echo("the cluster does not run", err=True)
        return
    os.kill(described["pid"], signal.SIGTERM)
    end = time.monotonic() + STOP_SECONDS
    while held():
        if time.monotonic() > end:
            raise TimedOut(
                f"the cluster's daemon (pid {described['pid']}) did not stop in {STOP_SECONDS:.0f} s",
                f"see {home() / 'daemon.log'}",
            )
        time.sleep(0.05)
    click.echo("the cluster has stopped; its data is kept", err=True)


@cluster.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def status(as_json: bool) -> None:
    """Say whether the cluster runs, where and with what. Exit status 3 when it does not."""
    described = running()
    if as_json:
        click.echo(json.dumps(described or {"running": False}, indent=2))
    elif described:
        click.echo(f"running at {described['endpoint']}, pid {described['pid']}")
        click.echo(f"runtime    {described['runtime_version']}")
        click.echo(f"home       {home()}")
        if secure := described["ports"].get("https"):
            click.echo(f"https      https://localhost:{secure}")
        if not described["verify"]:
            click.secho(UNVERIFIED, err=True, bold=True, fg="red")
    else:
        click.echo("not running")
    if not described:
        sys.exit(Differs.exit_status)


@cluster.command("rotate-key")
def rotate_key() -> None:
    """Seal everything that is stored with a new key, and forget the old one; the cluster goes on meanwhile."""
    described = running()
    if described is None:
        raise CulmError("the cluster does not run", "culm cluster start")
    before = sealing_keys(described)
    os.kill(described["pid"], signal.SIGHUP)
    end = time.monotonic() + ROTATE_SECONDS
    while not (now := sealing_keys(described)).isdisjoint(before):
        if time.monotonic() > end:
            raise TimedOut(
                f"key {max(now)} seals, but something is still sealed with {min(now)}",
                f"see {home() / 'daemon.log'}; a corrupted object keeps its key until it is removed",
            )
        time.sleep(0.1)
    click.echo(f"everything is sealed with key {max(now)}", err=True)


@cluster.command()
def prune() -> None:
    """Delete the images and virtual environments that nothing runs, but for the last three of each repository.

    The cluster does the same by itself every few minutes.
    """
    described = running()
    if described is None:
        raise CulmError("the cluster does not run", "culm cluster start")
    before = last_pruning()
    os.kill(described["pid"], signal.SIGUSR1)
    end = time.monotonic() + PRUNE_SECONDS
    while (report := last_pruning()) == before or report is None:
        if time.monotonic() > end:
            raise TimedOut(f"nothing was pruned in {PRUNE_SECONDS:.0f} s", f"see {home() / 'daemon.log'}")
        time.sleep(0.05)
    deleted = f"{report['images']} images and {report['environments']} virtual environments"
    click.echo(f"deleted {deleted}, {report['bytes'] / 1024 / 1024:.0f} MiB", err=True)


@cluster.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
def reset(yes: bool) -> None:
    """Remove everything that was made in the cluster, which goes on as a new one.

    Services and tasks, load balancers, images, buckets, configuration and secrets of every project, logs, roles,
    databases and caches with what they hold. Its address, keys and settings stay. For test suites: the same over HTTP,
    POST /_culm/reset, where the cluster was started with --reset-over-http.
    """
    from culm.cli.agreement import confirm  # not needed to start or stop a cluster

    described = running()
    if described is None:
        raise CulmError("the cluster does not run", "culm cluster start")
    click.echo(f"this removes everything in the cluster at {described['endpoint']}: {GOES}", err=True)
    click.echo("to keep it: culm cluster backup FILE", err=True)
    confirm("remove it?", yes=yes)
    before = last_report("reset.json")
    os.kill(described["pid"], signal.SIGUSR2)
    end = time.monotonic() + RESET_SECONDS
    while (report := last_report("reset.json")) == before or report is None:
        if time.monotonic() > end:
            raise TimedOut(f"the cluster was not reset in {RESET_SECONDS:.0f} s", f"see {home() / 'daemon.log'}")
        time.sleep(0.01)
    click.echo(f"reset in {report['seconds'] * 1000:.0f} ms; {report['containers']} containers were removed", err=True)


@cluster.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def backup(file: Path) -> None:
    """Write the cluster's state, its vault and its images to FILE, while it runs or not.

    What is secret stays sealed; the keys are not in FILE. Neither is what databases and caches hold.
    """
    done = _carry("backup", file)
    size = done["bytes"] / 1024 / 1024
    click.echo(f"{file}: the state, the vault and {done['blobs']} blobs of images, {size:.0f} MiB", err=True)
    click.echo(f"not in it: the keys in {done['keys']}, and what databases and caches hold", err=True)


@cluster.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--overwrite", is_flag=True, help="Where there is a cluster already: set it aside.")
def restore(file: Path, overwrite: bool) -> None:
    """Make what `culm cluster backup` wrote to FILE the cluster of CULM_HOME, which must not run."""
    done = _carry("restore", file, *(["--overwrite"] if overwrite else []))
    if done["aside"]:
        click.echo(f"what was there is in {done['aside']}", err=True)
    click.echo(
        f"{file} is the cluster in {home()}; databases and caches hold what they held: culm cluster start", err=True
    )


def _carry(what: str, file: Path, *options: str) -> dict[str, Any]:
    """Let the cluster's own module do it, and return what it says. Raises CulmError with its words."""
    command = [sys.executable, "-m", "culm.cluster.daemon.backup", what, str(file.absolute()), "--home", str(home())]
    done = subprocess.run(
        [*command, *options], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, check=False
    )
    reply: dict[str, Any] = json.loads(done.stdout)
    if "what" in reply:
        raise CulmError(reply["what"], reply["hint"])
    return reply


def last_pruning() -> dict[str, Any] | None:
    """Return what the daemon deleted last, and when; None when it never did."""
    return last_report("pruned.json")


def last_report(file: str) -> dict[str, Any] | None:
    """Return what the daemon wrote into a file of its home when it had done something; None when it never did."""
    try:
        report: dict[str, Any] = json.loads((home() / file).read_text())
    except FileNotFoundError:
        return None
    return report


def sealing_keys(described: dict[str, Any]) -> set[int]:
    """Return the numbers of the keys that are kept."""
    return {int(number) for number in json.loads(Path(described["keys"]).read_text())["keys"]}


@cluster.command()
def env() -> None:
    """Print the exports that point the AWS CLI and SDKs at the cluster: `eval "$(culm cluster env)"`."""
    described = running()
    if described is None:
        raise CulmError("the cluster does not run", "culm cluster start")
    for name, value in described["environment"].items():
        click.echo(f"export {name}={value}")


TRUSTING = """\
trust it for one program:   curl --cacert FILE, or SSL_CERT_FILE=FILE
on Debian and Ubuntu:       sudo cp FILE /usr/local/share/ca-certificates/culm.crt && sudo update-ca-certificates
on macOS:                   security add-trusted-cert -k ~/Library/Keychains/login.keychain-db FILE"""


@cluster.command()
def trust() -> None:
    """Print the certificate of the authority that signs what ACM issues here, and how to trust it.

    Nothing is installed. Its private key stays sealed in the cluster, and it signs for this machine alone.

    \b
    culm cluster trust > authority.pem
    """
    described = running()
    if described is None:
        raise CulmError("the cluster does not run", "culm cluster start")
    certificate = _of_https() or _of_acm(described)
    if certificate is None:
        raise CulmError("no certificate was requested yet", "aws acm request-certificate --domain-name shop.localhost")
    click.echo(certificate, nl=not certificate.endswith("\n"))
    click.echo(TRUSTING, err=True)


def _of_https() -> str | None:
    """Return the authority's certificate, PEM, where the API was ever served in TLS, or None."""
    try:
        return (home() / "authority.pem").read_text()
    except FileNotFoundError:
        return None


def _of_acm(described: dict[str, Any]) -> str | None:
    """Return the authority's certificate, PEM, as ACM gives it with those that it signed, or None."""
    from culm.operate.authority import SETTINGS, authority  # not needed to start or stop a cluster
    from culm.target import faults
    from culm.target.connection import cluster_target

    with faults.translated():
        return authority(cluster_target(SETTINGS, described))
