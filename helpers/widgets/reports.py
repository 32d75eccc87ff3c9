"""ReportCards: after a match, the reader says what each guess must say, and whose box is graded."""

import traitlets

from helpers.matcher import HungarianMatcher
from helpers.widgets.matched_scene import MatchedScene
from helpers.widgets.parts import page
from helpers.widgets.playground import read_image, read_state, stored_image
from helpers.widgets.playground_presets import preset_state

OPEN = -1  # of an answer that is not given yet
NO, YES = 0, 1


class ReportCards(MatchedScene):
    """A matched scene and an empty card for each guess: "must say" and "box graded?".

    Args:
        says: for each guess the class that it must say, K for no object, -1 while it is open.
        graded: for each guess 1 if its box is graded, 0 if not, -1 while it is open. Default: all
            is open.
        preset: whose guesses and labels: a name that `preset_state` knows.
        large: for a projector.

    TraitError for answers that are none, ValueError for a preset that is unknown.

    `recompute` counts the cards that are right, those that are wrong, and the boxes graded on the
    right ones.

    >>> cards = ReportCards()
    >>> cards.recompute()
    [0, 0, 0]
    >>> cards.says, cards.graded = cards.right
    >>> cards.recompute()
    [12, 0, 5]
    """

    _esm, _css = page("reports", "geometry", "names", "scene")
    STATE = CHECKED = ("says", "graded")
    picture = traitlets.Dict().tag(sync=True)  # {"image": data URI, "size": [width, height]}
    says = traitlets.List().tag(sync=True)
    graded = traitlets.List().tag(sync=True)

    def __init__(self, says=None, graded=None, preset="running example", **options):
        image, outputs, targets, _ = preset_state(preset)
        state = read_state(outputs, targets)
        empty = [OPEN] * len(state["boxes"])
        super().__init__(
            **state,
            picture=stored_image(image) if image else {"image": "", "size": [1, 1]},
            says=empty if says is None else says,
            graded=empty if graded is None else graded,
            **options,
        )

    @traitlets.validate("says", "graded")
    def _know_answers(self, proposal):
        name, values = proposal["trait"].name, proposal["value"]
        most = len(self.logits[0]) - 1 if name == "says" else YES
        known = all(type(value) is int and OPEN <= value <= most for value in values)
        if len(values) != len(self.logits) or not known:
            counts = f"{len(self.logits)} whole numbers from {OPEN} to {most}"
            raise traitlets.TraitError(f"{name} is {values}; give {counts}.")
        return values

    @property
    def match(self):
        """The pairs of the best match: (prediction_index, target_index)."""
        return HungarianMatcher()(self.outputs, self.targets)[0]

    @property
    def right(self):
        """The right answers: two lists like `says` and `graded`."""
        says, graded = [len(self.logits[0]) - 1] * len(self.logits), [NO] * len(self.logits)
        for guess, target in zip(*(index.tolist() for index in self.match)):
            says[guess], graded[guess] = self.labels[target], YES
        return says, graded

    def recompute(self):
        given, right = (list(zip(*answers)) for answers in ((self.says, self.graded), self.right))
        good = [mine == other for mine, other in zip(given, right)]
        full = sum(OPEN not in answer for answer in given)
        boxes = sum(is_good and answer[1] == YES for is_good, answer in zip(good, given))
        return [sum(good), full - sum(good), boxes]

    @property
    def text(self):
        good, bad, boxes = self.recompute()
        return (
            f"{len(self.says)} report cards, one for each guess, to fill in: what must it say, and "
            f"is its box graded? {good} are right, {bad} are not yet; {boxes} boxes are graded."
        )

    def figure(self):
        """The scene with its match, as a static figure, and the cards as they are filled in."""
        from helpers import figures

        fig, (left, right) = figures.new_figure(10, 4.8, columns=2)
        self.draw_scene(left, read_image(**self.picture), self.match)
        said = {OPEN: "?", len(self.logits[0]) - 1: "no object"}
        columns = [
            ["", *self.names],
            ["must say", *(said.get(k, figures.label_name(k)) for k in self.says)],
            ["box graded?", *({OPEN: "?", NO: "no", YES: "yes"}[value] for value in self.graded)],
        ]
        for place, column in enumerate(columns):
            for row, text in enumerate(column):
                weight = "bold" if row == 0 or place == 0 else "normal"
                right.text(place, row, text, fontsize=12, fontweight=weight, va="center")
        right.set(xlim=(-0.2, 3), ylim=(len(self.boxes) + 0.6, -0.6), xticks=[], yticks=[])
        right.spines[:].set_visible(False)
        return fig
