"""The fused sum is the sum of `costs.py`, block by block, and the matches are those of transformers."""

import warnings

import numpy as np
import pytest
import torch
from batches import NUM_CLASSES, batches, make_batch, pairs_of
from hypothesis import given

from helpers import HungarianMatcher, fused
from helpers.contract import flatten_targets
from helpers.costs import STANDARD_COSTS
from helpers.meters import HostReads, LargestTensor


def both(outputs, targets, weights=(1, 5, 2)):
    """The fused rows, and the same from the plain matrices."""
    joined = flatten_targets(targets, NUM_CLASSES)
    assert fused.can_fuse(STANDARD_COSTS, [outputs], joined[0])
    rows = fused.fused_rows(dict(zip(STANDARD_COSTS, weights)), [outputs], *joined)
    plain = HungarianMatcher(*weights).cost_matrices(outputs, targets)
    return rows, torch.cat([cost["total"].T for cost in plain]).double().numpy()


@given(batches())
def test_the_same_sum_as_the_costs(batch):
    rows, plain = both(*batch)
    assert rows.dtype == np.float64
    np.testing.assert_allclose(rows, plain, rtol=0, atol=1e-5)


@given(batches())
def test_the_same_sum_however_it_is_cut(batch):
    whole, _ = both(*batch)
    kept, fused.PAIRS = fused.PAIRS, 7  # blocks of a single target, and of some
    try:
        cut, _ = both(*batch)
    finally:
        fused.PAIRS = kept
    np.testing.assert_array_equal(cut, whole)


@pytest.mark.parametrize("weights", [(1, 1, 1), (0.5, 3, 7), (1e-3, 1e3, 2), (-1, 5, 2)])
def test_any_weights(weights):
    rows, plain = both(*make_batch([3, 0, 9], num_predictions=8), weights)
    np.testing.assert_allclose(rows, plain, rtol=1e-5, atol=1e-5)


def test_boxes_without_area_and_turned_inside_out():
    outputs, targets = make_batch([4, 2], num_predictions=5)
    with torch.no_grad():
        outputs["pred_boxes"][0, :3, 2:] = torch.tensor([[0.0, 0.0], [1e-7, 0.3], [-0.2, 0.1]])
    targets[0]["boxes"][:2] = outputs["pred_boxes"][0, :2].detach()
    rows, plain = both(outputs, targets)
    np.testing.assert_allclose(rows, plain, rtol=0, atol=1e-5)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("name", ["logits", "pred_boxes"])
def test_what_is_not_finite_is_so_in_the_same_places_and_in_silence(name, value):
    outputs, targets = make_batch([3, 2], num_predictions=4)
    with torch.no_grad():
        outputs[name][0, 1, 2] = value
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rows, plain = both(outputs, targets)
    np.testing.assert_array_equal(np.isfinite(rows), np.isfinite(plain))
    finite = np.isfinite(plain)
    np.testing.assert_allclose(rows[finite], plain[finite], rtol=0, atol=1e-5)


def test_no_objects_at_all():
    rows, _ = both(*make_batch([0, 0], num_predictions=4))
    assert rows.shape == (0, 4)


def test_what_watches_torch_sees_all_of_it():
    outputs, targets = make_batch([3, 2])
    with HostReads() as host:
        watched = HungarianMatcher()(outputs, targets)
    assert host.copies == 1
    assert pairs_of(watched) == pairs_of(HungarianMatcher()(outputs, targets))
    with LargestTensor() as largest:
        HungarianMatcher()(outputs, targets)
    assert largest.bytes > 0
