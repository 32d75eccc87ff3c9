"""Class and mask terms of detectors after DETR, as `SetCriterion(terms=...)` takes them.

Each is called with a `helpers.loss.Matched` and the criterion, and returns scalars by key. A class
term also says how many classes its logits hold (`count_classes`) and which predictions claim an
object (`claims`). Those for sigmoid heads go with `helpers.later.costs.FocalCost` in the matcher:

>>> from helpers.later.costs import FocalCost
>>> from helpers.matcher import HungarianMatcher
>>> matcher = HungarianMatcher(costs={"class_cost": FocalCost()})
>>> criterion = SetCriterion(matcher, num_classes=3, terms={"labels": FocalLoss()})
>>> outputs = {"logits": torch.zeros(1, 2, 3), "pred_boxes": torch.tensor([[[.2, .2, .1, .1], [.7,
...     .7, .2, .2]]])}
>>> targets = [{"class_labels": torch.tensor([2]), "boxes": torch.tensor([[0.7, 0.7, 0.2, 0.3]])}]
>>> round(float(criterion(outputs, targets)["loss_ce"]), 3)
0.693
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch.nn import functional as F

from helpers import contract
from helpers.later.costs import focal_loss, goals_and_overlap, quality_loss, varifocal_loss
from helpers.later.matches import Groups
from helpers.loss import SetCriterion, mean_over_processes
from helpers.masks import every_layers_mask_losses


class SigmoidLoss:
    """What the class terms of sigmoid heads share: K columns, each a yes or no of its own."""

    def count_classes(self, columns):
        return columns

    def claims(self, logits):
        """Whether a prediction claims an object: some class is more likely than not.

        (B, N, K) -> (B, N).
        """
        return logits.amax(-1) > 0


@dataclass(frozen=True)
class FocalLoss(SigmoidLoss):
    """The term "loss_ce" of Deformable DETR: see `helpers.later.costs.focal_loss`.

    Args: alpha, gamma: of the focal loss; class_weights: K numbers, or None for 1 each;
    label_smoothing: the goals 0 and 1 become s / 2 and 1 - s / 2."""

    alpha: float = 0.25
    gamma: float = 2.0
    class_weights: tuple | None = None
    label_smoothing: float = 0.0

    def __post_init__(self):
        _check(self)

    def __call__(self, matched, criterion):
        goals, _ = goals_and_overlap(matched)
        goals = goals * (1 - self.label_smoothing) + self.label_smoothing / 2
        weights = _class_weights(self.class_weights, matched.logits)
        return {
            "loss_ce": focal_loss(
                matched.logits, goals, matched.num_boxes, self.alpha, self.gamma, weights
            )
        }


@dataclass(frozen=True)
class VarifocalLoss(SigmoidLoss):
    """The term "loss_vfl" of RT-DETR: see `helpers.later.costs.varifocal_loss`."""

    alpha: float = 0.75
    gamma: float = 2.0
    total_weights: ClassVar = {"loss_vfl": 1.0}

    def __post_init__(self):
        _check(self)

    def __call__(self, matched, criterion):
        goals, overlap = goals_and_overlap(matched)
        loss = varifocal_loss(
            matched.logits, goals, overlap, matched.num_boxes, self.alpha, self.gamma
        )
        return {"loss_vfl": loss}


@dataclass(frozen=True)
class QualityLoss(SigmoidLoss):
    """The term "loss_ce" of LW-DETR, for a blend of probability and IoU: see
    `helpers.later.costs.quality_loss`.
    """

    alpha: float = 0.25
    gamma: float = 2.0

    def __post_init__(self):
        _check(self)

    def __call__(self, matched, criterion):
        goals, overlap = goals_and_overlap(matched)
        loss = quality_loss(
            matched.logits, goals, overlap, matched.num_boxes, self.alpha, self.gamma
        )
        return {"loss_ce": loss}


@dataclass(frozen=True)
class SoftmaxLoss:
    """The term "loss_ce" of DETR with weights for the classes and smooth labels.

    Args: class_weights: K numbers, or None for 1 each; no-object weighs `eos_coef`, as ever.
    label_smoothing: as in `torch.nn.functional.cross_entropy`, in [0, 1)."""

    class_weights: tuple | None = None
    label_smoothing: float = 0.0

    def __post_init__(self):
        _check(self)

    def __call__(self, matched, criterion):
        logits = matched.logits
        classes = F.pad(matched.labels, (0, 1), value=criterion.num_classes)[
            matched.owner
        ]  # (B * N,), -1 is no-object
        weight = _class_weights(self.class_weights, logits[..., :-1])
        weight = torch.cat([weight, weight.new_tensor([criterion.eos_coef])])
        summed = F.cross_entropy(
            logits.flatten(0, 1),
            classes,
            weight,
            reduction="sum",
            label_smoothing=self.label_smoothing,
        )
        total = matched.class_weight_sum
        if total is None:
            total = float(weight[classes].sum())
            total = (
                mean_over_processes(total, logits) if criterion.global_class_normalizer else total
            )
        return {"loss_ce": summed / max(total, torch.finfo(torch.float32).tiny)}

    def matched_weight(self, labels, num_matched):
        """What matched predictions of these labels weigh: the sum of their classes' weights."""
        if self.class_weights is None:
            return num_matched
        if num_matched < len(labels):
            raise ValueError(
                "targets hold more objects than there are predictions; which weigh is for the "
                "match to say."
            )
        return float(sum(self.class_weights[label] for label in labels.tolist()))


class EveryLayersMasks:
    """The terms "loss_mask" and "loss_dice" of every layer with "pred_masks", not of the last
    alone: Mask2Former.
    """

    def __call__(self, matched, criterion):
        if matched.depth and "pred_masks" not in matched.outputs:
            return {}
        return every_layers_mask_losses(matched)


class GroupCriterion(SetCriterion):
    """`SetCriterion` for a matcher with `assign=in_groups(count)`: a target counts once for each
    group.

    Group DETR (Chen et al. 2022) trains with groups and answers with the first alone: evaluate that
    with a `SetCriterion`. `LwDetrImageLoss` of transformers goes on with all groups in `eval()`.
    """

    def __init__(self, matcher, *arguments, **more):
        super().__init__(matcher, *arguments, **more)
        if not isinstance(getattr(matcher, "assign", None), Groups):
            raise TypeError(
                "matcher has no groups; give HungarianMatcher(assign=in_groups(count))."
            )

    def count_boxes(self, labels, logits):
        return super().count_boxes(labels, logits) * self.matcher.assign.count

    def normalizers(self, num_predictions, targets):
        contract.check_num_predictions(num_predictions)
        count = self.matcher.assign.count  # each group answers for all targets
        num_boxes, class_weight_sum = super().normalizers(max(num_predictions // count, 1), targets)
        return num_boxes * count, class_weight_sum * count


def _class_weights(given, logits):
    """The weights of the classes beside logits (..., K): (K,)."""
    weights = logits.new_ones(logits.shape[-1]) if given is None else logits.new_tensor(given)
    if len(weights) != logits.shape[-1]:
        raise ValueError(
            f"class_weights has {len(weights)} numbers; give one for each of {logits.shape[-1]} "
            "classes."
        )
    return weights


def _check(loss):
    """Raise unless the numbers of a class loss are of some use; they become floats."""
    for name in ("alpha", "gamma", "label_smoothing"):
        if hasattr(loss, name):
            number = contract.check_number(name, getattr(loss, name), least=0)
            if number > 1 and name != "gamma":
                raise ValueError(f"{name} is {number}; give a number from 0 to 1.")
            object.__setattr__(loss, name, number)
    if getattr(loss, "class_weights", None) is not None:
        given = loss.class_weights
        if isinstance(given, np.ndarray) or (isinstance(given, torch.Tensor) and not given.is_meta):
            given = given.tolist()
        if not isinstance(given, (list, tuple)):
            raise TypeError(
                f"class_weights is {type(given).__name__}; give a list with a number for each "
                "class."
            )
        weights = (contract.check_number("class_weights", weight, least=0) for weight in given)
        object.__setattr__(loss, "class_weights", tuple(weights))
