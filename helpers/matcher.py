"""The bipartite matcher: which prediction answers for which target."""

import warnings

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import nn

from helpers import costs as standard
from helpers.boxes import at_least_float32
from helpers.targets import flatten_targets

STANDARD_COSTS = {
    "class_cost": lambda outputs, targets, image: standard.class_cost(outputs["logits"], targets["class_labels"], image),
    "bbox_cost": lambda outputs, targets, image: standard.bbox_cost(outputs["pred_boxes"], targets["boxes"], image),
    "giou_cost": lambda outputs, targets, image: standard.giou_cost(outputs["pred_boxes"], targets["boxes"], image),
}


class HungarianMatcher(nn.Module):
    """Pair each target with one prediction of its image so that the summed cost is least.

    The cost of a pair is `class_cost * -p(class) + bbox_cost * L1 + giou_cost * -GIoU`; see `helpers.costs`.

    Args:
        class_cost, bbox_cost, giou_cost: the weights, 1, 5, 2 as in `YolosConfig` and the paper. Not all may be 0.
        costs: other cost functions by name: `{"class_cost": focal}` replaces one, a new name is added with weight 1.
            Each is called as `function(outputs, targets, image_index)` with outputs (B, N, ...), the targets of all
            images one after another, (T, ...), and `image_index` (T,); it returns (N, T), as in `helpers.costs`.
        assign: the solver, called with the (N, T) cost matrix of one image as a float64 array; it returns the arrays
            (prediction_index, target_index). Default: `scipy.optimize.linear_sum_assignment`.

    Called with `(outputs, targets)` it returns one `(prediction_index, target_index)` per image: int64 on the CPU,
    min(N, T) long, sorted by prediction. If an image has more targets than predictions, the dearest targets get none,
    with a warning. Pairs of non-finite cost are matched last, with a warning. No gradient passes.

    Source: DETR, equation 1; same matches as transformers' `HungarianMatcher`, which computes every prediction of the
    batch against every target of the batch and throws all but 1/B of it away.

    >>> outputs = {"logits": torch.zeros(1, 2, 4), "pred_boxes": torch.tensor([[[.2, .2, .1, .1], [.7, .7, .2, .2]]])}
    >>> targets = [{"class_labels": torch.tensor([0]), "boxes": torch.tensor([[0.7, 0.7, 0.2, 0.3]])}]
    >>> HungarianMatcher()(outputs, targets)
    [(tensor([1]), tensor([0]))]
    """

    def __init__(self, class_cost=1.0, bbox_cost=5.0, giou_cost=2.0, costs=None, assign=linear_sum_assignment):
        super().__init__()
        self.class_cost, self.bbox_cost, self.giou_cost = class_cost, bbox_cost, giou_cost
        self.costs = STANDARD_COSTS | (costs or {})
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

        The layers stand in for more images: one pass over all costs and one copy to the host, however many there are.
        """
        outputs, flat, image_index, sizes = _flatten(layers, targets)
        used = [name for name in self.costs if self.weight(name)]
        total = sum(self.weight(name) * self.costs[name](outputs, flat, image_index) for name in used)
        pairs = self._assign_images(_to_host(total), sizes * len(layers))
        return [pairs[start : start + len(targets)] for start in range(0, len(pairs), len(targets))]

    @torch.no_grad()
    def cost_matrices(self, outputs, targets):
        """The matrices behind the match: per image a dict of unweighted costs and their weighted "total", each (N, T).

        >>> outputs = {"logits": torch.zeros(1, 3, 4), "pred_boxes": torch.rand(1, 3, 4)}
        >>> targets = [{"class_labels": torch.tensor([0, 2]), "boxes": torch.rand(2, 4)}]
        >>> matrices = HungarianMatcher().cost_matrices(outputs, targets)[0]
        >>> list(matrices), matrices["total"].shape
        (['class_cost', 'bbox_cost', 'giou_cost', 'total'], torch.Size([3, 2]))
        """
        outputs, flat, image_index, sizes = _flatten([outputs], targets)
        matrices = {name: cost(outputs, flat, image_index) for name, cost in self.costs.items()}
        matrices["total"] = sum(self.weight(name) * matrix for name, matrix in matrices.items())
        split = {name: matrix.split(sizes, dim=1) for name, matrix in matrices.items()}
        return [{name: parts[image] for name, parts in split.items()} for image in range(len(sizes))]

    def _assign_images(self, cost, sizes):
        # cost is (sum of T, N), float64 and contiguous: each image is a block of rows, which scipy reads in place.
        num_predictions = cost.shape[1]
        predictions, columns, counts, start = [], [], [], 0
        for size in sizes:
            block = cost[start : start + size]
            start += size
            if self.assign is linear_sum_assignment:
                target_index, prediction_index = linear_sum_assignment(block)
            else:
                prediction_index, target_index = self.assign(block.T)
            predictions.append(prediction_index)
            columns.append(target_index)
            counts.append(len(prediction_index))
        _warn_of_leftovers(sizes, num_predictions)
        prediction_index, target_index = (np.concatenate(parts).astype(np.int64) for parts in (predictions, columns))
        image = np.repeat(np.arange(len(sizes)), counts)
        order = np.lexsort((target_index, prediction_index, image))
        sorted_index = (torch.from_numpy(index[order]).split(counts) for index in (prediction_index, target_index))
        return list(zip(*sorted_index))


def check_outputs(outputs, num_images):
    """Raise ValueError or TypeError unless outputs hold "logits" (B, N, K + 1) and "pred_boxes" (B, N, 4)."""
    for name in ("logits", "pred_boxes"):
        if name not in outputs:
            raise ValueError(f'outputs has no "{name}"; give the model\'s logits and pred_boxes.')
        if not isinstance(outputs[name], torch.Tensor) or not outputs[name].dtype.is_floating_point:
            raise TypeError(f'outputs["{name}"] must be a floating point tensor.')
        if outputs[name].ndim != 3:
            shape = tuple(outputs[name].shape)
            raise ValueError(f'outputs["{name}"] has shape {shape}; add the image as first dimension: (B, N, ...).')
    logits, pred_boxes = outputs["logits"], outputs["pred_boxes"]
    if pred_boxes.shape != (*logits.shape[:2], 4):
        raise ValueError(
            f'outputs["pred_boxes"] has shape {tuple(pred_boxes.shape)} beside logits {tuple(logits.shape)}; '
            f"make it {(*logits.shape[:2], 4)}."
        )
    if logits.shape[-1] < 2:
        raise ValueError('outputs["logits"] needs at least two columns: one class, and no-object last.')
    if len(logits) != num_images:
        raise ValueError(f"outputs hold {len(logits)} images and targets {num_images}; give one target dict per image.")


def _flatten(layers, targets):
    """Layers as one long batch, targets one after another, and the image (of that batch) of each target."""
    for outputs in layers:
        check_outputs(outputs, len(targets))
    logits = layers[0]["logits"]
    labels, boxes, sizes = flatten_targets(targets, logits.shape[-1] - 1)
    images = torch.repeat_interleave(torch.arange(len(sizes) * len(layers)), torch.tensor(sizes * len(layers)))
    flat = {"class_labels": labels, "boxes": boxes.to(at_least_float32(layers[0]["pred_boxes"]).dtype)}
    for name in targets[0].keys() - flat.keys():
        if all(name in target for target in targets):
            flat[name] = [target[name] for target in targets]
    flat = {name: _repeat(value, len(layers)) for name, value in flat.items()}
    if len(layers) == 1:
        return layers[0], flat, images.to(logits.device), sizes
    stacked = {name: torch.cat([outputs[name] for outputs in layers]) for name in ("logits", "pred_boxes")}
    return stacked, flat, images.to(logits.device), sizes


def _repeat(value, times):
    return value if times == 1 else value * times if isinstance(value, list) else torch.cat([value] * times)


def _to_host(total):
    """Costs (N, T) as a contiguous float64 array (T, N) without NaN or infinity: one copy for the whole batch."""
    cost = total.T.cpu().numpy().astype(np.float64)
    valid = np.isfinite(cost)
    if not valid.all():
        # Dearer than any number of valid pairs, yet in scale with them: a huge number would eat the solver's digits.
        low, high = (cost[valid].min(), cost[valid].max()) if valid.any() else (0.0, 0.0)
        cost[~valid] = high + (high - low + 1) * (min(cost.shape) + 1)
        warnings.warn(
            f"{(~valid).sum()} of {valid.size} pairs have a cost that is not finite and are matched last; "
            "look for NaN in the predictions, or run validate_targets on the targets.",
            stacklevel=4,
        )
    return np.ascontiguousarray(cost)


def _warn_of_leftovers(sizes, num_predictions):
    left = sum(max(size - num_predictions, 0) for size in sizes)
    if left:
        warnings.warn(
            f"{left} targets have no prediction left: some images hold more than {num_predictions} objects. "
            "Use more detection tokens.",
            stacklevel=5,
        )
