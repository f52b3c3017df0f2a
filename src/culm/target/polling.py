"""How often to ask AWS again."""

from collections.abc import Iterator


def intervals(first: float = 0.1, longest: float = 1.0) -> Iterator[float]:
    """Yield the seconds to wait before each next question: `first`, growing by half up to `longest`; endless."""
    pause = first
    while True:
        yield pause
        pause = min(pause * 1.5, longest)
