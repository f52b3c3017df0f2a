"""The tags of a service that sleeps by itself, and the rule that answers while all of a target on aws sleep. Pure.

The rule is the stack's, and the first of the listener. It is always there; what changes is what it takes: every request
while all sleep, and else those for a host that nobody has. So whoever puts all to sleep or wakes them calls
elbv2.ModifyRule once, the deploy's rules stay as they are, and EventBridge Scheduler can do it, too.
"""

from collections.abc import Mapping
from typing import Any

from culm.core.model.sleep import AWAKE_TAG, CALLS_TAG, DATES_A_TAG, HOLIDAYS_TAG, HOURS_TAG, IGNORE_TAG, SLEEP_TAG
from culm.project.project import Project, Service, TargetSettings
from culm.render.surroundings import Input

LONGEST_GROUP = 32
RULE_PRIORITY = 1
"""Before all others: previews' begin here, too, and take the next one that is free."""
NOBODY = "asleep.invalid"
"""A host, and as a path a mark of the rule: no name ends so. https://www.rfc-editor.org/rfc/rfc2606"""


def sleep_tags(service: Service) -> dict[str, str]:
    """Return the tags, by key; empty for a service that sleeps only when it is told to.

    A service that nobody can ask has no requests to count, so only the clock puts it to sleep.
    """
    sleep, tags = service.sleep, dict[str, str]()
    if sleep is None:
        return tags
    if sleep.after is not None and (service.balanced or service.called):
        tags[SLEEP_TAG] = f"after {sleep.after}"
        tags |= {f"{IGNORE_TAG}{number}": text for number, text in enumerate(sleep.ignore, 1)}
    if sleep.hours is not None:
        tags[HOURS_TAG] = sleep.hours
        for first in range(0, len(sleep.holidays), DATES_A_TAG):
            dates = sleep.holidays[first : first + DATES_A_TAG]
            tags[f"{HOLIDAYS_TAG}{first // DATES_A_TAG + 1}"] = " ".join(dates)
    if tags and sleep.by_stack:
        tags[AWAKE_TAG] = str(count_that_wakes(service))
    if tags and service.calls:
        tags[CALLS_TAG] = " ".join(service.calls)
    return tags


def count_that_wakes(service: Service) -> int:
    """Return how many tasks the stack's clock starts: of a scaled service the fewest, and scaling does the rest."""
    return service.count if service.scaling is None else service.scaling.bounds.least


def sleeps_whole(project: Project, settings: TargetSettings) -> bool:
    """Tell whether a target on aws sleeps as a whole: the rule is there, and the instances stop."""
    return settings.provider == "aws" and settings.sleep is not None and not settings.sleep.never


def wake_group(project: Project) -> str:
    """Return the name of the target group by which requests wake: a service's begins with the project's."""
    return f"WAKE-{project.name}"[:LONGEST_GROUP].rstrip("-")


def sleeping_conditions(*, asleep: bool) -> list[Input]:
    """Return the conditions of the rule that answers while all sleep."""
    if not asleep:
        return [{"Field": "host-header", "HostHeaderConfig": {"Values": [NOBODY]}}]
    return [{"Field": "path-pattern", "PathPatternConfig": {"Values": ["/*", f"/{NOBODY}"]}}]


def answers_for_sleepers(rule: Mapping[str, Any]) -> bool:
    """Tell whether a rule, as AWS describes it, is the one that answers while all sleep."""
    return sleeping_rule_state(rule) is not None


def sleeping_rule_state(rule: Mapping[str, Any]) -> bool | None:
    """Return whether the rule that answers while all sleep takes every request; None: it is another rule."""
    values = [
        value
        for condition in rule["Conditions"]
        for key, config in condition.items()
        if key.endswith("Config") and config
        for value in config.get("Values", ())
    ]
    if values == [NOBODY]:
        return False
    return True if f"/{NOBODY}" in values else None
