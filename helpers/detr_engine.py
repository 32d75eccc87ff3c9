"""The way into DETR's own training: its `engine.py` runs with our criterion, under DETR's names."""

from collections.abc import Mapping

import torch
from torch import nn

from helpers.contract import check_functions, check_weights
from helpers.loss import SetCriterion, base_name

OUR_NAMES = {"pred_logits": "logits", "aux_outputs": "auxiliary_outputs", "labels": "class_labels"}


class DetrCriterion(nn.Module):
    """A `SetCriterion` under the names of DETR's repository, as `train_one_epoch` and `evaluate` of
    its engine call it.

    Args: as for `SetCriterion`, and weight_dict, in place of its `weights`, with keys of earlier
    layers or without.

    Called with outputs of "pred_logits", "pred_boxes", "aux_outputs", "pred_masks" and targets of
    "labels", "boxes", "masks"; whatever else these hold, such as "image_id" or "orig_size", is let
    be. It returns the terms of `SetCriterion` and "class_error", the percentage of matched
    predictions whose best class is not their target's.
    `weight_dict` holds the weight of each term, and may be changed: of an earlier layer's term that
    it does not name it learns that of the last layer in the call.

    Source: `SetCriterion` in `models/detr.py` of DETR.

    >>> from helpers.matcher import HungarianMatcher
    >>> criterion = DetrCriterion(HungarianMatcher(), num_classes=3)
    >>> outputs = {"pred_logits": torch.zeros(1, 2, 4), "pred_boxes": torch.full((1, 2, 4), 0.5)}
    >>> targets = [{"labels": torch.tensor([1]), "boxes": torch.tensor([[0.5, 0.5, 0.2, 0.3]])}]
    >>> losses = criterion(outputs, targets)
    >>> float(losses["class_error"]), criterion.weight_dict["loss_giou"]
    (100.0, 2.0)
    """

    def __init__(self, matcher, num_classes, *arguments, terms=None, weight_dict=None, **more):
        super().__init__()
        terms = {"class_error": class_error} | check_functions(
            "terms", terms, '{"labels": FocalLoss()}'
        )
        self.criterion = SetCriterion(matcher, num_classes, *arguments, terms=terms, **more)
        self.weight_dict = check_weights(
            self.criterion.weights if weight_dict is None else weight_dict, None
        )

    def forward(self, outputs, targets):
        if isinstance(targets, (list, tuple)):
            targets = [in_our_names(target) for target in targets]
        losses = self.criterion(in_our_names(outputs), targets)
        weights = self.weight_dict
        self.weight_dict = {
            key: weights[base_name(key)] for key in losses if base_name(key) in weights
        } | weights
        return losses


@torch.no_grad()
def class_error(matched, criterion=None):
    """ "class_error": the percentage of the last layer's matched predictions with another best
    class, 100 of none.
    """
    if matched.depth:
        return {}
    best = matched.of_pairs(matched.logits).argmax(-1)
    right = (best == matched.labels).float().sum() / max(len(best), 1)
    return {"class_error": 100 - 100 * right}


def in_our_names(fields):
    """Outputs or a target of DETR under the names of `SetCriterion`, earlier layers included; the
    rest as it is.

    >>> in_our_names({"pred_logits": 1, "aux_outputs": [{"pred_logits": 2}], "image_id": 3})
    {'logits': 1, 'auxiliary_outputs': [{'logits': 2}], 'image_id': 3}
    """
    if not isinstance(fields, Mapping):
        return fields  # SetCriterion has the sentence
    for theirs, ours in OUR_NAMES.items():
        if theirs in fields and ours in fields:
            raise ValueError(
                f'There are both "{theirs}" and "{ours}" in the outputs or a target; give one of '
                "them."
            )
    renamed = {OUR_NAMES.get(name, name): value for name, value in fields.items()}
    if isinstance(renamed.get("auxiliary_outputs"), (list, tuple)):
        renamed["auxiliary_outputs"] = [
            in_our_names(layer) for layer in renamed["auxiliary_outputs"]
        ]
    return renamed
