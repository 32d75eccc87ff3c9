"""BoxLab: two boxes to drag; L1, IoU and GIoU, what each of them pulls at, and where its gradient
leads.
"""

import torch
import traitlets

from helpers.boxes import box_iou, center_to_corners, generalized_box_iou
from helpers.widgets.parts import Piece, clean_box, page, refuse

PRESETS = {
    "overlapping": ((0.40, 0.43, 0.36, 0.40), (0.58, 0.57, 0.36, 0.34)),
    "far apart": ((0.15, 0.5, 0.2, 0.2), (0.8, 0.5, 0.2, 0.2)),
    "nested": ((0.5, 0.5, 0.8, 0.8), (0.28, 0.7, 0.3, 0.3)),
    "same L1, IoU 0": ((0.68, 0.5, 0.28, 0.36), (0.4, 0.5, 0.28, 0.36)),
    "same L1, IoU 0.5": ((0.4, 0.5, 0.56, 0.36), (0.4, 0.5, 0.28, 0.36)),
}
WORDS = {
    "overlapping": "Drag a box or a corner. Each measure pulls in its own way.",
    "far apart": "IoU is 0 here and in every box nearby: no gradient. "
    "GIoU: will the box first move or grow?",
    "nested": "The hull is the outer box: GIoU equals IoU, "
    "and neither says where to move. L1 does.",
    "same L1, IoU 0": "L1 is 0.28, as in the next scene. Here the boxes share nothing.",
    "same L1, IoU 0.5": "L1 is 0.28, as in the scene before. Here half of the union is shared.",
}
MEASURES = {
    "l1": lambda box, target: (box - target).abs().sum(),
    "iou": lambda box, target: box_iou(center_to_corners(box), center_to_corners(target)),
    "giou": lambda box, target: generalized_box_iou(
        center_to_corners(box), center_to_corners(target)
    ),
}
LOSSES = {
    "l1": MEASURES["l1"],
    "iou": lambda box, target: 1 - MEASURES["iou"](box, target),
    "giou": lambda box, target: 1 - MEASURES["giou"](box, target),
    # Divided by 7, the sum of its weights: steps as long as those of the others.
    "sum": lambda box, target: (
        (5 * MEASURES["l1"](box, target) + 2 * LOSSES["giou"](box, target)) / 7
    ),
}
LOSS_NAMES = {"l1": "L1", "iou": "1 − IoU", "giou": "1 − GIoU", "sum": "5 · L1 + 2 · (1 − GIoU)"}


class BoxLab(Piece):
    """A prediction (blue, dashed) and a target (orange) to drag: overlap, measures, gradients, and
    gradient descent.

    Args:
        prediction, target: centre boxes (4,), a tensor or numbers; both or neither.
        preset: what to begin with without them: "overlapping", "far apart", "nested", "same L1, IoU
            0" or "same L1, IoU 0.5".
        loss: what to follow at first, "l1", "iou" (1 - IoU), "giou" (1 - GIoU) or "sum", L1 and
            GIoU weighted 5 and 2.
        controls: which controls to offer, some of `CONTROLS`; default all. Reset is always there.
        large: for a projector.

    ValueError or TraitError where a number is missing or not finite; boxes are moved into the
    image, sides to 0.01 or more.

    `outputs` and `targets` hold the present boxes as tensors, `measures` and `gradients` what
    `helpers` makes of them.

    >>> lab = BoxLab(preset="same L1, IoU 0.5")
    >>> {name: round(value, 3) for name, value in lab.measures.items()}
    {'l1': 0.28, 'iou': 0.5, 'giou': 0.5}
    """

    _esm, _css = page("boxlab", "axes", "geometry")
    STATE = ("prediction", "target", "loss")
    CONTROLS = ("scene", "loss", "follow")
    CHECKED = ("prediction", "target")
    prediction = traitlets.List().tag(sync=True)
    target = traitlets.List().tag(sync=True)
    loss = traitlets.Enum(list(LOSSES), "giou").tag(sync=True)
    presets = traitlets.List().tag(sync=True)

    def __init__(self, prediction=None, target=None, preset=None, **options):
        if (prediction is None) != (target is None):
            raise ValueError("prediction and target belong together; give both, or a preset.")
        if preset is not None and preset not in PRESETS:
            raise ValueError(f"preset is {preset!r}; use one of {', '.join(PRESETS)}.")
        given = PRESETS[preset or "overlapping"] if prediction is None else (prediction, target)
        prediction, target = map(clean_box, given)
        presets = [
            {"name": name, "boxes": boxes, "say": WORDS[name]} for name, boxes in PRESETS.items()
        ]
        super().__init__(prediction=prediction, target=target, presets=presets, **options)

    @traitlets.validate("prediction", "target")
    def _clean(self, proposal):
        return refuse(clean_box, proposal["value"])

    def recompute(self):
        pulls = [box_gradient(LOSSES[name], *self._pair).tolist() for name in MEASURES]
        return [*self.measures.values(), *pulls[0], *pulls[1], *pulls[2]]

    @property
    def outputs(self):
        """The prediction: {"pred_boxes": (1, 1, 4)}, float64."""
        return {"pred_boxes": torch.tensor(self.prediction, dtype=torch.float64)[None, None]}

    @property
    def targets(self):
        """The target: [{"boxes": (1, 4)}], float64."""
        return [{"boxes": torch.tensor(self.target, dtype=torch.float64)[None]}]

    @property
    def measures(self):
        """L1, IoU and GIoU as floats."""
        box, target = self._pair
        return {name: float(measure(box, target)) for name, measure in MEASURES.items()}

    @property
    def gradients(self):
        """The gradient of each *loss* on the prediction, by autograd: {"l1", "iou", "giou", "sum"},
        (4,) each.
        """
        return {name: box_gradient(loss, *self._pair) for name, loss in LOSSES.items()}

    @property
    def way(self):
        """Where the chosen loss leads from here: see `follow_gradient`."""
        return follow_gradient(self.loss, *self._pair)

    @property
    def _pair(self):
        return self.outputs["pred_boxes"][0, 0], self.targets[0]["boxes"][0]

    @property
    def text(self):
        measures = ", ".join(
            f"{name} {self.measures[key]:.2f}" for key, name in zip(MEASURES, ("L1", "IoU", "GIoU"))
        )
        still = float(self.gradients[self.loss].abs().max()) == 0
        pull = "has no gradient here" if still else "can be followed"
        return f"two boxes, {measures}. The loss {LOSS_NAMES[self.loss]} {pull}."

    def figure(self):
        """The present state as a static figure: the boxes and their overlap, and what each loss
        pulls at.
        """
        from helpers import figures
        from helpers.figures import geometry

        fig, (left, *panels) = figures.new_figure(11.5, 4.4, columns=4, width_ratios=[1.5, 1, 1, 1])
        measures = self.measures
        values = [
            (name, measures[key], False) for key, name in zip(MEASURES, ("L1", "IoU", "GIoU"))
        ]
        geometry.draw_pair(left, self.prediction, self.target, numbers=values)
        corners = [center_to_corners(box).tolist() for box in self._pair]
        geometry.draw_pieces(left, *corners)
        figures.draw_box(left, corners[1], figures.TARGET, "-")
        figures.draw_box(left, corners[0], figures.PREDICTION, figures.DASHES)
        colours = {"l1": figures.L1, "iou": "#7d68c8", "giou": figures.GIOU}
        pulls = {key: (0.0 - self.gradients[key]).tolist() for key in colours}
        reach = 1.15 * max(1.0, *(abs(value) for pull in pulls.values() for value in pull))
        for axes, (key, colour) in zip(panels, colours.items()):
            axes.bar(range(4), pulls[key], color=colour, width=0.6)
            axes.axhline(0, color=figures.QUIET, lw=1)
            axes.set(
                ylim=(-reach, reach),
                title=f"{LOSS_NAMES[key]} {'pulls' if any(pulls[key]) else 'is silent'}",
            )
            axes.set_xticks(range(4), ["cx", "cy", "w", "h"])
        panels[0].set_ylabel("pull: minus the gradient")
        return fig


def box_gradient(loss, box, target):
    """The gradient (4,) of a loss of `LOSSES` on a centre box (4,), by autograd."""
    box = box.detach().clone().requires_grad_()
    (gradient,) = torch.autograd.grad(loss(box, target), box)
    return gradient


def follow_gradient(loss, box, target, steps=450, rate=0.002):
    """Plain gradient descent on the four numbers of a box: its way, (steps + 1, 4).

    Args: loss: "l1", "iou", "giou" or "sum"; box, target: centre boxes (4,).

    >>> far, goal = (torch.tensor(box, dtype=torch.float64) for box in PRESETS["far apart"])
    >>> [round(float(follow_gradient(loss, far, goal)[:, 2].max()), 2) for loss in ("iou", "giou",
    ...     "l1")]
    [0.2, 0.55, 0.2]
    """
    way = [box]
    for _ in range(steps):
        way.append(way[-1] - rate * box_gradient(LOSSES[loss], way[-1], target))
    return torch.stack(way)
