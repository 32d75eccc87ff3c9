import numpy as np
import pytest
import torch
from batches import NUM_CLASSES, make_batch, pairs_of
from no_float64 import NoFloat64, There, device, no_float64_anywhere, on_device

from helpers import HungarianMatcher, SetCriterion
from helpers.later.costs import FOCAL_COSTS, point_costs
from helpers.later.losses import FocalLoss, QualityLoss, SoftmaxLoss, VarifocalLoss

ALL_TERMS = ("labels", "boxes", "cardinality", "masks")
CRITERIA = {
    "standard": lambda: SetCriterion(HungarianMatcher(), NUM_CLASSES, losses=ALL_TERMS, global_class_normalizer=True),
    "softmax": lambda: SetCriterion(HungarianMatcher(), NUM_CLASSES, terms={"labels": SoftmaxLoss([1, 2, 3, 4, 5])}),
    "points": lambda: SetCriterion(HungarianMatcher(costs=point_costs(torch.rand(9, 2).double())), NUM_CLASSES),
    **{
        term.__name__: lambda term=term: SetCriterion(
            HungarianMatcher(costs=FOCAL_COSTS), NUM_CLASSES + 1, terms={"labels": term()}
        )
        for term in (FocalLoss, VarifocalLoss, QualityLoss)
    },
}


def test_the_stand_in_notices_float64():
    with device():
        assert isinstance(on_device(torch.zeros(2)) + 1, There)
        assert type(on_device(torch.zeros(2)).cpu()) is torch.Tensor
        for wrong in (
            lambda: on_device(torch.zeros(2, dtype=torch.float64)),
            lambda: on_device(torch.zeros(2)).double(),
            lambda: torch.tensor(1.0, dtype=torch.float64, device="meta"),
            lambda: on_device(torch.zeros(2)).new_zeros(2, dtype=torch.float64),
        ):
            with pytest.raises(NoFloat64):
                wrong()
    with no_float64_anywhere():
        weight = torch.ones(2, requires_grad=True)
        with pytest.raises(NoFloat64):
            weight.double()
        with pytest.raises(NoFloat64):
            torch.zeros(2, dtype=torch.float64)


def batch(where):
    """Outputs on the device; targets, with float64 boxes where they stay on the CPU."""
    outputs, targets = make_batch([3, 0, 2])
    outputs = {name: value.detach() for name, value in outputs.items()}
    outputs["pred_masks"] = torch.randn(3, 6, 4, 4, generator=torch.Generator().manual_seed(1))
    outputs["auxiliary_outputs"] = [{name: value.flip(1) for name, value in outputs.items()}]
    for target in targets:
        target["masks"] = torch.ones(len(target["boxes"]), 8, 8).bool()
    if where == "targets on the CPU":
        return outputs, [{**target, "boxes": target["boxes"].double()} for target in targets]
    return outputs, targets


@pytest.mark.parametrize("where", ["targets on the CPU", "targets on the device"])
@pytest.mark.parametrize("name", CRITERIA)
def test_matcher_and_loss(name, where):
    outputs, targets = batch(where)
    criterion = CRITERIA[name]()
    expected, pairs = criterion(outputs, targets), pairs_of(criterion.matcher(outputs, targets))
    with device():
        moved = on_device(outputs), targets if where == "targets on the CPU" else on_device(targets)
        assert pairs_of(criterion.matcher(*moved)) == pairs
        matrix = criterion.matcher.cost_matrices(*moved)[0]["total"]
        losses = criterion(*moved)
        assert isinstance(matrix, There)
        assert all(isinstance(value, There) or value.dtype == torch.float32 for value in losses.values())
        found = {key: float(value) for key, value in losses.items()}
    assert found == {key: pytest.approx(float(value), rel=1e-6) for key, value in expected.items()}


def test_a_cost_that_comes_in_float64_from_the_cpu():
    def mine(outputs, targets, image_index):
        return torch.from_numpy(np.arange(6.0)[:, None] * np.ones(len(image_index)))

    outputs, targets = batch("targets on the device")
    expected = pairs_of(HungarianMatcher(costs={"mine": mine})(outputs, targets))
    with device():
        assert pairs_of(HungarianMatcher(costs={"mine": mine})(on_device(outputs), on_device(targets))) == expected


def test_on_the_cpu_float64_stays():
    outputs, targets = make_batch([2], dtype=torch.float64)
    criterion = SetCriterion(HungarianMatcher(), NUM_CLASSES)
    assert criterion.total(criterion(outputs, targets)).dtype == torch.float64


def test_what_is_averaged_over_processes(monkeypatch):
    from torch import distributed

    seen = []
    monkeypatch.setattr(distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(distributed, "get_world_size", lambda: 2)
    monkeypatch.setattr(distributed, "all_reduce", lambda total, op: seen.append(type(total)))
    outputs, targets = batch("targets on the device")
    criterion = CRITERIA["standard"]()
    with device():
        criterion(on_device(outputs), on_device(targets))
    assert seen == [There] * 3  # the number of boxes, and the class weights of two layers
