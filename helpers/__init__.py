"""The matcher and the set-prediction loss of DETR and YOLOS, and what it takes to teach them.

The loss itself, to be read in this order:

1. `boxes`: two formats and two measures of overlap
2. `costs`: what it costs to pair a prediction with a target
3. `assignment`: choosing pairs so that the sum is least, looked into
4. `contract`: what is refused, and in which words
5. `targets`: what a data set must hold
6. `fused`: the sum of the costs once more, fast; the one thing said twice, to be skipped at first
7. `matcher`: which prediction answers for which target
8. `masks`: the mask terms
9. `loss`: what is learned from the match
10. `transformers_loss`: the way into transformers' models
11. `detr_engine`: the way into DETR's own training

Then what it is shown on (`detector` and its `loading`, `pictures`, `scenes`, `evaluation`,
`meters`, `training`, `later`), what serves a reader's own data and training (`clinic`), and on top
what draws, moves and grades (`figures`, `widgets`, `checks`).

Importing this package loads nothing: a name is fetched when it is first asked for, with torch,
numpy and scipy at most; the others load their own libraries when they are first used."""

from importlib import import_module

import helpers._moved  # noqa: F401

TYPE_CHECKING = False
if TYPE_CHECKING:  # for editors, and for tools that follow imports
    from helpers.boxes import (
        box_area,
        box_iou,
        center_to_corners,
        corners_to_center,
        generalized_box_iou,
    )
    from helpers.costs import bbox_cost, class_cost, giou_cost
    from helpers.loss import SetCriterion
    from helpers.matcher import HungarianMatcher
    from helpers.targets import validate_targets
    from helpers.transformers_loss import as_transformers_loss

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
HOMES = ("boxes", "costs", "loss", "matcher", "targets", "transformers_loss")  # where they live


def __getattr__(name):
    if name in __all__:
        for home in map(import_module, (f"helpers.{home}" for home in HOMES)):
            if getattr(getattr(home, name, None), "__module__", None) == home.__name__:
                return getattr(home, name)
    raise AttributeError(f"module 'helpers' has no attribute {name!r}")
