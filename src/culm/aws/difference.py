"""Differences between a stack and what it should be: by its template, and by what was changed by hand. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from culm.core.model.record import record
from culm.plan.observed import Described

CHECKED = ("Parameters", "Resources", "Outputs")


@record
class Difference:
    resource: str
    """Its logical id."""
    field: str
    """Where in it; empty: all of it."""
    wanted: Any
    """None: it should not be there."""
    live: Any
    """None: it is not there."""
    wins: str
    """What is so after the next bootstrap: `culm.yml`, or `live`, where only a hand can undo what a hand did."""

    def __str__(self) -> str:
        where = f"{self.resource} {self.field}".strip()
        return f"{where}: {shown(self.wanted)}, live {shown(self.live)}"


def templates(wanted: Mapping[str, Any], live: Mapping[str, Any]) -> list[Difference]:
    """Return the differences between two templates, as `document.read` gives them."""
    differences: list[Difference] = []
    for part in CHECKED:
        ours, theirs = wanted.get(part) or {}, live.get(part) or {}
        for name in [*ours, *(name for name in theirs if name not in ours)]:
            differences += fields(name, "", ours.get(name), theirs.get(name))
    return differences


def fields(name: str, path: str, wanted: Any, live: Any) -> Iterator[Difference]:
    """Yield what differs between a member that is wanted and the live one, down to single values."""
    if wanted == live and type(wanted) is type(live):
        return
    if isinstance(wanted, Mapping) and isinstance(live, Mapping):
        for key in [*wanted, *(key for key in live if key not in wanted)]:
            below = path if key == "Properties" else f"{path}.{key}".lstrip(".")
            yield from fields(name, below, wanted.get(key), live.get(key))
    elif isinstance(wanted, list) and isinstance(live, list) and len(wanted) == len(live):
        for index, (own, other) in enumerate(zip(wanted, live, strict=True)):
            yield from fields(name, f"{path}.{index}", own, other)
    else:
        yield Difference(resource=name, field=path, wanted=wanted, live=live, wins="culm.yml")


def drifts(described: Sequence[Described]) -> list[Difference]:
    """Return cloudformation.DescribeStackResourceDrifts as differences. CloudFormation does not undo these."""
    return [
        difference
        for drift in described
        for difference in (
            [
                Difference(
                    resource=drift["LogicalResourceId"],
                    field=change["PropertyPath"].lstrip("/").replace("/", "."),
                    wanted=change.get("ExpectedValue"),
                    live=change.get("ActualValue"),
                    wins="live",
                )
                for change in drift.get("PropertyDifferences", ())
            ]
            if drift["StackResourceDriftStatus"] == "MODIFIED"
            else [Difference(resource=drift["LogicalResourceId"], field="", wanted="there", live=None, wins="live")]
        )
    ]


def of_sleep(each: Difference) -> bool:
    """Tell whether a drift is that of a target that sleeps: groups without instances, or the rule that answers."""
    if each.resource == "SleepersRule":
        return each.field.startswith("Conditions")
    of_group = each.resource.startswith("Instances") and each.field in ("MinSize", "DesiredCapacity")
    return of_group and str(each.live) == "0"


def shown(value: Any) -> str:
    """Return a value short enough for a line; a whole resource is shown as its type."""
    if isinstance(value, Mapping):
        return str(value.get("Type", "there"))
    text = str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
