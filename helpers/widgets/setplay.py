"""SetPlay: a set of free guesses settles on targets, step by step, without a network."""

import numpy as np
import torch
import traitlets

from helpers.targets import coco_target
from helpers.training.free import (
    EOS_COEF,
    LEARNING_RATE,
    NUM_CLASSES,
    NUM_GUESSES,
    RULES,
    FreeGuesses,
    settle,
    start_of,
)
from helpers.widgets.parts import Piece, clean_box, page, refuse

STARTS = 3  # that the page offers: the seeds 0, 1, 2
MOST_TARGETS = NUM_GUESSES
LARGEST = 1000.0  # of a parameter or a moment
LAST_STEP = 1500
SHARED = ("axes", "geometry", "lossbar", "names", "player", "scene", "scene_hands")  # with others
OWN = tuple(f"setplay_{part}" for part in ("descent", "charts", "controls"))


class SetPlay(Piece):
    """Twelve free boxes and class scores, the real costs, match and loss, and a play button.

    Args:
        targets: one dict (or a list of one) with "class_labels" (T,) and "boxes" (T, 4), at most
            12; default: those of the running example.
        rule: who chooses the owners, one of `helpers.training.free.RULES`.
        k: how many guesses each target has under "one-to-many", 1 to 6.
        shuffle: list the targets in another order at every step.
        start: which of the three starts, 0 to 2.
        controls: which controls to offer, some of `CONTROLS`; default all. Reset is always there.
        large: for a projector.

    TraitError or ValueError for names, shapes and numbers that do not fit; boxes are moved into the
    image, k and start to the nearest allowed value.

    `guesses` and `frame` hold the present state as `helpers.training.free` computes it.

    >>> play = SetPlay(rule="greedy")
    >>> play.frame.claims, len(play.frame.pairs)
    (12, 5)
    """

    _esm, _css = page("setplay", *SHARED, *OWN)
    SCENE = ("target_boxes", "labels")
    WAY = ("rule", "k", "shuffle")
    PLACE = ("step", "parameters", "moments")
    STATE = CHECKED = (*SCENE, *WAY, "start", *PLACE)
    CONTROLS = ("play", "speed", "rule", "shuffle", "start", "targets")
    target_boxes = traitlets.List().tag(sync=True)
    labels = traitlets.List().tag(sync=True)
    rule = traitlets.Enum(list(RULES), "optimal").tag(sync=True)
    k = traitlets.Int(2).tag(sync=True)
    shuffle = traitlets.Bool(False).tag(sync=True)
    start = traitlets.Int(0).tag(sync=True)
    step = traitlets.Int(0).tag(sync=True)
    parameters = traitlets.List().tag(sync=True)  # (N, 4 + K + 1), before sigmoid and softmax
    moments = traitlets.List().tag(sync=True)  # Adam's two means, each like the parameters, or none
    starts = traitlets.List().tag(sync=True)
    constants = traitlets.Dict().tag(sync=True)

    def __init__(self, targets=None, start=0, **options):
        starts = [start_of(seed).tolist() for seed in range(STARTS)]
        start = min(max(start, 0), STARTS - 1)
        super().__init__(
            starts=starts,
            start=start,
            parameters=starts[start],
            constants={"eosCoef": EOS_COEF, "rate": LEARNING_RATE, "lastStep": LAST_STEP},
            **read_targets(running_targets() if targets is None else targets),
            **options,
        )

    @traitlets.validate("target_boxes")
    def _clean_boxes(self, proposal):
        boxes = proposal["value"]
        if len(boxes) != len(self.labels) or len(boxes) > MOST_TARGETS:
            counts = f"{len(boxes)} boxes and {len(self.labels)} labels"
            raise traitlets.TraitError(f"there are {counts}; give as many, {MOST_TARGETS} at most.")
        return [refuse(clean_box, box) for box in boxes]

    @traitlets.validate("labels")
    def _clean_labels(self, proposal):
        labels = proposal["value"]
        for label in labels:
            if (
                isinstance(label, bool)
                or not isinstance(label, int)
                or not 0 <= label < NUM_CLASSES
            ):
                raise traitlets.TraitError(f"{label!r} is no label; give 0 to {NUM_CLASSES - 1}.")
        if len(labels) != len(self.target_boxes):
            counts = f"{len(labels)} labels and {len(self.target_boxes)} boxes"
            raise traitlets.TraitError(f"there are {counts}; give as many.")
        return labels

    @traitlets.validate("k", "start", "step")
    def _clamp(self, proposal):
        low, high = {"k": (1, 6), "start": (0, STARTS - 1), "step": (0, LAST_STEP)}[
            proposal["trait"].name
        ]
        return min(max(proposal["value"], low), high)

    @traitlets.validate("parameters")
    def _clean_parameters(self, proposal):
        return refuse(clean_rows, proposal["value"])

    @traitlets.validate("moments")
    def _clean_moments(self, proposal):
        means = proposal["value"]
        if len(means) not in (0, 2):
            raise traitlets.TraitError(
                f"there are {len(means)} moments; Adam has two, or none yet."
            )
        means = [refuse(clean_rows, mean) for mean in means]
        if means and np.min(means[1]) < 0:
            raise traitlets.TraitError("the second moment is a mean of squares, never negative.")
        return means

    def recompute(self):
        guesses, target = self.guesses, self.target
        frame = guesses.look(target)
        owns = np.zeros((NUM_GUESSES, len(self.labels)))
        for guess, place in frame.pairs:
            owns[guess, place] = 1
        guesses.move(target)
        after = guesses.parameters.detach().numpy()
        losses = [*frame.losses.values(), frame.set_loss]
        return [*losses, frame.claims, *owns.ravel(), *after.ravel()]

    @property
    def target(self):
        """The targets: {"class_labels" (T,), "boxes" (T, 4)}, float64."""
        boxes = torch.tensor(self.target_boxes, dtype=torch.float64).reshape(-1, 4)
        return {"class_labels": torch.tensor(self.labels, dtype=torch.int64), "boxes": boxes}

    @property
    def guesses(self):
        """The guesses as they are now: `helpers.training.free.FreeGuesses`."""
        way = {name: getattr(self, name) for name in self.WAY}
        return FreeGuesses(self.parameters, self.moments, self.step, **way)

    @property
    def frame(self):
        """The match and the loss now: `helpers.training.free.Frame`."""
        return self.guesses.look(self.target)

    @property
    def text(self):
        frame = self.frame
        listed = ", the targets listed anew at every step" if self.shuffle else ""
        return (
            f"{NUM_GUESSES} free guesses and {len(self.labels)} targets at step {self.step}, "
            f"matched by the rule “{self.rule}”{listed}. {frame.claims} guesses claim an object; "
            f"with the best match the loss is {frame.set_loss:.2f}."
        )

    def figure(self, steps=(0, 30, 300)):
        """The run from the chosen start as a static figure: guesses and owners after some steps."""
        from helpers import figures

        fig, panels = figures.new_figure(3.6 * len(steps), 4, columns=len(steps))
        way = {name: getattr(self, name) for name in self.WAY}
        run = settle(self.target, self.start, max(steps), **way)
        panels = dict(zip(steps, np.atleast_1d(panels)))
        for place, (guesses, frame) in enumerate(run):
            if place in panels:
                draw_frame(panels[place], guesses, frame, self.target)
        return fig


def draw_frame(axes, guesses, frame, target):
    """Guesses, targets and the lines of the match on plain paper, with what it all costs."""
    from PIL import Image

    from helpers import figures

    paper = Image.new("RGB", (128, 128), "#f6f6f6")
    boxes = guesses.outputs["pred_boxes"][0].detach()
    logits = guesses.outputs["logits"][0].detach()
    likeliest = logits.argmax(1).tolist()
    names = [
        letter + (f" {figures.label_name(label)}" if label < logits.shape[1] - 1 else "")
        for letter, label in zip(figures.LETTERS, likeliest)
    ]
    owners = {guess for guess, _ in frame.pairs}
    strengths = [1 if guess in owners else 0.4 for guess in range(len(boxes))]
    figures.draw_image(axes, paper, f"Step {guesses.step}: loss {frame.set_loss:.2f}")
    figures.draw_targets(axes, paper, target)
    figures.draw_predictions(axes, paper, boxes, names, None, strengths)
    match = tuple(zip(*frame.pairs)) or ((), ())
    figures.draw_match_lines(axes, paper, boxes, target["boxes"], match)


def running_targets():
    """The five targets of the running example."""
    from helpers.scenes import running_example

    image, annotation = running_example()
    return coco_target(annotation, *image.size)


def read_targets(targets):
    """Targets of one image as plain lists: {"target_boxes", "labels"}. ValueError for several."""
    if not isinstance(targets, dict):
        if len(targets) != 1:
            raise ValueError(f"targets holds {len(targets)} images; give one.")
        (targets,) = targets
    boxes = torch.as_tensor(targets["boxes"], dtype=torch.float64).reshape(-1, 4)
    return {
        "target_boxes": boxes.numpy().round(6).tolist(),
        "labels": torch.as_tensor(targets["class_labels"]).tolist(),
    }


def clean_rows(rows):
    """Twelve rows of 15 finite numbers, moved into -1000 to 1000. ValueError for anything else."""
    values = np.array(rows, dtype=np.float64)
    shape = (NUM_GUESSES, 4 + NUM_CLASSES + 1)
    if values.shape != shape or not np.isfinite(values).all():
        raise ValueError(f"parameters and moments are {shape} finite numbers, not {values.shape}.")
    return values.clip(-LARGEST, LARGEST).tolist()
