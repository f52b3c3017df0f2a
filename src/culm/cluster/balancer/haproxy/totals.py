"""Counters that go on over reloads: each HAProxy worker begins at zero. Pure."""

from collections.abc import Mapping, Sequence
from itertools import zip_longest

from culm.cluster.balancer.interface import Traffic

_Key = tuple[str, str]
Times = Mapping[_Key, tuple[int, ...]]
"""How many responses were in each class of times, by backend and server."""
_RESPONSES = {2: "hrsp_2xx", 3: "hrsp_3xx", 4: "hrsp_4xx", 5: "hrsp_5xx"}
_GROUP = "BACKEND"
"""The name of the row of a whole group, which counts HAProxy's own answers, too."""
_COUNTED = ("stot", *_RESPONSES.values(), "econ")


class Totals:
    """What earlier workers counted, and what the present one counted when last asked."""

    def __init__(self) -> None:
        self._earlier: dict[_Key, dict[str, int]] = {}
        self._last: dict[_Key, dict[str, int]] = {}
        self._earlier_times: dict[_Key, tuple[int, ...]] = {}
        self._last_times: Times = {}

    def restarted(self) -> None:
        """Keep the counts of the worker that has ended: a new one counts from now on."""
        for key, counts in self._last.items():
            earlier = self._earlier.setdefault(key, dict.fromkeys(_COUNTED, 0))
            for name in _COUNTED:
                earlier[name] += counts[name]
        self._last = {}
        for key, times in self._last_times.items():
            self._earlier_times[key] = _added(self._earlier_times.get(key, ()), times)
        self._last_times = {}

    def traffic(
        self, rows: Sequence[Mapping[str, str]], finishing: Sequence[Mapping[str, str]], times: Times | None = None
    ) -> list[Traffic]:
        """Return the traffic by rows of `show stat`.

        They are the present worker's, and those of earlier ones that still have requests in flight. `times` are the
        present worker's.
        """
        self._last_times = times or {}
        present = {_key(row): row for row in rows if row["pxname"].startswith("group-")}
        self._last = {key: {name: _number(row, name) for name in _COUNTED} for key, row in present.items()}
        old_in_flight: dict[_Key, int] = {}
        for row in finishing:
            old_in_flight[_key(row)] = old_in_flight.get(_key(row), 0) + _number(row, "scur")
        return [
            Traffic(
                group=key[0].removeprefix("group-"),
                target=key[1],
                in_flight=_number(row, "scur") + old_in_flight.get(key, 0),
                requests=self._total(key, "stot"),
                responses={digit: self._total(key, name) for digit, name in _RESPONSES.items()},
                connection_errors=self._total(key, "econ"),
                response_milliseconds=_number(row, "rtime"),
                response_times=_added(self._earlier_times.get(key, ()), self._last_times.get(key, ())),
            )
            for key, row in present.items()
            if key[1] != _GROUP
        ]

    def failures(self) -> dict[str, int]:
        """Return the answers with status 5xx of each group, HAProxy's own among them, as of the last `traffic`."""
        groups = [key for key in self._last if key[1] == _GROUP]
        return {key[0].removeprefix("group-"): self._total(key, _RESPONSES[5]) for key in groups}

    def _total(self, key: _Key, name: str) -> int:
        return self._last[key][name] + self._earlier.get(key, {}).get(name, 0)


def _added(some: tuple[int, ...], others: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(map(sum, zip_longest(some, others, fillvalue=0)))


def _key(row: Mapping[str, str]) -> _Key:
    return row["pxname"], row["svname"]


def _number(row: Mapping[str, str], name: str) -> int:
    return int(row.get(name) or 0)
