"""What `culm env` prints of previews."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

import click

from culm import render
from culm.cli.screens.plan import screen
from culm.console import Console
from culm.deploy import promote
from culm.deploy.previews import Remembered
from culm.errors import CulmError
from culm.plan.plan import Plan
from culm.project.previews import MARK
from culm.project.project import Project
from culm.target.connection import Target

WIDTH = 110
"""Characters of a line in a comment."""
DIGEST = len("sha256:") + 12


Form = Literal["text", "json", "markdown"]


def show(own: Target, derived: Project, preview: Remembered, plan: Plan, form: Form) -> None:
    """Print where each of the preview's services is and which image it runs, by digest; then its room and its price."""
    releases = promote.live(own, derived, list(derived.services))
    served = {
        service.original: {
            "name": name,
            "url": preview.address + render.entrances(service)[0] if service.balanced else None,
            "image": releases[name].digest,
            "migration": (releases[name].migration or "").partition("+")[0] or None,
        }
        for name, service in derived.services.items()
    }
    room = {"takes": len(served), "left": sum(host.slots for host in plan.hosts)}
    now_costs = plan.bill_now.dollars if plan.bill_now is not None else 0.0
    cost = {"adds": round(plan.bill.dollars - now_costs, 2), "month": round(plan.bill.dollars, 2)}
    if form == "markdown":
        click.echo(comment(derived, own.settings.name, preview, served, screen(plan, WIDTH)))
        return
    if form == "json":
        described = {
            **summary(preview),
            "header": {MARK: preview.name},
            "services": served,
            "slots": room,
            "cost": cost,
        }
        click.echo(json.dumps(described, indent=2))
        return
    width = max(map(len, served))
    for name, each in served.items():
        click.echo(f"{name:<{width}} {each['url'] or 'no path'}  {each['image']}")
    console = Console()
    console.say(f"{preview.name}: {preview.address}, or any request with the header {MARK}: {preview.name}")
    console.say(
        f"it takes {counted(room['takes'], 'slot')}, {room['left']} are left; it adds ${cost['adds']:,.2f} a month; "
        + (f"it ends {clock(preview.ends)}" if preview.ends is not None else "it stays until `culm env down`")
    )


def mark(project: str, target: str) -> str:
    """Return the line by which the comment of a pull request's preview is known; nobody sees it."""
    return f"<!-- culm preview of {project} on {target} -->"


def comment(
    derived: Project, target: str, preview: Remembered, served: Mapping[str, Mapping[str, Any]], plan: str
) -> str:
    """Return the comment of a preview that is up: its address, what runs in it, its end, and its plan with the cost."""
    rows = [
        f"| {name} | {each['url'] or 'no path'} | `{(each['image'] or '')[:DIGEST]}` |" for name, each in served.items()
    ]
    ends = f"It ends {iso(preview.ends)}." if preview.ends is not None else "It stays until it is removed."
    return "\n".join(
        [
            mark(derived.name, target),
            f"### Preview [{preview.name}]({preview.address})",
            "",
            "| service | address | image |",
            "|---|---|---|",
            *rows,
            "",
            f"Or any request with the header `{MARK}: {preview.name}`. {ends}",
            "",
            "<details><summary>Plan and cost</summary>",
            "",
            "```text",
            plan,
            "```",
            "",
            "</details>",
        ]
    )


def failed(project: str, target: str, name: str, error: CulmError) -> str:
    """Return the comment of a preview that is not up, and why."""
    hint = f"\n\nTry: `{error.hint}`" if error.hint else ""
    return f"{mark(project, target)}\n### No preview {name}\n\n````text\n{error.what}\n````{hint}"


def gone(project: str, target: str, names: Sequence[str]) -> str:
    """Return the comment of previews that were removed."""
    what = f"Preview {', '.join(names)} is gone." if names else "There is no preview."
    return f"{mark(project, target)}\n{what}"


def counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def clock(at: float | None) -> str:
    """Return a moment, in this machine's time zone; `never` for None."""
    return "never" if at is None else f"{datetime.fromtimestamp(at, UTC).astimezone():%Y-%m-%d %H:%M}"


def summary(preview: Remembered) -> dict[str, Any]:
    """Return what `--json` prints of each preview; times in ISO 8601."""
    return {
        "name": preview.name,
        "address": preview.address,
        "services": list(preview.services),
        "made": iso(preview.made),
        "ends": iso(preview.ends),
        "pullRequest": preview.pull_request or None,
    }


def iso(at: float | None) -> str | None:
    return None if at is None else datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
