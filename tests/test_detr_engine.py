"""DETR's training loop, as its `engine.py` has it, with our criterion in its place."""

import math

import pytest
import torch
from batches import NUM_CLASSES, make_batch

from helpers import HungarianMatcher, SetCriterion
from helpers.detr_engine import DetrCriterion

THEIR_NAMES = {"logits": "pred_logits", "class_labels": "labels"}


def under_their_names(fields):
    return {THEIR_NAMES.get(name, name): value for name, value in fields.items()}


def batch_of_detr(sizes=(3, 0, 2), layers=3):
    outputs, targets = make_batch(list(sizes))
    auxiliary = [make_batch(list(sizes), seed=seed)[0] for seed in range(1, layers)]
    theirs = under_their_names(outputs) | {"aux_outputs": [under_their_names(layer) for layer in auxiliary]}
    labels = [
        under_their_names(target) | {"image_id": torch.tensor([7]), "orig_size": torch.ones(2)} for target in targets
    ]
    return outputs | {"auxiliary_outputs": auxiliary}, targets, theirs, labels


class Model(torch.nn.Module):
    """A detector whose weights are its outputs."""

    def __init__(self, outputs):
        super().__init__()
        self.layers = torch.nn.ModuleList(
            torch.nn.ParameterDict({name: layer[name].detach() for name in ("pred_logits", "pred_boxes")})
            for layer in [outputs, *outputs["aux_outputs"]]
        )

    def forward(self, samples):
        last, *auxiliary = [dict(layer.items()) for layer in self.layers]
        return last | {"aux_outputs": auxiliary}


def train_one_epoch(model, criterion, data_loader, optimizer, device, max_norm=0):
    """`train_one_epoch` of DETR's engine, told again without its logger."""
    model.train()
    criterion.train()
    for samples, targets in data_loader:
        samples = samples.to(device)
        targets = [{name: value.to(device) for name, value in target.items()} for target in targets]
        outputs = model(samples)
        loss_dict = criterion(outputs, targets)
        weight_dict = criterion.weight_dict
        losses = sum(loss_dict[k] * weight_dict[k] for k in loss_dict if k in weight_dict)
        scaled = {k: v * weight_dict[k] for k, v in loss_dict.items() if k in weight_dict}
        if not math.isfinite(sum(scaled.values()).item()):
            raise AssertionError(loss_dict)
        optimizer.zero_grad()
        losses.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), max_norm or math.inf)
        optimizer.step()
        yield losses.item(), loss_dict["class_error"].item()


def test_detrs_loop_runs_and_learns():
    _, _, outputs, targets = batch_of_detr()
    model, criterion = Model(outputs), DetrCriterion(HungarianMatcher(), NUM_CLASSES)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.05, weight_decay=0)
    loader = [(torch.zeros(3, 3, 8, 8), targets)] * 200
    curve = list(train_one_epoch(model, criterion, loader, optimizer, torch.device("cpu"), max_norm=1.0))
    assert curve[-1][0] < curve[0][0] / 2
    assert curve[-1][1] == 0 < curve[0][1]


def test_the_numbers_are_those_of_the_criterion():
    ours, our_targets, theirs, labels = batch_of_detr()
    adapter, criterion = DetrCriterion(HungarianMatcher(), NUM_CLASSES), SetCriterion(HungarianMatcher(), NUM_CLASSES)
    found, expected = adapter(theirs, labels), criterion(ours, our_targets)
    assert {name: value.item() for name, value in found.items() if name != "class_error"} == {
        name: value.item() for name, value in expected.items()
    }
    weighted = sum(found[name] * adapter.weight_dict[name] for name in found if name in adapter.weight_dict)
    assert weighted.item() == pytest.approx(criterion.total(expected).item())
    assert adapter.weight_dict["loss_giou_1"] == 2


def test_the_class_error_by_hand():
    # Two matched predictions, of which one says its target's class: 50 %. DETR's own error of none is 100.
    outputs, targets = make_batch([2], num_predictions=2)
    outputs["logits"] = torch.zeros(1, 2, NUM_CLASSES + 1)
    for prediction, label in enumerate([1, 3]):
        outputs["logits"][0, prediction, label] = 5
    targets[0]["class_labels"] = torch.tensor([1, 2])
    match = [(torch.tensor([0, 1]), torch.tensor([0, 1]))]
    criterion = DetrCriterion(lambda *_: match, NUM_CLASSES)
    assert criterion(under_their_names(outputs), [under_their_names(targets[0])])["class_error"].item() == 50
    outputs, targets = make_batch([0])
    criterion = DetrCriterion(HungarianMatcher(), NUM_CLASSES)
    assert criterion(under_their_names(outputs), [under_their_names(targets[0])])["class_error"].item() == 100


def test_masks_come_along():
    _, _, outputs, targets = batch_of_detr([2], layers=2)
    outputs["pred_masks"] = torch.randn(1, 6, 4, 4)
    targets[0]["masks"] = torch.rand(2, 8, 8) > 0.5
    criterion = DetrCriterion(HungarianMatcher(), NUM_CLASSES, losses=("labels", "boxes", "masks"))
    found = criterion(outputs, targets)
    assert "loss_dice" in found
    assert "loss_dice_0" not in found
    assert "class_error_0" not in found


def test_their_names_in_our_criterion_get_a_sentence():
    ours, our_targets, theirs, labels = batch_of_detr()
    criterion = SetCriterion(HungarianMatcher(), NUM_CLASSES)
    with pytest.raises(ValueError, match=r'"aux_outputs"\] looks like the outputs of other layers.*DetrCriterion'):
        criterion({**ours, "aux_outputs": theirs["aux_outputs"]}, our_targets)
    with pytest.raises(ValueError, match=r'has no "logits".*helpers.detr_engine'):
        criterion({name: theirs[name] for name in ("pred_logits", "pred_boxes")}, our_targets)
    with pytest.raises(ValueError, match=r'targets\[0\] must be a dict with "class_labels"'):
        criterion(ours, labels)


@pytest.mark.parametrize("name", ["enc_outputs", "auxiliary_output", "dn_auxiliary_outputs", "interm_outputs"])
@pytest.mark.parametrize("wrap", [lambda layer: layer, lambda layer: [layer], lambda layer: (layer, layer)])
def test_what_looks_like_layers_is_not_ignored_in_silence(name, wrap):
    outputs, targets = make_batch([2])
    with pytest.raises(ValueError, match=rf'outputs\["{name}"\] looks like the outputs of other layers'):
        SetCriterion(HungarianMatcher(), NUM_CLASSES)({**outputs, name: wrap(make_batch([2], seed=1)[0])}, targets)


@pytest.mark.parametrize("outputs", [None, torch.zeros(2), []])
def test_what_is_no_dict_gets_the_sentence_of_the_criterion(outputs):
    with pytest.raises(TypeError, match="outputs must be a dict"):
        DetrCriterion(HungarianMatcher(), NUM_CLASSES)(outputs, [{}])
    with pytest.raises(TypeError, match="targets must be a list"):
        DetrCriterion(HungarianMatcher(), NUM_CLASSES)({"pred_logits": 1}, {"labels": 1})


def test_a_weight_dict_of_ones_own_is_kept():
    _, _, outputs, targets = batch_of_detr()
    mine = {"loss_ce": 2, "loss_bbox": 10, "loss_giou_0": 0.5}
    criterion = DetrCriterion(matcher=HungarianMatcher(), num_classes=NUM_CLASSES, weight_dict=mine)
    criterion(outputs, targets)
    assert criterion.weight_dict == mine | {
        f"loss_{name}_{i}": mine[f"loss_{name}"] for name in ("ce", "bbox") for i in (0, 1)
    }
    criterion = DetrCriterion(HungarianMatcher(), NUM_CLASSES)
    criterion.weight_dict["loss_giou"] = 7.0
    criterion(outputs, targets)
    assert criterion.weight_dict["loss_giou"] == criterion.weight_dict["loss_giou_1"] == 7
    with pytest.raises(TypeError, match="weights is 5; make it a dict"):
        DetrCriterion(HungarianMatcher(), NUM_CLASSES, weight_dict=5)


def test_a_field_under_both_names_is_refused():
    _, _, outputs, targets = batch_of_detr()
    criterion = DetrCriterion(HungarianMatcher(), NUM_CLASSES)
    with pytest.raises(ValueError, match='both "labels" and "class_labels" in the outputs or a target; give one'):
        criterion(outputs, [target | {"class_labels": target["labels"]} for target in targets])
    with pytest.raises(ValueError, match='both "pred_logits" and "logits"'):
        criterion(outputs | {"logits": outputs["pred_logits"]}, targets)
