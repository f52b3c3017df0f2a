"""What a bench tells: how many requests a second a service answers in time."""

from collections.abc import Sequence

from culm.core.model.record import record


@record
class Run:
    """So many clients at once, for a while. Times in seconds."""

    clients: int
    seconds: float
    answered: int
    """With a 2xx or 3xx."""
    failed: int
    p50: float
    p95: float

    @property
    def rate(self) -> float:
        """Good answers a second."""
        return self.answered / self.seconds if self.seconds else 0.0


@record
class Measured:
    """Of one service; kept in `.culm/bench.json`."""

    rate: float
    """Requests a second that all its tasks answer within the bound."""
    throughput: float
    """The same for one task."""
    tasks: int
    clients: int
    p95: float
    bound: float
    """Seconds that 95 of 100 requests may take."""
    path: str
    task_definition: str
    at: str
    peak_memory: int | None = None
    """MiB of the fullest task; None: the target does not tell."""
    cpu: float | None = None
    """Per cent of what a task reserves, at its busiest; None: the target does not tell."""


FAILURES = 0.01
"""The share of failed requests from which a run does not count."""


def percentile(sorted_seconds: Sequence[float], share: float) -> float:
    """Return the value that this share of all stays within; nearest rank."""
    if not sorted_seconds:
        return 0.0
    return sorted_seconds[max(0, -(-int(len(sorted_seconds) * share * 100) // 100) - 1)]


def counts(run: Run, bound: float) -> bool:
    """Return whether the service kept the bound."""
    asked = run.answered + run.failed
    return bool(run.answered) and run.p95 <= bound and run.failed <= asked * FAILURES


def best(runs: Sequence[Run], bound: float) -> Run | None:
    """Return the fastest of those that kept the bound."""
    return max((run for run in runs if counts(run, bound)), key=lambda run: run.rate, default=None)


def goes_on(runs: Sequence[Run], bound: float) -> bool:
    """Return whether more clients may tell more: not after the bound broke, nor after two runs that won nothing."""
    if not runs or not counts(runs[-1], bound):
        return not runs
    return len(runs) < 3 or runs[-1].rate > runs[-3].rate * 1.05
