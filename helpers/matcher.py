"""The bipartite matcher: which prediction answers for which target."""

from itertools import accumulate

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import nn

from helpers import contract
from helpers.boxes import at_least_float32
from helpers.costs import STANDARD_COSTS, cost_matrices, cost_rows, image_of_each, weighted_sum
from helpers.fused import can_fuse, fused_rows

DEAREST = 1e150  # beyond it a cost counts as none: sums of such costs overflow


class HungarianMatcher(nn.Module):
    """Pair each target with one prediction of its image so that the summed cost is least.

    The cost of a pair is `class_cost * -p(class) + bbox_cost * L1 + giou_cost * -GIoU`; see
    `helpers.costs`.

    Args:
        class_cost, bbox_cost, giou_cost: the weights, 1, 5, 2 as in `YolosConfig` and the paper.
            Not all may be 0.
        costs: other cost functions by name: `{"class_cost": focal}` replaces one, a new name is
            added with weight 1. Each is called as `function(outputs, targets, image_index)` with
            outputs (B, N, ...), `class_labels` (T,) and `boxes` (T, 4) of all images one after
            another, and `image_index` (T,); it returns (N, T), as in `helpers.costs`. Any other
            field that all targets have, such as "masks", is a list with one entry per image, and
            "canvas" (H, W) the size of the largest mask. A class cost for logits without a
            no-object column says so: its `count_classes(columns)` returns K, as that of
            `helpers.later.costs.FocalCost`.
        assign: the solver, called with the (N, T) cost matrix of one image as a float64 array; it
            returns the arrays (prediction_index, target_index). Default:
            `scipy.optimize.linear_sum_assignment`.

    Called with `(outputs, targets)`, outputs a dict of "logits" (B, N, K + 1), no-object last, and
    "pred_boxes" (B, N, 4), normalised (cx, cy, w, h); targets one dict per image of "class_labels"
    (T,) int64 and "boxes" (T, 4). It returns one `(prediction_index, target_index)` per image:
    int64 on the CPU, min(N, T) long, sorted by prediction. If an image has more targets than
    predictions, the dearest targets get none, with a warning. Pairs of non-finite cost are matched
    last, with a warning. No gradient passes. Whatever does not fit raises TypeError or ValueError
    with a sentence that names the argument, the image and the cure.

    Source: DETR, equation 1; same matches as transformers' `HungarianMatcher`, which computes every
    prediction of the batch against every target of the batch and throws all but 1/B of it away.

    >>> outputs = {"logits": torch.zeros(1, 2, 4), "pred_boxes": torch.tensor([[[.2, .2, .1, .1],
    ...     [.7, .7, .2, .2]]])}
    >>> targets = [{"class_labels": torch.tensor([0]), "boxes": torch.tensor([[0.7, 0.7, 0.2,
    ...     0.3]])}]
    >>> HungarianMatcher()(outputs, targets)
    [(tensor([1]), tensor([0]))]
    """

    def __init__(
        self, class_cost=1.0, bbox_cost=5.0, giou_cost=2.0, costs=None, assign=linear_sum_assignment
    ):
        super().__init__()
        self.class_cost = contract.check_number("class_cost", class_cost)
        self.bbox_cost = contract.check_number("bbox_cost", bbox_cost)
        self.giou_cost = contract.check_number("giou_cost", giou_cost)
        self.costs = STANDARD_COSTS | contract.check_functions(
            "costs", costs, '{"class_cost": focal}'
        )
        if "total" in self.costs:
            raise ValueError('costs names "total", which is the sum of all; use another name.')
        if not any(self.weight(name) for name in self.costs):
            raise ValueError(
                "class_cost, bbox_cost and giou_cost are all 0; give at least one of them a weight."
            )
        if not callable(assign):
            raise TypeError(
                f"assign is {contract.shown(assign)}; give a function such as "
                "scipy.optimize.linear_sum_assignment."
            )
        self.assign = assign

    def weight(self, name):
        """The weight of a cost: the three standard ones have their own, any other counts once."""
        return getattr(self, name) if name in STANDARD_COSTS else 1.0

    def classes_in(self, logits):
        """K, the number of classes that the class cost reads in logits (B, N, columns)."""
        return contract.count_classes(self.costs["class_cost"], logits)

    def forward(self, outputs, targets):
        return self.match_layers([outputs], targets)[0]

    def match_layers(self, layers, targets):
        """Match several layers' outputs with the same targets at once: one list of pairs per layer.

        The layers stand in for more images: on a GPU, and in small batches, there is one pass over
        all costs and one copy to the host, however many layers there are."""
        contract.check_layers(layers, targets)
        return self._match_checked(
            layers, targets, contract.flatten_targets(targets, self.classes_in(layers[0]["logits"]))
        )

    @torch.no_grad()
    def cost_matrices(self, outputs, targets):
        """The matrices behind the match: per image a dict of unweighted costs and their weighted
        "total", each (N, T).

        >>> outputs = {"logits": torch.zeros(1, 3, 4), "pred_boxes": torch.rand(1, 3, 4)}
        >>> targets = [{"class_labels": torch.tensor([0, 2]), "boxes": torch.rand(2, 4)}]
        >>> matrices = HungarianMatcher().cost_matrices(outputs, targets)[0]
        >>> list(matrices), matrices["total"].shape
        (['class_cost', 'bbox_cost', 'giou_cost', 'total'], torch.Size([3, 2]))
        """
        contract.check_layers([outputs], targets)
        joined = contract.flatten_targets(targets, self.classes_in(outputs["logits"]))
        (outputs,), flat, sizes = self._on_one_device([outputs], targets, joined)
        matrices = cost_matrices(
            self.costs, outputs, flat, image_of_each(sizes, outputs["logits"].device)
        )
        matrices["total"] = weighted_sum(matrices, {name: self.weight(name) for name in matrices})
        split = {name: matrix.split(sizes, dim=1) for name, matrix in matrices.items()}
        return [
            {name: parts[image] for name, parts in split.items()} for image in range(len(sizes))
        ]

    def _match_checked(self, layers, targets, joined):
        """`match_layers` of what `helpers.contract` has seen: `SetCriterion` comes in here, so that
        it looks once.
        """
        (num_images, num_predictions), sizes = layers[0]["logits"].shape[:2], joined[-1]
        # (layers * sum of T, N): every target's costs are a row, the targets of an image a block of
        # rows.
        weights = {name: weight for name in self.costs if (weight := self.weight(name))}
        costs = {name: self.costs[name] for name in weights}
        if can_fuse(costs, layers, joined[0]):
            cost = fused_rows(weights, layers, *joined)
        else:
            with torch.no_grad():
                cost = cost_rows(costs, weights, *self._on_one_device(layers, targets, joined))
        cost = _without_invalid(cost, sizes * len(layers))

        # One image at a time: in a batch an assignment would mix images.
        solver = solve if self.assign is linear_sum_assignment else self._ask
        pairs = solver(cost, sizes * len(layers))
        matches = [pairs[start : start + num_images] for start in range(0, len(pairs), num_images)]
        if solver is not solve:
            matches = [_looked_at(match, num_predictions, sizes) for match in matches]
        # A solver that splits the predictions, or repeats the targets, has room for fewer.
        count_room = getattr(self.assign, "room", int)
        _warn_of_leftovers(matches[0], sizes, count_room(num_predictions))
        return matches

    def _on_one_device(self, layers, targets, joined):
        """Layers of what has images, the targets of one layer by field, and how many each image
        has.
        """
        labels, boxes, sizes = joined
        logits, pred_boxes = layers[0]["logits"], at_least_float32(layers[0]["pred_boxes"])
        # What a model returns besides, such as its loss, has no image dimension.
        layers = [
            {name: value for name, value in layer.items() if _has_images(value, targets)}
            for layer in layers
        ]
        # Cast before they move: not every device has float64.
        flat = {
            "class_labels": labels.to(logits.device),
            "boxes": boxes.to(pred_boxes.dtype).to(logits.device),
        }
        if self.costs != STANDARD_COSTS:
            shared = set.intersection(*(set(target) for target in targets)) - set(flat)
            flat |= {name: [target[name] for target in targets] for name in shared}
            if "masks" in shared:
                flat["canvas"] = contract.canvas_of(targets)
        return layers, flat, sizes

    def _ask(self, cost, sizes):
        return [self.assign(rows.T) for rows in np.split(cost, [*accumulate(sizes)][:-1])]


def solve(cost, sizes):
    """SciPy's match of each image as tensors, by rising prediction; it takes the rows (T, N) as
    they lie.

    >>> solve(np.array([[3.0, 1.0], [0.0, 2.0]]), [2])
    [(tensor([0, 1]), tensor([1, 0]))]
    """
    pairs = []
    for end, size in zip(accumulate(sizes), sizes):
        target, prediction = linear_sum_assignment(cost[end - size : end])  # by rising target
        order = prediction.argsort()
        pairs.append((torch.from_numpy(prediction[order]), torch.from_numpy(target[order])))
    return pairs


def _looked_at(pairs, num_predictions, sizes):
    """The answers of a solver that is not SciPy's for one layer, looked at and sorted."""
    contract.join_pairs(pairs, num_predictions, sizes, called="assign")
    pairs = [contract.as_pair(pair, image, called="assign") for image, pair in enumerate(pairs)]
    orders = [np.lexsort((target.numpy(), prediction.numpy())) for prediction, target in pairs]
    return [
        (prediction[order], target[order]) for order, (prediction, target) in zip(orders, pairs)
    ]


def _has_images(value, targets):
    return isinstance(value, torch.Tensor) and value.ndim > 0 and value.shape[0] == len(targets)


def _without_invalid(cost, sizes):
    """Costs without NaN or infinity, image by image: an invalid pair is dearer than any number of
    valid ones.
    """
    if cost.size == 0 or (cost.min() > -DEAREST and cost.max() < DEAREST):  # NaN fails both
        return cost
    valid = np.abs(cost) < DEAREST
    for end, size in zip(accumulate(sizes), sizes):
        block, right = cost[end - size : end], valid[end - size : end]
        if not right.all():
            # In scale with the image's valid costs: a huge number would eat the solver's digits.
            low, high = (block[right].min(), block[right].max()) if right.any() else (0.0, 0.0)
            # Beside 1e17 a step of 1 would be none.
            step = high - low + max(1.0, 8 * np.spacing(max(-low, high)))
            block[~right] = high + step * (min(block.shape) + 1)
    contract.warn(
        f"{(~valid).sum()} of {valid.size} pairs have a cost that is not finite and are matched "
        "last; look for NaN in the predictions, or run validate_targets on the targets."
    )
    return cost


def _warn_of_leftovers(pairs, sizes, room):
    """`room` is how many targets of an image can have all the predictions that they should."""
    if max(sizes) <= room:
        return
    left = sum(
        size - len(target.unique()) for size, (_, target) in zip(sizes, pairs) if size > room
    )
    if left:
        contract.warn(
            f"{left} targets have no prediction left: some images hold more than {room} objects. "
            "Use more detection tokens (helpers.training.recipe.renew_detection_tokens)."
        )
