"""Before anything is done: what it is, as the command that does it, and one button."""

from collections.abc import Sequence

import htpy
from htpy import Element, Node, a, div, form, input, p, span

from culm.core.model.record import record
from culm.operate.snapshot.records import Snapshot
from culm.web.views.parts import action_link, command, panel, state


@record
class PageJob:
    """A command that the page has started."""

    id: str
    words: tuple[str, ...]
    began: float
    lines: tuple[str, ...]
    status: int | None
    """Its exit status; None: it runs."""


@record
class Proposal:
    """A command that is about to be given."""

    words: Sequence[str]
    consequences: Sequence[str] = ()
    instead: Sequence[str] = ()
    """Another one, for whoever has decided what this one refuses to decide."""
    protected: bool = False
    """Whether the target's name has to be typed."""
    plan: str = ""
    """What `culm plan` prints of it."""


def confirm(snapshot: Snapshot, proposal: Proposal, *, token: str, back: str) -> Node:
    return panel(
        "Do this?",
        htpy.h1(".sr")["Do this?"],
        p[command(*proposal.words)],
        htpy.ul(".consequences")[(htpy.li[each] for each in proposal.consequences)],
        form(".acts", action="/do", method="post")[
            input(type="hidden", name="token", value=token),
            input(type="hidden", name="do", value=" ".join(proposal.words)),
            proposal.protected
            and [
                htpy.label(for_="name")[f"{snapshot.target} is protected; its name:"],
                input(id="name", name="name", autocomplete="off", required=True),
            ],
            htpy.button(".go", autofocus=not proposal.protected)["Yes, do it"],
            a(".button.quiet", href=back)["No, go back"],
        ],
        proposal.plan and htpy.pre(".lines.whole-text", tabindex="0", aria_label="What it would do")[proposal.plan],
        p(".fits")[
            "If the earlier code copes with the newer schema: ",
            action_link(proposal.instead, "Roll back across the migration", allowed=True, quiet=True),
        ]
        if proposal.instead
        else None,
        note=f"{snapshot.project} on {snapshot.target}",
        id="confirm",
    )


def job(job: PageJob, *, back: str) -> Element:
    over = job.status is not None
    look = "moving" if not over else "well" if job.status == 0 else "wrong"
    words = "runs" if not over else "done" if job.status == 0 else f"failed with exit status {job.status}"
    return panel(
        "culm " + " ".join(job.words),
        htpy.h1(".sr")["A command of this page"],
        p(role="status")[state(look), " ", words],  # type: ignore[arg-type]
        htpy.pre(".lines", tabindex="0", aria_label="Output")["\n".join(job.lines) or "…"],
        p(".acts")[a(".button.quiet", href=back)["Back to the service" if back != "/" else "Back to the overview"]],
        note=command(*job.words),
        id="job",
    )


def refused(what: str, hint: str) -> Element:
    return div(".empty")[htpy.h1[span(".state.is-wrong")["▲ "], what], p[hint], p[a(href="/")["To the overview"]]]
