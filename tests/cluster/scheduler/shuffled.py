"""An event loop that runs what is ready in an order drawn by a seed, and messages that come late, twice or never.

asyncio runs callbacks in the order in which they became ready, so a test on its own loop plays one schedule of many.
Every order that is drawn here is one that a busy machine may bring about.
"""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

LONGEST_DELAY = 5
"""Turns of the loop."""
DOUBLED = 0.1
"""Share of the messages that come twice."""
BROKEN = 0.008
"""Share of the messages at which the line breaks: half of them are lost, half were heard and nobody knows."""


class LineBroken(Exception):
    """The agent is not connected any more; it begins anew, as ecs-init lets it."""


class ShuffledLoop(asyncio.SelectorEventLoop):
    """`dice` draws the order anew at each turn of the loop."""

    def __init__(self, dice: random.Random, faults: Counter[str]) -> None:
        super().__init__()
        self._dice = dice
        self._faults = faults

    def _run_once(self) -> None:
        ready: Any = self._ready  # type: ignore[attr-defined]
        if len(ready) > 1:
            self._faults["shuffled"] += 1
            self._dice.shuffle(ready)
        super()._run_once()  # type: ignore[misc]


class Unreliable:
    """A control plane whose agents are heard, and hear it, late and sometimes twice, until the line breaks.

    What it says comes in order, as on one connection; reports overtake each other.
    """

    def __init__(self, control: Any, dice: random.Random, faults: Counter[str], under_way: set[object]) -> None:
        """`under_way` holds an object for each message that waits."""
        self._control = control
        self._under_way = under_way
        self._dice = dice
        self._faults = faults
        self._sent = self._delivered = 0

    async def register(self, message: Any) -> str:
        return str(await self._control.register(message))

    async def connect(self, arn: str) -> AsyncIterator[Any]:
        async for message in self._control.connect(arn):
            await self._late()
            yield message
            if self._twice():
                yield message

    async def submit(self, arn: str, message: Any) -> None:
        self._sent += 1
        number = self._sent
        await self._late()
        broken = self._dice.random() < BROKEN
        if broken and self._dice.random() < 0.5:
            self._faults["lost"] += 1
            raise LineBroken
        self._faults["overtaken"] += number < self._delivered
        self._delivered = max(self._delivered, number)
        await self._control.submit(arn, message)
        if broken:
            self._faults["heard, and nobody knows"] += 1
            raise LineBroken
        if self._twice():
            await self._control.submit(arn, message)

    async def _late(self) -> None:
        turns = self._dice.randrange(LONGEST_DELAY)
        self._faults["late"] += turns > 0
        message = object()
        self._under_way.add(message)
        try:
            for _ in range(turns):
                await asyncio.sleep(0)
        finally:
            self._under_way.discard(message)

    def _twice(self) -> bool:
        twice = self._dice.random() < DOUBLED
        self._faults["twice"] += twice
        return twice
