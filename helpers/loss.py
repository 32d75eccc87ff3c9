"""The set-prediction loss of DETR and YOLOS: all predictions are judged on their class, matched
ones on their boxes.
"""

from dataclasses import dataclass
from itertools import accumulate

import numpy as np
import torch
from torch import distributed, nn
from torch.nn import functional as F

from helpers import contract
from helpers.boxes import at_least_float32, center_to_corners, generalized_box_iou
from helpers.masks import mask_losses
from helpers.matcher import HungarianMatcher

TOTAL_WEIGHTS = {
    "loss_ce": 1.0,
    "loss_bbox": 5.0,
    "loss_giou": 2.0,
    "loss_mask": 1.0,
    "loss_dice": 1.0,
}


class SetCriterion(nn.Module):
    """The loss after the match. Called with `(outputs, targets)` it returns a dict of scalars.

    Outputs and targets as for `HungarianMatcher`, which raises on what does not fit;
    "auxiliary_outputs" is a list of the same dicts, one for each earlier layer. The masks need
    "pred_masks" (B, N, h, w), logits of any size, and "masks" (T, H, W) bool in each target.

    Args:
        matcher: any callable `(outputs, targets) -> [(prediction_index, target_index), ...]`; a
            recorded match too.
        num_classes: K, without the no-object class, whose index is K.
        eos_coef: weight of the no-object class in the cross-entropy, which is a weighted *mean*
            over all predictions.
        losses: any of "labels", "boxes", "cardinality", "masks".
        weights: what `total` multiplies each term with; default 1, 5, 2 for class, L1, GIoU and 1,
            1 for the masks.
        global_class_normalizer: average the cross-entropy over the predictions of all processes, as
            the box terms are. The reference averages over each process's own, which is also the
            default here.
        terms: other functions by name: `{"labels": focal}` replaces one, a new name adds one. Each
            is called as `function(matched, criterion)`, with a `Matched`, and returns scalars by
            key, of which `total` takes those that `weights` names. One in place of "labels" may say
            how many classes the logits hold, and which predictions claim an object, as
            `helpers.later.losses.FocalLoss` does.

    Keys: "loss_ce"; "loss_bbox" and "loss_giou", summed over matched pairs and divided by
    `num_boxes`; "cardinality_error", a metric without gradient; "loss_mask" and "loss_dice"; and
    the same with "_0", "_1", ... for `outputs["auxiliary_outputs"]`, each layer matched by itself
    (masks only for the last layer).

    A prediction that a custom matcher gives to several targets has the class of the last of them,
    and counts once.

    `num_boxes` is the number of targets (all of them, matched or not), at least 1. Where gradients
    are on, it is averaged over all processes, which must then all call; under `torch.no_grad()`
    each process has its own, so that one may evaluate alone (the reference always waits for the
    others). Give it, and `class_weight_sum`, to make
    several small batches add up to one large one: see `normalizers`.

    Source: DETR, equation 2 and appendix A.2; same numbers as transformers' `ImageLoss`, but for
    masks of unequal size, where that counts the padding.

    >>> outputs = {"logits": torch.zeros(1, 2, 4), "pred_boxes": torch.tensor([[[.2, .2, .1, .1],
    ...     [.7, .7, .2, .2]]])}
    >>> targets = [{"class_labels": torch.tensor([0]), "boxes": torch.tensor([[0.7, 0.7, 0.2,
    ...     0.3]])}]
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
        terms=None,
    ):
        super().__init__()
        contract.check_matcher(matcher)
        contract.check_num_classes(num_classes)
        self.matcher, self.num_classes = matcher, num_classes
        self.eos_coef = contract.check_number("eos_coef", eos_coef, least=0)
        terms = contract.check_functions("terms", terms, '{"labels": FocalLoss()}')
        self.terms = TERMS | terms
        chosen = contract.check_names("losses", losses, self.terms)
        self.losses = chosen + tuple(name for name in terms if name not in {*TERMS, *chosen})
        # A term may bring the weights of its own keys; what was asked for goes before both.
        self.weights = dict(TOTAL_WEIGHTS)
        for term in terms.values():
            self.weights |= getattr(term, "total_weights", {})
        known = None if terms else TOTAL_WEIGHTS
        self.weights |= contract.check_weights({} if weights is None else weights, known)
        self.global_class_normalizer = contract.check_switch(
            "global_class_normalizer", global_class_normalizer
        )

    def forward(self, outputs, targets, num_boxes=None, class_weight_sum=None):
        layers = contract.layers_of(outputs)
        contract.check_layers(layers, targets)
        self._check_columns(outputs["logits"])
        labels, boxes, sizes = contract.flatten_targets(targets, self.num_classes)
        class_weight_sum = contract.check_divisor("class_weight_sum", class_weight_sum)
        num_boxes = contract.check_divisor("num_boxes", num_boxes)
        if num_boxes is None:
            num_boxes = self.count_boxes(labels, outputs["logits"])
        truth = Truth(targets, labels, boxes, sizes, num_boxes, class_weight_sum)

        losses = {}
        for depth, (layer, pairs) in enumerate(zip(layers, self._match(layers, truth))):
            matched = Matched(layer, truth, pairs, depth)
            suffix = f"_{depth - 1}" if depth else ""  # the last layer stands first, and has none
            for name in self.losses:
                found = contract.check_term(name, self.terms[name](matched, self))
                losses.update({key + suffix: value for key, value in found.items()})
        return losses

    def count_boxes(self, labels, logits):
        """What the box terms are divided by: the number of targets in all processes, divided by
        theirs, at least 1.
        """
        return max(mean_over_processes(float(len(labels)), logits), 1.0)

    def total(self, losses):
        """The weighted sum of the terms that have a weight: not of the cardinality error."""
        # Nothing is multiplied by 1 or added to 0: in a small batch each call counts.
        weighted = [
            value if self.weights[base] == 1 else self.weights[base] * value
            for key, value in losses.items()
            if (base := base_name(key)) in self.weights
        ]
        return sum(weighted[1:], weighted[0]) if weighted else 0

    def normalizers(self, num_predictions, targets):
        """`num_boxes` and `class_weight_sum` of targets that are spread over several calls, for one
        process.

        Args: num_predictions: N; targets: the dicts of *all* the small batches. Returns two floats
        to pass to each call; the sum of the calls' losses (and gradients) then equals one call with
        everything. It counts for a one-to-one match: a matcher that pairs a target with several
        predictions needs its own `class_weight_sum`."""
        contract.check_num_predictions(num_predictions)
        labels, _, sizes = contract.flatten_targets(targets, self.num_classes)
        matched = sum(min(num_predictions, size) for size in sizes)
        unmatched = len(sizes) * num_predictions - matched
        weigh = getattr(self.terms["labels"], "matched_weight", _one_each)
        return max(float(sum(sizes)), 1.0), weigh(labels, matched) + self.eos_coef * unmatched

    def _check_columns(self, logits):
        found = contract.count_classes(self.terms["labels"], logits)
        if found != self.num_classes:
            missing = logits.shape[-1] - found  # 1 for no-object, or 0
            raise ValueError(
                f'outputs["logits"] has {logits.shape[-1]} columns; num_classes={self.num_classes} '
                "needs "
                f"{self.num_classes + missing}{', no-object last' if missing else ''}."
            )

    def _match(self, layers, truth):
        # Ours has seen no mistake that we have not: all layers go in at once, past its own checks.
        if type(self.matcher) is HungarianMatcher:
            if self.matcher.classes_in(layers[0]["logits"]) < self.num_classes:
                raise ValueError(
                    "matcher takes the last column of the logits for no-object, and the class loss "
                    "does not; give both "
                    "the same kind of class head, such as FocalCost and FocalLoss."
                )
            return self.matcher._match_checked(
                layers, truth.targets, (truth.labels, truth.boxes, truth.sizes)
            )
        # Any other is asked layer by layer, as DETR asks its own.
        plain = [
            {name: value for name, value in layer.items() if name != "auxiliary_outputs"}
            for layer in layers
        ]
        return [self.matcher(layer, truth.targets) for layer in plain]


@dataclass
class Truth:
    """The targets of one call, and what its terms are divided by."""

    targets: list  # one dict per image
    labels: torch.Tensor  # (sum of T,), of all images one after another
    boxes: torch.Tensor  # (sum of T, 4)
    sizes: list  # T of each image
    num_boxes: float
    class_weight_sum: float | None  # None: that of this call


class Matched:
    """One layer's outputs beside what they were matched with: a row for each of M pairs.

    The terms read from it.

    `image`, `prediction` (M,), `labels` (M,) and `boxes` (M, 4) belong together; `target` (M,) is
    the place in its image. `owner` (B * N,) is the row of each prediction, -1 for those without a
    target. `depth` is 0 for the last layer, 1, 2, ... for the auxiliary ones; `num_boxes` and
    `class_weight_sum` as in `SetCriterion`."""

    def __init__(self, outputs, truth, pairs, depth=0):
        self.outputs, self.depth = outputs, depth
        self.targets, self.sizes = truth.targets, truth.sizes
        self.num_boxes, self.class_weight_sum = truth.num_boxes, truth.class_weight_sum
        self.logits = at_least_float32(outputs["logits"])
        self.pred_boxes = at_least_float32(outputs["pred_boxes"])
        device, (num_images, num_predictions) = self.logits.device, self.logits.shape[:2]

        # Indices are made on the CPU, where they come from; in NumPy, the last of several stays.
        indices = contract.join_pairs(pairs, num_predictions, truth.sizes)
        self.image, self.prediction = (index.to(device) for index in indices[:2])
        image, prediction, target = (index.numpy() for index in indices)
        self.target, self.counts = indices[2], np.bincount(image, minlength=num_images)
        place = image * num_predictions + prediction
        owner = np.full(num_images * num_predictions, -1)
        owner[place] = np.arange(len(place))
        self.num_matched = np.count_nonzero(owner >= 0)
        self.owner, self.place = (torch.from_numpy(index).to(device) for index in (owner, place))

        # Rows of the flat targets; cast before they move: not every device has float64.
        starts = np.array([0, *accumulate(truth.sizes)])
        row = torch.from_numpy(starts[image] + target).to(truth.labels.device)
        self.labels = truth.labels.index_select(0, row).to(device)
        self.boxes = truth.boxes.index_select(0, row).to(self.pred_boxes.dtype).to(device)

    def of_pairs(self, values):
        """Matched rows, (B, N, ...) -> (M, ...); M = 0 keeps its place in the graph."""
        return values.flatten(0, 1).index_select(0, self.place)

    def targets_per_image(self):
        """The matched targets of each image, as indices into its own."""
        return self.target.split(self.counts.tolist())


def label_loss(matched, criterion):
    """ "loss_ce": the cross-entropy of all predictions, weighted by `eos_coef` where there is no
    object.
    """
    # (B * N,): the target's label at the matched predictions; elsewhere -1 picks the last entry,
    # no-object.
    classes = F.pad(matched.labels, (0, 1), value=criterion.num_classes)[matched.owner]
    # (K + 1,): most predictions have no object, and would drown the others.
    weight = matched.logits.new_ones(criterion.num_classes + 1)
    weight[-1] = criterion.eos_coef
    summed = F.cross_entropy(matched.logits.flatten(0, 1), classes, weight, reduction="sum")
    # A weighted mean: divided by the sum of the weights, not by the number of predictions.
    weight_sum = matched.class_weight_sum
    if weight_sum is None:
        weight_sum = matched.num_matched + criterion.eos_coef * (len(classes) - matched.num_matched)
        if criterion.global_class_normalizer:
            weight_sum = mean_over_processes(weight_sum, matched.logits)
    return {"loss_ce": summed / max(weight_sum, torch.finfo(torch.float32).tiny)}


def box_losses(matched, criterion=None):
    """ "loss_bbox" and "loss_giou" of the matched pairs, summed and divided by `num_boxes`."""
    predicted = matched.of_pairs(matched.pred_boxes)  # (M, 4)
    giou = generalized_box_iou(
        center_to_corners(predicted), center_to_corners(matched.boxes)
    )  # pair by pair: (M,)
    return {
        "loss_bbox": (predicted - matched.boxes).abs().sum() / matched.num_boxes,
        "loss_giou": (1 - giou).sum() / matched.num_boxes,
    }


@torch.no_grad()
def cardinality_error(matched, criterion):
    """ "cardinality_error": by how many each image's claimed objects miss its targets, averaged
    over the images.
    """
    claims = getattr(criterion.terms["labels"], "claims", _best_is_no_other)
    objects = claims(matched.logits).float().sum(1)
    return {"cardinality_error": (objects - objects.new_tensor(matched.sizes)).abs().mean()}


TERMS = {
    "labels": label_loss,
    "boxes": box_losses,
    "cardinality": cardinality_error,
    "masks": mask_losses,
}


def base_name(key):
    """Drop the layer from a key of the loss: "loss_ce_3" is weighted like the last layer's.

    >>> base_name("loss_ce_3"), base_name("cardinality_error")
    ('loss_ce', 'cardinality_error')
    """
    name, _, depth = key.rpartition("_")
    return name if depth.isdigit() else key


def mean_over_processes(value, like):
    """Sum over all processes, divided once by their number: gradients are averaged by the same
    number later.

    Only where gradients are on, as in a training step that all processes take: one may evaluate
    alone. The sum is made on the device of `like`, and in its precision, float32 at least."""
    if not (
        distributed.is_available() and distributed.is_initialized() and torch.is_grad_enabled()
    ):
        return value
    total = torch.tensor(value, dtype=at_least_float32(like).dtype, device=like.device)
    distributed.all_reduce(total, op=distributed.ReduceOp.SUM)
    return float(total) / distributed.get_world_size()


def _one_each(labels, num_matched):
    """What matched predictions weigh in the class loss, where all classes weigh the same."""
    return num_matched


def _best_is_no_other(logits):
    """Whether a prediction's best class is an object: (..., K + 1) -> (...)."""
    return logits[..., :-1].amax(-1) >= logits[..., -1]
