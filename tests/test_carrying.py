"""Matcher, criterion, parts and plugged-in losses can be pickled, saved, copied, and sent to another process."""

import copy
import io
import pickle

import numpy as np
import pytest
import torch
from batches import NUM_CLASSES, make_batch, pairs_of

from helpers import HungarianMatcher, SetCriterion, as_transformers_loss
from helpers.assignment import argmin, brute_force, greedy, hungarian, lapx
from helpers.detr_engine import DetrCriterion
from helpers.later.costs import FOCAL_COSTS, FocalCost, point_costs
from helpers.later.losses import EveryLayersMasks, FocalLoss, GroupCriterion, QualityLoss, SoftmaxLoss, VarifocalLoss
from helpers.later.matches import in_groups, repeated
from helpers.later.transformers_loss import as_focal_transformers_loss
from helpers.training.pairings import by_index, one_to_many

SOLVERS = {
    "greedy": greedy,
    "argmin": argmin,
    "brute_force": brute_force,
    "hungarian": hungarian,
    "lapx": lapx,
    "by_index": by_index,
    "in_groups": in_groups(2),
    "repeated": repeated(2),
}
MATCHERS = {
    "standard": HungarianMatcher(),
    "focal": HungarianMatcher(costs=FOCAL_COSTS),
    "points": HungarianMatcher(costs=point_costs(torch.rand(9, 2, generator=torch.Generator().manual_seed(0)))),
    "one to many": one_to_many(),
    **{name: HungarianMatcher(assign=solver) for name, solver in SOLVERS.items()},
}
CRITERIA = {
    "standard": SetCriterion(HungarianMatcher(), NUM_CLASSES),
    "softmax": SetCriterion(HungarianMatcher(), NUM_CLASSES, terms={"labels": SoftmaxLoss(label_smoothing=0.1)}),
    "masks": SetCriterion(HungarianMatcher(), NUM_CLASSES, losses=("masks",), terms={"masks": EveryLayersMasks()}),
    "engine": DetrCriterion(HungarianMatcher(), NUM_CLASSES),
    **{
        type(term).__name__: SetCriterion(MATCHERS["focal"], NUM_CLASSES + 1, terms={"labels": term})
        for term in (FocalLoss(), VarifocalLoss(), QualityLoss())
    },
    "groups": GroupCriterion(HungarianMatcher(assign=in_groups(2)), NUM_CLASSES),
}


def saved(thing):
    buffer = io.BytesIO()
    torch.save(thing, buffer)
    buffer.seek(0)
    return torch.load(buffer, weights_only=False)


WAYS = {"pickle": lambda thing: pickle.loads(pickle.dumps(thing)), "torch.save": saved, "deepcopy": copy.deepcopy}


def batch():
    outputs, targets = make_batch([2, 0])
    outputs["pred_masks"] = torch.randn(2, 6, 4, 4, generator=torch.Generator().manual_seed(1))
    for target in targets:
        target["masks"] = torch.ones(len(target["boxes"]), 8, 8).bool()
    return outputs, targets


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", MATCHERS)
def test_a_matcher(name, way):
    copied = WAYS[way](MATCHERS[name])
    assert pairs_of(copied(*batch())) == pairs_of(MATCHERS[name](*batch()))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", CRITERIA)
def test_a_criterion(name, way):
    outputs, targets = batch()
    if name == "engine":
        outputs["pred_logits"] = outputs.pop("logits")
    criterion, copied = CRITERIA[name], WAYS[way](CRITERIA[name])
    expected = {key: value.item() for key, value in criterion(outputs, targets).items()}
    assert {key: value.item() for key, value in copied(outputs, targets).items()} == expected


@pytest.mark.parametrize("way", WAYS)
def test_a_model_with_our_loss(way):
    from test_transformers_loss import labels_for, small_yolos

    model = small_yolos()
    model.loss_function = as_transformers_loss(weights={"loss_giou": 7.0})
    pixel_values = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    expected = model(pixel_values=pixel_values, labels=labels_for(2)).loss.item()
    assert WAYS[way](model)(pixel_values=pixel_values, labels=labels_for(2)).loss.item() == expected
    assert WAYS[way](as_focal_transformers_loss()).num_boxes is None


def answer_of(criterion, matcher, answers):
    torch.set_num_threads(1)
    losses = criterion(*batch())
    answers.put(({name: value.item() for name, value in losses.items()}, pairs_of(matcher(*batch()))))


def test_another_process():
    context = torch.multiprocessing.get_context("spawn")
    answers = context.SimpleQueue()
    criterion, matcher = CRITERIA["FocalLoss"], HungarianMatcher(costs={"class_cost": FocalCost()}, assign=repeated(2))
    process = context.Process(target=answer_of, args=(criterion, matcher, answers))
    process.start()
    losses, pairs = answers.get()
    process.join()
    assert losses == {name: value.item() for name, value in criterion(*batch()).items()}
    assert pairs == pairs_of(matcher(*batch()))


def test_solvers_give_the_same_after_a_copy():
    cost = np.random.default_rng(0).normal(size=(6, 3))
    for solver in SOLVERS.values():
        for way in WAYS.values():
            assert all(np.array_equal(*pair) for pair in zip(solver(cost), way(solver)(cost)))
