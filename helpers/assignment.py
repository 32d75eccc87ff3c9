"""The assignment problem, to look into: each target gets a prediction of its own so that the summed
cost is least.

`brute_force`, `lapx`, `greedy`, `argmin` and `hungarian` share one signature: a cost matrix (N, T),
N predictions as rows and T targets as columns, gives (prediction_index, target_index), so that each
fits `HungarianMatcher(assign=...)`. `hungarian_steps` shows the method at work,
`optimality_certificate` proves its answer. The real matcher calls scipy."""

import math
from dataclasses import dataclass
from itertools import permutations

import numpy as np

MOST_ASSIGNMENTS = 2_000_000


def every_assignment(cost):
    """All ways to pair min(N, T) predictions and targets, and what each costs.

    Args: cost (N, T), finite.

    Returns chosen (M, min(N, T)) int64 and totals (M,) float64. If N >= T, `chosen[m, t]` is the
    prediction of target t; otherwise `chosen[m, n]` is the target of prediction n. ValueError where
    M would pass two million.

    >>> chosen, totals = every_assignment([[1.0, 5.0], [2.0, 3.0], [9.0, 4.0]])
    >>> len(totals), totals.min(), chosen[totals.argmin()].tolist()
    (6, np.float64(4.0), [0, 1])
    """
    rows, _ = _as_rows(cost)
    few, many = rows.shape
    count = math.perm(many, few)
    if count > MOST_ASSIGNMENTS:
        raise ValueError(
            f"cost {np.shape(cost)} allows {count:,} assignments, too many to list; use hungarian."
        )
    chosen = np.array(list(permutations(range(many), few)), dtype=np.int64).reshape(count, few)
    return chosen, rows[np.arange(few), chosen].sum(1)


def brute_force(cost):
    """The best assignment, found by trying all of them.

    Args: cost (N, T), finite. Returns (prediction_index, target_index), int64, min(N, T) long,
    sorted by prediction; of several best ones the first. ValueError where there are more than two
    million to try.

    >>> brute_force([[1.0, 2.0], [1.5, 4.0], [9.0, 9.0]])
    (array([0, 1]), array([1, 0]))
    """
    chosen, totals = every_assignment(cost)
    return _as_pairs(cost, chosen[totals.argmin()])


def lapx(cost):
    """The best assignment by lapx, another implementation of the method of Jonker and Volgenant.

    `lapjv` with `extend_cost` fills a rectangle up to a square first, which takes most of its time;
    lapx 0.11 also has `lapjvh`, which does not.

    Args: cost (N, T), finite. Returns (prediction_index, target_index), int64, min(N, T) long,
    sorted by prediction.

    >>> lapx([[1.0, 2.0], [1.5, 4.0], [9.0, 9.0]])
    (array([0, 1]), array([1, 0]))
    """
    from lap import lapjv

    cost = _checked(cost)
    if not cost.size:
        return _sorted_pairs([])
    _, target_of, _ = lapjv(cost, extend_cost=True)  # -1 for an idle prediction
    matched = np.flatnonzero(target_of >= 0)
    return matched, target_of[matched].astype(np.int64)


def greedy(cost):
    """Take the cheapest pair, cross out its row and column, and again: short-sighted, and not
    always the best.

    Args: cost (N, T), finite. Returns (prediction_index, target_index), int64, min(N, T) long,
    sorted by prediction.

    >>> greedy([[1.0, 2.0], [1.5, 4.0], [9.0, 9.0]])
    (array([0, 1]), array([0, 1]))
    """
    left = _checked(cost).copy()
    pairs = []
    for _ in range(min(left.shape)):
        row, column = np.unravel_index(left.argmin(), left.shape)
        pairs.append((row, column))
        left[row], left[:, column] = np.inf, np.inf
    return _sorted_pairs(pairs)


def argmin(cost):
    """Each target takes its cheapest prediction, whoever else wants it: no assignment at all where
    two collide.

    Args: cost (N, T), finite. Returns (prediction_index, target_index), int64, T long, sorted by
    prediction; a prediction may appear several times.

    >>> argmin([[1.0, 2.0], [1.5, 4.0], [9.0, 9.0]])
    (array([0, 0]), array([0, 1]))
    """
    cost = _checked(cost)
    return _sorted_pairs(
        [(row, column) for column, row in enumerate(cost.argmin(0))] if len(cost) else []
    )


def hungarian(cost):
    """The best assignment, by the steps of `hungarian_steps`.

    Args: cost (N, T), finite. Returns (prediction_index, target_index), int64, min(N, T) long,
    sorted by prediction.

    >>> hungarian([[1.0, 2.0], [1.5, 4.0], [9.0, 9.0]])
    (array([0, 1]), array([1, 0]))
    """
    return _sorted_pairs(list(hungarian_steps(cost))[-1].pairs)


@dataclass(frozen=True)
class Step:
    """One step of `hungarian_steps`.

    Cells are (prediction, target); "row" below means a target (see there).
    """

    kind: str  # "enter", "grow", "augment", "done" or "removal"
    entering: int | None  # the target that wants a prediction now
    cell: tuple | None  # the cell that became tight
    rise: float  # by how much the prices of the tree rose in this step
    tree_predictions: tuple  # in the order in which they were reached
    tree_targets: tuple
    # cells from the entering target to a free prediction: the 1st, 3rd, ... become pairs, the
    # others part
    path: tuple
    pairs: tuple  # the partial assignment, as cells
    prediction_prices: np.ndarray  # (N,), 0 for a prediction nobody has
    target_prices: np.ndarray  # (T,), NaN for a target that has not entered
    total: float  # cost of the pairs


def hungarian_steps(cost):
    """The shortest-augmenting-path method, one `Step` at a time.

    Args: cost (N, T), finite. ValueError otherwise.

    Targets enter one by one. Each offers to pay the cheapest *cost plus price*; the cell where
    offer and cost plus price meet is called tight. A tight cell leads to a prediction. If that one
    is free, the tree holds a path of tight cells along which pairs are made and parted ("augment").
    If it has a target, that target joins the tree, and all offers and prices in the tree rise
    together until the next cell is tight ("grow"). Nothing ever pays more than cost
    plus price, and pairs pay exactly that: so the answer is proven as it is found ("done"). The
        prices are then the
    lowest that prove it: each says what a second copy of that prediction would save. If predictions
    are left over, a last step raises the prices as far as they go ("removal"): each then says how
    much the total would rise without that prediction.

    With more predictions than targets, or as many, targets enter; with fewer, the same is done with
    the two sides
    exchanged: `entering` is then a prediction, and prices have the other sign (see
        `optimality_certificate`).

    Source: Jonker and Volgenant 1987, the augmentation phase, which scipy's solver also uses
    (Crouse 2016).

    >>> for step in hungarian_steps([[1.0, 2.0], [1.5, 4.0], [9.0, 9.0]]):
    ...     print(step.kind, step.entering, step.cell, step.pairs, step.total)
    enter 0 None () 0.0
    grow 0 (0, 0) () 0.0
    augment 0 None ((0, 0),) 1.0
    enter 1 None ((0, 0),) 1.0
    grow 1 (0, 1) ((0, 0),) 1.0
    grow 1 (1, 0) ((0, 0),) 1.0
    augment 1 None ((1, 0), (0, 1)) 3.5
    done None None ((1, 0), (0, 1)) 3.5
    removal None None ((1, 0), (0, 1)) 3.5
    """
    rows, flipped = _as_rows(cost)  # the entering side as rows, (few, many)
    state = _State(rows, flipped)
    for entering in range(len(rows)):
        state.enter(entering)
        yield state.step("enter")
        column, free = None, False
        while not free:
            column, free = state.grow()
            yield state.step("grow", cell=(state.parent[column], column), rise=state.rise)
        state.augment(column)
        yield state.step("augment", path=state.path)
    state.leave()
    yield state.step("done")
    if rows.shape[0] < rows.shape[1] and len(rows):
        state.raise_prices()
        yield state.step("removal")


class _State:
    """What the method knows: offers of the rows, prices of the columns, the pairs, and the tree."""

    def __init__(self, rows, flipped):
        self.rows, self.flipped = rows, flipped
        self.offers = np.full(rows.shape[0], np.nan)
        self.prices = np.zeros(rows.shape[1])
        self.owner = np.full(rows.shape[1], -1)  # the row that has a column
        self.leave()

    def leave(self):
        self.entering, self.tree_rows, self.tree_columns, self.parent, self.rise = (
            None,
            [],
            [],
            {},
            0.0,
        )

    def enter(self, row):
        self.leave()
        self.entering, self.tree_rows = row, [row]
        self.offers[row] = (self.rows[row] + self.prices).min()

    def grow(self):
        """Raise the tree's offers and prices until one more cell is tight: its column, and whether
        that is free.
        """
        slack = (
            self.rows[self.tree_rows] + self.prices - self.offers[self.tree_rows][:, None]
        )  # (rows in tree, many)
        slack[:, self.tree_columns] = np.inf
        column = int(slack.min(0).argmin())
        self.parent[column] = self.tree_rows[slack[:, column].argmin()]
        self.rise = float(max(slack[:, column].min(), 0.0))
        self.offers[self.tree_rows] += self.rise
        self.prices[self.tree_columns] += self.rise
        self.tree_columns.append(column)
        free = self.owner[column] == -1
        if not free:
            self.tree_rows.append(int(self.owner[column]))
        return column, free

    def augment(self, column):
        """Pair along the path that ends in this free column."""
        path, row = [], None
        while row != self.entering:
            row = self.parent[column]
            path.append((row, column))
            left = np.flatnonzero(self.owner == row)  # the column that this row gives up
            self.owner[column] = row
            if row != self.entering:
                column = int(left[0])
                path.append((row, column))
        self.path = path[::-1]

    def raise_prices(self):
        """The largest prices that still prove the answer: each rises by its cheapest path to a free
        column.
        """
        taken = np.flatnonzero(self.owner >= 0)
        slack = self.rows[self.owner[taken]] + self.prices - self.offers[self.owner[taken]][:, None]
        slack[np.arange(len(taken)), taken] = np.inf  # a column is no way out of itself
        room = np.where(self.owner < 0, 0.0, np.inf)  # of every column
        for _ in taken:
            room[taken] = np.minimum(room[taken], (slack.clip(min=0) + room).min(1))
        self.prices[taken] += room[taken]
        self.offers[self.owner[taken]] += room[taken]

    def step(self, kind, cell=None, rise=0.0, path=()):
        def turn(pair):
            row, column = map(int, pair)
            return (row, column) if self.flipped else (column, row)

        pairs = sorted((int(row), column) for column, row in enumerate(self.owner) if row >= 0)
        rows, columns = tuple(self.tree_rows), tuple(self.tree_columns)
        offers, prices = self.offers.copy(), self.prices.copy()
        return Step(
            kind=kind,
            entering=self.entering,
            cell=cell and turn(cell),
            rise=rise,
            tree_predictions=rows if self.flipped else columns,
            tree_targets=columns if self.flipped else rows,
            path=tuple(map(turn, path)),
            pairs=tuple(map(turn, pairs)),
            prediction_prices=0 - offers if self.flipped else prices,
            target_prices=0 - prices if self.flipped else offers,
            total=float(sum(self.rows[pair] for pair in pairs)),
        )


@dataclass(frozen=True)
class Certificate:
    """Prices that bound the total of *every* assignment from below.

    See `optimality_certificate`.
    """

    prediction_prices: np.ndarray  # (N,)
    target_prices: np.ndarray  # (T,)
    slack: (
        np.ndarray
    )  # (N, T): cost + price of the prediction - price of the target; nowhere negative
    total: float  # of the given assignment
    bound: float  # sum of target prices - sum of prediction prices: no assignment costs less

    @property
    def gap(self):
        """How much the given assignment costs above the bound."""
        return self.total - self.bound

    @property
    def feasible(self):
        """Whether no target pays more than cost plus price anywhere: then the bound holds."""
        return bool((self.slack >= -self._tolerance()).all())

    @property
    def optimal(self):
        """Whether the prices prove the given assignment: they are feasible, and its total meets the
        bound.
        """
        return self.feasible and bool(abs(self.gap) <= self._tolerance())

    def _tolerance(self):
        sizes = [np.abs(part).sum() for part in (self.prediction_prices, self.target_prices)]
        return 1e-9 * max(1.0, *sizes)


def optimality_certificate(cost, assignment):
    """Prices that prove an assignment best, or show by how much it is not.

    Args:
        cost: (N, T), finite.
        assignment: (prediction_index, target_index), min(N, T) long, no index twice. ValueError
            otherwise.

    Returns a `Certificate`. Its argument: let a target pay its cost plus the price of its
    prediction. If no target can pay less elsewhere (`feasible`), any assignment costs at least the
    sum of what targets pay minus the sum of prices (`bound`); one that costs exactly this
    (`optimal`) cannot be beaten.

    With predictions to spare, the price of one is how much the total would rise without it: 0 for
        an unmatched one,
    little where an understudy stands beside. With as many predictions as targets none can be
    spared: the prices are then known only up to a constant, and the lowest is set to 0. With fewer
    predictions, targets go without, and *target* prices are 0 for those, otherwise minus what the
    total would rise without that target.

    Source: linear programming duality; the largest dual prices are the marginal values (Demange and
    Gale 1985).

    >>> cost = [[1.0, 2.0], [1.5, 4.0], [9.0, 9.0]]
    >>> certificate = optimality_certificate(cost, hungarian(cost))
    >>> certificate.optimal, certificate.bound, certificate.prediction_prices.tolist()
    (True, 3.5, [7.0, 6.5, 0.0])
    >>> optimality_certificate(cost, greedy(cost)).gap
    1.5
    """
    checked = _checked(cost)
    total = total_cost(checked, assignment)
    last = list(hungarian_steps(checked))[-1]
    slack = checked + last.prediction_prices[:, None] - last.target_prices
    bound = float(last.target_prices.sum() - last.prediction_prices.sum())
    return Certificate(last.prediction_prices, last.target_prices, slack, total, bound)


def total_cost(cost, assignment):
    """What an assignment costs in all: (N, T) and (prediction_index, target_index) -> float.

    ValueError unless it pairs min(N, T) different predictions and targets.

    >>> total_cost([[1.0, 2.0], [1.5, 4.0]], ([0, 1], [1, 0]))
    3.5
    """
    cost = _checked(cost)
    prediction, target = (np.asarray(index, dtype=np.int64).ravel() for index in assignment)
    if len(prediction) != len(target) or len(prediction) != min(cost.shape):
        raise ValueError(
            f"the assignment holds {len(prediction)} predictions and {len(target)} targets; cost "
            f"{cost.shape} needs "
            f"{min(cost.shape)} of each."
        )
    for name, index, size in (
        ("prediction", prediction, cost.shape[0]),
        ("target", target, cost.shape[1]),
    ):
        if len(index) and not 0 <= index.min() <= index.max() < size:
            raise ValueError(f"the assignment names a {name} outside 0..{size - 1}.")
        if len(set(index.tolist())) < len(index):
            raise ValueError(f"the assignment gives one {name} away twice; use each once.")
    return float(cost[prediction, target].sum())


def _checked(cost):
    cost = np.asarray(cost, dtype=np.float64)
    if cost.ndim != 2:
        raise ValueError(f"cost has shape {cost.shape}; give a matrix (N, T), predictions as rows.")
    if not np.isfinite(cost).all():
        raise ValueError(
            f"{(~np.isfinite(cost)).sum()} of {cost.size} costs are NaN or infinite; give finite "
            "numbers."
        )
    return cost


def _as_rows(cost):
    """The cost with the smaller side as rows, targets where both are equal, and whether predictions
    are the rows.
    """
    cost = _checked(cost)
    flipped = cost.shape[0] < cost.shape[1]
    return (cost if flipped else cost.T), flipped


def _as_pairs(cost, chosen):
    flipped = _as_rows(cost)[1]
    return _sorted_pairs([(i, j) if flipped else (j, i) for i, j in enumerate(chosen)])


def _sorted_pairs(pairs):
    index = np.array(sorted(pairs), dtype=np.int64).reshape(-1, 2)
    return index[:, 0], index[:, 1]
