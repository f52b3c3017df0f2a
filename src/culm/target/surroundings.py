"""What the target tells a project: its account, its network, a free port for the load balancer."""

import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

from culm import render
from culm.core.decide.incidents import NOBODY, NOTIFY_TAG
from culm.errors import CulmError
from culm.plan.observed import Described, Observed
from culm.project import migration_files
from culm.project.project import Project
from culm.target.connection import Target
from culm.target.observe import primary_endpoint

LOCAL_PORT = 8080
AWS_PORT = 80
PORTS_TRIED = 100
INNER_PORT = 8800
"""The first that is tried for calls between services."""


def surroundings(target: Target, project: Project, live: Observed) -> render.Surroundings:
    """Return where things are on a target: region, account, network, addresses."""
    settings = target.settings
    local = settings.provider == "local"
    vpc, subnets = network(target, live)
    port = listener_port(target, live)
    return render.Surroundings(
        env=settings.env,
        region=target.region,
        account=target.account,
        vault=render.vault_bucket(project.name, target.account, target.region),
        vpc=vpc,
        subnets=tuple(sorted(subnets)),
        port=port,
        instances=" + ".join(str(group) for group in settings.instances),
        drain_seconds=None if local else render.DRAIN_SECONDS,
        provider=settings.provider,
        webhook=webhook(target, live) if local else None,
        errors=settings.notify.errors if local and settings.notify is not None else None,
        load_balancer=load_balancer_url(target, live, port),
        inner=dict(inner(target, project, live, port)) if local else {},
        migration_files=dict(migration_fingerprints(project)),
        databases=dict(endpoints(project, live)),
    )


def webhook(target: Target, live: Observed) -> str | None:
    """Return the secret that a local cluster's `notify:` names; NOBODY where it was there and is not any more."""
    if target.settings.notify is not None:
        return target.settings.notify.webhook
    before = any(tag["key"] == NOTIFY_TAG for tag in (live.cluster or {}).get("tags", ()))
    return NOBODY if before else None


def inner(target: Target, project: Project, live: Observed, taken: int) -> Iterator[tuple[str, tuple[str, int]]]:
    """Return where services are called inside, locally: the cluster's address, and a port for each of them.

    A service keeps the port that it has; a new one gets the next that is free. `taken`: the load balancer's.
    """
    called = [name for name, service in project.services.items() if service.called]
    beside = {} if project.preview is None else project.preview.beside
    has = {name: port for name in called if (port := alias_port(live.services.get(name))) is not None}
    host = str(live.load_balancer["DNSName"]) if live.load_balancer else "127.0.0.1"
    here = urlsplit(target.endpoint_url or "").hostname or "127.0.0.1"
    used = {taken, *has.values()}
    for name in beside:
        if (port := alias_port(live.services.get(name))) is not None:
            yield name, (host, port)
    for name in called:
        if name not in has:
            ports = range(INNER_PORT, INNER_PORT + PORTS_TRIED)
            has[name] = next((port for port in ports if port not in used and free(here, port)), 0)
            if has[name] == 0:
                what = f"ports {INNER_PORT} to {INNER_PORT + PORTS_TRIED - 1} of {here} are all taken"
                raise CulmError(what, f"{name} needs one for calls inside: end what listens there")
            used.add(has[name])
        yield name, (host, has[name])


def migration_fingerprints(project: Project) -> Iterator[tuple[str, str]]:
    """Give each service whose migration's files are known, with their fingerprint."""
    for name, service in project.services.items():
        promoted = service.promoted_migration
        digest = migration_files.fingerprint(service) if promoted is None else promoted or None
        if digest is not None:
            yield name, digest


def alias_port(service: Described | None) -> int | None:
    """Return the port by which a live service is called inside; None: it is not."""
    connect = (service or {}).get("serviceConnectConfiguration") or {}
    aliases = [alias for each in connect.get("services", ()) for alias in each.get("clientAliases", ())]
    return int(aliases[0]["port"]) if connect.get("enabled") and aliases else None


def load_balancer_url(target: Target, live: Observed, port: int) -> str:
    """Return the URL by which services call each other; empty while there is no load balancer."""
    if live.load_balancer is None:
        return ""
    dns_name = str(live.load_balancer["DNSName"])
    return target.url(dns_name, port) if target.settings.domain else f"http://{dns_name}:{port}"


def endpoints(project: Project, live: Observed) -> Iterator[tuple[str, tuple[str, int]]]:
    """Return the addresses of the database servers that have one by now."""
    for name in project.databases:
        identifier = f"{project.name}-{name}"
        if name in project.caches:
            endpoint = primary_endpoint(live.caches.get(identifier, {}))
        else:
            endpoint = live.databases.get(identifier, {}).get("Endpoint")
        if endpoint:
            yield name, (str(endpoint["Address"]), int(endpoint["Port"]))


def network(target: Target, live: Observed) -> tuple[str, list[str]]:
    """Return VPC and subnets: the load balancer's, else the default ones."""
    if live.load_balancer is not None:
        zones = live.load_balancer["AvailabilityZones"]
        return str(live.load_balancer["VpcId"]), [zone["SubnetId"] for zone in zones]
    filters = [{"Name": "default-for-az", "Values": ["true"]}]
    subnets = target.client("ec2").describe_subnets(Filters=filters)["Subnets"]
    if not subnets and target.settings.provider == "aws":
        return "", []  # the base stack brings its own
    if not subnets:
        raise CulmError(
            f"account {target.account} has no default subnets in {target.region}", "aws ec2 create-default-vpc"
        )
    return str(subnets[0]["VpcId"]), [subnet["SubnetId"] for subnet in subnets]


def listener_port(target: Target, live: Observed) -> int:
    """Return the load balancer's port.

    That is the one that culm.yml says, else the one that it has, else the usual one, or the next that is free here.
    """
    chosen = target.settings.port
    has = int(live.listener["Port"]) if live.listener else None
    if has is not None and chosen in (None, has):
        return has
    if target.settings.provider == "aws":
        return chosen or AWS_PORT
    host = urlsplit(target.endpoint_url or "").hostname or "127.0.0.1"
    if chosen is not None:
        if not free(host, chosen):
            hint = "end what listens there, or say another `port:` for the target in culm.yml"
            raise CulmError(f"port {chosen} of {host}, the load balancer's, is taken", hint)
        return chosen
    for port in range(LOCAL_PORT, LOCAL_PORT + PORTS_TRIED):
        if free(host, port):
            return port
    raise CulmError(
        f"ports {LOCAL_PORT} to {LOCAL_PORT + PORTS_TRIED - 1} of {host} are all taken",
        "say which one the load balancer gets: targets: {local: {port: ...}} in culm.yml",
    )


def free(host: str, port: int) -> bool:
    """Return whether a server could listen on this address and port of this machine now."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True
