"""`culm status`."""

import json
import shutil
import sys
import textwrap
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import click

from culm.cli import price_lists
from culm.cli.context import json_option, open_project, open_target, target_option
from culm.deploy.base import refuse_impaired
from culm.operate.ecs_words import in_plain_words
from culm.operate.status import status as look
from culm.target import faults

SLOT_MIB = 64
"""One character of an instance's picture."""


@click.command()
@click.option("--watch", is_flag=True, help="Go on, and show what changes.")
@json_option
@target_option
def status(watch: bool, as_json: bool, target_name: str) -> None:
    """Show services, instances, rules and last events.

    A service that keeps dying, or whose roll-out is not complete, is named. Exit status 1 when the local load balancer
    cannot serve.

    --watch draws them anew until Ctrl-C; in a pipe it prints a line for each thing that happens.
    """
    project = open_project(target_name)
    target = open_target(project, target_name)
    if watch:
        from culm.cli.watch import watch as go_on

        go_on(project, target, as_json=as_json)
        return
    with faults.translated():
        state = look(target, project, price_lists.load(price_lists.known(target.region)))
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    click.echo(json.dumps(state, indent=2) if as_json else pictured(state, width))
    if (balancer := state.get("load_balancer")) and target.settings.provider == "local":
        refuse_impaired(balancer["state"], balancer["reason"])


def image_named(image: str) -> str:
    """Return a digest's first twelve digits, as Docker shows it; a ready image's name and tag as they are."""
    return image.removeprefix("sha256:")[:12] if image.startswith("sha256:") else image


def pictured(state: dict[str, Any], width: int | None = None) -> str:
    """Return the state for people, on so many columns; None: on as many as it takes, as in a pipe."""
    parts = [
        fitting(
            width,
            ("SERVICE", "URL", "TASKS", "TASK DEFINITION", "IMAGE", "INSTANCE"),
            [
                (
                    s["name"],
                    s["url"] or "",
                    tasks(s) + scaling(s) + unwell(s),
                    s["task_definition"],
                    image_named(s["image_digest"]),
                    " ".join(s["instance"]),
                )
                for s in state["services"]
            ],
        ),
        instances(state["instances"], width),
        table(
            ("RULE", "PATHS", "SERVICE"),
            [(str(r["priority"]), " ".join(r["paths"]), r["service"]) for r in state["rules"]],
        ),
    ]
    if state.get("jobs"):
        rows = [
            (j["name"], j["schedule"] or "not deployed", moment(j["next"]), last_run(j["last"])) for j in state["jobs"]
        ]
        parts.append(table(("JOB", "SCHEDULE", "NEXT RUN", "LAST RUN"), rows))
    if state["events"]:
        parts.append(
            "\n".join(
                folded(f"{e['at'][11:19]}  {e['service']}: {in_plain_words(e['message'], e['service'])}", width)
                for e in state["events"]
            )
        )
    parts.append("\n".join(click.style(folded(line, width), fg="red") for line in troubles(state)))
    if saved := state.get("saved"):
        parts.append(folded(f"asleep: {saved['text']}", width))
    if missing := state.get("missing"):
        parts.append(f"not deployed: {', '.join(missing)}")
    return "\n\n".join(part for part in parts if part)


def instances(described: Sequence[dict[str, Any]], width: int | None) -> str:
    """Return the table of instances, its pictures as fine as so many columns allow."""
    text = ""
    for mib in (SLOT_MIB, 2 * SLOT_MIB, 4 * SLOT_MIB):
        rows = [
            (
                i["id"],
                (i["type"] or "") + ("" if i["status"] == "ACTIVE" else f" {i['status']}"),
                f"{i['remaining_memory']} of {i['registered_memory']} MiB",
                picture(i, mib),
            )
            for i in described
        ]
        text = fitting(width, ("INSTANCE", "TYPE", "MEMORY FREE", "TASKS"), rows)
        if width is None or max(map(len, text.splitlines()), default=0) <= width:
            break
    return text


def moment(at: float | None) -> str:
    """Return a moment in UTC; empty for None, which is never."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC") if at is not None else ""


def last_run(run: dict[str, Any] | None) -> str:
    """Return how a job's last run ended: `2027-01-31 06:00 UTC, exit code 0`.

    `timed out` stands before it where it did; ECS forgets a task an hour after its end.
    """
    if run is None:
        return "none in the last hour"
    ended = f"exit code {run['exit_code']}" if run["exit_code"] is not None else str(run["status"]).lower()
    return f"{moment(run['at'])}, {'timed out, ' if run.get('timed_out') else ''}{ended}"


def tasks(service: dict[str, Any]) -> str:
    """Return a service's tasks, `1/1`; of a sleeping one `asleep (2)`, with how many it has when it is awake."""
    count = service.get("asleep")
    return f"{service['running']}/{service['desired']}" if count is None else f"asleep ({count})"


def scaling(service: dict[str, Any]) -> str:
    """Return ` (1-4, cpu 60)` for a service whose count changes by itself; empty for others."""
    return f" ({service['scaling']})" if service.get("scaling") else ""


def unwell(service: dict[str, Any]) -> str:
    """Return `, 1 healthy` where the load balancer does not find all that run healthy; empty elsewhere."""
    healthy = service.get("healthy")
    return "" if healthy is None or healthy >= service["running"] else f", {healthy} healthy"


def troubles(state: dict[str, Any]) -> Iterator[str]:
    """Yield what is wrong, a line each."""
    for service in state["services"]:
        if service.get("trouble"):
            yield f"{service['name']}: {service['trouble']}"
        for reason in dict.fromkeys(service.get("unhealthy", ())):
            yield f"{service['name']}: a task is not healthy: {reason}"
    for name in state.get("leftovers", ()):
        yield f"{name} runs, and culm.yml does not name it: `culm down {name}` removes it"


def picture(instance: dict[str, Any], mib: int = SLOT_MIB) -> str:
    """Draw an instance's memory: `[accounts|orders  |...]`.

    Each task is as wide as its memory, dots stand for what is free; two columns for `mib`.
    """
    boxes = []
    for task in instance["tasks"]:
        width = max((task["memory"] or 0) // mib * 2, 1)
        name = task["group"].partition(":")[2]
        boxes.append(f"{name[:width]:<{width}}")
    free = "." * (instance["remaining_memory"] // mib * 2)
    return "[" + "|".join([*boxes, *([free] if free else [])]) + "]"


SPARE = ("IMAGE", "INSTANCE", "TASK DEFINITION", "TYPE")
"""Columns that a narrow terminal does without, the first one first; `--json` has them. Not the first of a table."""


def fitting(
    width: int | None, heads: tuple[str, ...], rows: Sequence[tuple[str, ...]], spares: Sequence[str] = SPARE
) -> str:
    """Return the table without as many of the spare columns as it takes to fit."""
    for spare in spares:
        text = table(heads, rows)
        if width is None or max(map(len, text.splitlines()), default=0) <= width:
            break
        if spare in heads[1:]:
            at = heads.index(spare)
            heads, rows = heads[:at] + heads[at + 1 :], [row[:at] + row[at + 1 :] for row in rows]
    return table(heads, rows)


def folded(line: str, width: int | None) -> str:
    """Fold a line into as many lines as it takes, the later ones indented."""
    return line if width is None else textwrap.fill(line, width, subsequent_indent=" " * 10, break_on_hyphens=False)


def table(heads: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    if not rows:
        return ""
    widths = [max(len(row[column]) for row in [heads, *rows]) for column in range(len(heads))]
    lines = ["  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)) for row in [heads, *rows]]
    return "\n".join(line.rstrip() for line in lines)
