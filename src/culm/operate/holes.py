"""Known holes of the servers that culm runs, by version: those of the parts that it uses, or of the server as such.

Facts: https://www.postgresql.org/support/security/, https://www.haproxy.org/bugs/, and the CVE records by their names.
A distribution mends holes without a new version, so of its packages this says no more than where to look.
"""

from collections.abc import Mapping

from culm.core.model.record import record

Version = tuple[int, ...]
COMPARED_ON = "2026-11-30"
"""The day when this table was compared with its sources last."""


@record
class Hole:
    name: str
    what: str
    fixed: Mapping[Version, Version]
    """By branch: the first version without it. A branch between `since` and `until` that is not here gets no fixes."""
    since: Version
    """The first branch that has it."""
    until: Version
    """The first branch that never had it."""


HAPROXY = (
    Hole(
        name="CVE-2023-25725",
        what="a header without a name hides those behind it from rules",
        fixed={(2, 6): (2, 6, 9), (2, 7): (2, 7, 3)},
        since=(2, 0),
        until=(2, 8),
    ),
    Hole(
        name="CVE-2023-40225",
        what="an empty Content-Length is passed on: requests can be smuggled",
        fixed={(2, 6): (2, 6, 15), (2, 7): (2, 7, 10), (2, 8): (2, 8, 2)},
        since=(2, 0),
        until=(2, 9),
    ),
    Hole(
        name="CVE-2024-45506",
        what="HTTP/2 can make it loop without an end",
        fixed={(2, 9): (2, 9, 10), (3, 0): (3, 0, 4)},
        since=(2, 9),
        until=(3, 1),
    ),
)
POSTGRES = (
    Hole(
        name="CVE-2026-6473, CVE-2026-6637 and nine more",
        what="whoever may send SQL can write past a buffer",
        fixed={(14,): (14, 23), (15,): (15, 18), (16,): (16, 14), (17,): (17, 10), (18,): (18, 4)},
        since=(0,),
        until=(19,),
    ),
)


def known(holes: tuple[Hole, ...], version: Version) -> list[str]:
    """Return what is known to be open in this version, a sentence each: `CVE-2023-40225 (...), fixed in 2.8.2`.

    Example: HAProxy 2.8.1 has CVE-2023-40225 and not CVE-2024-45506, whose first branch is 2.9.
    """
    open_holes: list[str] = []
    for hole in holes:
        length = len(hole.until)
        branch = version[:length]
        if not hole.since <= branch < hole.until:
            continue
        fixed = hole.fixed.get(branch)
        if fixed is None:
            newest = max(hole.fixed.values())
            open_holes.append(f"{hole.name} ({hole.what}), fixed in newer branches such as {_text(newest)}")
        elif version < fixed:
            open_holes.append(f"{hole.name} ({hole.what}), fixed in {_text(fixed)}")
    return open_holes


def _text(version: Version) -> str:
    return ".".join(map(str, version))
