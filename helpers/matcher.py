"""The bipartite matcher: which prediction answers for which target."""

import sys
import warnings
from collections.abc import Mapping
from itertools import pairwise

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import nn

from helpers import costs as standard
from helpers.boxes import at_least_float32
from helpers.contract import check_layers, check_number, flatten_targets

STANDARD_COSTS = {
    "class_cost": lambda outputs, flat, image: standard.class_cost(outputs["logits"], flat["class_labels"], image),
    "bbox_cost": lambda outputs, flat, image: standard.bbox_cost(outputs["pred_boxes"], flat["boxes"], image),
    "giou_cost": lambda outputs, flat, image: standard.giou_cost(outputs["pred_boxes"], flat["boxes"], image),
}
SERIAL = 32768  # numbers up to which torch works on one thread


class HungarianMatcher(nn.Module):
    """Pair each target with one prediction of its image so that the summed cost is least.

    The cost of a pair is `class_cost * -p(class) + bbox_cost * L1 + giou_cost * -GIoU`; see `helpers.costs`.

    Args:
        class_cost, bbox_cost, giou_cost: the weights, 1, 5, 2 as in `YolosConfig` and the paper. Not all may be 0.
        costs: other cost functions by name: `{"class_cost": focal}` replaces one, a new name is added with weight 1.
            Each is called as `function(outputs, targets, image_index)` with outputs (B, N, ...), `class_labels` (T,)
            and `boxes` (T, 4) of all images one after another, and `image_index` (T,); it returns (N, T), as in
            `helpers.costs`. Any other field that all targets have, such as "masks", is a list with one entry per image.
        assign: the solver, called with the (N, T) cost matrix of one image as a float64 array; it returns the arrays
            (prediction_index, target_index). Default: `scipy.optimize.linear_sum_assignment`.

    Called with `(outputs, targets)`, outputs a dict of "logits" (B, N, K + 1), no-object last, and "pred_boxes"
    (B, N, 4), normalised (cx, cy, w, h); targets one dict per image of "class_labels" (T,) int64 and "boxes" (T, 4).
    It returns one `(prediction_index, target_index)` per image: int64 on the CPU, min(N, T) long, sorted by
    prediction. If an image has more targets than predictions, the dearest targets get none, with a warning. Pairs of
    non-finite cost are matched last, with a warning. No gradient passes. Whatever does not fit raises TypeError or
    ValueError with a sentence that names the argument, the image and the cure.

    Source: DETR, equation 1; same matches as transformers' `HungarianMatcher`, which computes every prediction of the
    batch against every target of the batch and throws all but 1/B of it away.

    >>> outputs = {"logits": torch.zeros(1, 2, 4), "pred_boxes": torch.tensor([[[.2, .2, .1, .1], [.7, .7, .2, .2]]])}
    >>> targets = [{"class_labels": torch.tensor([0]), "boxes": torch.tensor([[0.7, 0.7, 0.2, 0.3]])}]
    >>> HungarianMatcher()(outputs, targets)
    [(tensor([1]), tensor([0]))]
    """

    def __init__(self, class_cost=1.0, bbox_cost=5.0, giou_cost=2.0, costs=None, assign=linear_sum_assignment):
        super().__init__()
        for name, weight in (("class_cost", class_cost), ("bbox_cost", bbox_cost), ("giou_cost", giou_cost)):
            check_number(name, weight)
        self.class_cost, self.bbox_cost, self.giou_cost = class_cost, bbox_cost, giou_cost
        if not isinstance(costs or {}, Mapping) or not all(callable(cost) for cost in (costs or {}).values()):
            raise TypeError('costs must be a dict of functions by name, such as {"class_cost": focal}.')
        if "total" in (costs or {}):
            raise ValueError('costs names "total", which is the sum of all; use another name.')
        self.costs = {**STANDARD_COSTS, **costs} if costs else STANDARD_COSTS
        if not callable(assign):
            raise TypeError(f"assign is {assign!r}; give a function such as scipy.optimize.linear_sum_assignment.")
        self.assign = assign
        if not any(self.weight(name) for name in self.costs):
            raise ValueError("class_cost, bbox_cost and giou_cost are all 0; give at least one of them a weight.")

    def weight(self, name):
        """The weight of a cost: the three standard ones have their own, any other counts once."""
        return getattr(self, name) if name in STANDARD_COSTS else 1.0

    def forward(self, outputs, targets):
        return self.match_layers([outputs], targets)[0]

    @torch.no_grad()
    def match_layers(self, layers, targets):
        """Match several layers' outputs with the same targets at once: one list of pairs per layer.

        The layers stand in for more images: on a GPU, and in small batches, there is one pass over all costs and one
        copy to the host, however many layers there are.
        """
        layers, flat, sizes = self._flatten(layers, targets)
        used = {name: self.weight(name) for name in self.costs if self.weight(name)}
        num_predictions = layers[0]["logits"].shape[1]
        cost = np.empty((sum(sizes) * len(layers), num_predictions))  # a row for each target
        start = 0
        for part in _side_by_side(layers, flat, sizes):
            for block in _blocks(*part):
                total = _weighted_sum({name: self._cost(name, *block) for name in used}, used).T.cpu().numpy()
                cost[start : start + len(total)] = total
                start += len(total)
        pairs = self._assign_images(cost, sizes * len(layers))
        _warn_of_leftovers(pairs[: len(sizes)], sizes, num_predictions)
        return [pairs[start : start + len(sizes)] for start in range(0, len(pairs), len(sizes))]

    @torch.no_grad()
    def cost_matrices(self, outputs, targets):
        """The matrices behind the match: per image a dict of unweighted costs and their weighted "total", each (N, T).

        >>> outputs = {"logits": torch.zeros(1, 3, 4), "pred_boxes": torch.rand(1, 3, 4)}
        >>> targets = [{"class_labels": torch.tensor([0, 2]), "boxes": torch.rand(2, 4)}]
        >>> matrices = HungarianMatcher().cost_matrices(outputs, targets)[0]
        >>> list(matrices), matrices["total"].shape
        (['class_cost', 'bbox_cost', 'giou_cost', 'total'], torch.Size([3, 2]))
        """
        (outputs,), flat, sizes = self._flatten([outputs], targets)
        matrices = {name: self._cost(name, outputs, flat, _image_index(sizes, flat)) for name in self.costs}
        matrices["total"] = _weighted_sum(matrices, {name: self.weight(name) for name in matrices})
        split = {name: matrix.split(sizes, dim=1) for name, matrix in matrices.items()}
        return [{name: parts[image] for name, parts in split.items()} for image in range(len(sizes))]

    def _flatten(self, layers, targets):
        """Layers of what has images, the targets of one layer one after another, and how many each image has."""
        check_layers(layers, targets)
        # What a model returns besides, such as its loss, has no image dimension.
        layers = [{name: value for name, value in layer.items() if _has_images(value, targets)} for layer in layers]
        outputs = layers[0]
        labels, boxes, sizes = flatten_targets(targets, outputs["logits"].shape[-1] - 1)
        flat = {
            "class_labels": labels.to(outputs["logits"].device),
            "boxes": boxes.to(at_least_float32(outputs["pred_boxes"])),
        }
        if self.costs is not STANDARD_COSTS:
            shared = set.intersection(*(set(target) for target in targets)) - set(flat)
            flat |= {name: [target[name] for target in targets] for name in shared}
        return layers, flat, sizes

    def _cost(self, name, outputs, flat, image_index):
        matrix = self.costs[name](outputs, flat, image_index)
        shape = (outputs["logits"].shape[1], len(image_index))
        if not isinstance(matrix, torch.Tensor):
            raise TypeError(f'costs["{name}"] returned {type(matrix).__name__}; make it a tensor (N, T), here {shape}.')
        if matrix.shape != shape:
            raise ValueError(f'costs["{name}"] returned shape {tuple(matrix.shape)}; make it (N, T), here {shape}.')
        return matrix

    def _assign_images(self, cost, sizes):
        # cost is (sum of T, N): the targets of each image are a block of rows.
        cost = _without_invalid(cost, sizes)
        pairs, start = [], 0
        for size in sizes:
            prediction_index, target_index = self.assign(cost[start : start + size].T)
            if self.assign is not linear_sum_assignment:  # scipy's answer is sorted already
                order = np.lexsort((target_index, prediction_index))
                prediction_index, target_index = (
                    np.asarray(index, dtype=np.int64)[order] for index in (prediction_index, target_index)
                )
            pairs.append((torch.from_numpy(prediction_index), torch.from_numpy(target_index)))
            start += size
        return pairs


def _side_by_side(layers, flat, sizes):
    """Layers as one long batch of images; large ones on a CPU one by one: copying them takes longer than it saves."""
    logits = layers[0]["logits"]
    large = logits.device.type == "cpu" and sum(sizes) * logits.shape[1] > SERIAL
    if len(layers) == 1 or large:
        return [(layer, flat, sizes) for layer in layers]
    names = set.intersection(*(set(layer) for layer in layers))
    outputs = {name: torch.cat([layer[name] for layer in layers]) for name in names}
    flat = {
        name: torch.cat([value] * len(layers)) if isinstance(value, torch.Tensor) else value * len(layers)
        for name, value in flat.items()
    }
    return [(outputs, flat, sizes * len(layers))]


def _blocks(outputs, flat, sizes):
    """Outputs, targets and image index of some images at a time, all together on a GPU.

    On a CPU torch wakes its other threads for tensors of over `SERIAL` numbers, which takes longer than the sums here.
    Blocks of about one size are fastest.
    """
    logits, ends = outputs["logits"], np.cumsum([0, *sizes])
    most = SERIAL // logits.shape[1]  # targets
    if logits.device.type != "cpu" or ends[-1] <= most:
        yield outputs, flat, _image_index(sizes, flat)
        return
    count = -(-ends[-1] // max(most - max(sizes), 1))  # a block ends with an image, so it may hold some targets more
    for first, last in pairwise(np.searchsorted(ends, np.linspace(0, ends[-1], count + 1))):
        start, end = ends[first], ends[last]
        if start == end:
            continue
        part = {name: value[first:last] for name, value in outputs.items()}
        wanted = {
            name: value[start:end] if isinstance(value, torch.Tensor) else value[first:last]
            for name, value in flat.items()
        }
        yield part, wanted, _image_index(sizes[first:last], wanted)


def _has_images(value, targets):
    return isinstance(value, torch.Tensor) and value.ndim > 0 and len(value) == len(targets)


def _image_index(sizes, flat):
    """The image of each target: (sum of T,)."""
    return torch.from_numpy(np.repeat(np.arange(len(sizes)), sizes)).to(flat["boxes"].device)


def _weighted_sum(matrices, weights):
    first, *others = matrices
    total = weights[first] * matrices[first]
    for name in others:
        total = total.add(matrices[name], alpha=weights[name])
    return total


def _without_invalid(cost, sizes):
    """Costs without NaN or infinity, image by image: an invalid pair is dearer than any number of valid ones."""
    valid = np.isfinite(cost)
    if valid.all():
        return cost
    invalid, start = ~valid, 0
    for size in sizes:
        block, wrong = cost[start : start + size], invalid[start : start + size]
        if wrong.any():
            # In scale with the image's valid costs: a huge number would eat the solver's digits.
            low, high = (block[~wrong].min(), block[~wrong].max()) if not wrong.all() else (0.0, 0.0)
            block[wrong] = high + (high - low + 1) * (min(block.shape) + 1)
        start += size
    _warn(
        f"{invalid.sum()} of {invalid.size} pairs have a cost that is not finite and are matched last; "
        "look for NaN in the predictions, or run validate_targets on the targets."
    )
    return cost


def _warn_of_leftovers(pairs, sizes, num_predictions):
    crowded = [(size, len(target)) for size, (_, target) in zip(sizes, pairs) if size > num_predictions]
    left = sum(max(size - matched, 0) for size, matched in crowded)
    if left:
        _warn(
            f"{left} targets have no prediction left: some images hold more than {num_predictions} objects. "
            "Use more detection tokens."
        )


def _warn(sentence):
    """A warning that points at the first line outside of torch and of this package."""
    level, frame = 1, sys._getframe()
    while frame.f_back and frame.f_globals.get("__name__", "").partition(".")[0] in ("torch", __package__):
        level, frame = level + 1, frame.f_back
    warnings.warn(sentence, stacklevel=level)
