"""What pieces share that hold the predictions and the targets of one image."""

from string import ascii_uppercase as LETTERS

import torch
import traitlets

from helpers.widgets.parts import Piece


class MatchedScene(Piece):
    """Predictions and targets of one image, as lists that the page knows and as tensors."""

    boxes = traitlets.List().tag(sync=True)
    logits = traitlets.List().tag(sync=True)
    target_boxes = traitlets.List().tag(sync=True)
    labels = traitlets.List().tag(sync=True)

    @property
    def outputs(self):
        """The predictions: "logits" (1, N, K + 1) and "pred_boxes" (1, N, 4), float64."""
        values = {"logits": self.logits, "pred_boxes": self.boxes}
        return {
            name: torch.tensor(rows, dtype=torch.float64)[None] for name, rows in values.items()
        }

    @property
    def targets(self):
        """The targets: a list with one dict of "class_labels" (T,) and "boxes" (T, 4)."""
        boxes = torch.tensor(self.target_boxes, dtype=torch.float64).reshape(
            -1, 4
        )  # also where T is 0
        return [{"class_labels": torch.tensor(self.labels, dtype=torch.int64), "boxes": boxes}]

    @property
    def names(self):
        """What the predictions are called."""
        return [prediction_name(n) for n in range(len(self.boxes))]

    def draw_scene(self, axes, image, match=None):
        """Targets and predictions on an image; with a match its lines, and whoever has no target is
        faint.
        """
        from helpers import figures

        (target,), pred_boxes = self.targets, self.outputs["pred_boxes"][0]
        strengths = None
        if match is not None:
            matched = match[0].tolist()
            strengths = [1 if n in matched else 0.45 for n in range(len(pred_boxes))]
        figures.draw_image(axes, image)
        figures.draw_targets(axes, image, target)
        figures.draw_predictions(axes, image, pred_boxes, self.names, None, strengths)
        if match is not None:
            figures.draw_match_lines(axes, image, pred_boxes, target["boxes"], match)


def prediction_name(place):
    """A, B, ... Z, and P27 for the twenty-seventh.

    >>> prediction_name(0), prediction_name(26)
    ('A', 'P27')
    """
    return LETTERS[place] if place < len(LETTERS) else f"P{place + 1}"
