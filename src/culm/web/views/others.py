"""Migrations, images, plan, vault, cost: pages of one table each."""

from collections.abc import Sequence

import htpy
from htpy import Node, a, div, p, span, table, tbody, td, th, thead, tr

from culm.core.model.record import record
from culm.operate.snapshot.records import Snapshot
from culm.operate.snapshot.words import dollars, plural, short, size
from culm.web.views.parts import action_link, command, empty, ident, link, moment, panel, revision, service_link, state
from culm.web.views.tasks import lived


@record
class ImageRow:
    repository: str
    tags: tuple[str, ...]
    digest: str
    megabytes: float
    pushed_at: float | None
    runs: tuple[str, ...]
    """Revisions of living tasks that it is in."""


@record
class VaultFile:
    name: str
    version: str
    """Empty: it is not known."""
    changed_at: float | None
    bytes: int
    readers: tuple[str, ...]
    versions: int = 1


def migrations(snapshot: Snapshot, *, may_act: bool) -> Node:
    runs = [task for task in snapshot.tasks if task.kind == "migration"]
    return [
        htpy.h1(".sr")["Migrations"],
        panel(
            "Migrations",
            div(".scroll")[
                table(".rows")[
                    thead[
                        tr[
                            [
                                th(scope="col")[name or span(".sr")["What to do"]]
                                for name in ("Service", "Run", "Began", "Took", "How it ended", "")
                            ]
                        ]
                    ],
                    tbody[
                        (
                            tr(class_="row is-wrong" if task.failed else "row")[
                                th(scope="row")[
                                    state("wrong" if task.failed else "moving" if task.stopped_at is None else "well"),
                                    service_link(task.service),
                                    " ",
                                    span(".muted")[revision(task.revision)],
                                ],
                                td(data_label="Run")[ident(task.id)],
                                td(data_label="Began")[moment(task.created_at)],
                                td(data_label="Took")[
                                    lived(task).removeprefix("lived ") if task.stopped_at else "runs"
                                ],
                                td(".why", data_label="Ended")[
                                    task.ending or task.status.lower(),
                                    task.last_lines and htpy.pre(".lines")["\n".join(task.last_lines[-6:])],
                                ],
                                td(".acts")[
                                    a(href=link("/logs", service=task.service, task=task.id, since="3h"))["log"],
                                    may_act
                                    and task.stopped_at is not None
                                    and action_link(("migrate", task.service), "Run again", allowed=True, quiet=True),
                                ],
                            ]
                            for task in runs
                        )
                    ],
                ]
            ]
            if runs
            else empty("No migration has run within the hour, which is as long as ECS remembers. ", command("migrate")),
            note="one-time runs of the last hour",
        ),
    ]


def images(rows: Sequence[ImageRow]) -> Node:
    """Draw the table of images, each repository's newest first: that one the next deploy takes, whatever runs now."""
    newest = {image.repository: image.digest for image in reversed(rows)}
    unused = [image for image in rows if not image.runs and newest[image.repository] != image.digest]
    freed = sum(image.megabytes for image in unused)
    return [
        htpy.h1(".sr")["Images"],
        panel(
            "Images",
            div(".scroll")[
                table(".rows")[
                    thead[
                        tr[
                            [
                                th(class_="num" if name == "Size" else None, scope="col")[name]
                                for name in ("Repository", "Tags", "Digest", "Size", "Pushed", "Runs as")
                            ]
                        ]
                    ],
                    tbody[
                        (
                            tr(".row")[
                                th(scope="row")[state("well" if image.runs else "off"), image.repository],
                                td(data_label="Tags")[", ".join(image.tags) or span(".muted")["untagged"]],
                                td(data_label="Digest")[ident(image.digest, shown=short(image.digest))],
                                td(".num", data_label="Size")[size(image.megabytes)],
                                td(data_label="Pushed")[moment(image.pushed_at)],
                                td(data_label="Runs as")[
                                    ", ".join(image.runs)
                                    or span(".muted")[
                                        "nothing now; the newest"
                                        if newest[image.repository] == image.digest
                                        else "nothing"
                                    ]
                                ],
                            ]
                            for image in rows
                        )
                    ],
                ]
            ]
            if rows
            else empty("No image has been pushed. ", command("up")),
            note=f"{plural(len(unused), 'old one')} that nothing runs, {size(freed)} as pushed "
            "(layers that are shared count in each)"
            if unused
            else "none is old and unused",
        ),
    ]


def plan(text: str, problem: str) -> Node:
    return [
        htpy.h1(".sr")["Plan"],
        problem and div(".banner", role="alert")["▲ ", problem],
        panel(
            "What a deploy would do",
            htpy.pre(".lines.whole-text", tabindex="0", aria_label="Plan")[text or "…"],
            note=command("plan"),
        ),
    ]


def vault(files: Sequence[VaultFile]) -> Node:
    return [
        htpy.h1(".sr")["Vault"],
        panel(
            "Vault",
            div(".scroll")[
                table(".rows")[
                    thead[
                        tr[
                            [
                                th(class_="num" if name == "Size" else None, scope="col")[name]
                                for name in ("File", "Version", "Changed", "Size", "Who may read it")
                            ]
                        ]
                    ],
                    tbody[
                        (
                            tr(".row")[
                                th(scope="row")[file.name],
                                td(data_label="Version")[
                                    ident(file.version) if file.version else "—",
                                    file.versions > 1 and span(".muted")[f" of {file.versions}"],
                                ],
                                td(data_label="Changed")[moment(file.changed_at)],
                                td(".num", data_label="Size")[f"{file.bytes:,} bytes"],
                                td(data_label="Readers")[", ".join(file.readers)],
                            ]
                            for file in files
                        )
                    ],
                ]
            ]
            if files
            else empty("The vault is empty. ", command("vault", "put")),
            note="names only: values are never shown here",
        ),
    ]


def cost(snapshot: Snapshot) -> Node:
    if snapshot.cost is None:
        return [htpy.h1(".sr")["Cost"], empty("There is no price list for this region.")]
    billed = snapshot.cost
    return [
        htpy.h1(".sr")["Cost"],
        panel(
            "Cost of a month on Amazon",
            div(".scroll")[
                table(".rows")[
                    thead[tr[th(scope="col")["What"], th(scope="col")["How much"], th(".num", scope="col")["A month"]]],
                    tbody[
                        (
                            tr(".row")[
                                th(scope="row")[what],
                                td(data_label="How much")[units],
                                td(".num", data_label="A month")[dollars(amount)],
                            ]
                            for what, units, amount in billed.lines
                        ),
                        tr(".row.total")[th(scope="row")["together"], td, td(".num")[dollars(billed.dollars)]],
                    ],
                ]
            ],
            p(".fits")["assumed: ", billed.assumptions],
            note=billed.prices,
        ),
        billed.saved is not None
        and p(".fits")[f"Every service sleeps, and needs no instance: {billed.saved:.4f} dollars an hour on Amazon."],
        snapshot.provider == "local"
        and p(".fits")["This target is local: it costs nothing. The table is what the same would cost on Amazon."],
    ]
