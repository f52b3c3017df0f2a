"""The cheapest fleet that holds a set of tasks: best-first branch and bound over what fits on one instance.

A state is how many tasks of each size still have no place. From it one more instance is bought: any type, filled with
any *pattern* (so many of each size) that nothing more fits into and that has a task of the largest size left in it. A
state is worth what was paid for it plus a bound on what is yet to be paid, so the first finished state is the optimum.
When the search ends early, the cheapest open state bounds how far from it the answer can be.

The bound is that of the cutting-stock problem's linear relaxation (Gilmore and Gomory, 1961): a *value* for each size
such that no instance holds tasks worth more than its price. Whatever is bought for more than its tasks are worth eats
into what is between the bound and the best answer so far, so that few patterns are worth a look.

The order, and why:

    1. `_undominated`    leave out types that cost more than another one that has at least as much of everything
    2. `_worth_of_each`  solve the relaxation: forbid, round by round, the patterns that are worth more than their price
    3. `_greedy`         a first answer, by worth for money; with something to beat, expensive branches are cut at once
    4. `run`             take the open state with the lowest bound, buy one more instance, push what is left
    5.                   stop when no state can be cheaper than the best answer (`proven`), or after LOOKS patterns

An example: ten tasks of 256 MiB; a small type with 867 MiB at $8.50, and a large one with 1900 MiB at $13.70.

    patterns    3 tasks on the small type, 7 on the large one
    values      a task is worth min(8.50 / 3, 13.70 / 7) = 1.957, so no fleet costs less than 10 x 1.957 = 19.57
    greedy      the large one (7), then the small one (3): 22.20
    branch      small first: 8.50 paid, 7 left, and no instance that holds them costs less than 13.70: 22.20 or more
                large first: 13.70 paid, 3 left, no instance costs less than 8.50: 22.20 or more
    answer      1 x large + 1 x small at 22.20, proven
"""

import heapq
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import count

from culm.core.model.record import record
from culm.plan.simplex import maximise

LOOKS = 60_000
"""So many patterns are looked at, a second or two; a few sizes with dozens of tasks need hundreds."""
CENT = 0.005
ROUNDS = 200
"""Of forbidding patterns; a dozen is usual."""


@record
class Size:
    """Tasks that are alike."""

    memory: int
    """MiB."""
    cpu: int
    """CPU units."""
    count: int
    apart: bool = False
    """No two on one instance: they have a fixed host port."""


@record
class Offer:
    """An instance type that can be bought."""

    name: str
    memory: int
    """MiB that it registers."""
    cpu: int
    price: float
    """Dollars a month, with all that it brings with it."""
    most_tasks: int | None = None
    """Its network interfaces allow no more, where each task has its own; None: tasks share its address."""


@record
class InstanceMix:
    instances: tuple[tuple[str, int], ...]
    """Type and number, the most numerous first."""
    dollars: float
    bound: float
    """No fleet is cheaper than this."""

    @property
    def proven(self) -> bool:
        return self.dollars - self.bound < CENT

    @property
    def gap(self) -> float:
        """At most this share of the price could be saved."""
        return 0.0 if self.proven else (self.dollars - self.bound) / self.dollars

    def __str__(self) -> str:
        return " + ".join(f"{number} x {name}" for name, number in self.instances) or "nothing"


Free = tuple[int, int, int]
"""What an instance has left: memory, CPU units, tasks."""
Left = tuple[int, ...]
"""Tasks without a place, by size."""


def cheapest(sizes: Sequence[Size], offers: Sequence[Offer], looks: int = LOOKS) -> InstanceMix | None:
    """Return the cheapest fleet, or the best that was found; None: some task fits on no instance."""
    search = _Search([size for size in sizes if size.count], _undominated(offers))
    return search.run(looks) if search.feasible else None


def single(sizes: Sequence[Size], offers: Sequence[Offer]) -> InstanceMix | None:
    """Return the cheapest one instance that holds everything; None: no type is large enough."""
    memory = sum(size.memory * size.count for size in sizes)
    cpu = sum(size.cpu * size.count for size in sizes)
    tasks = sum(size.count for size in sizes)
    if any(size.apart and size.count > 1 for size in sizes):
        return None
    able = [
        o for o in offers if o.memory >= memory and o.cpu >= cpu and (o.most_tasks is None or o.most_tasks >= tasks)
    ]
    best = min(able, key=lambda o: o.price, default=None)
    return None if best is None else InstanceMix(instances=((best.name, 1),), dollars=best.price, bound=best.price)


def _undominated(offers: Sequence[Offer]) -> list[Offer]:
    """Leave out offers that another one betters in every respect."""

    def betters(offer: Offer, other: Offer) -> bool:
        mine = (offer.memory, offer.cpu, _tasks(offer), -offer.price)
        its = (other.memory, other.cpu, _tasks(other), -other.price)
        return mine != its and all(a >= b for a, b in zip(mine, its, strict=True))

    return [offer for offer in offers if not any(betters(other, offer) for other in offers)]


class _Search:
    def __init__(self, sizes: Sequence[Size], offers: Sequence[Offer]) -> None:
        self.sizes = sorted(sizes, key=lambda s: (-s.memory, -s.cpu))
        self.offers = offers
        self.start: Left = tuple(size.count for size in self.sizes)
        self._values = self._worth_of_each() if self.feasible else ()

    @property
    def feasible(self) -> bool:
        return all(any(_alone(size, offer) for offer in self.offers) for size in self.sizes)

    def run(self, looks: int) -> InstanceMix:
        best, bought = self._greedy()
        turn = count()
        heap: list[tuple[float, int, float, Left, tuple[str, ...]]] = []
        heapq.heappush(heap, (self._bound(self.start), next(turn), 0.0, self.start, ()))
        paid: dict[Left, float] = {self.start: 0.0}
        while looks > 0:
            if not heap or heap[0][0] >= best - CENT:
                return _fleet(bought, best, best)
            _, _, cost, left, path = heapq.heappop(heap)
            if cost > paid[left]:
                continue
            to_spare = best - cost - self._worth(left)  # by values alone: a bound may be more
            for offer in self.offers:
                price = cost + offer.price
                for pattern in self._patterns(offer, left, offer.price - to_spare):
                    looks -= 1
                    rest = tuple(a - b for a, b in zip(left, pattern, strict=True))
                    if not any(rest):
                        if price < best:
                            best, bought = price, (*path, offer.name)
                        break  # it holds all that is left: no other pattern of it does better
                    worth_then = price + self._bound(rest)
                    if worth_then < best - CENT and price < paid.get(rest, float("inf")):
                        paid[rest] = price
                        heapq.heappush(heap, (worth_then, next(turn), price, rest, (*path, offer.name)))
        return _fleet(bought, best, min(best, heap[0][0]) if heap else best)

    def _patterns(self, offer: Offer, left: Left, least: float = 0.0) -> Iterator[Left]:
        """Yield the full loads of one instance of an offer that have a task of the first size that is left.

        Those that are worth less than `least` are left out.
        """
        first = next(i for i, number in enumerate(left) if number)
        last = len(left)

        def fill(i: int, free: Free, worth: float, so_far: Left) -> Iterator[Left]:
            if worth + self._densities[i] * free[0] < least - CENT:
                return
            if i == last:
                if self._full(left, so_far, free):
                    yield so_far
                return
            size = self.sizes[i]
            most = _most(size, free, left[i])
            for number in range(most, 0 if i == first else -1, -1):
                yield from fill(
                    i + 1,
                    _less(free, size, number),
                    worth + number * self._values[i],
                    (*so_far, number),
                )

        tasks = offer.most_tasks if offer.most_tasks is not None else sum(left)
        yield from fill(0, (offer.memory, offer.cpu, tasks), 0.0, ())

    def _full(self, left: Left, pattern: Left, free: Free) -> bool:
        memory, cpu, tasks = free
        return not any(
            number < there and size.memory <= memory and size.cpu <= cpu and tasks and not (size.apart and number)
            for size, number, there in zip(self.sizes, pattern, left, strict=True)
        )

    def _bound(self, left: Left) -> float:
        """Return what the rest costs at least."""
        if not any(left):
            return 0.0
        return max(self._worth(left), min(offer.price for offer in self.offers))

    def _worth(self, tasks: Left) -> float:
        return sum(value * number for value, number in zip(self._values, tasks, strict=True))

    def _worth_of_each(self) -> tuple[float, ...]:
        """Return the values that make all tasks together worth most, while no instance holds more than it costs.

        Patterns that break this are found one by one and forbidden.
        """
        rows = [
            (tuple(_most(s, _free(o), s.count) * (i == j) for j, s in enumerate(self.sizes)), o.price)
            for o in self.offers
            for i in range(len(self.sizes))
        ]
        values: tuple[float, ...] = ()
        for _ in range(ROUNDS):
            values = maximise(self.start, [row for row, _ in rows], [price for _, price in rows])
            fullest = [(self._fullest(offer, values), offer) for offer in self.offers]
            broken = [(pattern, o.price) for (worth, pattern), o in fullest if worth > o.price + CENT / 10]
            if not broken:
                break
            rows += broken
        excess = max((worth / o.price for (worth, _), o in fullest), default=1.0)
        values = tuple(value / max(excess, 1.0) for value in values)
        of_rest = [value / size.memory for value, size in zip(values, self.sizes, strict=True)]
        self._densities = [max(of_rest[i:], default=0.0) for i in range(len(of_rest) + 1)]
        return values

    def _fullest(self, offer: Offer, values: Sequence[float]) -> tuple[float, Left]:
        """Return the pattern that is worth most on one instance: the densest sizes are tried first."""
        order = sorted(range(len(values)), key=lambda i: -values[i] / self.sizes[i].memory)
        best, pattern = 0.0, (0,) * len(values)

        def fill(k: int, free: Free, worth: float, so_far: dict[int, int]) -> None:
            nonlocal best, pattern
            if worth > best:
                best, pattern = worth, tuple(so_far.get(i, 0) for i in range(len(values)))
            if k == len(order):
                return
            size, value = self.sizes[order[k]], values[order[k]]
            if worth + free[0] * value / size.memory <= best + 1e-9:
                return
            for number in range(_most(size, free, size.count), -1, -1):
                fill(k + 1, _less(free, size, number), worth + number * value, {**so_far, order[k]: number})

        fill(0, _free(offer), 0.0, {})
        return best, pattern

    def _greedy(self) -> tuple[float, tuple[str, ...]]:
        """Return a good answer to begin with: what gives most for its money, again and again.

        Or the best of one type.
        """
        answers = [self._fill_with([offer]) for offer in self.offers if all(_alone(s, offer) for s in self.sizes)]
        answers.append(self._fill_with(self.offers))
        return min(answers, key=lambda answer: answer[0])

    def _fill_with(self, offers: Sequence[Offer]) -> tuple[float, tuple[str, ...]]:
        left, bought, paid = self.start, [], 0.0
        while any(left):
            choices = [(offer, next(self._patterns(offer, left), None)) for offer in offers]
            offer, pattern = min(
                ((o, p) for o, p in choices if p is not None),
                key=lambda c: c[0].price / (sum(v * n for v, n in zip(self._values, c[1], strict=True)) or CENT),
            )
            left = tuple(a - b for a, b in zip(left, pattern, strict=True))
            bought.append(offer.name)
            paid += offer.price
        return paid, tuple(bought)


def _free(offer: Offer) -> Free:
    return offer.memory, offer.cpu, _tasks(offer)


def _less(free: Free, size: Size, number: int) -> Free:
    memory, cpu, tasks = free
    return memory - number * size.memory, cpu - number * size.cpu, tasks - number


def _most(size: Size, free: Free, there: int) -> int:
    """Return how many tasks of a size fit, of `there`."""
    memory, cpu, tasks = free
    most = min(there, memory // size.memory, tasks)
    most = min(most, cpu // size.cpu) if size.cpu else most
    return min(most, 1) if size.apart else most


def _tasks(offer: Offer) -> int:
    return offer.most_tasks if offer.most_tasks is not None else sys.maxsize


def _alone(size: Size, offer: Offer) -> bool:
    return _most(size, _free(offer), 1) == 1


def _fleet(bought: Sequence[str], dollars: float, bound: float) -> InstanceMix:
    return InstanceMix(instances=tuple(Counter(bought).most_common()), dollars=dollars, bound=bound)
