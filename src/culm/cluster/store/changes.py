"""How the control loops learn that the store has changed."""

import asyncio


class Signal:
    """Wakes every loop that waits on it; setting it twice before they look is the same as once."""

    def __init__(self) -> None:
        self._events: list[tuple[asyncio.Event, frozenset[str]]] = []

    def subscribe(self, *services: str) -> asyncio.Event:
        """Return an event that is set when an operation of these services, or of any, or a fact changes something."""
        event = asyncio.Event()
        self._events.append((event, frozenset(services)))
        return event

    def unsubscribe(self, event: asyncio.Event) -> None:
        """Wake `event` no more."""
        self._events = [pair for pair in self._events if pair[0] is not event]

    def set(self, service: str = "") -> None:
        """Tell that an operation of this service has changed something; without one, that a fact has."""
        for event, services in self._events:
            if not service or not services or service in services:
                event.set()
