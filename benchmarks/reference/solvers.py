"""Nine functions that solve one linear assignment, and where they differ."""

import importlib
import statistics
import time

import numpy as np
from scipy.optimize import linear_sum_assignment

INF = float("inf")
AVOIDABLE = [[INF, 1.0], [1.0, 5.0]]  # an optimum that needs no infinite pair
NEEDED = [[INF, INF], [1.0, 2.0]]  # every full match holds an infinite pair
TALL = [[9.0, 1.0], [1.0, 9.0], [5.0, 5.0], [0.0, 3.0]]  # four guesses, two targets


def solvers():
    """Functions of a cost matrix (N, T) by name, each as (prediction_index, target_index); those installed."""
    found = {"scipy linear_sum_assignment": linear_sum_assignment}
    lap = _installed("lap")
    if lap:
        found |= {
            "lapx lapjvh": lambda cost: lap.lapjvh(cost, extend_cost=True, return_cost=False),
            "lapx lapjvr": lambda cost: lap.lapjvr(cost, extend_cost=True, return_cost=False),
            "lapx lapjvc": lambda cost: lap.lapjvc(cost, return_cost=False),
            "lapx lapjvx": lambda cost: lap.lapjvx(cost, extend_cost=True, return_cost=False),
            "lapx lapjv": lambda cost: _as_pairs(lap.lapjv(cost, extend_cost=True, return_cost=False)[0]),
            "lapx lapjvs": lambda cost: lap.lapjvs(cost, extend_cost=True, return_cost=False, jvx_like=True),
        }
    fastlap = _installed("fastlap")
    if fastlap:
        found["fastlap lapjv"] = lambda cost: _as_pairs(fastlap.lapjv(cost, return_cost=False)[0])
    return found


def _installed(name):
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def _as_pairs(target_of_row):
    rows = np.flatnonzero(np.asarray(target_of_row) >= 0)
    return rows, np.asarray(target_of_row)[rows]


def answer(solve, cost):
    """What a solver says to a cost matrix: its pairs, "raises", or how many pairs it leaves out."""
    cost = np.array(cost)
    try:
        rows, columns = solve(cost)
    except ValueError:
        return "raises"
    if len(rows) < min(cost.shape):
        return "leaves the row out"
    return "takes the pair" if np.isinf(cost[rows, columns]).any() else "goes round it"


def in_order(solve):
    """Whether the pairs of a tall matrix come sorted by row, as scipy's do."""
    rows, _ = solve(np.array(TALL))
    return "yes" if list(rows) == sorted(rows) else "no"


def digits(solve):
    """Whether totals that differ by 1e-9 are told apart, as they are in float64 and are not in float32."""
    wrong = 0
    for seed in range(200):
        cost = 1 + 1e-9 * np.random.default_rng(seed).random((4, 4))
        rows, columns = solve(cost)
        best = cost[linear_sum_assignment(cost)].sum()
        wrong += cost[rows, columns].sum() > best + 1e-12
    return "no" if wrong else "yes"


def microseconds(solve, predictions, targets, rounds=30):
    """The median time of one call."""
    taken = []
    cost = np.random.default_rng(0).random((predictions, targets))
    for _ in range(rounds):
        start = time.perf_counter()
        solve(cost)
        taken.append(time.perf_counter() - start)
    return 1e6 * statistics.median(taken)


def facts():
    """For each solver what a test can hold: what infinity means (avoidable, needed), sorted pairs, close totals."""
    return {
        name: (answer(solve, AVOIDABLE), answer(solve, NEEDED), in_order(solve), digits(solve))
        for name, solve in solvers().items()
    }


def ties(trials=1000):
    """How many of `trials` integer matrices (6 x 4, costs 0 to 2) scipy matches otherwise once rewritten.

    Transposed; rows in reverse order; columns in reverse order. The total is the same each time.
    """
    changed = {"transposed": 0, "rows reversed": 0, "columns reversed": 0}
    for seed in range(trials):
        cost = np.random.default_rng(seed).integers(0, 3, (6, 4)).astype(float)
        usual = set(zip(*map(list, linear_sum_assignment(cost))))
        columns, rows = linear_sum_assignment(cost.T)
        again = {"transposed": set(zip(list(rows), list(columns)))}
        rows, columns = linear_sum_assignment(cost[::-1])
        again["rows reversed"] = set(zip(list(5 - rows), list(columns)))
        rows, columns = linear_sum_assignment(cost[:, ::-1])
        again["columns reversed"] = set(zip(list(rows), list(3 - columns)))
        for name, pairs in again.items():
            changed[name] += pairs != usual
    return changed


def limits():
    """What `cost_limit=4` does to costs of 3 and 3 beside 0 and 9, by library: the pairs that are left.

    lapx reads it as a price: leaving a row and a column alone costs 4 in all, so a dear pair may stay where it makes
    the whole cheaper. fastlap reads it as a gate: a pair above it goes, whatever the whole costs.
    """
    cost, found = np.array([[0.0, 3.0], [3.0, 9.0]]), {}
    if lap := _installed("lap"):
        found["lapx"] = tuple(lap.lapjv(cost, extend_cost=True, cost_limit=4.0, return_cost=False)[0].tolist())
    if fastlap := _installed("fastlap"):
        found["fastlap"] = tuple(np.asarray(fastlap.lapjv(cost, cost_limit=4.0, return_cost=False)[0]).tolist())
    return found
