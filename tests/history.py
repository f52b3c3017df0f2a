"""Whether what clients saw of a value could have happened to a single value in memory, one call after the other.

Each call has a time at which it was made and one at which it was answered; it took effect somewhere between. A history
is linearizable when there is an order of the calls that keeps to those times and in which every read has the value of
the last write before it. A write without an answer may have happened at any time after it was made, or never.

    a writes 1   |-----|
    b writes 2      |-----|
    c reads               |--| 1    may be: 2, then 1
    c reads                    |--| 2    and now no order is left

The search is that of Wing and Gong (https://www.cs.cmu.edu/~wing/publications/WingGong93.pdf): take any call that no
other one ended before, and go on with the rest; a state that led nowhere once is not looked at again.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Event:
    """A call of a client. Times in seconds of one clock; `ended` is infinite where there was no answer."""

    kind: Literal["write", "read"]
    value: str | None
    """None: there is no such value, or it was deleted."""
    begun: float
    ended: float = math.inf


def linearizable(events: Sequence[Event], first: str | None = None) -> bool:
    """Return whether the calls, of one value that is `first` before them, fit some order."""
    calls = sorted((each for each in events if each.kind == "write" or each.ended < math.inf), key=lambda e: e.begun)
    answered = sum(1 << number for number, each in enumerate(calls) if each.ended < math.inf)
    dead_ends: set[tuple[int, str | None]] = set()
    open_states = [(0, first)]
    while open_states:
        done, value = open_states.pop()
        if done & answered == answered:
            return True
        if (done, value) in dead_ends:
            continue
        dead_ends.add((done, value))
        left = [(number, each) for number, each in enumerate(calls) if not done >> number & 1]
        earliest_end = min(each.ended for _, each in left)
        for number, each in reversed(left):  # so that those that began first are tried first
            if each.begun <= earliest_end and (each.kind == "write" or each.value == value):
                open_states.append((done | 1 << number, each.value))
    return False
