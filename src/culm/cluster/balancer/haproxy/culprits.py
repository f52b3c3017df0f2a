"""Which parts of a configuration HAProxy refuses, found by leaving parts out and asking again."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

T = TypeVar("T")


async def culprits(items: Sequence[T], refusal: Callable[[Sequence[T]], Awaitable[str | None]]) -> list[tuple[T, str]]:
    """Return the items without which all others are accepted together, each with what was said to it.

    `refusal` says why some of the items are refused together, or None. Halves are tried on top of what was accepted
    so far, so `k` culprits of `n` items cost about `k log2 n` questions, and items that are refused only beside
    others cost the later of them. For 8 rules of which the sixth is bad: all, 1-4, 5-8, 5-6, 5, 6, 7-8.
    """
    accepted: list[T] = []
    refused: list[tuple[T, str]] = []

    async def take(part: Sequence[T]) -> None:
        why = await refusal([*accepted, *part]) if part else None
        if why is None:
            accepted.extend(part)
        elif len(part) == 1:
            refused.append((part[0], why))
        else:
            middle = len(part) // 2
            await take(part[:middle])
            await take(part[middle:])

    await take(items)
    return refused
