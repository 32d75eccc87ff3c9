"""The way into transformers: its models call our loss in place of their own."""

import torch

from helpers.contract import check_divisor
from helpers.loss import SetCriterion, mean_over_processes
from helpers.matcher import HungarianMatcher

SERVED = ("YolosConfig", "DetrConfig", "TableTransformerConfig")


def as_transformers_loss(matcher=None, num_boxes=None, class_weight_sum=None, **criterion):
    """The loss as a function that transformers' models call: `model.loss_function =
    as_transformers_loss()`.

    Serves YOLOS, DETR, Table Transformer and DETR segmentation; `helpers.later.transformers_loss`
    serves some models with a focal loss. Any other is refused with a ValueError.

    Args:
        matcher: replaces the one that is built from the model's config.
        num_boxes, class_weight_sum: divisors for every call that computes gradients, as
            `SetCriterion` takes them; attributes of what is returned, so that a training can set
            them anew: see `AccumulatesWholeBatches`. **criterion: other arguments of
            `SetCriterion`: eos_coef, losses, weights, global_class_normalizer, terms. What is not
            given comes from the model's config.

    Returns a `TransformersLoss`, called as `(logits, labels, device, pred_boxes, [pred_masks,]
    config, ...)`, which gives (loss, loss_dict, auxiliary_outputs), and can be pickled and copied
    with its model.

    Source: `ForObjectDetectionLoss` and `ForSegmentationLoss` of transformers.

    >>> from transformers import YolosConfig, YolosForObjectDetection
    >>> sizes = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1,
    ...     "intermediate_size": 8}
    >>> model = YolosForObjectDetection(YolosConfig(**sizes, image_size=[16, 16],
    ...     num_detection_tokens=3, num_labels=4))
    >>> model.loss_function = as_transformers_loss()
    >>> labels = [{"class_labels": torch.tensor([3]), "boxes": torch.tensor([[0.5, 0.5, 0.2,
    ...     0.3]])}]
    >>> list(model(torch.zeros(1, 3, 16, 16), labels=labels).loss_dict)
    ['loss_ce', 'loss_bbox', 'loss_giou', 'cardinality_error']
    """
    return TransformersLoss(matcher, num_boxes, class_weight_sum, **criterion)


class TransformersLoss:
    """What `as_transformers_loss` returns.

    A subclass says which models it serves, and with which parts.
    """

    def __init__(self, matcher=None, num_boxes=None, class_weight_sum=None, **criterion):
        self.matcher = matcher
        self.num_boxes = check_divisor("num_boxes", num_boxes)
        self.class_weight_sum = check_divisor("class_weight_sum", class_weight_sum)
        self.given = {name: value for name, value in criterion.items() if value is not None}
        SetCriterion(
            HungarianMatcher() if matcher is None else matcher, 1, **self.given
        )  # refuses what does not fit

    def __call__(self, logits, labels, device, pred_boxes, *rest, **kwargs):
        pred_masks = kwargs.pop("pred_masks", None)
        if rest and isinstance(rest[0], torch.Tensor):
            pred_masks, rest = rest[0], rest[1:]
        names = ("config", "outputs_class", "outputs_coord")
        given = {**dict.fromkeys(names), **kwargs, **dict(zip(names, rest))}
        config = given["config"]
        self.refuse(config, logits, pred_masks)
        outputs = {"logits": logits, "pred_boxes": pred_boxes}
        if pred_masks is not None:
            outputs["pred_masks"] = pred_masks
        auxiliary_outputs = None
        if config.auxiliary_loss:
            if given["outputs_class"] is None or given["outputs_coord"] is None:
                name = type(config).__name__
                raise ValueError(
                    f"{name} has auxiliary_loss, but outputs_class and outputs_coord of the layers "
                    "are None."
                )
            # One entry per layer but the last, which `outputs` already holds.
            pairs = zip(given["outputs_class"][:-1], given["outputs_coord"][:-1])
            auxiliary_outputs = [{"logits": a, "pred_boxes": b} for a, b in pairs]
            outputs["auxiliary_outputs"] = auxiliary_outputs
        criterion = self.criterion(config, with_masks=pred_masks is not None)
        # An evaluation divides by its own numbers, whatever a training has set.
        divisors = (self.num_boxes, self.class_weight_sum) if torch.is_grad_enabled() else ()
        loss_dict = criterion(outputs, labels, *divisors)
        return criterion.total(loss_dict), loss_dict, auxiliary_outputs

    def criterion(self, config, with_masks=False):
        """The `SetCriterion` of a model: what was given, and the rest from its config."""
        parts = self.parts(config)
        weights = {
            "loss_bbox": config.bbox_loss_coefficient,
            "loss_giou": config.giou_loss_coefficient,
        }
        losses = ("labels", "boxes", "cardinality")
        if with_masks:
            losses += ("masks",)
            weights |= {
                "loss_mask": config.mask_loss_coefficient,
                "loss_dice": config.dice_loss_coefficient,
            }
        merged = {
            "losses": losses,
            **parts,
            **self.given,
            "weights": weights | self.given.get("weights", {}),
        }
        merged["terms"] = parts.get("terms", {}) | self.given.get("terms", {})
        matcher = self.default_matcher(config) if self.matcher is None else self.matcher
        return SetCriterion(matcher, config.num_labels, **merged)

    def default_matcher(self, config):
        """The matcher of a model, with the weights of its config."""
        return HungarianMatcher(config.class_cost, config.bbox_cost, config.giou_cost)

    def parts(self, config):
        """Arguments of `SetCriterion` that follow from a model's config."""
        return {"eos_coef": config.eos_coefficient}

    def refuse(self, config, logits, pred_masks):
        """Raise ValueError unless the model is one of those served."""
        name = type(config).__name__
        if hasattr(config, "focal_alpha") or hasattr(config, "focal_loss_alpha"):
            raise ValueError(
                f"{name} belongs to a model with a focal loss and no no-object class; "
                "as_transformers_loss serves the "
                "softmax models, YOLOS, DETR and Table Transformer, and "
                "helpers.later.transformers_loss some others."
            )
        if not served(config, SERVED):
            raise ValueError(
                f"{name} belongs to a model that as_transformers_loss does not know; it serves "
                "YOLOS, DETR and Table "
                "Transformer: call SetCriterion yourself."
            )
        columns = config.num_labels + 1
        if logits.shape[-1] != columns:
            raise ValueError(
                f"logits have {logits.shape[-1]} columns, and "
                f"config.num_labels={config.num_labels} needs {columns}, "
                "no-object last: give the config and the model's head the same number of classes."
            )


def served(config, names):
    """Whether a config, or a class that it inherits from, has one of these names."""
    return any(base.__name__ in names for base in type(config).__mro__)


class AccumulatesWholeBatches:
    """Mixed into transformers' `Trainer`: gradients of small batches, accumulated, are those of the
    large batch.

    `class MyTrainer(AccumulatesWholeBatches, Trainer): pass`, with `model.loss_function =
    as_transformers_loss()`.
    transformers counts the items of an accumulated batch for language models only: a detection loss
    then weighs an object of a crowded small batch less than one of an empty one."""

    def get_batch_samples(self, epoch_iterator, num_batches, device):
        batches, num_items = super().get_batch_samples(epoch_iterator, num_batches, device)
        targets = [target for batch in batches for target in batch["labels"]]
        if targets:
            loss, config = self.model.loss_function, self.model.config
            if not isinstance(loss, TransformersLoss):
                raise TypeError(
                    "model.loss_function is not ours; set it to as_transformers_loss() before you "
                    "train."
                )
            queries = getattr(config, "num_detection_tokens", None) or config.num_queries
            num_boxes, weight_sum = loss.criterion(config).normalizers(queries, targets)
            # The Trainer divides the sum of the losses by the number of batches.
            loss.num_boxes = mean_over_processes(num_boxes, targets[0]["boxes"].to(device)) / len(
                batches
            )
            loss.class_weight_sum = weight_sum / len(batches)
        return batches, num_items
