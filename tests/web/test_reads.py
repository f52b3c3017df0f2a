"""What the page counts and keeps between two looks."""

from types import SimpleNamespace
from typing import Any

from culm.web.reads import HOUR_MS, LATE_MS, ErrorTally

NOW = 1_800_000_000_000


class Logs:
    """A log group that says from when it was asked, and answers the newest first as CloudWatch Logs does."""

    def __init__(self) -> None:
        self.lines: list[tuple[int, str]] = []
        self.asked_from: list[int] = []

    def filter_log_events(self, **asked: Any) -> dict[str, Any]:
        self.asked_from.append(asked["startTime"])
        events = [
            {"logStreamName": "orders/orders/1", "timestamp": at, "message": text}
            for at, text in sorted(self.lines, reverse=True)
            if at >= asked["startTime"]
        ]
        return {"events": events}


def test_errors_of_the_hour_are_counted_once_and_what_was_read_is_not_read_again():
    logs = Logs()
    target: Any = SimpleNamespace(client=lambda service: logs)
    tally = ErrorTally(target)
    logs.lines = [
        (NOW - HOUR_MS - 1, "ERROR before the hour"),
        (NOW - HOUR_MS + 1, "ERROR that will be too old"),
        (NOW - LATE_MS + 1, "ERROR near the end"),
        (NOW - 5, '{"level": "info", "message": "no error at all"}'),
    ]
    assert tally.of("/culm/bamboo/orders", NOW) == [NOW - HOUR_MS + 1, NOW - LATE_MS + 1]

    later = NOW + 60_000
    logs.lines += [(NOW + 7, "ERROR since"), (NOW - 60_000, "ERROR that came late")]
    assert tally.of("/culm/bamboo/orders", later) == [NOW - LATE_MS + 1, NOW - 60_000, NOW + 7]
    assert logs.asked_from == [NOW - HOUR_MS, NOW - LATE_MS]
