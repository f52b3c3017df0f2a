"""A linear programme of few variables, solved by the simplex method."""

from collections.abc import Sequence

TINY = 1e-9


def maximise(objective: Sequence[float], rows: Sequence[Sequence[float]], limits: Sequence[float]) -> tuple[float, ...]:
    """Return the x >= 0 with `row . x <= limit` in every row that makes `objective . x` greatest.

    The limits are not negative, so x = 0 is a corner to begin at; the rows bound every variable. Bland's rule picks
    what enters and leaves, so that it ends.
    """
    n, m = len(objective), len(rows)
    table = [
        [*map(float, row), *(1.0 if i == j else 0.0 for j in range(m)), float(limit)]
        for i, (row, limit) in enumerate(zip(rows, limits, strict=True))
    ]
    costs = [*(-float(c) for c in objective), *([0.0] * m), 0.0]
    basis = list(range(n, n + m))
    while (enters := next((j for j in range(n + m) if costs[j] < -TINY), None)) is not None:
        ratios = [(table[i][-1] / table[i][enters], basis[i], i) for i in range(m) if table[i][enters] > TINY]
        if not ratios:
            raise ValueError("a variable without a bound")
        _, _, leaves = min(ratios)
        _pivot(table, costs, leaves, enters)
        basis[leaves] = enters
    solution = {variable: table[i][-1] for i, variable in enumerate(basis)}
    return tuple(solution.get(j, 0.0) for j in range(n))


def _pivot(table: list[list[float]], costs: list[float], row: int, column: int) -> None:
    by = table[row][column]
    table[row] = [value / by for value in table[row]]
    for other in (*(line for i, line in enumerate(table) if i != row), costs):
        if factor := other[column]:
            for j, value in enumerate(table[row]):
                other[j] -= factor * value
