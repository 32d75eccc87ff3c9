"""AssignmentStepper: the shortest-augmenting-path method on a small cost matrix, one step at a
time.
"""

import math
from string import ascii_uppercase as LETTERS

import numpy as np
import traitlets

from helpers.assignment import hungarian_steps, optimality_certificate
from helpers.widgets.parts import Piece, page, refuse, small_picture

MOST_PREDICTIONS, MOST_TARGETS = 12, 8
LARGEST_COST = 1000.0
KINDS = ("enter", "grow", "augment", "done", "removal")
# Each target has a favourite, greedy loses by 6, and the last target moves all the others.
EXAMPLE = ((1, 2, 7, 7), (6, 9, 2, 1), (4, 12, 11, 5), (8, 3, 4, 6), (12, 6, 10, 8), (2, 6, 10, 10))


class AssignmentStepper(Piece):
    """Step through `helpers.assignment.hungarian_steps`: prices, offers, the tree, the augmenting
    path, the proof.

    Args:
        cost: (N, T) numbers, a tensor or nested lists; at most 12 predictions and 8 targets,
            entries from -1000 to 1000. Default: an example of 6 x 4 in which greedy loses.
        row_names, column_names: of the predictions and the targets; a name that returns gets a
            dash. Default: A, B, ... and t1, t2, ...
        thumbnails: the targets' pictures (PIL images, byte arrays or data URIs), shown instead of
            their names.
        step: the first step to show; -1 is the last.
        view: what stands in the cells: "cost", or "slack", cost + price - offer.
        decimals: of all numbers, unless all costs are whole.
        controls: which controls to offer, some of `CONTROLS`; default all. Reset is always there.
        large: for a projector.

    ValueError or TraitError where a cost is missing, not finite or there are too many.

    >>> stepper = AssignmentStepper([[1.0, 2.0], [1.5, 4.0], [9.0, 9.0]], step=-1)
    >>> stepper.current.kind, stepper.current.total
    ('removal', 3.5)
    """

    _esm, _css = page("stepper", "player")
    STATE = ("cost", "row_names", "column_names", "thumbnails", "step", "view")
    CONTROLS = ("play", "scrub", "edit", "view", "random")
    CHECKED = ("cost", "step")
    _stepped = (None, ())  # a cost and its steps
    cost = traitlets.List().tag(sync=True)
    row_names = traitlets.List(traitlets.Unicode()).tag(sync=True)
    column_names = traitlets.List(traitlets.Unicode()).tag(sync=True)
    thumbnails = traitlets.List(traitlets.Unicode()).tag(sync=True)
    step = traitlets.Int(0).tag(sync=True)
    view = traitlets.Enum(["cost", "slack"], "cost").tag(sync=True)
    decimals = traitlets.Int(2, min=0, max=6).tag(sync=True)

    def __init__(
        self, cost=EXAMPLE, row_names=(), column_names=(), thumbnails=(), step=0, **options
    ):
        cost = clean_cost(cost)
        last = len(list(hungarian_steps(cost))) - 1
        super().__init__(
            cost=cost,
            row_names=distinct(row_names),
            column_names=distinct(column_names),
            thumbnails=[
                picture if isinstance(picture, str) else small_picture(picture)
                for picture in thumbnails
            ],
            step=last if step == -1 else step,
            **options,
        )

    @traitlets.validate("cost")
    def _clean(self, proposal):
        return refuse(clean_cost, proposal["value"])

    @traitlets.validate("step")
    def _clamp(self, proposal):
        return min(max(proposal["value"], 0), len(self.steps) - 1) if self.cost else 0

    @traitlets.observe("cost")
    def _keep_step_inside(self, change):
        self.step = min(self.step, len(self.steps) - 1)

    @property
    def steps(self):
        """All steps of the present matrix, as `helpers.assignment.Step`."""
        if self._stepped[0] != self.cost:
            self._stepped = (self.cost, list(hungarian_steps(self.cost)))
        return self._stepped[1]

    @property
    def current(self):
        """The step that is shown."""
        return self.steps[self.step]

    def recompute(self):
        step, number = self.current, KINDS.index(self.current.kind)
        entering = -1 if step.entering is None else step.entering
        cells = np.array([*step.pairs, *step.path]).flatten()
        prices = [*step.prediction_prices, *step.target_prices]
        return [len(self.steps), number, entering, step.total, step.rise, *prices, *cells]

    @property
    def certificate(self):
        """The proof that the last step's pairs are best, as `helpers.assignment.Certificate`."""
        pairs = self.steps[-1].pairs
        return optimality_certificate(self.cost, tuple(zip(*pairs)))

    @property
    def names(self):
        """Names of the predictions and of the targets: two lists."""
        rows, columns = np.shape(self.cost)
        sides = (
            (self.row_names, LETTERS, rows),
            (self.column_names, [f"t{i + 1}" for i in range(columns)], columns),
        )
        return tuple([*given[:size], *default[len(given) : size]] for given, default, size in sides)

    @property
    def text(self):
        steps, (rows, columns) = self.steps, self.names
        step = steps[self.step]
        pairs = ", ".join(f"{rows[n]} with {columns[t]}" for n, t in step.pairs) or "none yet"
        return (
            f"{len(rows)} predictions and {len(columns)} targets, step {self.step + 1} of "
            f"{len(steps)} "
            f"({step.kind}). Pairs: {pairs}. Total {step.total:.{self.decimals}f}."
        )

    def figure(self):
        """The shown step as a static figure."""
        from helpers import figures

        rows, columns = self.names
        fig, axes = figures.new_figure(3 + 0.9 * len(columns), 1.8 + 0.45 * len(rows))
        self.draw(axes)
        return fig

    def draw(self, axes):
        """Draw the shown step: costs, pairs ringed, prices beside the rows, offers below the
        columns.
        """
        from helpers import figures

        step, (rows, columns) = self.current, self.names
        whole = all(float(value).is_integer() for row in self.cost for value in row)
        decimals = 0 if whole else self.decimals
        rings = tuple(zip(*step.pairs)) or None
        title = f"Step {self.step + 1} of {len(self.steps)}: total {step.total:.{decimals}f}"
        figures.draw_matrix(
            axes, np.array(self.cost), title, columns, rows, rings, decimals=decimals
        )
        beside, below = ("price", step.prediction_prices), ("offer", step.target_prices)
        if len(rows) < len(columns):
            beside, below = ("offer", 0 - step.prediction_prices), ("price", 0 - step.target_prices)
        sides = ((len(columns), None, *beside), (None, len(rows), *below))
        for x, y, name, values in sides:
            for place, value in enumerate([math.nan, *values]):
                text = name if place == 0 else "" if math.isnan(value) else f"{value:.{decimals}f}"
                at = (x, place - 1) if y is None else (place - 1, y)
                axes.text(
                    *at,
                    text,
                    ha="center",
                    va="center",
                    color=figures.INK if place else figures.QUIET,
                )
        axes.set(xlim=(-0.5, len(columns) + 0.4), ylim=(len(rows) + 0.4, -0.5))


def clean_cost(cost):
    """A cost matrix as nested lists of floats, its entries moved into -1000 to 1000.

    ValueError unless it is (N, T) with 1 to 12 predictions and 1 to 8 targets, all finite.

    >>> clean_cost([[1, 5000]])
    [[1.0, 1000.0]]
    """
    values = np.array([[float(value) for value in row] for row in cost], dtype=np.float64)
    if values.ndim != 2 or not (
        1 <= values.shape[0] <= MOST_PREDICTIONS and 1 <= values.shape[1] <= MOST_TARGETS
    ):
        raise ValueError(
            f"cost has shape {values.shape}; give (N, T), at most ({MOST_PREDICTIONS}, "
            f"{MOST_TARGETS})."
        )
    if not np.isfinite(values).all():
        raise ValueError(
            f"{(~np.isfinite(values)).sum()} costs are NaN or infinite; give finite numbers."
        )
    return values.clip(-LARGEST_COST, LARGEST_COST).tolist()


def distinct(names):
    """Names as a list, told apart by dashes where they repeat.

    >>> distinct(["3", "1", "4", "1"])
    ['3', '1', '4', '1′']
    """
    names = [str(name) for name in names]
    return [name + "′" * names[:place].count(name) for place, name in enumerate(names)]
