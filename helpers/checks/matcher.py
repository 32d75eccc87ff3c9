"""The check of notebook 06: write the matcher."""

import warnings

import torch

from helpers.boxes import box_iou, center_to_corners, corners_to_center
from helpers.checks import MALFORMED, as_numbers, attempt, copied
from helpers.costs import bbox_cost, giou_cost
from helpers.matcher import HungarianMatcher
from helpers.training.pairings import log_class_cost


def minus_logits(outputs, targets, image):
    """The raw logits, in place of `class_cost`: (N, T)."""
    return -outputs["logits"][image, :, targets["class_labels"]].T


def corner_l1(outputs, targets, image):
    """L1 of corner boxes, in place of `bbox_cost`: (N, T)."""
    return bbox_cost(
        center_to_corners(outputs["pred_boxes"]), center_to_corners(targets["boxes"]), image
    )


def giou_of_center_boxes(outputs, targets, image):
    """GIoU of center boxes taken for corner boxes, in place of `giou_cost`: (N, T)."""
    return giou_cost(
        corners_to_center(outputs["pred_boxes"]), corners_to_center(targets["boxes"]), image
    )


MISTAKES = {
    "the raw logits": (
        HungarianMatcher(costs={"class_cost": minus_logits}),
        "turn them into probabilities with softmax(-1) first",
    ),
    "minus log p": (
        HungarianMatcher(costs={"class_cost": log_class_cost}),
        "the matcher uses -p, the loss -log p",
    ),
    "GIoU with the wrong sign": (
        HungarianMatcher(giou_cost=-2),
        "more overlap must cost less: minus the GIoU",
    ),
    "GIoU of center boxes": (
        HungarianMatcher(costs={"giou_cost": giou_of_center_boxes}),
        "turn both sides into corner boxes with center_to_corners",
    ),
    "L1 of corner boxes": (
        HungarianMatcher(costs={"bbox_cost": corner_l1}),
        "L1 compares center boxes",
    ),
    "the mean of the four differences": (HungarianMatcher(bbox_cost=5 / 4), "L1 is their sum"),
    "the weights 1, 1, 1": (HungarianMatcher(1, 1, 1), "multiply by 1, 5 and 2"),
}


def softmax_of_objects(outputs, targets, image):
    """Probabilities that share 1 without no-object, in place of `class_cost`: (N, T)."""
    return -outputs["logits"][..., :-1].softmax(-1)[image, :, targets["class_labels"]].T


def sigmoids(outputs, targets, image):
    """Minus the sigmoids of the logits, in place of `class_cost`: (N, T)."""
    return -outputs["logits"].sigmoid()[image, :, targets["class_labels"]].T


def minus_iou(outputs, targets, image):
    """Minus the plain IoU, in place of `giou_cost`: (N, T)."""
    guesses, boxes = center_to_corners(outputs["pred_boxes"]), center_to_corners(targets["boxes"])
    return -box_iou(guesses[image], boxes[:, None]).T


MORE_MISTAKES = {
    "the plain IoU": (
        HungarianMatcher(costs={"giou_cost": minus_iou}),
        "where boxes do not touch, IoU is 0 for all; the GIoU subtracts the empty part of the hull",
    ),
    "a softmax without the no-object column": (
        HungarianMatcher(costs={"class_cost": softmax_of_objects}),
        "all K + 1 logits share the 1",
    ),
    "sigmoids": (
        HungarianMatcher(costs={"class_cost": sigmoids}),
        "the classes share 1, by a softmax",
    ),
    "the dearest pairs": (
        HungarianMatcher(-1, -5, -2),
        "linear_sum_assignment minimises; ask it for no more",
    ),
    "no class cost": (HungarianMatcher(class_cost=0), "all three costs count"),
    "no L1": (HungarianMatcher(bbox_cost=0), "all three costs count"),
    "no GIoU": (HungarianMatcher(giou_cost=0), "all three costs count"),
    **{
        f"the weights {weights[0]}, {weights[1]}, {weights[2]}": (
            HungarianMatcher(*weights),
            "1 for the class, 5 for L1, 2 for the GIoU",
        )
        for weights in ((1, 2, 5), (2, 1, 5), (2, 5, 1), (5, 1, 2), (5, 2, 1), (1, 5, 1), (1, 1, 2))
    },
}


def check_match_batch(match_batch):
    """Notebook 06: the whole matcher, compared with `HungarianMatcher` on batches of several
    shapes.
    """
    print(judge_match_batch(match_batch))


def example_batch(sizes, num_predictions=12, num_classes=10, seed=0):
    """Guesses near the targets of images with so many objects: outputs and targets, made from a
    seed.
    """
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(len(sizes), num_predictions, num_classes + 1, generator=generator) * 2
    targets, guesses = [], torch.rand(len(sizes), num_predictions, 4, generator=generator)
    for place, size in enumerate(sizes):
        labels = torch.randint(num_classes, (size,), generator=generator)
        boxes = torch.rand(size, 4, generator=generator) * 0.5 + 0.2
        targets.append({"class_labels": labels, "boxes": boxes})
        if size:
            near = boxes[torch.arange(num_predictions) % size]
            guesses[place] = near + 0.12 * torch.randn(num_predictions, 4, generator=generator)
            logits[place, :, -1] -= 1
    guesses[..., :2] = guesses[..., :2].clamp(0.05, 0.95)
    guesses[..., 2:] = guesses[..., 2:].clamp(0.05, 0.6)
    return {"logits": logits, "pred_boxes": guesses}, targets


def telling_batch():
    """A batch in which no two mistakes give the same matches: two guesses a target, in doubt about
    "no object".
    """
    outputs, targets = example_batch((9,) * 16, num_predictions=18)
    generator = torch.Generator().manual_seed(1)
    for logits, target in zip(outputs["logits"], targets):
        logits[torch.arange(18), target["class_labels"].repeat(2)] += 4
    outputs["logits"][..., -1] += 6 * torch.randn(16, 18, generator=generator)
    return outputs, targets


CASES = {
    "four images with 5, 0, 2 and 6 objects": (5, 0, 2, 6),
    "one image": (4,),
    "a batch without any object": (0, 0),
    "more targets than guesses": (3, 14),
}


def judge_match_batch(match_batch):
    """The verdict: several batches, empty images and more targets than guesses, and outputs as in
    training.
    """
    batches = {case: example_batch(sizes) for case, sizes in CASES.items()} | {
        "sixteen images": telling_batch()
    }
    for case, (outputs, targets) in batches.items():
        fault = _case_fault(match_batch, case, outputs, targets)
        if fault:
            return fault
    outputs, targets = example_batch(CASES["one image"])
    _, fault = attempt(
        match_batch, {name: value.requires_grad_() for name, value in outputs.items()}, targets
    )
    if fault:
        return (
            "not yet: right, but not for outputs that want a gradient, as in training. Hint: put "
            "@torch.no_grad() "
            "above the function; a match has no gradient, and SciPy takes none."
        )
    return (
        "correct: every batch gives the matches of HungarianMatcher. You have written the matcher."
    )


def _case_fault(match_batch, case, outputs, targets):
    """The verdict on one batch; None if its matches are right and its outputs are left alone."""
    given, case = copied(outputs), f", for {case}"
    empty = any(len(target["boxes"]) == 0 for target in targets)
    hint = (
        "an image without objects gives a matrix with no column."
        if empty
        else "run it on one image."
    )
    answer, fault = attempt(
        lambda targets: match_batch(given, targets), targets, hint=hint, case=case
    )
    if fault:
        return fault
    pairs = _as_pairs(answer)
    if pairs is None:
        return (
            f"not yet{case}: it returns a {type(answer).__name__}. Hint: a list of pairs of index "
            "tensors."
        )
    if len(pairs) != len(targets):
        return (
            f"not yet{case}: give one pair of index tensors per image. Hint: a list of "
            f"{len(targets)} pairs."
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fault = _match_fault(pairs, outputs, targets) or _mistake(
            match_batch, pairs, outputs, targets
        )
    if fault:
        return f"not yet{case}: {fault}"
    if any(not torch.equal(given[name], outputs[name]) for name in given):
        return (
            "not yet: the outputs have changed. Hint: compute new tensors, change none of the old."
        )
    return None


def _as_pairs(answer):
    """Matches in any form as pairs of int64 tensors; None if they are not that."""
    try:
        pairs = [tuple(as_numbers(index).reshape(-1) for index in pair) for pair in answer]
    except (*MALFORMED, AttributeError):
        return None
    fits = all(
        len(pair) == 2 and all(torch.equal(index, index.round()) for index in pair)
        for pair in pairs
    )
    return [tuple(index.long() for index in pair) for pair in pairs] if fits else None


def _match_fault(answer, outputs, targets):
    """What is wrong with the form of the matches of a batch, with a hint; None if they could be
    right.
    """
    wanted = HungarianMatcher()(outputs, targets)
    if _same_pairs(answer, wanted):
        return None
    num_predictions = outputs["logits"].shape[1]
    if _same_pairs([pair[::-1] for pair in answer], wanted):
        return (
            "these are (target, prediction). Hint: rows of the matrix are predictions, and come "
            "first."
        )
    for place, ((prediction, target), right) in enumerate(zip(answer, wanted)):
        if len(prediction) != len(target):
            return (
                f"{len(prediction)} predictions and {len(target)} targets in a pair. Hint: both "
                "must be as long."
            )
        if len(prediction) and (
            prediction.max() >= num_predictions or target.max() >= len(targets[place]["boxes"])
        ):
            return (
                "an index points outside its own image. Hint: cut out each image's own block "
                "before you solve; targets "
                "count from 0 in every image."
            )
        if len(set(prediction.tolist())) < len(prediction):
            return (
                "one guess serves two targets. Hint: argmin is no assignment; call "
                "linear_sum_assignment."
            )
        if len(prediction) != len(right[0]):
            return (
                f"image {place} has {len(prediction)} pairs instead of {len(right[0])}. Hint: "
                "solve each image by "
                "itself; images must not compete for guesses."
            )
    return None


def _mistake(match_batch, pairs, outputs, targets):
    """Which mistake gives these matches, told apart by a batch in which no two give the same; None
    if none.
    """
    if _same_pairs(pairs, HungarianMatcher()(outputs, targets)):
        return None
    telling = telling_batch()
    found = _as_pairs(attempt(match_batch, *telling)[0])
    for name, (matcher, hint) in (MISTAKES | MORE_MISTAKES).items():
        if found is not None and _same_pairs(found, matcher(*telling)):
            return f"this is the match you get with {name}. Hint: {hint}."
    return (
        "some pairs differ from HungarianMatcher's. Hint: compare your cost matrix with its "
        "cost_matrices(...)."
    )


def _same_pairs(answer, wanted):
    """Whether two lists of matches hold the same pairs, in any order."""
    return len(answer) == len(wanted) and all(
        set(zip(a[0].tolist(), a[1].tolist())) == set(zip(b[0].tolist(), b[1].tolist()))
        for a, b in zip(answer, wanted)
    )
