"""The set-prediction loss of DETR and YOLOS: all predictions are judged on their class, matched ones on their boxes."""

from collections.abc import Mapping

import numpy as np
import torch
from torch import distributed, nn
from torch.nn import functional as F

from helpers.boxes import at_least_float32, center_to_corners, generalized_box_iou
from helpers.contract import check_layers, check_masks, check_num_classes, check_number, flatten_targets, join_pairs
from helpers.matcher import HungarianMatcher

TOTAL_WEIGHTS = {"loss_ce": 1.0, "loss_bbox": 5.0, "loss_giou": 2.0, "loss_mask": 1.0, "loss_dice": 1.0}


class SetCriterion(nn.Module):
    """The loss after the match. Called with `(outputs, targets)` it returns a dict of scalars.

    Outputs and targets as for `HungarianMatcher`, which raises on what does not fit; "auxiliary_outputs" is a list of
    the same dicts, one for each earlier layer. The masks need "pred_masks" (B, N, h, w), logits of any size, and
    "masks" (T, H, W) bool in each target.

    Args:
        matcher: any callable `(outputs, targets) -> [(prediction_index, target_index), ...]`; a recorded match too.
        num_classes: K, without the no-object class, whose index is K.
        eos_coef: weight of the no-object class in the cross-entropy, which is a weighted *mean* over all predictions.
        losses: any of "labels", "boxes", "cardinality", "masks".
        weights: what `total` multiplies each term with; default 1, 5, 2 for class, L1, GIoU and 1, 1 for the masks.
        global_class_normalizer: average the cross-entropy over the predictions of all processes, as the box terms
            are. The reference averages over each process's own, which is also the default here.

    Keys: "loss_ce"; "loss_bbox" and "loss_giou", summed over matched pairs and divided by `num_boxes`;
    "cardinality_error", a metric without gradient; "loss_mask" and "loss_dice"; and the same with "_0", "_1", ... for
    `outputs["auxiliary_outputs"]`, each layer matched by itself (masks only for the last layer).

    A prediction that a custom matcher gives to several targets has the class of the last of them, and counts once.

    `num_boxes` is the number of targets (all of them, matched or not), averaged over the processes, at least 1. Give
    it, and `class_weight_sum`, to make several small batches add up to one large one: see `normalizers`.

    Source: DETR, equation 2 and appendix A.2; same numbers as transformers' `ImageLoss`.

    >>> outputs = {"logits": torch.zeros(1, 2, 4), "pred_boxes": torch.tensor([[[.2, .2, .1, .1], [.7, .7, .2, .2]]])}
    >>> targets = [{"class_labels": torch.tensor([0]), "boxes": torch.tensor([[0.7, 0.7, 0.2, 0.3]])}]
    >>> criterion = SetCriterion(HungarianMatcher(), num_classes=3)
    >>> losses = criterion(outputs, targets)
    >>> {name: round(float(value), 4) for name, value in losses.items()}
    {'loss_ce': 1.3863, 'loss_bbox': 0.1, 'loss_giou': 0.3333, 'cardinality_error': 1.0}
    >>> round(float(criterion.total(losses)), 3)
    2.553
    """

    def __init__(
        self,
        matcher,
        num_classes,
        eos_coef=0.1,
        losses=("labels", "boxes", "cardinality"),
        weights=None,
        global_class_normalizer=False,
    ):
        super().__init__()
        check_num_classes(num_classes)
        check_number("eos_coef", eos_coef, least=0)
        if not callable(matcher):
            raise TypeError(f"matcher is {matcher!r}; give a callable such as HungarianMatcher().")
        unknown = [name for name in losses if name not in _TERMS]
        if unknown:
            raise ValueError(f"losses names {unknown[0]!r}; use some of {sorted(_TERMS)}.")
        self.matcher, self.num_classes, self.eos_coef, self.losses = matcher, num_classes, eos_coef, tuple(losses)
        self.weights = {**TOTAL_WEIGHTS, **(weights or {})}
        unknown = [name for name in self.weights if name not in TOTAL_WEIGHTS]
        if unknown:
            raise ValueError(f"weights names {unknown[0]!r}; use some of {sorted(TOTAL_WEIGHTS)}.")
        self.global_class_normalizer = global_class_normalizer

    def forward(self, outputs, targets, num_boxes=None, class_weight_sum=None):
        layers = _layers_of(outputs)
        check_layers(layers, targets)
        for name, number in (("num_boxes", num_boxes), ("class_weight_sum", class_weight_sum)):
            if number is not None:
                check_number(name, number)
                if number <= 0:
                    raise ValueError(f"{name} is {number}; give that of all batches together, as `normalizers` does.")
        if outputs["logits"].shape[-1] != self.num_classes + 1:
            raise ValueError(
                f'outputs["logits"] has {outputs["logits"].shape[-1]} columns; num_classes={self.num_classes} needs '
                f"{self.num_classes + 1}, no-object last."
            )
        labels, boxes, sizes = flatten_targets(targets, self.num_classes)
        if num_boxes is None:
            num_boxes = max(_mean_over_processes(float(len(labels)), labels.device), 1.0)
        matches = self._match(layers, targets)
        losses = {}
        for depth, (layer, indices) in enumerate(zip(layers, matches)):
            batch = _Matched(layer, targets, indices, labels, boxes, sizes)
            suffix = "" if depth == 0 else f"_{depth - 1}"
            for name in self.losses:
                if name == "masks" and depth > 0:
                    continue
                terms = _TERMS[name](self, batch, num_boxes, class_weight_sum)
                losses.update({key + suffix: value for key, value in terms.items()})
        return losses

    def total(self, losses):
        """The weighted sum of all terms that have a weight: a scalar. The cardinality error has none."""
        weighted = [
            self.weights[base] * value for key, value in losses.items() if (base := _base_name(key)) in self.weights
        ]
        return sum(weighted)

    def normalizers(self, num_predictions, targets):
        """`num_boxes` and `class_weight_sum` of targets that are spread over several calls, for one process.

        Args: num_predictions: N; targets: the dicts of *all* the small batches. Returns two floats to pass to each
        call; the sum of the calls' losses (and gradients) then equals one call with everything. It counts for a
        one-to-one match: a matcher that pairs a target with several predictions needs its own `class_weight_sum`.
        """
        matched = sum(min(num_predictions, len(target["class_labels"])) for target in targets)
        unmatched = len(targets) * num_predictions - matched
        num_boxes = sum(len(target["class_labels"]) for target in targets)
        return max(float(num_boxes), 1.0), matched + self.eos_coef * unmatched

    def _match(self, layers, targets):
        if hasattr(self.matcher, "match_layers"):
            return self.matcher.match_layers(layers, targets)
        plain = [{name: value for name, value in layer.items() if name != "auxiliary_outputs"} for layer in layers]
        return [self.matcher(layer, targets) for layer in plain]

    def _loss_labels(self, batch, num_boxes, class_weight_sum):
        # (B * N,): the target's label at the matched predictions; elsewhere -1 picks the last entry, no-object.
        classes = F.pad(batch.labels, (0, 1), value=self.num_classes)[batch.owner]
        weight = batch.logits.new_ones(self.num_classes + 1)
        weight[-1] = self.eos_coef
        summed = F.cross_entropy(batch.logits.flatten(0, 1), classes, weight, reduction="sum")
        if class_weight_sum is None:
            class_weight_sum = batch.num_matched + self.eos_coef * (len(classes) - batch.num_matched)
            if self.global_class_normalizer:
                class_weight_sum = _mean_over_processes(class_weight_sum, batch.logits.device)
        return {"loss_ce": summed / max(class_weight_sum, torch.finfo(torch.float32).tiny)}

    @torch.no_grad()
    def _loss_cardinality(self, batch, num_boxes, class_weight_sum):
        objects = (batch.logits[..., :-1].amax(-1) >= batch.logits[..., -1]).sum(1)
        return {"cardinality_error": (objects - objects.new_tensor(batch.sizes)).abs().float().mean()}

    def _loss_boxes(self, batch, num_boxes, class_weight_sum):
        predicted = batch.pred_boxes[batch.image, batch.prediction]  # (M, 4); M = 0 keeps its place in the graph
        target = batch.boxes.to(predicted.dtype)
        giou = generalized_box_iou(center_to_corners(predicted), center_to_corners(target))  # pair by pair: (M,)
        return {
            "loss_bbox": (predicted - target).abs().sum() / num_boxes,
            "loss_giou": (1 - giou).sum() / num_boxes,
        }

    def _loss_masks(self, batch, num_boxes, class_weight_sum):
        """Focal and dice loss of matched pairs, predictions enlarged to the targets' canvas; padding is left out."""
        if "pred_masks" not in batch.outputs:
            raise ValueError('outputs has no "pred_masks"; drop "masks" from losses or give (B, N, h, w) mask logits.')
        pred_masks = batch.outputs["pred_masks"]
        if not isinstance(pred_masks, torch.Tensor):
            raise TypeError(f'outputs["pred_masks"] is {type(pred_masks).__name__}; make it a tensor (B, N, h, w).')
        pred_masks = at_least_float32(pred_masks)
        if pred_masks.ndim != 4 or pred_masks.shape[:2] != batch.logits.shape[:2]:
            shape, (num_images, num_predictions) = tuple(pred_masks.shape), batch.logits.shape[:2]
            raise ValueError(
                f'outputs["pred_masks"] has shape {shape}; make it ({num_images}, {num_predictions}, h, w).'
            )
        for image, target in enumerate(batch.targets):
            check_masks(image, target)
        masks = [target["masks"] for target in batch.targets]
        canvas = (max(mask.shape[-2] for mask in masks), max(mask.shape[-1] for mask in masks))
        selected = pred_masks[batch.image, batch.prediction][:, None]  # (M, 1, h, w)
        selected = F.interpolate(selected, size=canvas, mode="bilinear", align_corners=False)[:, 0].flatten(1)
        padded, valid = [], []
        for mask, target_index in zip(masks, batch.targets_per_image()):
            height, width = mask.shape[-2:]
            margins = (0, canvas[1] - width, 0, canvas[0] - height)
            padded.append(F.pad(mask[target_index.to(mask.device)].to(selected), margins))
            inside = F.pad(selected.new_ones(height, width), margins)
            valid.append(inside.expand(len(target_index), -1, -1))
        ink, valid = torch.cat(padded).flatten(1), torch.cat(valid).flatten(1)  # (M, H * W) both
        if ((ink < 0) | (ink > 1)).any():
            wrong = next(i for i, mask in enumerate(masks) if ((mask < 0) | (mask > 1)).any())
            raise ValueError(f'targets[{wrong}]["masks"] holds other numbers than 0 and 1; make it torch.bool.')
        return {
            "loss_mask": _focal_loss(selected, ink, valid).sum() / num_boxes,
            "loss_dice": _dice_loss(selected, ink, valid).sum() / num_boxes,
        }


_TERMS = {
    "labels": SetCriterion._loss_labels,
    "boxes": SetCriterion._loss_boxes,
    "cardinality": SetCriterion._loss_cardinality,
    "masks": SetCriterion._loss_masks,
}


def _layers_of(outputs):
    """The last layer's outputs, then the auxiliary ones."""
    auxiliary = outputs.get("auxiliary_outputs") if isinstance(outputs, Mapping) else None
    if not isinstance(auxiliary, (list, tuple, type(None))):
        raise TypeError(f'outputs["auxiliary_outputs"] is {type(auxiliary).__name__}; make it a list of dicts.')
    return [outputs, *(auxiliary or ())]


class _Matched:
    """One layer's outputs beside what they were matched with: `image`, `prediction`, `labels`, `boxes`, one row a pair.

    `owner` (B * N,) is the row of each prediction, -1 for those without a target.
    """

    def __init__(self, outputs, targets, pairs, labels, boxes, sizes):
        self.outputs, self.targets, self.sizes = outputs, targets, sizes
        self.logits = at_least_float32(outputs["logits"])
        self.pred_boxes = at_least_float32(outputs["pred_boxes"])
        device, (num_images, num_predictions) = self.logits.device, self.logits.shape[:2]
        # Indices are joined on the CPU, where they come from.
        image, prediction, target = join_pairs(pairs, num_predictions, sizes)
        owner = np.full(num_images * num_predictions, -1)
        owner[(image * num_predictions + prediction).numpy()] = np.arange(len(image))  # numpy: the last one stays
        self.num_matched = int((owner >= 0).sum())
        self.owner, self.image, self.prediction = (
            index.to(device) for index in (torch.from_numpy(owner), image, prediction)
        )
        self.target, self.counts = target, np.bincount(image.numpy(), minlength=num_images)
        starts = torch.tensor([0, *sizes[:-1]]).cumsum(0)
        row = (starts[image] + target).to(labels.device)
        self.labels, self.boxes = labels[row].to(device), boxes[row].to(device)

    def targets_per_image(self):
        """The matched targets of each image, as indices into its own."""
        return self.target.split(self.counts.tolist())


def as_transformers_loss(matcher=None):
    """The loss as a function that transformers' models call: `model.loss_function = as_transformers_loss()`.

    Serves YOLOS, DETR, Table Transformer and DETR segmentation; every weight comes from the model's config, and
    `matcher` replaces the one built from it. Models with a focal loss (Deformable, Conditional, DAB-DETR) are refused.

    Returns a function `(logits, labels, device, pred_boxes, [pred_masks,] config, ...) -> (loss, loss_dict,
    auxiliary_outputs)`. Source: `ForObjectDetectionLoss` and `ForSegmentationLoss` of transformers.

    >>> from helpers.training.recipe import Recipe, build_model
    >>> model = build_model(Recipe(hidden_size=32, layers=1))
    >>> model.loss_function = as_transformers_loss()
    >>> labels = [{"class_labels": torch.tensor([3]), "boxes": torch.tensor([[0.5, 0.5, 0.2, 0.3]])}]
    >>> list(model(torch.zeros(1, 3, 128, 128), labels=labels).loss_dict)
    ['loss_ce', 'loss_bbox', 'loss_giou', 'cardinality_error']
    """

    def loss_function(logits, labels, device, pred_boxes, *rest, **kwargs):
        pred_masks = kwargs.pop("pred_masks", None)
        if rest and isinstance(rest[0], torch.Tensor):
            pred_masks, rest = rest[0], rest[1:]
        names = ("config", "outputs_class", "outputs_coord")
        given = {**dict.fromkeys(names), **kwargs, **dict(zip(names, rest))}
        config = given["config"]
        if hasattr(config, "focal_alpha") or logits.shape[-1] != config.num_labels + 1:
            raise ValueError(
                f"{type(config).__name__} belongs to a model with a focal loss and no no-object class; "
                "as_transformers_loss serves the softmax models: YOLOS, DETR, Table Transformer."
            )
        outputs = {"logits": logits, "pred_boxes": pred_boxes}
        losses = ("labels", "boxes", "cardinality")
        weights = {"loss_bbox": config.bbox_loss_coefficient, "loss_giou": config.giou_loss_coefficient}
        if pred_masks is not None:
            outputs["pred_masks"] = pred_masks
            losses += ("masks",)
            weights |= {"loss_mask": config.mask_loss_coefficient, "loss_dice": config.dice_loss_coefficient}
        auxiliary_outputs = None
        if config.auxiliary_loss:
            # One entry per layer but the last, which `outputs` already holds.
            pairs = zip(given["outputs_class"][:-1], given["outputs_coord"][:-1])
            auxiliary_outputs = [{"logits": a, "pred_boxes": b} for a, b in pairs]
            outputs["auxiliary_outputs"] = auxiliary_outputs
        chosen = matcher or HungarianMatcher(config.class_cost, config.bbox_cost, config.giou_cost)
        criterion = SetCriterion(chosen, config.num_labels, config.eos_coefficient, losses, weights)
        loss_dict = criterion(outputs, labels)
        return criterion.total(loss_dict), loss_dict, auxiliary_outputs

    return loss_function


def _base_name(key):
    """Drop the layer: "loss_ce_3" -> "loss_ce", which counts like the last layer's."""
    name, _, depth = key.rpartition("_")
    return name if depth.isdigit() else key


def _mean_over_processes(value, device):
    """Sum over all processes, divided once by their number: gradients are averaged by the same number later."""
    if not (distributed.is_available() and distributed.is_initialized()):
        return value
    total = torch.tensor(value, dtype=torch.float64, device=device)
    distributed.all_reduce(total, op=distributed.ReduceOp.SUM)
    return float(total) / distributed.get_world_size()


def _focal_loss(logits, ink, valid, alpha=0.25, gamma=2):
    """Mean over the valid pixels of the focal loss: (M, P) logits, {0, 1} ink, {0, 1} valid -> (M,).

    Source: RetinaNet, equation 5; `sigmoid_focal_loss` of transformers.
    """
    probability = logits.sigmoid()
    cross_entropy = F.binary_cross_entropy_with_logits(logits, ink, reduction="none")
    right = probability * ink + (1 - probability) * (1 - ink)  # p_t
    balance = alpha * ink + (1 - alpha) * (1 - ink)
    loss = balance * cross_entropy * (1 - right) ** gamma
    return (loss * valid).sum(1) / valid.sum(1).clamp(min=1)


def _dice_loss(logits, ink, valid):
    """One minus the dice overlap of the valid pixels, smoothed by one pixel: (M, P) -> (M,).

    Source: V-Net (Milletari et al. 2016); `dice_loss` of transformers.
    """
    probability = logits.sigmoid() * valid
    overlap = 2 * (probability * ink).sum(1)
    return 1 - (overlap + 1) / (probability.sum(1) + ink.sum(1) + 1)
