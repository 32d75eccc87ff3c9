"""Sorts all cells once, and skips what is taken."""


def greedy_match(cost):
    cells = sorted(
        (value, row, column) for row, values in enumerate(cost.tolist()) for column, value in enumerate(values)
    )
    rows, columns, pairs = set(), set(), []
    for _, row, column in cells:
        if row not in rows and column not in columns:
            pairs.append([row, column])
            rows.add(row)
            columns.add(column)
    return pairs
