"""SavedAgain: the labels of one picture in another order, graded by position and as a set."""

import torch
import traitlets

from helpers.loss import SetCriterion
from helpers.matcher import HungarianMatcher
from helpers.widgets.matched_scene import MatchedScene
from helpers.widgets.parts import page, refuse
from helpers.widgets.playground import clean_boxes, read_image, read_state, stored_image
from helpers.widgets.playground_presets import preset_state


class SavedAgain(MatchedScene):
    """One answer, graded by position and as a set, while its labels are saved in other orders.

    By position, prediction n is compared with the n-th label of the file; all further predictions
    with "no object". Boxes can be dragged.

    Args:
        order: the order of the labels in the file, their places from 0 on. Default: as annotated.
        preset: whose predictions and labels: a name that `preset_state` knows, with at least as
            many predictions as labels.
        large: for a projector.

    TraitError for an order that is none, ValueError for a preset that is unknown or too full.

    >>> first, other = SavedAgain(), SavedAgain(order=[4, 0, 3, 1, 2])
    >>> [round(loss, 1) for loss in first.recompute()]
    [11.3, 0.5]
    >>> [round(loss, 1) for loss in other.recompute()]
    [6.9, 0.5]
    """

    _esm, _css = page("saved", "geometry", "names", "scene", "scene_hands")
    STATE = CHECKED = ("boxes", "target_boxes", "order")
    eos_coef = traitlets.Float().tag(sync=True)
    picture = traitlets.Dict().tag(sync=True)  # {"image": data URI, "size": [width, height]}
    order = traitlets.List().tag(sync=True)

    def __init__(self, order=None, preset="running example", **options):
        image, outputs, targets, eos_coef = preset_state(preset)
        state = read_state(outputs, targets)
        if len(state["labels"]) > len(state["boxes"]):
            raise ValueError(f"preset is {preset!r}; by position it has labels without a guess.")
        picture = stored_image(image) if image else {"image": "", "size": [1, 1]}
        order = list(range(len(state["labels"]))) if order is None else order
        super().__init__(**state, eos_coef=eos_coef, picture=picture, order=order, **options)

    @traitlets.validate("boxes", "target_boxes")
    def _clean_boxes(self, proposal):
        other = {"boxes": self.logits, "target_boxes": self.labels}[proposal["trait"].name]
        return refuse(clean_boxes, proposal["value"], len(other))

    @traitlets.validate("order")
    def _clean_order(self, proposal):
        order = proposal["value"]
        if sorted(order, key=str) != sorted(range(len(self.labels)), key=str):
            raise traitlets.TraitError(
                f"order is {order}; give the numbers 0 to {len(self.labels) - 1}, each once."
            )
        return order

    def _graded(self):
        """The match of the file's labels, and both losses."""
        outputs, order = self.outputs, torch.tensor(self.order)
        targets = [{name: value[order] for name, value in self.targets[0].items()}]
        matches = (torch.arange(len(order)),) * 2, HungarianMatcher()(outputs, targets)[0]
        losses = []
        for match in matches:
            criterion = SetCriterion(
                lambda *_, match=match: [match], outputs["logits"].shape[-1] - 1, self.eos_coef
            )
            losses.append(float(criterion.total(criterion(outputs, targets))))
        return matches[1], losses

    def recompute(self):
        return self._graded()[1]

    @property
    def text(self):
        names = [f'"{self.labels[place]}"' for place in self.order]
        by_position, as_a_set = self.recompute()
        return (
            f"the file lists {' '.join(names)}. Compared by position, the loss is "
            f"{by_position:.2f}; as a set, {as_a_set:.2f}."
        )

    def figure(self):
        """The present state as a static figure: the scene with its match, and the two losses."""
        from helpers import figures

        (guesses, places), losses = self._graded()
        fig, (left, right) = figures.new_figure(10, 4.6, columns=2)
        match = guesses, torch.tensor(self.order)[places]
        self.draw_scene(left, read_image(**self.picture), match)
        right.barh([0, 1], losses, 0.55, color=[figures.NO_OBJECT, figures.MATCH])
        for row, loss in enumerate(losses):
            right.text(loss, row, f" {loss:.2f}", va="center", fontsize=16, fontweight="bold")
        right.set_yticks([0, 1], ["by position", "as a set"], fontsize=14)
        right.set(ylim=(1.6, -0.6), xticks=[], xlim=(0, 1.25 * max(losses)))
        right.set_title("One answer, two losses")
        names = " ".join(f'"{self.labels[place]}"' for place in self.order)
        right.set_xlabel(f"the file lists {names}", fontsize=14)
        right.spines[["bottom"]].set_visible(False)
        return fig
