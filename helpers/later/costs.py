"""What detectors after DETR put in place of -p and of the cross-entropy: class and mask costs, and
class losses.

Costs follow `helpers.costs`: (N, ...) and (T, ...) give (N, T); a batch has (B, N, ...) and the
`image_index` (T,) of
its targets. Class heads are sigmoid heads: K columns, each a yes or no of its own, no column for
"no object". A cost reads the column of the target's class alone, so a no-object column may stay; a
loss counts every column, so drop it."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch.nn import functional as F

from helpers.boxes import at_least_float32, box_iou, center_to_corners
from helpers.contract import check_divisor, check_number, flatten_targets, shown
from helpers.loss import Matched, Truth
from helpers.masks import checked_masks, focal, ink_of


def focal_terms(logits, alpha=0.25, gamma=2.0):
    """The focal loss of each class if its goal is 1, and if its goal is 0: (..., K) -> (..., K),
    (..., K).

    transformers adds 1e-8 inside the logarithms of its matchers, which bends the cost of logits
    beyond about 12; nothing is added here.

    >>> [round(float(term), 3) for term in focal_terms(torch.tensor(0.0))]
    [0.043, 0.13]
    """
    goal = torch.ones_like(at_least_float32(logits))
    return focal(logits, goal, alpha, gamma), focal(logits, 0 * goal, alpha, gamma)


def focal_cost(logits, class_labels, image_index=None, alpha=0.25, gamma=2.0):
    """Cost of the class with sigmoids: what the focal loss gains or loses if the goal of this class
    turns from 0 to 1.

    Args:
        logits: (N, K) or more columns; (B, N, K) with `image_index`.
        class_labels: (T,) int64 in 0..K-1.
        image_index: (T,) int64, the image of each target; None for one image.
        alpha, gamma: of the focal loss, see `helpers.masks.focal`.

    Returns (N, T). Source: `DeformableDetrHungarianMatcher` of transformers, which adds 1e-8 inside
    the logarithms.

    >>> focal_cost(torch.tensor([[2.0, 0.0], [-2.0, 0.0]]), torch.tensor([0])).round(decimals=2)
    tensor([[-1.2400],
            [ 0.4100]])
    """
    present, absent = focal_terms(logits, alpha, gamma)
    cost = present - absent  # once per prediction, not once per pair
    if image_index is None:
        return cost[:, class_labels]
    return cost[image_index, :, class_labels].T  # (T, N) gathered with one index


@dataclass(frozen=True)
class FocalCost:
    """`focal_cost` as `HungarianMatcher(costs={"class_cost": FocalCost()})` takes it: logits have K
    columns.
    """

    alpha: float = 0.25
    gamma: float = 2.0

    def __post_init__(self):
        for name in ("alpha", "gamma"):
            object.__setattr__(self, name, check_number(name, getattr(self, name), least=0))

    def __call__(self, outputs, targets, image_index):
        return focal_cost(
            outputs["logits"], targets["class_labels"], image_index, self.alpha, self.gamma
        )

    def count_classes(self, columns):
        return columns


FOCAL_COSTS = {"class_cost": FocalCost()}


def class_goals(outputs, targets, pairs):
    """What a match asks of each guess: (B, N, K) with 1 at the class of its target, and (B, N) the
    IoU with it.

    Args: outputs with `logits` (B, N, K) and `pred_boxes`; targets; pairs as a matcher gives them.
    A guess without target has 0 everywhere, and IoU 0. No gradient passes.

    >>> outputs = {"logits": torch.zeros(1, 2, 2), "pred_boxes": torch.tensor([[[0.5, 0.5, 0.2,
    ...     0.4], [0.5] * 4]])}
    >>> targets = [{"class_labels": torch.tensor([1]), "boxes": torch.tensor([[0.5, 0.5, 0.4,
    ...     0.4]])}]
    >>> class_goals(outputs, targets, [(torch.tensor([0]), torch.tensor([0]))])
    (tensor([[[0., 1.],
             [0., 0.]]]), tensor([[0.5000, 0.0000]]))
    """
    labels, boxes, sizes = flatten_targets(targets, outputs["logits"].shape[-1])
    return goals_and_overlap(
        Matched(outputs, Truth(targets, labels, boxes, sizes, 1.0, None), pairs)
    )


def goals_and_overlap(matched):
    """`class_goals` of a `helpers.loss.Matched`.

    A guess with several targets has the last of them, and its class.
    """
    num_images, num_predictions, columns = matched.logits.shape
    classes = F.pad(matched.labels, (0, 1), value=columns)[
        matched.owner
    ]  # (B * N,): -1 picks the last entry, none
    goals = F.one_hot(classes, columns + 1)[:, :-1].to(matched.logits.dtype)
    guesses = center_to_corners(matched.pred_boxes.detach().flatten(0, 1))  # (B * N, 4)
    overlap = box_iou(guesses, center_to_corners(F.pad(matched.boxes, (0, 0, 0, 1))[matched.owner]))
    overlap = torch.where(matched.owner >= 0, overlap, 0).to(goals.dtype)
    return goals.unflatten(0, (num_images, num_predictions)), overlap.view(
        num_images, num_predictions
    )


def focal_loss(logits, goals, num_boxes, alpha=0.25, gamma=2.0, class_weights=1.0):
    """The class term of Deformable DETR: the focal loss, summed over all guesses and classes, over
    `num_boxes`.

    Args: logits and goals (B, N, K), goals from 0 to 1; num_boxes: the number of targets, where 0
    counts as 1;
    class_weights: (K,), or one for all. Source: `DeformableDetrImageLoss.loss_labels`.

    >>> focal_loss(torch.zeros(1, 1, 2), torch.tensor([[[0.0, 1.0]]]), num_boxes=1)
    tensor(0.1733)
    """
    return (class_weights * focal(logits, goals, alpha, gamma)).sum() / _divisor(num_boxes)


def varifocal_loss(logits, goals, overlap, num_boxes, alpha=0.75, gamma=2.0):
    """The class term of RT-DETR: a matched guess should say its IoU, all the rest 0; easy zeros are
    turned down.

    Args: logits and goals (B, N, K), overlap (B, N), as from `class_goals`; num_boxes: the number
    of targets, where 0 counts as 1.

    Source: VarifocalNet (Zhang et al. 2020); `RTDetrLoss.loss_labels_vfl` of transformers. A
    matched guess whose box
    misses its target altogether has weight 0: its class is then not graded at all.

    >>> varifocal_loss(torch.zeros(1, 1, 2), torch.tensor([[[0.0, 1.0]]]), torch.tensor([[0.5]]),
    ...     num_boxes=1)
    tensor(0.4765)
    """
    logits = at_least_float32(logits)
    wanted = goals * overlap[..., None]
    weight = wanted + alpha * logits.detach().sigmoid() ** gamma * (1 - goals)
    summed = F.binary_cross_entropy_with_logits(logits, wanted, weight, reduction="sum")
    return summed / _divisor(num_boxes)


def quality_loss(logits, goals, overlap, num_boxes, alpha=0.25, gamma=2.0):
    """The class term of LW-DETR: a matched guess should say a blend of its probability and its IoU.

    Args as for `varifocal_loss`. Source: Align-DETR (Cai et al. 2023), whose loss LW-DETR took
    over; `LwDetrImageLoss.loss_labels` of transformers, which takes log(0) where a sigmoid rounds
    to 0 or 1, and is infinite there; here the logarithms come from the logits.

    >>> quality_loss(torch.zeros(1, 1, 2), torch.tensor([[[0.0, 1.0]]]), torch.tensor([[0.5]]),
    ...     num_boxes=1)
    tensor(0.8664)
    """
    logits = at_least_float32(logits)
    probability = logits.sigmoid()
    quality = probability.detach() ** alpha * overlap[..., None] ** (1 - alpha)
    wanted = goals * quality.clamp(min=0.01)
    against = torch.where(goals > 0, 1 - wanted, probability**gamma)
    return (wanted * F.softplus(-logits) + against * F.softplus(logits)).sum() / _divisor(num_boxes)


def _divisor(num_boxes):
    """The number of targets as a divisor: none count as one; a share of several batches may be less
    than one.
    """
    number = check_number("num_boxes", num_boxes, least=0)
    return check_divisor("num_boxes", number) if number else 1.0


def at_points(masks, points):
    """Masks (M, h, w) read at points (P, 2), x and y in [0, 1] of the image, between pixels by
    bilinear mixing: (M, P).

    >>> at_points(torch.tensor([[[0.0, 1.0], [0.0, 1.0]]]), torch.tensor([[0.25, 0.5], [0.5, 0.5]]))
    tensor([[0.0000, 0.5000]])
    """
    grid = (2 * points - 1).to(masks).expand(len(masks), 1, -1, -1)  # (M, 1, P, 2)
    return F.grid_sample(masks[:, None], grid, align_corners=False)[:, 0, 0]


def mask_cost(point_logits, point_ink, image_index=None):
    """Cost of the mask: the binary cross-entropy, averaged over the points.

    Args:
        point_logits: (N, P), the predicted masks at P points; (B, N, P) with `image_index`.
        point_ink: (T, P) in [0, 1], the target masks at the same points.
        image_index: (T,) int64, the image of each target; None for one image.

    Returns (N, T). Source: `Mask2FormerHungarianMatcher` of transformers. -m log p - (1 - m) log(1
    - p) is softplus(z) - m z, so that only the second part needs pairs.

    >>> mask_cost(torch.tensor([[4.0, -4.0], [0.0, 0.0]]), torch.tensor([[1.0, 0.0]]))
    tensor([[0.0181],
            [0.6931]])
    """
    base = F.softplus(point_logits).mean(-1)  # (N,) or (B, N)
    agreement = _products(point_logits, point_ink, image_index) / point_ink.shape[1]  # (T, N)
    return ((base if image_index is None else base[image_index]) - agreement).T


def dice_cost(point_logits, point_ink, image_index=None):
    """Cost of the mask: one minus the dice overlap at the points, smoothed by one; arguments as in
    `mask_cost`.

    >>> dice_cost(torch.tensor([[99.0, -99.0], [0.0, 0.0]]), torch.tensor([[1.0, 0.0]]))
    tensor([[0.0000],
            [0.3333]])
    """
    probability = point_logits.sigmoid()
    area = probability.sum(-1)  # (N,) or (B, N)
    both = (area if image_index is None else area[image_index]) + point_ink.sum(-1)[
        :, None
    ]  # (T, N)
    return (1 - (2 * _products(probability, point_ink, image_index) + 1) / (both + 1)).T


def _products(values, ink, image_index):
    """The sum over the points of prediction times ink: (T, N)."""
    if image_index is None:
        return ink @ values.T
    return torch.einsum("tnp,tp->tn", values[image_index], ink)


@dataclass(frozen=True, eq=False)
class PointCost:
    """A mask cost, weighted, at fixed points, as `HungarianMatcher(costs=...)` takes it.

    See `point_costs`.
    """

    cost: Callable  # `mask_cost` or `dice_cost`
    points: torch.Tensor  # (P, 2)
    weight: float

    def __call__(self, outputs, targets, image_index):
        if "canvas" not in targets:
            raise ValueError(
                'targets have no "masks", which this cost compares; give (T, H, W) bool to each of '
                "them."
            )
        pred_masks = checked_masks(outputs, outputs["logits"].shape[:2])
        points = self.points.to(pred_masks.dtype).to(pred_masks.device)
        canvas = points.new_tensor(targets["canvas"])  # (H, W)
        point_logits, point_ink = [], []
        for image, (image_masks, masks) in enumerate(zip(pred_masks, targets["masks"])):
            # An image lies in the upper left corner of the canvas; its own masks may end with the
            # image.
            share = points.new_tensor(masks.shape[-2:]) / canvas
            point_logits.append(at_points(image_masks, points * share.flip(0)))
            point_ink.append(at_points(ink_of(masks, image, pred_masks), points))
        return self.weight * self.cost(torch.stack(point_logits), torch.cat(point_ink), image_index)


def point_costs(points, mask_weight=5.0, dice_weight=5.0):
    """The two mask costs of Mask2Former, weighted, as `HungarianMatcher(costs=...)` takes them.

    Args: points (P, 2), x and y in [0, 1] of each image, where masks are compared. The outputs need
    "pred_masks" (B, N, h, w), the targets "masks". Where these differ in size, the images lie on a
    canvas as large as the largest, as `SetCriterion` has it, and predictions are compared where the
    image is."""
    if not isinstance(points, torch.Tensor) or points.shape[1:] != (2,) or not len(points):
        raise TypeError(
            f"points is {shown(points)}; make it a tensor (P, 2), x and y in [0, 1] of P points."
        )
    mask_weight, dice_weight = (
        check_number("mask_weight", mask_weight),
        check_number("dice_weight", dice_weight),
    )
    return {
        "mask_cost": PointCost(mask_cost, points, mask_weight),
        "dice_cost": PointCost(dice_cost, points, dice_weight),
    }
