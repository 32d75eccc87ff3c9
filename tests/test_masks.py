import math

import pytest
import torch
from batches import NUM_CLASSES, ReferenceMatcher, gradients, make_batch, recorded, reference_criterion

from helpers import HungarianMatcher, SetCriterion
from helpers.later.costs import point_costs

ALL_TERMS = ("labels", "boxes", "cardinality", "masks")


def batch_with_masks(sizes, mask_sizes, seed=0):
    outputs, targets = make_batch(sizes, seed=seed)
    generator = torch.Generator().manual_seed(seed)
    outputs["pred_masks"] = torch.randn(len(sizes), 6, 8, 8, generator=generator).requires_grad_()
    for target, (height, width) in zip(targets, mask_sizes):
        shape = (len(target["class_labels"]), height, width)
        target["masks"] = torch.rand(shape, generator=generator) > 0.5
    return outputs, targets


@pytest.mark.parametrize("sizes", [[3], [3, 2], [1, 0, 4]])
def test_masks_of_one_size_equal_the_reference(sizes):
    outputs, targets = batch_with_masks(sizes, [(20, 16)] * len(sizes))
    indices = ReferenceMatcher(1, 5, 2)(outputs, targets)
    criterion = SetCriterion(recorded(indices), NUM_CLASSES, losses=ALL_TERMS)
    ours = criterion(outputs, targets)
    theirs = reference_criterion(losses=ALL_TERMS, matcher=recorded(indices))(outputs, targets)
    assert ours.keys() == theirs.keys()
    for name in ours:
        assert ours[name].item() == pytest.approx(theirs[name].item(), rel=1e-5), name
    our_gradients = gradients(ours["loss_mask"] + ours["loss_dice"], outputs)
    their_gradients = gradients(theirs["loss_mask"] + theirs["loss_dice"], outputs)
    assert torch.allclose(our_gradients["pred_masks"], their_gradients["pred_masks"], atol=1e-6)


def test_soft_masks_equal_the_reference():
    # transformers' own tests draw masks from [0, 1].
    outputs, targets = batch_with_masks([3, 2], [(20, 16)] * 2)
    for target in targets:
        target["masks"] = torch.rand(target["masks"].shape)
    indices = ReferenceMatcher(1, 5, 2)(outputs, targets)
    ours = SetCriterion(recorded(indices), NUM_CLASSES, losses=("masks",))(outputs, targets)
    theirs = reference_criterion(losses=["masks"], matcher=recorded(indices))(outputs, targets)
    for name in ours:
        assert ours[name].item() == pytest.approx(theirs[name].item(), rel=1e-5), name


def test_padding_is_left_out():
    # Two images, 16 x 16 and 8 x 8. What is predicted outside the smaller one, where there is no image, is free.
    outputs, targets = batch_with_masks([2, 2], [(16, 16), (8, 8)])
    criterion = SetCriterion(
        recorded([(torch.tensor([0, 1]), torch.tensor([0, 1]))] * 2), NUM_CLASSES, losses=ALL_TERMS
    )
    losses = criterion(outputs, targets)
    gradient = gradients(losses["loss_mask"] + losses["loss_dice"], outputs)["pred_masks"]
    assert (gradient[1, :2, 6:] == 0).all()
    assert (gradient[1, :2, :, 6:] == 0).all()
    assert (gradient[1, :2, :3, :3] != 0).any()
    assert (gradient[0, :2, 6:] != 0).any()
    assert (gradient[:, 2:] == 0).all()
    louder = {**outputs, "pred_masks": outputs["pred_masks"].detach().clone()}
    louder["pred_masks"][1, :, 6:] += 100
    again = criterion(louder, targets)
    assert again["loss_mask"].item() == pytest.approx(losses["loss_mask"].item(), rel=1e-6)
    assert again["loss_dice"].item() == pytest.approx(losses["loss_dice"].item(), rel=1e-6)


def test_by_hand():
    # One object, one mask of 1 x 2 pixels, ink on the first; logits 0 and ln 3: probabilities 1/2 and 3/4.
    outputs, targets = make_batch([1], num_predictions=1)
    outputs["pred_masks"] = torch.tensor([0.0, math.log(3)]).reshape(1, 1, 1, 2)
    targets[0]["masks"] = torch.tensor([True, False]).reshape(1, 1, 2)
    losses = SetCriterion(HungarianMatcher(), NUM_CLASSES, losses=("masks",))(outputs, targets)
    # Focal: 1/4 (1/2)^2 ln 2 and 3/4 (3/4)^2 ln 4, averaged over two pixels.
    assert losses["loss_mask"].item() == pytest.approx((math.log(2) / 16 + 27 / 64 * math.log(4)) / 2)
    # Dice: 1 - (2 x 1/2 + 1) / (1/2 + 3/4 + 1 + 1) = 1 - 2 / 3.25.
    assert losses["loss_dice"].item() == pytest.approx(1 - 2 / 3.25)


def test_without_objects_the_graph_stays_connected():
    outputs, targets = batch_with_masks([0, 0], [(8, 8)] * 2)
    losses = SetCriterion(HungarianMatcher(), NUM_CLASSES, losses=ALL_TERMS)(outputs, targets)
    assert losses["loss_mask"].item() == losses["loss_dice"].item() == 0
    for gradient in gradients(losses["loss_mask"] + losses["loss_dice"] + losses["loss_bbox"], outputs).values():
        assert gradient is None or (gradient == 0).all()
    assert losses["loss_bbox"].requires_grad
    assert losses["loss_mask"].requires_grad


def test_masks_as_numbers_serve_too():
    outputs, targets = batch_with_masks([2], [(8, 8)])
    in_numbers = [{**target, "masks": target["masks"].to(torch.uint8)} for target in targets]
    criterion = SetCriterion(HungarianMatcher(), NUM_CLASSES, losses=("masks",))
    assert criterion(outputs, targets) == criterion(outputs, in_numbers)


def test_what_is_missing_is_named():
    outputs, targets = batch_with_masks([2, 1], [(8, 8)] * 2)
    criterion = SetCriterion(HungarianMatcher(), NUM_CLASSES, losses=("masks",))
    with pytest.raises(ValueError, match='no "pred_masks"'):
        criterion({name: outputs[name] for name in ("logits", "pred_boxes")}, targets)
    with pytest.raises(TypeError, match=r'targets\[1\]\["masks"\]'):
        criterion(outputs, [targets[0], {name: targets[1][name] for name in ("class_labels", "boxes")}])
    with pytest.raises(ValueError, match=r'targets\[1\]\["masks"\] has shape \(2, 8, 8\) beside 1 labels'):
        criterion(outputs, [targets[0], {**targets[1], "masks": torch.zeros(2, 8, 8).bool()}])
    for shape in ((2, 6, 8), (2, 5, 8, 8)):
        with pytest.raises(ValueError, match=r'outputs\["pred_masks"\] has shape'):
            criterion({**outputs, "pred_masks": torch.zeros(shape)}, targets)


def test_masks_are_the_last_layers_only():
    outputs, targets = batch_with_masks([2], [(8, 8)])
    outputs["auxiliary_outputs"] = [make_batch([2], seed=1)[0]]
    losses = SetCriterion(HungarianMatcher(), NUM_CLASSES, losses=ALL_TERMS)(outputs, targets)
    assert "loss_mask" in losses
    assert "loss_mask_0" not in losses


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda masks: 255 * masks.to(torch.uint8), "holds other numbers than 0 and 1"),
        (lambda masks: masks * math.nan, "holds other numbers than 0 and 1"),
        (lambda masks: -masks.float(), "holds other numbers than 0 and 1"),
        (lambda masks: masks.float().to(torch.float8_e4m3fn), r"is torch\.float8_e4m3fn; make it torch\.bool"),
        (lambda masks: masks.to("meta"), r"is torch\.bool on the device meta; make it torch\.bool"),
    ],
)
def test_masks_that_are_none_meet_a_sentence_in_the_loss_and_in_the_match(change, words):
    outputs, targets = batch_with_masks([1, 2], [(4, 4), (5, 6)])
    targets[1]["masks"] = change(torch.ones(2, 5, 6).bool())
    judges = (
        SetCriterion(HungarianMatcher(), NUM_CLASSES, losses=("masks",)),
        HungarianMatcher(costs=point_costs(torch.rand(4, 2))),
    )
    for judge in judges:
        with pytest.raises((TypeError, ValueError), match=rf'targets\[1\]\["masks"\] {words}'):
            judge(outputs, targets)


def test_of_masks():
    outputs, targets = make_batch([2, 1])
    criterion = SetCriterion(HungarianMatcher(), NUM_CLASSES, losses=("masks",))
    masks = [torch.ones(2, 8, 8, dtype=torch.uint8), torch.ones(1, 8, 8, dtype=torch.uint8)]
    inked = [{**target, "masks": mask} for target, mask in zip(targets, masks)]
    outputs["pred_masks"] = torch.zeros(2, 6, 4, 4)
    assert torch.isfinite(criterion(outputs, inked)["loss_mask"])
    inked[1]["masks"] = 255 * inked[1]["masks"]  # as a PNG holds them
    with pytest.raises(ValueError, match=r'targets\[1\]\["masks"\] holds other numbers than 0 and 1'):
        criterion(outputs, inked)
    with pytest.raises(TypeError, match=r'outputs\["pred_masks"\] is NoneType; make it a tensor'):
        criterion({**outputs, "pred_masks": None}, inked)
