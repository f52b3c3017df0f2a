"""Print advice for people and as JSON. Pure."""

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from culm.core.model.record import record
from culm.plan.advised import ENOUGH_HOURS, Advice
from culm.plan.bill import PriceList

WIDEST_KIND = len("graviton")
INDENT = 2


@record
class AdvicePage:
    """What is printed."""

    project: str
    target: str
    given: Sequence[Advice]
    dollars: float
    """A month, as culm.yml is now."""
    prices: PriceList
    hours: float
    """Measured."""
    unmeasured: Sequence[str]
    """Services of which less than a day was measured."""
    places: Mapping[tuple[str, ...], str]
    """File and line of each value to change."""

    @property
    def saved(self) -> float:
        """Dollars a month of all advice together."""
        return sum(each.dollars for each in self.given)


def screen(page: AdvicePage, width: int = 80) -> str:
    """Return the advice as text of at most `width` columns."""
    title = f"{page.project} on {page.target}: ${page.dollars:,.2f} a month as culm.yml is"
    prices = f"prices of {page.prices.region}, {page.prices.date}"
    lines = [*_wrapped(f"{title} ({prices}); {measured(page)}", width), ""]
    if page.given:
        for each in page.given:
            lines += _entry(each, page.places, width)
        total = f"${page.saved:,.2f} a month in all"
        about = "; ~ is by a usual price" if any(each.estimated for each in page.given) else ""
        lines += ["", f"{total}{about}"]
        if any(each.edits for each in page.given):
            lines.append("culm advise --apply writes the lines into culm.yml; --only KIND: some of them")
    else:
        lines.append("culm knows of nothing that would make it cheaper")
    if page.unmeasured:
        lines += _wrapped(too_little(page), width)
    return "\n".join(line.rstrip() for line in lines)


def measured(page: AdvicePage) -> str:
    """Return how long was measured: `measured for 30 hours`."""
    return f"measured for {page.hours:.0f} hour{'' if page.hours == 1 else 's'}" if page.hours else "not measured"


def too_little(page: AdvicePage) -> str:
    """Say of which services nothing can be advised yet."""
    names = ", ".join(page.unmeasured)
    return f"measured for less than {ENOUGH_HOURS} hours: {names}; no advice on their memory and on who calls them yet"


def report(page: AdvicePage) -> dict[str, Any]:
    """Return the same as JSON; dollars are of a month."""
    return {
        "project": page.project,
        "target": page.target,
        "region": page.prices.region,
        "dollars": round(page.dollars, 2),
        "saved": round(page.saved, 2),
        "measured_hours": page.hours,
        "unmeasured": list(page.unmeasured),
        "advice": [
            {
                "kind": each.kind,
                "what": each.what,
                "dollars": round(each.dollars, 2),
                "estimated": each.estimated,
                "edits": [
                    {"key": ".".join(edit.path), "value": edit.value, "at": page.places.get(edit.path, "")}
                    for edit in each.edits
                ],
                "command": each.command,
                "risk": each.risk,
            }
            for each in page.given
        ],
    }


def _entry(each: Advice, places: Mapping[tuple[str, ...], str], width: int) -> Iterator[str]:
    dollars = f"{'~' if each.estimated else ''}${each.dollars:,.2f}"
    head = f"{dollars:>9}  {each.kind:<{WIDEST_KIND}}  "
    yield from _wrapped(each.what, width, head)
    margin = " " * len(head)
    for edit in each.edits:
        yield from _wrapped(f"{places.get(edit.path, '')}  {edit}", width, margin)
    if each.command:
        yield from _wrapped(each.command, width, margin)
    if each.risk:
        yield from _wrapped(f"risk: {each.risk}", width, margin)


def _wrapped(text: str, width: int, head: str = "") -> list[str]:
    margin = " " * len(head)
    return textwrap.wrap(
        text,
        max(width, len(head) + 30),
        initial_indent=head,
        subsequent_indent=margin + " " * INDENT if head.strip() == "" and head else margin,
        break_long_words=False,
        break_on_hyphens=False,
    )
