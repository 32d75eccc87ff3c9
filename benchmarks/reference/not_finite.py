"""What one number that is not finite does to the match and the loss: transformers' and ours."""

import warnings

import torch
from transformers.loss.loss_for_object_detection import HungarianMatcher as ReferenceMatcher
from transformers.loss.loss_for_object_detection import ImageLoss

from helpers import HungarianMatcher, SetCriterion

NAN, INF = float("nan"), float("inf")
NUM_CLASSES = 3
TERMS = ["labels", "boxes", "cardinality"]
# Where the value goes: the field, the predictions, the columns.
CASES = {
    "NaN in the logits of one prediction": ("logits", [1], slice(None), NAN),
    "NaN in all logits": ("logits", slice(None), slice(None), NAN),
    "NaN in one predicted box": ("pred_boxes", [1], slice(None), NAN),
    "an infinite centre of one predicted box": ("pred_boxes", [1], [0], INF),
    "an infinite logit": ("logits", [1], [0], INF),
}


def batch(field, predictions, columns, value):
    """Four predictions, two targets, and one value that is not finite."""
    generator = torch.Generator().manual_seed(0)
    outputs = {
        "logits": torch.randn(1, 4, NUM_CLASSES + 1, generator=generator),
        "pred_boxes": 0.3 + 0.2 * torch.rand(1, 4, 4, generator=generator),
    }
    for prediction in range(4)[predictions] if isinstance(predictions, slice) else predictions:
        outputs[field][0, prediction, columns] = value
    targets = [{"class_labels": torch.tensor([0, 1]), "boxes": 0.3 + 0.2 * torch.rand(2, 4, generator=generator)}]
    return outputs, targets


def outcome(matcher, criterion, case):
    """What happens: an error by its name, or the matched predictions and the terms that are not finite."""
    outputs, targets = batch(*CASES[case])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            ((prediction, _),) = matcher(outputs, targets)
            losses = criterion(outputs, targets)
        except (ValueError, RuntimeError, IndexError) as error:
            return f"raises {type(error).__name__}"
    lost = [name for name, value in losses.items() if not torch.isfinite(torch.as_tensor(value)).all()]
    said = "warns" if caught else "in silence"
    return f"{said}: match {sorted(prediction.tolist())}, " + (
        f"not finite: {', '.join(lost)}" if lost else "all finite"
    )


def facts():
    """For each case what transformers does, and what `helpers` does."""
    theirs = ReferenceMatcher(1, 5, 2)
    ours = HungarianMatcher()
    pairs = {
        "transformers": (theirs, ImageLoss(theirs, NUM_CLASSES, 0.1, TERMS)),
        "helpers": (ours, SetCriterion(ours, NUM_CLASSES)),
    }
    return {case: {name: outcome(*pair, case) for name, pair in pairs.items()} for case in CASES}
