"""Who takes which place at the lowest cost in all: the assignment problem, by shortest augmenting paths."""

from math import inf

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Places = NDArray[np.int64]


def assign(costs: Floats) -> Places:
    """The column of each row, no column twice, at the lowest sum. No more rows than columns, finite costs.

    Each row in turn finds the cheapest way to a free column, where rows before it may move on; prices of rows and
    columns keep all steps non-negative, so that the way is a shortest path.
    """
    rows, columns = costs.shape
    row_price, column_price = np.zeros(rows), np.zeros(columns)
    column_of, row_of = np.full(rows, -1, np.int64), np.full(columns, -1, np.int64)
    for new in range(rows):
        shortest = np.full(columns, inf)
        came_from = np.full(columns, -1, np.int64)
        closed = np.zeros(columns, bool)
        row, column, so_far, visited = new, -1, 0.0, [new]
        while True:
            through = so_far + costs[row] - row_price[row] - column_price
            better = (through < shortest) & ~closed
            shortest[better] = through[better]
            came_from[better] = row
            column = int(np.where(closed, inf, shortest).argmin())
            so_far = float(shortest[column])
            closed[column] = True
            if row_of[column] < 0:
                break
            row = int(row_of[column])
            visited.append(row)
        for other in visited:
            row_price[other] += so_far - (0.0 if other == new else shortest[column_of[other]])
        column_price[closed] += shortest[closed] - so_far
        while True:
            row = int(came_from[column])
            row_of[column] = row
            column_of[row], column = column, int(column_of[row])
            if row == new:
                break
    return column_of


def assign_few(costs: Floats) -> Places:
    """As `assign`, for many more columns than rows: a row needs no more than as many of its cheapest columns as there
    are rows.
    """
    rows, columns = costs.shape
    if columns <= 2 * rows:
        return assign(costs)
    near = np.unique(np.argpartition(costs, rows - 1, axis=1)[:, :rows])
    found: Places = near[assign(np.ascontiguousarray(costs[:, near]))]
    return found
