"""From a container's Spec to what the engine is told, and from what it tells to `Seen`. Pure.

https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Container
"""

from collections.abc import Mapping
from typing import Any, Literal

from culm.cluster.instance.runtime.docker.logs import epoch
from culm.cluster.instance.runtime.interface import Port, Probe, Seen, Spec, Usage

HOME = "culm.home"
"""Label that says whose container it is: the cluster's."""
DIGEST = "culm.image-digest"

_MEBIBYTE = 1024 * 1024
_NANOSECOND = 1_000_000_000
_NEVER = "0001-01-01T00:00:00Z"
_LOGS = {"Type": "json-file", "Config": {"max-size": "8m", "max-file": "4"}}


def creation(spec: Spec, cluster: str, network: str, image_digest: str | None) -> dict[str, Any]:
    """Return the body of a container's creation. Memory is a hard limit: swap is not given on top of it.

    A container in another's network has no ports, names or hosts of its own: who holds the network has them.
    """
    joins = spec.network_of is not None and spec.network_of != spec.name
    published = () if joins else (*spec.ports, *spec.peers) if spec.network_of else spec.ports
    body: dict[str, Any] = {
        "Image": spec.image,
        "Env": [f"{name}={value}" for name, value in spec.environment.items()],
        "Labels": {**spec.labels, HOME: cluster, **({DIGEST: image_digest} if image_digest else {})},
        "ExposedPorts": {_key(port): {} for port in published},
        "Healthcheck": _healthcheck(spec.probe),
        "HostConfig": {
            "NetworkMode": f"container:{spec.network_of}" if joins else network,
            "PortBindings": {_key(port): [_binding(port, spec.address)] for port in published},
            "Mounts": [
                {"Type": "bind", "Source": m.source, "Target": m.container_path, "ReadOnly": m.read_only}
                for m in spec.mounts
            ],
            "CpuShares": max(2, spec.cpu) if spec.cpu else 0,
            "LogConfig": _LOGS,
            "Init": spec.init,
            "PidMode": "host" if spec.host_processes else "",
            "ExtraHosts": [] if joins else [f"{name}:{_host(address)}" for name, address in spec.hosts.items()],
            "ReadonlyRootfs": spec.read_only,
            "Tmpfs": {each.path: ",".join([f"size={each.size}m", *each.options]) for each in spec.scratch},
            "Ulimits": [{"Name": each.name, "Soft": each.soft_limit, "Hard": each.hard_limit} for each in spec.ulimits],
            **({"Memory": spec.memory * _MEBIBYTE, "MemorySwap": spec.memory * _MEBIBYTE} if spec.memory else {}),
        },
    }
    given = {
        "Entrypoint": list(spec.entry_point) if spec.entry_point is not None else None,
        "Cmd": list(spec.command) if spec.command is not None else None,
        "WorkingDir": spec.working_directory,
        "User": spec.user,
        "Hostname": None if joins else spec.hostname,
        "OpenStdin": spec.input_open or None,
        "Tty": spec.terminal or None,
    }
    return body | {name: value for name, value in given.items() if value is not None}


def snapshot_of(inspected: Mapping[str, Any]) -> Seen:
    state = inspected["State"]
    labels = dict(inspected["Config"]["Labels"] or {})
    labels.pop(HOME, None)
    stopped = state["Status"] in ("exited", "dead")
    return Seen(
        name=inspected["Name"].lstrip("/"),
        runtime_id=inspected["Id"],
        image_digest=labels.pop(DIGEST, None),
        labels=labels,
        state="stopped" if stopped else "created" if state["Status"] == "created" else "running",
        ports=_ports(inspected),
        address=_address(inspected),
        exit_code=state["ExitCode"] if stopped else None,
        out_of_memory=bool(stopped and state["OOMKilled"]),
        health=_health(state) if not stopped else "UNKNOWN",
        started_at=epoch(state["StartedAt"]) if state["StartedAt"] != _NEVER else None,
        stopped_at=epoch(state["FinishedAt"]) if stopped and state["FinishedAt"] != _NEVER else None,
    )


def usage(stats: Mapping[str, Any], peak: float) -> Usage | None:
    """Return what a container uses; None where it does not run. `peak` is what was seen before, in MiB.

    File pages that nobody used lately do not count, as in `docker stats`.
    """
    memory = stats.get("memory_stats") or {}
    if "usage" not in memory:
        return None
    detail = memory.get("stats", {})
    idle = detail.get("total_inactive_file", detail.get("inactive_file", 0))
    now = max(0, memory["usage"] - idle) / _MEBIBYTE
    most = memory.get("max_usage", 0) / _MEBIBYTE  # control groups version 1 only
    seconds = stats["cpu_stats"]["cpu_usage"]["total_usage"] / _NANOSECOND
    return Usage(memory=now, memory_peak=max(now, most, peak), cpu_seconds=seconds)


def _host(address: str) -> str:
    """Write an entry of `ExtraHosts`; a gateway that is a name is the engine's own."""
    return address if address[:1].isdigit() else "host-gateway"


def _key(port: Port) -> str:
    return f"{port.container_port}/{port.protocol}"


def _binding(port: Port, address: str) -> dict[str, str]:
    return {"HostIp": address, "HostPort": str(port.host_port) if port.host_port else ""}


def _healthcheck(probe: Probe | None) -> dict[str, Any]:
    """ECS ignores the image's own check; so without one in the task definition there is none.

    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_HealthCheck.html
    """
    if probe is None:
        return {"Test": ["NONE"]}
    return {
        "Test": list(probe.command),
        "Interval": probe.interval * _NANOSECOND,
        "Timeout": probe.timeout * _NANOSECOND,
        "Retries": probe.retries,
        "StartPeriod": probe.start_period * _NANOSECOND,
    }


def _ports(inspected: Mapping[str, Any]) -> tuple[Port, ...]:
    """Return ports as they are bound now; for a container that does not run, as they were asked for."""
    asked = inspected["HostConfig"]["PortBindings"] or {}
    bound = (inspected.get("NetworkSettings") or {}).get("Ports") or {}
    ports: list[Port] = []
    for key in asked:
        container_port, _, protocol = key.partition("/")
        (binding, *_) = bound.get(key) or asked[key]
        kind: Literal["tcp", "udp"] = "udp" if protocol == "udp" else "tcp"
        host_port = int(binding["HostPort"] or 0)
        ports.append(Port(container_port=int(container_port), host_port=host_port, protocol=kind))
    return tuple(ports)


def _address(inspected: Mapping[str, Any]) -> str:
    networks = (inspected.get("NetworkSettings") or {}).get("Networks") or {}
    return next((each["IPAddress"] for each in networks.values() if each.get("IPAddress")), "")


def _health(state: Mapping[str, Any]) -> Literal["UNKNOWN", "HEALTHY", "UNHEALTHY"]:
    match (state.get("Health") or {}).get("Status"):
        case "healthy":
            return "HEALTHY"
        case "unhealthy":
            return "UNHEALTHY"
        case _:
            return "UNKNOWN"
