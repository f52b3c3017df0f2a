"""How the control loops learn that the store has changed."""

import asyncio


class Signal:
    """Wakes every loop that waits on it; setting it twice before they look is the same as once."""

    def __init__(self) -> None:
        self._events: list[asyncio.Event] = []

    def subscribe(self) -> asyncio.Event:
        event = asyncio.Event()
        self._events.append(event)
        return event

    def set(self) -> None:
        for event in self._events:
            event.set()
