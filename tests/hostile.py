"""Hostile inputs by the thousand: a good call in which a few places are spoilt."""

import contextlib
import decimal
import fractions
import math
import random
import warnings

import numpy as np
import torch
from batches import make_batch

from helpers import HungarianMatcher, SetCriterion, as_transformers_loss, validate_targets
from helpers.contract import is_floating
from helpers.detr_engine import DetrCriterion
from helpers.later.costs import FOCAL_COSTS, FocalCost, point_costs
from helpers.later.losses import FocalLoss, SoftmaxLoss
from helpers.later.matches import in_groups, repeated

NUMBERS = [
    *(None, True, False, 0, -1, 1, 7, 1.5, -0.0, math.nan, math.inf, -math.inf, 1e-320, 1e38, 1e39, 1e308, 10**400),
    *(-(10**5000), 1j, fractions.Fraction(1, 3), decimal.Decimal(2), np.float32(2), np.int64(3), np.bool_(True)),
    *(
        "",
        "2",
        "labels",
        b"2",
        [],
        [1],
        (),
        (1, 2),
        {},
        {"a": 1},
        {1},
        object(),
        len,
        print,
        HungarianMatcher,
        range(3),
    ),
    *(np.zeros(2), np.array(1.0), np.array("a"), torch.tensor(2.0), torch.tensor([2.0]), torch.tensor([1.0, 2.0])),
    *(torch.tensor(math.nan), torch.tensor(1j), torch.tensor(True), torch.zeros(0), torch.ones((), device="meta")),
    torch.ones((), requires_grad=True),
]
DTYPES = [
    *(torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.float8_e4m3fn, torch.float8_e5m2, torch.bool),
    *(torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64, torch.complex64, torch.complex128),
]
VALUES = [math.nan, math.inf, -math.inf, -1.0, 0.0, 1.0, 2.0, 640.0, 1e16, 1e30, 1e38, -1e38]
# What a sentence may name: an argument, or a field of one.
NAMES = (
    *("outputs", "targets", "layers", "logits", "pred_boxes", "class_labels", "boxes", "masks", "matcher", "assign"),
    *("costs", "terms", "weights", "losses", "num_classes", "num_predictions", "num_boxes", "class_weight_sum"),
    *("class_cost", "bbox_cost", "giou_cost", "eos_coef", "class_weights", "label_smoothing", "alpha", "gamma"),
    *("count", "times", "config", "epsilon", "supply", "steps", "points", "mask_weight", "dice_weight"),
)


class Unheard(Exception):
    """An answer that is neither right nor a sentence."""


def spoil_tensor(rng, tensor):
    """The tensor in another dtype, shape, layout, place or with other values; or no tensor at all."""
    kind = rng.randrange(12)
    if kind == 0:
        return rng.choice(NUMBERS)
    if kind == 1:
        return tensor.detach().to(rng.choice(DTYPES))
    if kind == 2:
        return tensor.detach().flatten()
    if kind == 3:
        return tensor[None]
    if kind == 4:
        return tensor[: rng.randrange(3)]
    if kind == 5:
        return tensor[..., : rng.randrange(3)]
    if kind == 6:
        return tensor.detach().to_sparse() if tensor.ndim else tensor
    if kind == 7:
        return tensor.to("meta")
    if kind == 8:
        return rng.choice([tensor.tolist(), tensor.detach().numpy(), [tensor], torch.nn.Parameter(tensor.double())])
    if kind == 9:
        return torch.empty([rng.randrange(3) for _ in range(rng.randrange(5))])
    spoilt = tensor.detach().clone()
    if spoilt.numel():
        if spoilt.dtype == torch.int64:
            spoilt.view(-1)[rng.randrange(spoilt.numel())] = rng.choice([-1, -100, 4, 5, 6, 90, 2**62])
        else:
            spoilt.view(-1)[rng.randrange(spoilt.numel())] = rng.choice(VALUES)
    return spoilt


def spoil_fields(rng, fields):
    """A dict with a field spoilt, missing, renamed or added."""
    kind, name = rng.randrange(10), rng.choice(list(fields))
    if kind == 0:
        return rng.choice([*NUMBERS, list(fields.items())])
    if kind == 1:
        return {key: value for key, value in fields.items() if key != name}
    if kind == 2:
        return {(f"{key}s" if key == name else key): value for key, value in fields.items()}
    if kind == 3:
        more = rng.choice(["auxiliary_outputs", "aux_outputs", "enc_outputs", "pred_masks", "masks", "loss"])
        return fields | {more: rng.choice([*NUMBERS, dict(fields), [dict(fields)], [dict(fields), 3]])}
    value = fields[name]
    return fields | {name: spoil_tensor(rng, value) if isinstance(value, torch.Tensor) else spoil_list(rng, value)}


def spoil_list(rng, items):
    """A list of dicts with one of them spoilt, missing or twice; or no list at all."""
    kind = rng.randrange(8)
    if kind == 0:
        return rng.choice([*NUMBERS, *items[:1], iter(items)])
    if kind == 1:
        return items[1:]
    if kind == 2:
        return items + items[:1]
    place = rng.randrange(len(items))
    return [spoil_fields(rng, item) if index == place else item for index, item in enumerate(items)]


def good_batch(rng):
    """Outputs, with masks and an auxiliary layer at times, and their targets."""
    sizes = [rng.randrange(5) for _ in range(rng.randrange(1, 4))]
    dtype = rng.choice([torch.float32, torch.float32, torch.float64])
    outputs, targets = make_batch(sizes, num_predictions=rng.randrange(1, 7), seed=rng.randrange(2**30), dtype=dtype)
    if rng.random() < 0.4:
        outputs["pred_masks"] = torch.randn(*outputs["logits"].shape[:2], 3, 3)
        for target in targets:
            target["masks"] = torch.rand(len(target["boxes"]), rng.randrange(1, 6), rng.randrange(1, 6)) > 0.5
    if rng.random() < 0.4:
        outputs["auxiliary_outputs"] = [{name: outputs[name] for name in ("logits", "pred_boxes")}]
    return outputs, targets


def hostile_batch(rng):
    outputs, targets = good_batch(rng)
    for _ in range(rng.randrange(1, 3)):
        with contextlib.suppress(Exception):  # what is spoilt already is not always to be spoilt again
            if rng.random() < 0.5:
                outputs = spoil_fields(rng, outputs)
            else:
                targets = spoil_list(rng, targets)
    return outputs, targets


def hostile_answer(rng):
    """What a solver or a matcher may return, for images of any size."""
    pair = rng.choice(
        [
            ([0], [0]), ([0.7], [0.2]), ([math.nan], [0]), ([99], [0]), ([0], [99]), ([-1], [0]), ([0, 1], [0]),
            (np.array([0.0]), np.array([0])), (np.array([0j]), np.array([0])), (np.zeros(0), np.zeros(0)), ([], []),
            (torch.tensor([0]), torch.tensor([0j])), (torch.tensor([True]), torch.tensor([0])), (["a"], [0]),
            (torch.zeros(1, 1).long(), torch.zeros(1, 1).long()), ([10**400], [0]), ([2**63], [0]), (0, 0),
            (torch.tensor([0], device="meta"), torch.tensor([0])), ([None], [0]), ([[0], [1, 2]], [0, 1]),
            (torch.zeros(2).to_sparse(), torch.zeros(2).to_sparse()), (iter([0]), iter([0])),
            (torch.tensor([0.0]).to(torch.float8_e5m2), torch.tensor([0])), (np.array([0], object), [0]),
            ([0], [0], [0]), "01", {0: 0, 1: 1}, None, 3, np.zeros((2, 3)), torch.zeros(2, 1).long(), set(),
        ]
    )  # fmt: skip
    return pair


def hostile_cost(rng):
    """A cost function that returns what no cost may be."""
    make = rng.choice(
        [
            lambda n, t: None, lambda n, t: np.zeros((n, t)), lambda n, t: torch.zeros(t, n), lambda n, t: 0.0,
            lambda n, t: torch.zeros(n, t, dtype=torch.complex64), lambda n, t: torch.full((n, t), math.nan),
            lambda n, t: torch.full((n, t), 1e17), lambda n, t: torch.zeros(n, t, dtype=torch.int64),
            lambda n, t: torch.zeros(n, t).bool(), lambda n, t: torch.zeros(n, t).to_sparse(),
            lambda n, t: torch.zeros(n, t, dtype=torch.float64), lambda n, t: torch.zeros(n, t, requires_grad=True),
            lambda n, t: torch.full((n, t), -1e308, dtype=torch.float64), lambda n, t: torch.zeros(n, t).half(),
            lambda n, t: torch.zeros(n, t).to(torch.float8_e4m3fn), lambda n, t: torch.zeros(n, t, device="meta"),
        ]
    )  # fmt: skip
    return lambda outputs, targets, image_index: make(outputs["logits"].shape[1], len(image_index))


def call_matcher(rng):
    outputs, targets = hostile_batch(rng)
    matcher = rng.choice(
        [
            HungarianMatcher(), HungarianMatcher(costs=FOCAL_COSTS), HungarianMatcher(0, 0, 1, assign=repeated(1)),
            HungarianMatcher(costs=point_costs(torch.rand(4, 2))), HungarianMatcher(assign=in_groups(1)),
        ]
    )  # fmt: skip
    if rng.random() < 0.2:
        return matcher.cost_matrices(outputs, targets)
    return check_match(matcher(outputs, targets), outputs, targets)


def call_solver(rng):
    outputs, targets = good_batch(rng)
    answer = hostile_answer(rng)
    match = HungarianMatcher(assign=lambda cost: answer)(outputs, targets)
    for (prediction, target), truth in zip(match, targets, strict=True):
        whole = prediction.dtype == target.dtype == torch.int64 and len(prediction) == len(target)
        inside = not len(target) or (0 <= min(target) <= max(target) < len(truth["boxes"]))
        if not whole or not inside or (len(prediction) and max(prediction) >= outputs["logits"].shape[1]):
            raise Unheard(f"{answer} became {match}")


def call_cost(rng):
    outputs, targets = good_batch(rng)
    return check_match(HungarianMatcher(costs={"mine": hostile_cost(rng)})(outputs, targets), outputs, targets)


def call_criterion(rng):
    outputs, targets = hostile_batch(rng)
    more = {name: rng.choice(NUMBERS) for name in ("num_boxes", "class_weight_sum") if rng.random() < 0.1}
    names = rng.choice([("labels", "boxes", "cardinality"), ("labels", "boxes", "masks")])
    criterion = SetCriterion(HungarianMatcher(), 5, losses=names)
    return check_losses(criterion(outputs, targets, **more), criterion, outputs, targets)


def call_recorded(rng):
    outputs, targets = good_batch(rng)
    answer = rng.choice([[hostile_answer(rng) for _ in targets], hostile_answer(rng), [hostile_answer(rng)]])
    criterion = SetCriterion(lambda *_: answer, 5)
    return check_losses(criterion(outputs, targets), criterion, outputs, targets)


def call_engine(rng):
    outputs, targets = hostile_batch(rng)
    names = {"logits": "pred_logits", "class_labels": "labels", "auxiliary_outputs": "aux_outputs"}
    if isinstance(outputs, dict):
        outputs = {names.get(name, name): value for name, value in outputs.items()}
    return DetrCriterion(HungarianMatcher(), 5)(outputs, targets)


def call_validate(rng):
    _, targets = hostile_batch(rng)
    return validate_targets(targets, rng.choice([5, 5, 5, *NUMBERS]))


def make_matcher(rng):
    arguments = {name: rng.choice(NUMBERS) for name in ("class_cost", "bbox_cost", "giou_cost") if rng.random() < 0.5}
    if rng.random() < 0.3:
        arguments["costs"] = rng.choice([*NUMBERS, {"class_cost": 3}, {"total": len}, {"mine": len}, [("mine", len)]])
    if rng.random() < 0.3:
        arguments["assign"] = rng.choice(NUMBERS)
    matcher = HungarianMatcher(**arguments)
    if not all(math.isfinite(weight) for weight in (matcher.class_cost, matcher.bbox_cost, matcher.giou_cost)):
        raise Unheard(f"{arguments} passed")


def make_criterion(rng):
    arguments = {"matcher": HungarianMatcher(), "num_classes": 5}
    for name in rng.sample(["matcher", "num_classes", "eos_coef", "losses", "weights", "terms"], rng.randrange(1, 3)):
        arguments[name] = rng.choice(NUMBERS)
        if name == "weights" and rng.random() < 0.7:
            arguments[name] = {rng.choice(["loss_ce", "loss_giou", "loss", 3]): rng.choice(NUMBERS)}
        if name == "losses" and rng.random() < 0.7:
            arguments[name] = [rng.choice(["labels", "boxes", *NUMBERS])]
        if name == "terms" and rng.random() < 0.7:
            arguments[name] = {rng.choice(["labels", "mine"]): rng.choice(NUMBERS)}
    outer = rng.choice([SetCriterion, SetCriterion, DetrCriterion])
    criterion = outer(**arguments)
    weights = getattr(criterion, "weights", None) or criterion.weight_dict
    if not all(math.isfinite(weight) for weight in weights.values()):
        raise Unheard(f"{arguments} passed")


def a_point_cost(points=None, **more):
    return point_costs(torch.rand(3, 2) if points is None else points, **more)


def make_part(rng):
    make = rng.choice([FocalLoss, SoftmaxLoss, in_groups, repeated, as_transformers_loss, FocalCost, a_point_cost])
    names = {
        FocalLoss: ("alpha", "gamma", "class_weights", "label_smoothing"), SoftmaxLoss: ("class_weights",),
        FocalCost: ("alpha", "gamma"),
        a_point_cost: ("points", "mask_weight", "dice_weight"), in_groups: ("count",), repeated: ("times",),
        as_transformers_loss: ("matcher", "weights", "losses", "eos_coef"),
    }[make]  # fmt: skip
    return make(**{rng.choice(names): rng.choice(NUMBERS)})


def call_normalizers(rng):
    _, targets = hostile_batch(rng)
    return SetCriterion(HungarianMatcher(), 5).normalizers(rng.choice([4, 4, *NUMBERS]), targets)


ATTACKS = (
    *(call_matcher, call_solver, call_cost, call_criterion, call_recorded, call_engine, call_validate),
    *(call_normalizers, make_matcher, make_criterion, make_part),
)


def check_match(match, outputs, targets):
    """A match of a solver that pairs one to one: all places that there are, none twice."""
    for (prediction, target), truth in zip(match, targets, strict=True):
        wanted = min(outputs["logits"].shape[1], len(truth["class_labels"]))
        if not len(set(prediction.tolist())) == len(set(target.tolist())) == len(target) == wanted:
            raise Unheard(f"no match: {match}")


def check_losses(losses, criterion, outputs, targets):
    """Finite terms, unless something that came in was not finite, or so large that float32 cannot hold its sums."""
    tensors = [outputs["logits"], outputs["pred_boxes"], outputs.get("pred_masks"), *(t["boxes"] for t in targets)]
    tensors += [v for layer in outputs.get("auxiliary_outputs") or () for v in (layer["logits"], layer["pred_boxes"])]
    usual = [t.detach() for t in tensors if is_floating(t) and t.numel() and not t.is_meta]
    calm = all(float(t.abs().max()) < 1e15 for t in usual)
    total = criterion.total(losses)
    if calm and not math.isfinite(float(total)):
        raise Unheard(f"total is {total}: {losses}")


def attack(number):
    """One hostile input by its number. Returns the sentence that it got, or None; `Unheard` for any other answer."""
    rng = random.Random(number)
    torch.manual_seed(number)
    name = ATTACKS[number % len(ATTACKS)]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            name(rng)
    except (TypeError, ValueError) as error:
        sentence = str(error)
        good = "\n" not in sentence and len(sentence) < 400 and sentence.endswith((".", "?"))
        if not good or not any(word in sentence for word in NAMES):
            raise Unheard(f"attack({number}), {name.__name__}: {type(error).__name__}: {sentence}") from error
        return sentence
    except Exception as error:
        raise Unheard(f"attack({number}), {name.__name__}: {type(error).__name__}: {error}") from error
    return None
