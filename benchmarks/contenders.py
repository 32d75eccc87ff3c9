"""What is compared: the same work done by helpers, by transformers, and the part that nobody can leave out."""

import torch
from scipy.optimize import linear_sum_assignment
from torch import nn
from transformers.loss import loss_for_object_detection as reference

from helpers import HungarianMatcher, SetCriterion
from helpers.loss import TOTAL_WEIGHTS

NUM_CLASSES = 91  # as in COCO
TERMS = ["labels", "boxes", "cardinality"]


def random_batch(images, predictions, targets, seed=0, device="cpu"):
    """Outputs of random logits and boxes, and about `targets` objects an image (half to one and a half as many)."""
    generator = torch.Generator().manual_seed(seed)
    counts = torch.randint(targets // 2, targets + targets // 2 + 1, (images,), generator=generator).tolist()
    outputs = {
        "logits": torch.randn(images, predictions, NUM_CLASSES + 1, generator=generator),
        "pred_boxes": random_boxes(images, predictions, generator=generator),
    }
    wanted = [
        {
            "class_labels": torch.randint(NUM_CLASSES, (count,), generator=generator),
            "boxes": random_boxes(count, generator=generator),
        }
        for count in counts
    ]
    return _on(device, outputs), [_on(device, target) for target in wanted]


def _on(device, tensors):
    return {name: tensor.to(device) for name, tensor in tensors.items()}


def random_boxes(*shape, generator):
    """Centre boxes inside the image, sides 0.05 to 0.5: (*shape, 4)."""
    sides = 0.05 + 0.45 * torch.rand(*shape, 2, generator=generator)
    return torch.cat([sides / 2 + (1 - sides) * torch.rand(*shape, 2, generator=generator), sides], dim=-1)


def matchers(before=None):
    """Functions of (outputs, targets) by name; `before`: the two classes of an earlier build, see `before.build`."""
    theirs = reference.HungarianMatcher(class_cost=1, bbox_cost=5, giou_cost=2)
    earlier = {"before": before[0]()} if before else {}
    return {"helpers": HungarianMatcher(), "transformers": theirs, **earlier}


def losses(before=None):
    """One loss without its gradient: functions of (outputs, targets) by name, which return the total."""
    theirs = reference.ImageLoss(reference.HungarianMatcher(1, 5, 2), NUM_CLASSES, 0.1, TERMS)

    def reference_total(outputs, targets):
        terms = theirs(outputs, targets)
        return sum(TOTAL_WEIGHTS[name] * term for name, term in terms.items() if name in TOTAL_WEIGHTS)

    earlier = {"before": _total(*before)} if before else {}
    return {"helpers": _total(HungarianMatcher, SetCriterion), "transformers": reference_total, **earlier}


def _total(matcher_class, criterion_class):
    criterion = criterion_class(matcher_class(), NUM_CLASSES)
    return lambda *batch: criterion.total(criterion(*batch))


def with_gradient(total):
    """The same loss, and its gradient with respect to logits and boxes."""

    def run(outputs, targets):
        leaves = {name: nn.Parameter(value.detach()) for name, value in outputs.items() if torch.is_tensor(value)}
        loss = total(leaves, targets)
        loss.backward()
        return loss.detach()

    return run


def six_layers():
    """Functions of (six layers' outputs, targets): ours in one go, and by one call a layer."""
    matcher = HungarianMatcher()

    def one_by_one(layers, targets):
        return [matcher(outputs, targets) for outputs in layers]

    return {"together": matcher.match_layers, "one by one": one_by_one}


def floor(outputs, targets):
    """What any matcher of this kind does: one log-sum-exp over the logits, and scipy on matrices that are ready."""
    ready = [cost["total"].double().cpu().numpy() for cost in HungarianMatcher().cost_matrices(outputs, targets)]

    def run(outputs, targets):
        torch.logsumexp(outputs["logits"], -1)
        for matrix in ready:
            linear_sum_assignment(matrix)

    return run
