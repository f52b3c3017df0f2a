"""How long a deploy of one service takes on Amazon: a sum of steps, as nobody here has an account to measure on.

.venv/bin/python bench/aws_timing.py

Steps that culm decides on are read from its own settings; for the others AWS's documents are quoted, or, where they are
silent, what is assumed is said. Building is not in it: it takes what it takes on the machine that builds.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from culm import render

BUDGET_SECONDS = 60.0
AWS_INTERVAL, AWS_GOOD, AWS_DRAIN = 30, 5, 300
"""Defaults of elbv2.CreateTargetGroup and its attributes."""


@dataclass(frozen=True)
class Settings:
    """What a target group is set to; seconds."""

    interval: int = render.HEALTH_SECONDS
    good: int = render.GOOD_PROBES
    drain: int = render.DRAIN_SECONDS


@dataclass(frozen=True)
class Step:
    """Seconds, at best and at worst, that follow those of the steps before."""

    what: str
    least: float
    most: float
    why: str


CALLS_IN_A_ROW = 25
"""Of a deploy of one changed service. A trace of it had 21 of which each began when the one before had ended."""
MOST_OF_A_SERVICE = 3.0
"""Seconds that the examples take from SIGTERM to their end, and from their start to their first answer."""


def roll(given: Settings, *, start_first: bool = False, migrates: bool = False) -> list[Step]:
    """A service with one task, on instances that have its earlier image."""
    calls = Step(
        "plan, lock, register, update",
        CALLS_IN_A_ROW * 0.05,
        CALLS_IN_A_ROW * 0.2,
        "25 calls in a row, 50 to 200 ms each",
    )
    push = Step("push what is new", 1.0, 5.0, "20 MB at 4 to 20 MB/s; layers that are there are not sent")
    schedule = Step("the scheduler takes notice", 1.0, 5.0, "assumed: no figure is published")
    migration = Step(
        "migration: pull, start, run, read", 4.0, 10.0, "as below, without probes; its own work comes on top"
    )
    stop = [
        Step("the old task leaves the load balancer", given.drain, given.drain, "deregistration delay"),
        Step("the old task ends", 0.2, MOST_OF_A_SERVICE, "SIGTERM, which the examples heed; SIGKILL after 30 s"),
    ]
    start = [
        Step("pull the new layers", 1.0, 4.0, "20 MB in the region; the others are on the instance"),
        Step("start the container", 0.5, 2.0, "Docker; the agent reports within 0.4 s"),
        Step("the service starts", 0.5, MOST_OF_A_SERVICE, "the examples"),
        Step("the target is registered", 0.5, 3.0, "assumed"),
        Step(
            "good probes",
            given.interval * (given.good - 1),
            given.interval * given.good,
            f"{given.good} in a row, {given.interval} s apart",
        ),
        Step("ECS calls it completed", 1.0, 10.0, "assumed: it looks at health now and then"),
        Step("culm sees it", 0.1, 1.5, "looks every 1.5 s at most"),
    ]
    before = [push, calls, *([migration] if migrates else []), schedule]
    return [*before, *start, *stop] if start_first else [*before, *stop, *start]


def total(steps: Sequence[Step]) -> tuple[float, float]:
    return sum(step.least for step in steps), sum(step.most for step in steps)


PUBLISHED = (
    ("Copilot, `svc deploy`, two Fargate tasks", "218.8 s, 195.3 s of it ECS", "copilot-cli#2619"),
    ("ecspresso, rolling deploy, one task", "196 s", "its README's log"),
    ("CloudFormation, a new image for six services", "20 min", "containers-roadmap#538"),
    ("App Runner, an update", "about 5 min", "apprunner-roadmap#147"),
)
BOOT = (
    Step("the stack: network, load balancer, roles", 150.0, 300.0, "a load balancer alone takes two to three minutes"),
    Step(
        "instances boot and register", 60.0, 180.0, "the auto scaling group waits for none; the agent joins by itself"
    ),
)


def table(steps: Sequence[Step]) -> str:
    rows = [f"| {step.what} | {step.least:.1f} to {step.most:.1f} | {step.why} |" for step in steps]
    least, most = total(steps)
    return "\n".join(
        ["| step | seconds | why |", "|---|---|---|", *rows, f"| **together** | **{least:.0f} to {most:.0f}** | |"]
    )


def compared() -> str:
    """culm's sums beside what others have published."""

    def line(what: str, steps: Sequence[Step]) -> str:
        least, most = total(steps)
        return f"| {what} | {least:.0f} to {most:.0f} s | this model |"

    rows = [
        line("culm, stop-first", roll(Settings())),
        line("culm, start-first", roll(Settings(), start_first=True)),
        line("culm, stop-first, with a migration", roll(Settings(), migrates=True)),
        line(
            "the same stop-first roll with AWS's own defaults",
            roll(Settings(interval=AWS_INTERVAL, good=AWS_GOOD, drain=AWS_DRAIN)),
        ),
        *(f"| {what} | {seconds} | {source} |" for what, seconds, source in PUBLISHED),
    ]
    return "\n".join(["| deploy | time | from |", "|---|---|---|", *rows])


if __name__ == "__main__":
    print(f"A stop-first roll of one service:\n\n{table(roll(Settings()))}\n\n{compared()}\n")
    print(f"Before the first one, once:\n\n{table(BOOT)}")
