"""What becomes of a service whose roll fails, after a migration of this deploy. Pure.

What a migration does to the version before it is its *effect*:

    none      no migration runs, or none of its files is new: the schema is the one that the version before knows
    expand    all that is new is marked so: the version before works with the newer schema
    contract  something new is marked so: the version before does not work with it
    unknown   nothing says so

The version before serves while a migration runs, so that it should work with the newer schema; but only the mark says
that it does. ECS goes back to the version before:

    effect            start-first                      stop-first, also in a lent slot
    none, expand      yes                              yes
    unknown           no: the old tasks still serve    yes: nothing would serve otherwise
    contract          no                               no

and never to a version that did not complete its own roll, as ECS has forgotten that one.
"""

from collections.abc import Mapping
from typing import Any, Literal

from culm.plan.waves import How
from culm.render import MIGRATION_FILES_LABEL

Effect = Literal["none", "expand", "unknown", "contract"]


def effect(before: str | None, now: str | None, marked: Literal["expand", "contract"] | None) -> Effect:
    """Say what came between two fingerprints of migrations' files (`culm.project.migration_files`).

    Args:
        before: of the revision that is live; None: it names none.
        now: of the folder.
        marked: what culm.yml says of files without a mark.
    """
    usual: Effect = marked or "unknown"
    if before is None or now is None:
        return usual
    parts = [*zip(before.split("."), now.split("."), strict=False)]
    if len(parts) < 3:
        return usual
    every, unmarked, contract = (old != new for old, new in parts[:3])
    if not every:
        return "none"
    return "contract" if contract else usual if unmarked else "expand"


def files_of(revision: Mapping[str, Any] | None) -> str | None:
    """Return the fingerprint of the migration's files that a revision came after; None: it names none."""
    if revision is None:
        return None
    labels: Mapping[str, str] = revision["containerDefinitions"][0].get("dockerLabels") or {}
    return labels.get(MIGRATION_FILES_LABEL)


def goes_back(effect: Effect, how: How) -> bool:
    """Return whether a roll that fails is undone, by the table above."""
    return effect in ("none", "expand") or (effect == "unknown" and how == "stop-first")
