"""A snapshot as Prometheus reads it: https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format"""

from collections.abc import Iterator

from culm.operate.snapshot.records import Snapshot

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
HELP = {
    "culm_service_desired_tasks": "Tasks that a service is to have.",
    "culm_service_running_tasks": "Tasks of a service that run.",
    "culm_service_failed_tasks": "Tasks of a service that failed within the last hour.",
    "culm_service_well": "1 when a service is as it is wanted, else 0.",
    "culm_service_requests_per_second": "Requests that the load balancer carried to a service, over the last minute.",
    "culm_service_responses_per_second": "Answers of its targets by status class, over the last minute.",
    "culm_service_error_ratio": "Share of its answers with 5xx over the last five minutes.",
    "culm_service_response_seconds": "How fast its targets answered, by quantile.",
    "culm_service_response_mean_seconds": "How fast its targets answered on average.",
    "culm_task_memory_limit_bytes": "What a task may use before it is killed.",
    "culm_task_memory_bytes": "What a task uses.",
    "culm_task_memory_peak_bytes": "The most that a task used within the last hour.",
    "culm_task_cpu_ratio": "CPU of a task, as a share of what it reserves.",
    "culm_instance_memory_bytes": "Memory of an instance that tasks can reserve.",
    "culm_instance_memory_free_bytes": "What of it no task reserves.",
    "culm_troubles": "How many things are wrong right now.",
    "culm_up": "1 when the cluster answered the last look, else 0.",
}
MIB = 1024 * 1024


def text(snapshot: Snapshot) -> str:
    """Return every gauge with its help; a value that is not known is left out."""
    samples: dict[str, list[str]] = {name: [] for name in HELP}
    for name, labels, value in _samples(snapshot):
        if value is not None:
            written = ",".join(f'{key}="{escaped(label)}"' for key, label in labels.items())
            samples[name].append(f"{name}{{{written}}} {value:g}" if written else f"{name} {value:g}")
    return "".join(
        f"# HELP {name} {HELP[name]}\n# TYPE {name} gauge\n" + "\n".join(lines) + "\n"
        for name, lines in samples.items()
        if lines
    )


def escaped(label: str) -> str:
    return label.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _samples(snapshot: Snapshot) -> Iterator[tuple[str, dict[str, str], float | None]]:
    yield "culm_up", {}, 0 if snapshot.unreachable else 1
    yield "culm_troubles", {}, len(snapshot.troubles)
    for service in snapshot.services:
        of = {"service": service.name}
        yield "culm_service_desired_tasks", of, service.desired
        yield "culm_service_running_tasks", of, service.running
        yield "culm_service_failed_tasks", of, service.failures
        yield "culm_service_well", of, 1 if service.state in ("well", "asleep", "off") else 0
        yield "culm_service_requests_per_second", of, service.traffic.requests
        for kind, many in service.traffic.answers.items():
            yield "culm_service_responses_per_second", {**of, "class": kind}, many
        yield "culm_service_error_ratio", of, service.traffic.errors
        yield "culm_service_response_mean_seconds", of, service.traffic.mean
        for quantile, seconds in (
            ("0.5", service.traffic.p50), ("0.95", service.traffic.p95), ("0.99", service.traffic.p99),
        ):  # fmt: skip
            yield "culm_service_response_seconds", {**of, "quantile": quantile}, seconds
    for task in snapshot.running:
        of = {"service": task.service, "task": task.id, "kind": task.kind}
        yield "culm_task_memory_limit_bytes", of, task.memory and task.memory * MIB
        yield "culm_task_memory_bytes", of, None if task.memory_used is None else task.memory_used * MIB
        yield "culm_task_memory_peak_bytes", of, None if task.memory_peak is None else task.memory_peak * MIB
        yield "culm_task_cpu_ratio", of, None if task.cpu is None else task.cpu / 100
    for instance in snapshot.instances:
        of = {"instance": instance.id, "type": instance.type}
        yield "culm_instance_memory_bytes", of, instance.memory * MIB
        yield "culm_instance_memory_free_bytes", of, instance.free * MIB
