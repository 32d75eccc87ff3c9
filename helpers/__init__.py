"""The matcher and the set-prediction loss of DETR and YOLOS, and what it takes to teach them.

Importing this package loads torch, numpy and scipy at most. `helpers.detector`, `helpers.scenes`, `helpers.figures`
and the others load their own libraries when they are first used.
"""

import helpers._moved  # noqa: F401
from helpers.boxes import box_area, box_iou, center_to_corners, corners_to_center, generalized_box_iou
from helpers.costs import bbox_cost, class_cost, giou_cost
from helpers.loss import SetCriterion, as_transformers_loss
from helpers.matcher import HungarianMatcher
from helpers.targets import validate_targets

__all__ = [
    "HungarianMatcher",
    "SetCriterion",
    "as_transformers_loss",
    "bbox_cost",
    "box_area",
    "box_iou",
    "center_to_corners",
    "class_cost",
    "corners_to_center",
    "generalized_box_iou",
    "giou_cost",
    "validate_targets",
]
