"""Decides which images a lifecycle policy expires.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html
"""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Literal

import msgspec

from culm.core.model.record import record

_DAY_SECONDS = 86_400


class _Selection(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    tag_status: Literal["tagged", "untagged", "any"]
    count_type: Literal["imageCountMoreThan", "sinceImagePushed"]
    count_number: int
    count_unit: Literal["days"] | None = None
    tag_prefix_list: tuple[str, ...] = ()
    tag_pattern_list: tuple[str, ...] = ()


class _Action(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    type: Literal["expire"]


class _Rule(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    rule_priority: int
    selection: _Selection
    action: _Action
    description: str = ""


class Policy(msgspec.Struct, forbid_unknown_fields=True):
    rules: tuple[_Rule, ...]


class InvalidPolicy(ValueError):
    """What the author of a lifecycle policy has to fix."""


@record
class Candidate:
    digest: str
    tags: tuple[str, ...]
    pushed_at: float
    """Epoch seconds."""


def read(text: str) -> Policy:
    """Return the policy that a document is. Raises InvalidPolicy."""
    try:
        policy = msgspec.json.decode(text, type=Policy)
    except msgspec.MsgspecError as wrong:
        raise InvalidPolicy(str(wrong)) from None
    if len({rule.rule_priority for rule in policy.rules}) < len(policy.rules):
        raise InvalidPolicy("rulePriority must be different in each rule")
    for rule in policy.rules:
        _check(rule.rule_priority, rule.selection)
    return policy


def expired(policy: Policy, images: Sequence[Candidate], now: float) -> dict[str, int]:
    """Return the digests of the images that have had their time, each with the priority of the rule that says so.

    Every rule looks at all images; an image that the tags of a rule match is out of reach for the rules behind it.
    """
    due: dict[str, int] = {}
    claimed: set[str] = set()
    for rule in sorted(policy.rules, key=lambda r: r.rule_priority):
        matched = [image for image in images if _matches(rule.selection, image.tags)]
        newest_first = sorted(matched, key=lambda image: image.pushed_at, reverse=True)
        if rule.selection.count_type == "imageCountMoreThan":
            over = newest_first[rule.selection.count_number :]
        else:
            limit = now - rule.selection.count_number * _DAY_SECONDS
            over = [image for image in newest_first if image.pushed_at < limit]
        due.update((image.digest, rule.rule_priority) for image in over if image.digest not in claimed)
        claimed.update(image.digest for image in matched)
    return due


def _matches(selection: _Selection, tags: tuple[str, ...]) -> bool:
    if selection.tag_status == "any":
        return True
    if selection.tag_status == "untagged":
        return not tags
    patterns = selection.tag_pattern_list or tuple(f"{prefix}*" for prefix in selection.tag_prefix_list)
    return all(any(fnmatchcase(tag, pattern) for tag in tags) for pattern in patterns)


def _check(priority: int, selection: _Selection) -> None:
    where = f"rule {priority}"
    if selection.count_number < 1:
        raise InvalidPolicy(f"{where}: countNumber must be at least 1")
    if (selection.count_type == "sinceImagePushed") != (selection.count_unit is not None):
        raise InvalidPolicy(f"{where}: countUnit goes with sinceImagePushed, and only with it")
    if (selection.tag_status == "tagged") != bool(selection.tag_prefix_list or selection.tag_pattern_list):
        raise InvalidPolicy(f"{where}: tagPrefixList or tagPatternList goes with tagStatus tagged, and only with it")
    if selection.tag_prefix_list and selection.tag_pattern_list:
        raise InvalidPolicy(f"{where}: give tagPrefixList or tagPatternList, not both")
