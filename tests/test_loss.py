import math
from datetime import timedelta

import numpy as np
import pytest
import torch
from batches import (
    NUM_CLASSES,
    ReferenceMatcher,
    batches,
    gradients,
    in_float64,
    make_batch,
    recorded,
    reference_criterion,
)
from hypothesis import given
from hypothesis import strategies as st

from helpers import HungarianMatcher, SetCriterion
from helpers.training.processes import free_port

WEIGHTS = {"loss_ce": 1, "loss_bbox": 5, "loss_giou": 2}
ALL_TERMS = ("labels", "boxes", "cardinality", "masks")


def compare_with_reference(outputs, targets, tolerance, dtype, eos_coef=0.1):
    """Every term, the total and the gradients, both criteria handed the reference's match."""
    indices = ReferenceMatcher(1, 5, 2)(outputs, targets)
    criterion = SetCriterion(recorded(indices), NUM_CLASSES, eos_coef)
    reference = reference_criterion(eos_coef=eos_coef, matcher=recorded(indices))
    ours, theirs = (
        criterion(outputs, targets),
        (in_float64(reference) if dtype == torch.float64 else reference)(outputs, targets),
    )
    assert ours.keys() == theirs.keys()
    for name in ours:
        assert ours[name].item() == pytest.approx(theirs[name].item(), rel=tolerance, abs=tolerance), name
    total, their_total = criterion.total(ours), sum(WEIGHTS[name] * theirs[name] for name in WEIGHTS)
    assert total.dtype == dtype
    assert total.item() == pytest.approx(their_total.item(), rel=tolerance, abs=tolerance)
    our_gradients, their_gradients = gradients(total, outputs), gradients(their_total, outputs)
    largest = max(float(gradient.abs().max()) for gradient in their_gradients.values())
    for name, gradient in our_gradients.items():
        assert (gradient - their_gradients[name]).abs().max() <= tolerance * largest, name


@given(batches())
def test_parity_in_float32(batch):
    compare_with_reference(*batch, tolerance=1e-5, dtype=torch.float32)


@given(batches(dtype=torch.float64), st.sampled_from([0.1, 1.0, 0.37]))
def test_parity_in_float64(batch, eos_coef):
    compare_with_reference(*batch, tolerance=1e-9, dtype=torch.float64, eos_coef=eos_coef)


@pytest.mark.filterwarnings("ignore:.*no prediction left")
@given(batches(max_images=3))
def test_parity_when_each_matches_by_itself(batch):
    outputs, targets = batch
    ours = SetCriterion(HungarianMatcher(), NUM_CLASSES)(outputs, targets)
    theirs = reference_criterion()(outputs, targets)
    for name in ours:
        assert ours[name].item() == pytest.approx(theirs[name].item(), rel=1e-5, abs=1e-5)


def test_two_predictions_three_targets_by_hand():
    # Softmax of (ln 2, 0, 0) is (1/2, 1/4, 1/4); of (0, 0, ln 6) it is (1/8, 1/8, 6/8). K = 2, no-object is 2.
    outputs = {
        "logits": torch.tensor([[[math.log(2), 0.0, 0.0], [0.0, 0.0, math.log(6)]]]),
        "pred_boxes": torch.tensor([[[0.2, 0.2, 0.2, 0.2], [0.6, 0.5, 0.4, 0.2]]]),
    }
    targets = [
        {
            "class_labels": torch.tensor([0, 1, 0]),
            "boxes": torch.tensor([[0.2, 0.2, 0.2, 0.2], [0.3, 0.2, 0.2, 0.2], [0.6, 0.5, 0.2, 0.2]]),
        }
    ]
    criterion = SetCriterion(HungarianMatcher(), num_classes=2)
    # The match: prediction 0 with target 0 (class 0), prediction 1 with target 2 (class 0); target 1 has none.
    with pytest.warns(UserWarning, match="1 targets have no prediction left"):
        losses = criterion(outputs, targets)
    # -ln(1/2) = 0.6931 and -ln(1/8) = 2.0794, both of weight 1: (0.6931 + 2.0794) / 2.
    assert losses["loss_ce"].item() == pytest.approx((math.log(2) + math.log(8)) / 2)
    # L1: 0 and |0.4 - 0.2| = 0.2; divided by the three targets.
    assert losses["loss_bbox"].item() == pytest.approx(0.2 / 3)
    # 1 - GIoU: 1 - 1 = 0 and 1 - 1/2; divided by three.
    assert losses["loss_giou"].item() == pytest.approx(0.5 / 3)
    # Prediction 0 says class 0, prediction 1 says nothing: one object said, three there.
    assert losses["cardinality_error"].item() == 2
    assert criterion.total(losses).item() == pytest.approx(1.5 * math.log(4) / 1.5 + 5 * 0.2 / 3 + 2 * 0.5 / 3)


def test_three_predictions_two_targets_by_hand():
    # As above with a third prediction that stays without target: softmax of (0, 0, ln 2) is (1/4, 1/4, 1/2).
    outputs = {
        "logits": torch.tensor([[[math.log(2), 0.0, 0.0], [0.0, 0.0, math.log(6)], [0.0, 0.0, math.log(2)]]]),
        "pred_boxes": torch.tensor([[[0.2, 0.2, 0.2, 0.2], [0.6, 0.5, 0.4, 0.2], [0.9, 0.9, 0.1, 0.1]]]),
    }
    boxes = torch.tensor([[0.2, 0.2, 0.2, 0.2], [0.6, 0.5, 0.2, 0.2]])
    targets = [{"class_labels": torch.tensor([0, 0]), "boxes": boxes}]
    losses = SetCriterion(HungarianMatcher(), num_classes=2)(outputs, targets)
    # A weighted mean: (1 x 0.6931 + 1 x 2.0794 + 0.1 x 0.6931) / (1 + 1 + 0.1).
    expected = (math.log(2) + math.log(8) + 0.1 * math.log(2)) / 2.1
    assert losses["loss_ce"].item() == pytest.approx(expected)
    assert losses["loss_bbox"].item() == pytest.approx(0.2 / 2)
    assert losses["cardinality_error"].item() == 1


class TestPermutations:
    @given(st.integers(0, 2**32), st.randoms(use_true_random=False))
    def test_nothing_changes_when_targets_predictions_or_images_are_shuffled(self, seed, random):
        outputs, targets = make_batch([4, 2, 0], seed=seed)
        criterion = SetCriterion(HungarianMatcher(), NUM_CLASSES)
        losses = criterion(outputs, targets)
        predictions, images = random.sample(range(6), 6), random.sample(range(3), 3)
        shuffled = {name: value[images][:, predictions] for name, value in outputs.items()}
        shuffled_targets = []
        for image in images:
            order = random.sample(range(len(targets[image]["boxes"])), len(targets[image]["boxes"]))
            shuffled_targets.append({name: value[order] for name, value in targets[image].items()})
        for name, value in criterion(shuffled, shuffled_targets).items():
            assert value.item() == pytest.approx(losses[name].item(), rel=1e-5), name

    def test_pairing_by_index_is_not_invariant(self):
        # What the match is for. The same two targets the other way round, paired with predictions by their index:
        outputs, targets = make_batch([2], num_predictions=2)
        criterion = SetCriterion(recorded([(torch.tensor([0, 1]), torch.tensor([0, 1]))]), NUM_CLASSES)
        swapped = [{name: value[[1, 0]] for name, value in targets[0].items()}]
        before, after = criterion(outputs, targets)["loss_bbox"], criterion(outputs, swapped)["loss_bbox"]
        assert before.item() != pytest.approx(after.item(), rel=1e-2)


class TestAuxiliaryOutputs:
    def test_equal_the_reference(self):
        outputs, targets = make_batch([3, 0, 2])
        outputs["auxiliary_outputs"] = [make_batch([3, 0, 2], seed=seed)[0] for seed in (1, 2)]
        criterion = SetCriterion(HungarianMatcher(), NUM_CLASSES)
        ours, theirs = criterion(outputs, targets), reference_criterion()(outputs, targets)
        assert ours.keys() == theirs.keys()
        assert "loss_giou_1" in ours
        for name in ours:
            assert ours[name].item() == pytest.approx(theirs[name].item(), rel=1e-5), name
        weighted = sum(weight * ours[name + layer] for name, weight in WEIGHTS.items() for layer in ("", "_0", "_1"))
        assert criterion.total(ours).item() == pytest.approx(weighted.item())

    def test_each_layer_is_matched_by_itself(self):
        seen = []

        def matcher(outputs, targets):
            seen.append(sorted(outputs))
            return HungarianMatcher()(outputs, targets)

        outputs, targets = make_batch([3])
        outputs["auxiliary_outputs"] = [make_batch([3], seed=1)[0]]
        losses = SetCriterion(matcher, NUM_CLASSES)(outputs, targets)
        assert seen == [["logits", "pred_boxes"]] * 2
        at_once = SetCriterion(HungarianMatcher(), NUM_CLASSES)(outputs, targets)
        assert {name: value.item() for name, value in losses.items()} == {n: v.item() for n, v in at_once.items()}

    def test_none_means_none(self):
        outputs, targets = make_batch([2])
        losses = SetCriterion(HungarianMatcher(), NUM_CLASSES)({**outputs, "auxiliary_outputs": None}, targets)
        assert len(losses) == 4

    def test_a_broken_layer_is_named(self):
        outputs, targets = make_batch([2])
        outputs["auxiliary_outputs"] = [{"logits": outputs["logits"]}]
        with pytest.raises(ValueError, match=r'outputs\["auxiliary_outputs"\]\[0\] has no "pred_boxes"'):
            SetCriterion(HungarianMatcher(), NUM_CLASSES)(outputs, targets)


class TestMatches:
    """Any callable serves as the matcher, and one that does not fit the batch is met with a sentence."""

    def test_a_recorded_match_in_numpy_or_lists(self):
        outputs, targets = make_batch([2, 0])
        tensors = [(torch.tensor([1, 4]), torch.tensor([1, 0])), (torch.zeros(0).long(), torch.zeros(0).long())]
        expected = SetCriterion(recorded(tensors), NUM_CLASSES)(outputs, targets)
        arrays = [(np.array([1, 4]), np.array([1, 0])), (np.array([]), np.array([]))]
        lists = [([1, 4], [1, 0]), ([], [])]
        for match in (arrays, lists):
            assert SetCriterion(recorded(match), NUM_CLASSES)(outputs, targets) == expected

    @pytest.mark.parametrize(
        ("match", "error", "words"),
        [
            (None, ValueError, ["matcher returned a NoneType", "2 images"]),
            ([([0], [0])], ValueError, ["matcher returned 1 entries", "2 images"]),
            ([([0, 1], [0, 1]), 3], TypeError, ["image 1", "pair"]),
            ([([0, 1], [0, 1]), ([0], [0], [0])], TypeError, ["image 1", "pair"]),
            ([([0, 1], [0, 1]), ([0.0], [0.0])], TypeError, ["image 1", "float32", "int64"]),
            ([([0, 1], [0, 1]), ([0, 1], [0])], ValueError, ["image 1", "(2,) and (1,)"]),
            ([([0, 1], [0, 1]), ([6], [0])], ValueError, ["image 1", "prediction 6", "only 6"]),
            ([([0, 1], [0, 1]), ([-1], [0])], ValueError, ["image 1", "prediction -1"]),
            ([([0, 1], [0, 2]), ([0], [0])], ValueError, ["image 0", "target 2", "only 2", "another batch"]),
        ],
    )
    def test_one_that_does_not_fit(self, match, error, words):
        outputs, targets = make_batch([2, 1])
        with pytest.raises(error) as raised:
            SetCriterion(recorded(match), NUM_CLASSES)(outputs, targets)
        for word in words:
            assert word in str(raised.value)

    def test_two_targets_on_one_prediction(self):
        # The class is the last target's, the prediction counts once, and both boxes pull.
        outputs, targets = make_batch([2])
        targets[0]["class_labels"] = torch.tensor([3, 1])
        losses = SetCriterion(recorded([([4, 4], [0, 1])]), NUM_CLASSES)(outputs, targets)
        log_probability = outputs["logits"][0].log_softmax(-1)
        rest = [prediction for prediction in range(6) if prediction != 4]
        expected = -(log_probability[4, 1] + 0.1 * log_probability[rest, NUM_CLASSES].sum()) / (1 + 5 * 0.1)
        assert losses["loss_ce"].item() == pytest.approx(expected.item(), rel=1e-6)
        apart = (outputs["pred_boxes"][0, 4] - targets[0]["boxes"]).abs().sum() / 2
        assert losses["loss_bbox"].item() == pytest.approx(apart.item(), rel=1e-6)
        other_way = SetCriterion(recorded([([4, 4], [1, 0])]), NUM_CLASSES)(outputs, targets)
        assert other_way["loss_ce"].item() != pytest.approx(losses["loss_ce"].item(), rel=1e-3)


class TestNormalizers:
    @pytest.mark.filterwarnings("ignore:.*no prediction left")
    @pytest.mark.parametrize("sizes", [[3, 0, 5, 1], [0, 0, 0, 0], [9, 1, 0, 7]])
    def test_small_batches_add_up_to_the_large_one(self, sizes):
        outputs, targets = make_batch(sizes, dtype=torch.float64)
        criterion = SetCriterion(HungarianMatcher(), NUM_CLASSES)
        losses = criterion(outputs, targets)
        expected = gradients(criterion.total(losses), outputs)
        num_boxes, class_weight_sum = criterion.normalizers(6, targets)
        parts = []
        for part in (slice(0, 1), slice(1, 4)):
            some = {name: value[part] for name, value in outputs.items()}
            parts.append(criterion(some, targets[part], num_boxes=num_boxes, class_weight_sum=class_weight_sum))
        for name in ("loss_ce", "loss_bbox", "loss_giou"):
            assert sum(part[name] for part in parts).item() == pytest.approx(losses[name].item(), abs=1e-12)
        found = gradients(sum(criterion.total(part) for part in parts), outputs)
        for name, gradient in found.items():
            assert torch.allclose(gradient, expected[name], atol=1e-12)

    def test_num_boxes_given(self):
        outputs, targets = make_batch([3, 1])
        criterion = SetCriterion(HungarianMatcher(), NUM_CLASSES)
        of_four, of_eight = criterion(outputs, targets), criterion(outputs, targets, num_boxes=8)
        assert of_eight["loss_bbox"].item() == pytest.approx(of_four["loss_bbox"].item() / 2)
        assert of_eight["loss_ce"].item() == of_four["loss_ce"].item()
        with pytest.raises(ValueError, match="num_boxes is 0"):
            criterion(outputs, targets, num_boxes=0)


def test_without_any_object():
    outputs, targets = make_batch([0, 0])
    criterion = SetCriterion(HungarianMatcher(), NUM_CLASSES)
    losses = criterion(outputs, targets)
    assert losses["loss_bbox"].item() == losses["loss_giou"].item() == 0
    # A weighted mean in which all weigh the same: the no-object weight cancels.
    flipped = SetCriterion(HungarianMatcher(), NUM_CLASSES, eos_coef=1.0)(outputs, targets)
    assert losses["loss_ce"].item() == pytest.approx(flipped["loss_ce"].item(), rel=1e-6)
    criterion.total(losses).backward()
    assert (outputs["pred_boxes"].grad == 0).all()
    unweighted = SetCriterion(HungarianMatcher(), NUM_CLASSES, eos_coef=0.0)(outputs, targets)
    assert unweighted["loss_ce"].item() == 0


def test_where_the_gradient_goes():
    outputs, targets = make_batch([2, 1])
    losses = SetCriterion(HungarianMatcher(), NUM_CLASSES)(outputs, targets)
    assert not losses["cardinality_error"].requires_grad
    of_class = torch.autograd.grad(losses["loss_ce"], outputs["logits"], retain_graph=True)[0]
    of_boxes = torch.autograd.grad(losses["loss_bbox"], outputs["pred_boxes"])[0]
    assert (of_class != 0).any(-1).sum() == 12  # all learn class
    assert (of_boxes != 0).any(-1).sum() == 3  # few learn boxes


def test_choice_and_weights_of_terms():
    outputs, targets = make_batch([2])
    criterion = SetCriterion(HungarianMatcher(), NUM_CLASSES, losses=("boxes",), weights={"loss_bbox": 7.0})
    losses = criterion(outputs, targets)
    assert sorted(losses) == ["loss_bbox", "loss_giou"]
    expected = 7 * losses["loss_bbox"] + 2 * losses["loss_giou"]
    assert criterion.total(losses).item() == pytest.approx(expected.item())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32(dtype):
    outputs, targets = make_batch([3, 2])
    half = {name: value.detach().to(dtype).requires_grad_() for name, value in outputs.items()}
    rounded = {name: value.detach().float() for name, value in half.items()}
    criterion = SetCriterion(HungarianMatcher(), NUM_CLASSES)
    losses = criterion(half, targets)
    expected = criterion(rounded, targets)
    assert all(value.dtype == torch.float32 for value in losses.values())
    assert {n: v.item() for n, v in losses.items()} == {n: v.item() for n, v in expected.items()}
    criterion.total(losses).backward()
    assert half["pred_boxes"].grad.dtype == dtype
    in_half = [{**target, "boxes": target["boxes"].to(dtype)} for target in targets]
    assert criterion(half, in_half)["loss_giou"].isfinite()


@pytest.mark.filterwarnings("ignore:.*not finite")
@pytest.mark.parametrize("box", [(0.5, 0.5, 0.0, 0.0), (0.5, 0.5, 0.0, 0.4), (0.5, 0.5, 1e-12, 1e-12)])
def test_degenerate_boxes_give_finite_losses_and_bounded_gradients(box):
    outputs, targets = make_batch([2])
    targets[0]["boxes"][0] = torch.tensor(box)
    outputs["pred_boxes"].data[0, 3] = torch.tensor(box)
    criterion = SetCriterion(recorded([([3, 5], [0, 1])]), NUM_CLASSES)
    losses = criterion(outputs, targets)
    assert all(value.isfinite() for value in losses.values())
    for gradient in gradients(criterion.total(losses), outputs).values():
        assert gradient.isfinite().all()
        assert gradient.abs().max() < 1e6


class TestBadInput:
    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            ({"losses": ("labels", "box")}, ["losses", "'box'", "boxes"]),
            ({"weights": {"loss_box": 1}}, ["weights", "'loss_box'", "loss_bbox"]),
            ({"num_classes": 0}, ["num_classes is 0"]),
            ({"matcher": None}, ["matcher", "HungarianMatcher"]),
            ({"matcher": HungarianMatcher}, ["matcher is <class", "give a callable such as HungarianMatcher()"]),
            ({"matcher": 91, "num_classes": HungarianMatcher()}, ["as in DETR's SetCriterion", "matcher stands first"]),
            ({"global_class_normalizer": "no"}, ["global_class_normalizer is 'no'", "True or False"]),
            ({"global_class_normalizer": 1}, ["global_class_normalizer is 1", "True or False"]),
            ({"eos_coef": -1}, ["eos_coef is -1", "at least 0"]),
            ({"eos_coef": float("nan")}, ["eos_coef is nan"]),
            ({"eos_coef": "a"}, ["eos_coef is 'a'", "number"]),
        ],
    )
    def test_of_the_criterion(self, arguments, words):
        with pytest.raises((TypeError, ValueError)) as raised:
            SetCriterion(**{"matcher": HungarianMatcher(), "num_classes": 5, **arguments})
        for word in words:
            assert word in str(raised.value)

    def test_of_its_call(self):
        outputs, targets = make_batch([2, 1])
        criterion = SetCriterion(HungarianMatcher(), NUM_CLASSES)
        with pytest.raises(ValueError, match=r"has 6 columns; num_classes=7 needs 8, no-object last"):
            SetCriterion(HungarianMatcher(), 7)(outputs, targets)
        with pytest.raises(TypeError, match="outputs must be a dict"):
            criterion(outputs["logits"], targets)
        with pytest.raises(TypeError, match="targets must be a list"):
            criterion(outputs, targets[0])
        with pytest.raises(ValueError, match=r'targets\[1\]\["class_labels"\]\[0\] is 5: 5 means "no object"'):
            criterion(outputs, [targets[0], {**targets[1], "class_labels": torch.tensor([5])}])
        with pytest.raises(TypeError, match=r'targets\[0\]\["class_labels"\] is torch.int32'):
            criterion(outputs, [{**targets[0], "class_labels": targets[0]["class_labels"].int()}, targets[1]])
        for odd in (3, torch.zeros(2)):
            with pytest.raises(TypeError, match=r'outputs\["auxiliary_outputs"\] is .*; make it a list of dicts'):
                criterion({**outputs, "auxiliary_outputs": odd}, targets)

    @pytest.mark.parametrize("number", [0, -4.0, float("nan"), float("inf"), "1"])
    @pytest.mark.parametrize("name", ["num_boxes", "class_weight_sum"])
    def test_of_its_normalizers(self, name, number):
        with pytest.raises((TypeError, ValueError), match=f"{name} is "):
            SetCriterion(HungarianMatcher(), NUM_CLASSES)(*make_batch([2, 1]), **{name: number})

    def test_of_a_recorded_match(self):
        outputs, targets = make_batch([1, 1])
        with pytest.raises(ValueError, match=r"indices of shapes \(\) and \(\) for image 0; make both"):
            SetCriterion(lambda *_: [(1, 0), (1, 0)], NUM_CLASSES)(outputs, targets)


def one_process(rank, port, answers):
    """What rank 0 (two objects) and rank 1 (none) make of their halves of one batch."""
    torch.set_num_threads(1)
    torch.distributed.init_process_group("gloo", f"tcp://127.0.0.1:{port}", world_size=2, rank=rank)
    outputs, targets = make_batch([2, 4, 0, 0], dtype=torch.float64)
    part = slice(2 * rank, 2 * rank + 2)
    some = {name: value[part].detach().requires_grad_() for name, value in outputs.items()}
    for is_global in (False, True):
        criterion = SetCriterion(HungarianMatcher(), NUM_CLASSES, global_class_normalizer=is_global)
        losses = criterion(some, targets[part])
        found = gradients(criterion.total(losses), some)
        answers.put(
            (rank, is_global, {n: v.item() for n, v in losses.items()}, {n: g.numpy() for n, g in found.items()})
        )
    torch.distributed.barrier()
    torch.distributed.destroy_process_group()


@pytest.mark.slow
def test_two_processes_average_to_the_whole_batch():
    context = torch.multiprocessing.get_context("spawn")
    answers = context.SimpleQueue()
    spawned = torch.multiprocessing.spawn(one_process, (free_port(), answers), nprocs=2, join=False)
    found = {(rank, is_global): rest for rank, is_global, *rest in (answers.get() for _ in range(4))}
    while not spawned.join():
        pass
    outputs, targets = make_batch([2, 4, 0, 0], dtype=torch.float64)
    criterion = SetCriterion(HungarianMatcher(), NUM_CLASSES)
    whole = criterion(outputs, targets)
    expected = gradients(criterion.total(whole), outputs)
    # num_boxes: (6 + 0) / 2 = 3 on both. The mean over processes, as of their gradients, is the whole batch's loss.
    for name in ("loss_bbox", "loss_giou"):
        mean = (found[0, False][0][name] + found[1, False][0][name]) / 2
        assert mean == pytest.approx(whole[name].item(), abs=1e-12)
        assert found[1, False][0][name] == 0
    # The class term is each process's own mean, as in the reference, unless it is asked to be global.
    means = [sum(found[rank, is_global][0]["loss_ce"] for rank in (0, 1)) / 2 for is_global in (False, True)]
    assert means[0] != pytest.approx(whole["loss_ce"].item(), rel=1e-3)
    assert means[1] == pytest.approx(whole["loss_ce"].item(), abs=1e-12)
    for name, gradient in expected.items():
        parts = np.concatenate([found[rank, True][1][name] for rank in (0, 1)]) / 2
        assert np.allclose(parts, gradient.numpy(), atol=1e-12)


def evaluating_alone(rank, port, answers):
    """Rank 0 evaluates, with a global class normalizer too, while rank 1 has nothing to do with it."""
    torch.set_num_threads(1)
    seconds = timedelta(seconds=20)
    address = f"tcp://127.0.0.1:{port}"
    torch.distributed.init_process_group("gloo", address, world_size=2, rank=rank, timeout=seconds)
    if rank == 0:
        criterion = SetCriterion(HungarianMatcher(), NUM_CLASSES, global_class_normalizer=True)
        with torch.no_grad():
            losses = criterion(*make_batch([2, 4]))
        answers.put({name: value.item() for name, value in losses.items()})
    torch.distributed.barrier()
    torch.distributed.destroy_process_group()


def test_one_process_may_evaluate_alone():
    context = torch.multiprocessing.get_context("spawn")
    answers = context.SimpleQueue()
    spawned = torch.multiprocessing.spawn(evaluating_alone, (free_port(), answers), nprocs=2, join=False)
    while not spawned.join():
        pass
    expected = SetCriterion(HungarianMatcher(), NUM_CLASSES)(*make_batch([2, 4]))
    assert answers.get() == {name: value.item() for name, value in expected.items()}
