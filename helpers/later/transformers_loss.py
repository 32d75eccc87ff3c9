"""The way into transformers for models with a focal loss and no no-object class."""

from helpers.later.costs import FocalCost
from helpers.later.losses import FocalLoss
from helpers.matcher import HungarianMatcher
from helpers.transformers_loss import TransformersLoss, served

SERVED = ("DeformableDetrConfig", "ConditionalDetrConfig", "DabDetrConfig")


def as_focal_transformers_loss(matcher=None, num_boxes=None, class_weight_sum=None, **criterion):
    """The loss as a function that transformers' models call: `model.loss_function =
    as_focal_transformers_loss()`.

    Serves object detection with Deformable, Conditional and DAB-DETR, with the numbers of
    transformers; any other model is refused with a ValueError. Arguments as for
    `helpers.transformers_loss.as_transformers_loss`.

    Source: `DeformableDetrForObjectDetectionLoss` of transformers. Its segmentation loss matches
    with softmax what it trains with sigmoids, and is not offered.

    >>> import torch
    >>> from transformers import ConditionalDetrConfig
    >>> loss_function = as_focal_transformers_loss()
    >>> outputs = torch.zeros(1, 2, 3), torch.full((1, 2, 4), 0.5)
    >>> labels = [{"class_labels": torch.tensor([2]), "boxes": torch.tensor([[0.5, 0.5, 0.2,
    ...     0.3]])}]
    >>> loss, _, _ = loss_function(outputs[0], labels, "cpu", outputs[1],
    ...     ConditionalDetrConfig(num_labels=3))
    >>> round(float(loss), 2)  # 5 * 0.5 of L1, 2 * 0.76 of GIoU and 0.69 of class
    4.71
    """
    return FocalTransformersLoss(matcher, num_boxes, class_weight_sum, **criterion)


class FocalTransformersLoss(TransformersLoss):
    """What `as_focal_transformers_loss` returns."""

    def default_matcher(self, config):
        weights = config.class_cost, config.bbox_cost, config.giou_cost
        return HungarianMatcher(*weights, costs={"class_cost": FocalCost()})

    def parts(self, config):
        return {"terms": {"labels": FocalLoss(alpha=config.focal_alpha)}}

    def refuse(self, config, logits, pred_masks):
        name = type(config).__name__
        if not served(config, SERVED):
            raise ValueError(
                f"{name} belongs to a model that as_focal_transformers_loss does not know; it "
                "serves Deformable, "
                "Conditional and DAB-DETR, and as_transformers_loss the models with softmax."
            )
        if pred_masks is not None:
            raise ValueError(
                f"{name} comes with masks; as_focal_transformers_loss serves object detection only."
            )
        if logits.shape[-1] != config.num_labels:
            raise ValueError(
                f"logits have {logits.shape[-1]} columns, and config.num_labels is "
                f"{config.num_labels}: give the "
                "config and the model's head the same number of classes."
            )
