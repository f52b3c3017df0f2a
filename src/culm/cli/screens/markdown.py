"""A plan as a comment on a pull request: Markdown, the short of it first. Pure.

Its first line, which nobody sees, is what the comment is known by when the next plan takes its place.
"""

from collections.abc import Iterator

from culm.cli.screens.plan import arrow, bill_line, refusal, screen, sentence, summary
from culm.plan.plan import Plan

WIDTH = 100
"""Columns of what is folded away."""


def markdown(plan: Plan) -> str:
    return "\n".join(_lines(plan)) + "\n"


def _lines(plan: Plan) -> Iterator[str]:
    changing = [service for service in plan.services if service.changes]
    yield f"<!-- culm plan of {plan.project} on {plan.target} -->"
    yield f"### {plan.project} on {plan.target}: {summary(plan)}"
    yield ""
    if not plan.fits:
        yield from ("```text", *refusal(plan, WIDTH), "```", "")
    if changing:
        yield from ("| service | what happens | what changes |", "|---|---|---|")
        for service in changing:
            fields = "<br>".join(f"`{change.field}` {cell(arrow(change))}" for change in service.differences)
            yield f"| **{service.name}** | {cell(sentence(service, plan))} | {fields} |"
        yield ""
    yield f"{bill_line(plan)}, for {plan.fleet}."
    yield ""
    yield from (f"> {note}\n" for note in plan.notes)
    yield from ("<details><summary>Where tasks sit, and every move</summary>", "")
    yield from ("```text", screen(plan, WIDTH), "```", "", "</details>")


def cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")
