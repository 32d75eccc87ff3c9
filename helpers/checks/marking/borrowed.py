"""Whether an answer calls what it was to write: seen while it runs, whatever name it goes by."""

import sys
from contextlib import contextmanager

LIBRARIES = ("helpers", "scipy", "torchvision", "transformers")
MATCHERS = ("HungarianMatcher", "greedy", "brute_force", "hungarian", "lapx", "argmin")
WHOLE_LOSSES = ("SetCriterion", "TransformersLoss", "DetrCriterion", "ImageLoss")
# For each exercise the functions and classes that are its answer, of whichever of these libraries.
# What a text allows is not here: the costs in `match_batch`, the matcher in `set_loss`.
ANSWERS = {
    "slice_detection_states": ("detection_states",),
    "to_targets": (
        "coco_target",
        "prepare_coco_detection_annotation",
        "prepare_annotation",
    ),
    "class_cost": ("class_cost", "HungarianMatcher"),
    "giou": (
        "generalized_box_iou",
        "giou_cost",
        "generalized_box_iou_loss",
        "box_losses",
        "HungarianMatcher",
    ),
    "greedy_match": MATCHERS,
    "match_batch": ("HungarianMatcher",),
    "classification_loss": (*WHOLE_LOSSES, "label_loss", "SoftmaxLoss"),
    "set_loss": WHOLE_LOSSES,
    "dice_loss": ("dice_loss", "dice_cost", "mask_losses"),
    "who_reads": ("may_read",),
    "focal_cost": ("focal_cost", "FocalCost", "focal_terms"),
}


@contextmanager
def watching(exercise, seen):
    """Add to the set `seen` what of an exercise's answer is called while the block runs.

    >>> from helpers import generalized_box_iou
    >>> import torch
    >>> seen, box = set(), torch.tensor([0.0, 0, 1, 1])
    >>> with watching("giou", seen):
    ...     float(generalized_box_iou(box, box))
    1.0
    >>> seen
    {'helpers.generalized_box_iou'}
    """
    answers = ANSWERS.get(exercise, ())

    def note(frame, event, argument):
        if event == "call":
            module, name = frame.f_globals.get("__name__") or "", frame.f_code.co_qualname
            library, first = module.partition(".")[0], name.partition(".")[0]
            if library in LIBRARIES and first in answers:
                seen.add(f"{library}.{first}")

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        yield
    finally:
        sys.setprofile(before)
