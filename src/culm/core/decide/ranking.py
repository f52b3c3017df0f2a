"""Instances in the order of the placement strategies, kept while tasks come (or go) one at a time.

Rescanning 1,000 instances for each of 10,000 tasks is what this avoids. A task that comes changes only its own
instance's rank and the counts of that instance's attribute values, and every other rank only gets worse: so a heap
whose keys were right once is checked at its top before it is believed. Instances that share the leading `spread`
attributes form a cell that is ranked as a whole, so that a new task in a zone outdates one key, not the whole zone's.
"""

import heapq
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from typing import Generic, TypeVar

from culm.core.decide.ledger import Node, Nodes
from culm.core.model.task_definitions import PlacementStrategy

Key = tuple[float, ...]
T = TypeVar("T")


Rank = Callable[[Node], float]


class Ranking:
    """`nodes` in the order of the strategies; `holders` are the instances with tasks of the group, for `spread`."""

    def __init__(
        self,
        nodes: Nodes,
        strategies: Sequence[PlacementStrategy],
        group: str,
        *,
        holders: Iterable[Node],
        able: Callable[[Node], bool],
        chance: Callable[[str], float],
        backwards: bool = False,
    ) -> None:
        self._group = group
        self._able = able
        self._chance = chance
        self._backwards = backwards
        fields = [spread_attribute(s) for s in strategies]
        leading = next((i for i, name in enumerate(fields) if name is None), len(fields))
        self._leading = tuple(name for name in fields[:leading] if name is not None)
        self._trailing = strategies[leading:]
        self._counts = {name: Counter[str | None]() for name in fields if name is not None}
        holders = tuple(holders)
        for node in holders:
            for name, counts in self._counts.items():
                counts[node.attributes.get(name)] += node.staying.get(group, 0)
        self._ranks = [self._rank_of(strategy) for strategy in self._trailing]
        self._tasks = sum(node.staying.get(group, 0) for node in holders)
        self._cells = Heap([self._cell(cell) for cell in nodes.cells(self._leading)], self._key_of_cell)

    def best(self) -> Node | None:
        """Return the first item that is able, or None."""
        cell = self._cells.top()
        return cell.top() if cell else None

    def moved(self, node: Node, by: int) -> None:
        """Record that `by` tasks came to (negative: left) the node that `best` returned last."""
        self._tasks += by
        for name, counts in self._counts.items():
            counts[node.attributes.get(name)] += by
        cell = self._cells.top_as_it_was()
        cell.rank_top_again()
        self._cells.rank_top_again()

    def _cell(self, nodes: list[Node]) -> "Heap[Node] | Urn[Node]":
        if self._trailing and self._trailing[0].type == "random":
            return Urn(nodes, self._able, lambda: self._chance(f"{self._group} {self._tasks}"))
        return Heap(nodes, self._key_of_node)

    def _key_of_cell(self, cell: "Heap[Node] | Urn[Node]") -> Key | None:
        first = cell.top()
        if first is None:
            return None
        counts = (self._counts[name][first.attributes.get(name)] for name in self._leading)
        key = cell.top_key()
        return (*((-c for c in counts) if self._backwards else counts), *key)

    def _key_of_node(self, node: Node) -> Key | None:
        """Return a node's sort key, lower first. Among equals the emptiest is first, so a small fleet fills evenly."""
        if not self._able(node):
            return None
        if len(self._ranks) == 1:
            key: Key = (self._ranks[0](node), -node.memory, -node.cpu, node.place)
        else:
            key = (*[rank(node) for rank in self._ranks], -node.memory, -node.cpu, node.place)
        return tuple([-k for k in key]) if self._backwards else key

    def _rank_of(self, strategy: PlacementStrategy) -> Rank:
        group = self._group
        if name := spread_attribute(strategy):
            counts = self._counts[name]
            return lambda node: counts[node.attributes.get(name)]
        match strategy.type:
            case "spread":
                return lambda node: node.staying.get(group, 0)
            case "binpack":
                return _CPU if (strategy.field or "").lower() == "cpu" else _MEMORY
            case _:
                return lambda node: self._chance(f"{group} {node.arn} {node.staying.get(group, 0)}")


_CPU: Rank = attrgetter("cpu")
_MEMORY: Rank = attrgetter("memory")


def spread_attribute(strategy: PlacementStrategy) -> str | None:
    """Return the attribute that a strategy spreads over; None where it ranks each instance by itself."""
    if strategy.type != "spread" or strategy.field in ("instanceId", "host"):
        return None
    return (strategy.field or "").removeprefix("attribute:")


class Heap(Generic[T]):
    """A heap whose keys may have got worse since they were pushed; a key of None takes the item out for good."""

    def __init__(self, items: Iterable[T], key: Callable[[T], Key | None]) -> None:
        self._key = key
        self._heap = [(k, turn, item) for turn, item in enumerate(items) if (k := key(item)) is not None]
        heapq.heapify(self._heap)

    def top(self) -> T | None:
        """Return the first item, its rank of now; None: no item is able."""
        while self._heap:
            stored, _, item = self._heap[0]
            if self._key(item) == stored:
                return item
            self.rank_top_again()
        return None

    def top_key(self) -> Key:
        return self._heap[0][0]

    def top_as_it_was(self) -> T:
        """Return the item that `top` returned last, whatever became of its rank."""
        return self._heap[0][2]

    def rank_top_again(self) -> None:
        """Move the top to where its key now belongs; must be called at once when a key got better."""
        _, turn, item = self._heap[0]
        key = self._key(item)
        if key is None:
            heapq.heappop(self._heap)
        else:
            heapq.heapreplace(self._heap, (key, turn, item))


class Urn(Generic[T]):
    """Items that rank equal: chance chooses among those that are able."""

    def __init__(self, items: Iterable[T], able: Callable[[T], bool], dice: Callable[[], float]) -> None:
        self._items = list(items)
        self._able = able
        self._dice = dice
        self._drawn: T | None = None

    def top(self) -> T | None:
        while self._items and self._drawn is None:
            index = int(self._dice() * len(self._items))
            if self._able(self._items[index]):
                self._drawn = self._items[index]
            else:
                self._items[index] = self._items[-1]
                self._items.pop()
        return self._drawn

    def top_key(self) -> Key:
        return ()

    def rank_top_again(self) -> None:
        """Draw anew."""
        self._drawn = None
