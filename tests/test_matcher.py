import itertools
import math
import warnings

import numpy as np
import pytest
import torch
from batches import ReferenceMatcher, batches, make_batch, pairs_of, total_cost
from hypothesis import given
from hypothesis import strategies as st

from helpers import HungarianMatcher, SetCriterion


def matched_quietly(matcher, outputs, targets):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of T > N
        return matcher(outputs, targets)


def brute_force_cost(matrix):
    """The least total over all one-to-one pairings of an (N, T) matrix, by trying them all."""
    small = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    rows = range(len(small))
    return min(
        float(small[rows, columns].sum()) for columns in itertools.permutations(range(small.shape[1]), len(small))
    )


@given(batches())
def test_float32_matches_cost_what_the_references_cost(batch):
    outputs, targets = batch
    matcher = HungarianMatcher()
    ours, theirs = matched_quietly(matcher, outputs, targets), ReferenceMatcher(1, 5, 2)(outputs, targets)
    for matrices, our_pair, their_pair in zip(matcher.cost_matrices(outputs, targets), ours, theirs):
        assert total_cost(matrices["total"], our_pair) == pytest.approx(
            total_cost(matrices["total"], their_pair), abs=1e-5
        )


@given(batches(dtype=torch.float64))
def test_float64_matches_cost_what_the_references_cost(batch):
    outputs, targets = batch
    matcher = HungarianMatcher()
    ours, theirs = matched_quietly(matcher, outputs, targets), ReferenceMatcher(1, 5, 2)(outputs, targets)
    for matrices, our_pair, their_pair in zip(matcher.cost_matrices(outputs, targets), ours, theirs):
        assert matrices["total"].dtype == torch.float64
        assert total_cost(matrices["total"], our_pair) == pytest.approx(
            total_cost(matrices["total"], their_pair), abs=1e-9
        )


@given(batches())
def test_what_a_match_looks_like(batch):
    outputs, targets = batch
    num_predictions = outputs["logits"].shape[1]
    match = matched_quietly(HungarianMatcher(), outputs, targets)
    assert isinstance(match, list)
    assert len(match) == len(targets)
    for (prediction, target), of_image in zip(match, targets):
        assert prediction.dtype == target.dtype == torch.int64
        assert prediction.device.type == target.device.type == "cpu"
        assert len(prediction) == len(target) == min(num_predictions, len(of_image["class_labels"]))
        assert prediction.tolist() == sorted(set(prediction.tolist()))
        assert len(set(target.tolist())) == len(target)


@given(batches(max_images=2, max_predictions=6, max_extra=0))
def test_no_pairing_is_cheaper(batch):
    outputs, targets = batch
    matcher = HungarianMatcher()
    for matrices, pair in zip(matcher.cost_matrices(outputs, targets), matcher(outputs, targets)):
        assert total_cost(matrices["total"], pair) == pytest.approx(
            brute_force_cost(matrices["total"].numpy()), abs=1e-5
        )


def test_two_predictions_three_targets_by_hand():
    # Softmax of (ln 2, 0, 0) is (1/2, 1/4, 1/4); of (0, 0, ln 6) it is (1/8, 1/8, 6/8).
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
    # class: -1/2 -1/4 -1/2    L1: 0.0 0.1 0.7    GIoU cost:   -1  -1/3  11/15
    #        -1/8 -1/8 -1/8        0.9 0.8 0.2               23/35  3/5   -1/2
    matcher = HungarianMatcher()
    total = matcher.cost_matrices(outputs, targets)[0]["total"]
    expected = [
        [-1 / 2 + 5 * 0.0 - 2, -1 / 4 + 5 * 0.1 - 2 / 3, -1 / 2 + 5 * 0.7 + 22 / 15],  # -2.5, -0.417, 4.467
        [-1 / 8 + 5 * 0.9 + 46 / 35, -1 / 8 + 5 * 0.8 + 6 / 5, -1 / 8 + 5 * 0.2 - 1],  # 5.689, 5.075, -0.125
    ]
    assert torch.allclose(total, torch.tensor(expected), atol=1e-5)
    # Best: prediction 0 with target 0, prediction 1 with target 2, -2.625; target 1 is left over.
    with pytest.warns(UserWarning, match="1 targets have no prediction left"):
        assert pairs_of(matcher(outputs, targets)) == [[(0, 0), (1, 2)]]


class TestPermutations:
    @given(st.integers(0, 2**32), st.randoms(use_true_random=False))
    def test_targets(self, seed, random):
        outputs, targets = make_batch([4], seed=seed)
        order = random.sample(range(4), 4)
        shuffled = [{name: value[order] for name, value in targets[0].items()}]
        before, after = HungarianMatcher()(outputs, targets), HungarianMatcher()(outputs, shuffled)
        assert pairs_of(before)[0] == [(p, order[t]) for p, t in pairs_of(after)[0]]

    @given(st.integers(0, 2**32), st.randoms(use_true_random=False))
    def test_predictions(self, seed, random):
        outputs, targets = make_batch([4], seed=seed)
        order = random.sample(range(6), 6)
        shuffled = {name: value[:, order] for name, value in outputs.items()}
        before, after = HungarianMatcher()(outputs, targets), HungarianMatcher()(shuffled, targets)
        assert pairs_of(before)[0] == sorted((order[p], t) for p, t in pairs_of(after)[0])

    def test_images(self):
        outputs, targets = make_batch([4, 0, 2, 6])
        order = [2, 3, 0, 1]
        shuffled = {name: value[order] for name, value in outputs.items()}
        before = pairs_of(HungarianMatcher()(outputs, targets))
        after = pairs_of(HungarianMatcher()(shuffled, [targets[i] for i in order]))
        assert after == [before[i] for i in order]

    def test_one_image_at_a_time(self):
        outputs, targets = make_batch([4, 0, 2, 6])
        together = pairs_of(HungarianMatcher()(outputs, targets))
        for image, target in enumerate(targets):
            alone = {name: value[image : image + 1] for name, value in outputs.items()}
            assert pairs_of(HungarianMatcher()(alone, [target])) == [together[image]]


# 30 x 50 x 30 pairs are a large batch, whose layers are not copied side by side.
@pytest.mark.parametrize(("sizes", "num_predictions"), [([3, 0, 5], 6), ([30] * 50, 30)], ids=["small", "large"])
def test_layers_at_once_equal_single_calls(sizes, num_predictions):
    layers = [make_batch(sizes, num_predictions, seed=seed)[0] for seed in range(3)]
    targets = make_batch(sizes, num_predictions)[1]
    matcher = HungarianMatcher()
    at_once = matcher.match_layers(layers, targets)
    assert [pairs_of(match) for match in at_once] == [pairs_of(matcher(layer, targets)) for layer in layers]


def test_cost_matrices_of_a_batch():
    outputs, targets = make_batch([3, 0, 5])
    matrices = HungarianMatcher(2.0, 3.0, 4.0).cost_matrices(outputs, targets)
    assert [of_image["total"].shape for of_image in matrices] == [(6, 3), (6, 0), (6, 5)]
    for of_image in matrices:
        weighted = 2 * of_image["class_cost"] + 3 * of_image["bbox_cost"] + 4 * of_image["giou_cost"]
        assert torch.allclose(of_image["total"], weighted, atol=1e-5)
        assert not of_image["total"].requires_grad


def test_the_weights_matter():
    outputs, targets = make_batch([5], num_predictions=20)
    by_class, by_place = HungarianMatcher(1, 0, 0), HungarianMatcher(0, 5, 2)
    assert pairs_of(by_class(outputs, targets)) != pairs_of(by_place(outputs, targets))
    with pytest.raises(ValueError, match="all 0"):
        HungarianMatcher(0, 0, 0)


class TestOpenings:
    """`costs` and `assign`, which ablations and later models use."""

    def test_another_class_cost(self):
        def log_cost(outputs, targets, image_index):
            logs = -outputs["logits"].log_softmax(-1)
            return logs[image_index, :, targets["class_labels"]].T

        outputs, targets = make_batch([3, 2])
        matrices = HungarianMatcher(costs={"class_cost": log_cost}).cost_matrices(outputs, targets)
        plain = HungarianMatcher().cost_matrices(outputs, targets)
        for with_log, without in zip(matrices, plain):
            assert list(with_log) == ["class_cost", "bbox_cost", "giou_cost", "total"]
            assert torch.allclose(with_log["class_cost"], -(-without["class_cost"]).log(), atol=1e-4)

    def test_a_cost_over_masks(self):
        def mask_cost(outputs, targets, image_index):
            columns = [
                -torch.einsum("nhw,thw->nt", outputs["pred_masks"][image].sigmoid(), masks.float()) / masks[0].numel()
                for image, masks in enumerate(targets["masks"])
            ]
            return 100 * torch.cat(columns, dim=1)

        outputs, targets = make_batch([2, 2], num_predictions=2)
        outputs["pred_masks"] = torch.full((2, 2, 4, 4), -9.0)
        for image, target in enumerate(targets):
            target["masks"] = torch.zeros(2, 4, 4, dtype=torch.bool)
            target["masks"][0, :2], target["masks"][1, 2:] = True, True
            # The first image's predictions paint the masks in order, the second's the other way round.
            outputs["pred_masks"][image] = (target["masks"].flip(0) if image else target["masks"]).float() * 18 - 9
        matcher = HungarianMatcher(costs={"mask_cost": mask_cost})
        assert pairs_of(matcher(outputs, targets)) == [[(0, 0), (1, 1)], [(0, 1), (1, 0)]]
        assert pairs_of(matcher.match_layers([outputs, outputs], targets)[1]) == [[(0, 0), (1, 1)], [(0, 1), (1, 0)]]

    def test_a_new_cost_alone(self):
        def first_come(outputs, targets, image_index):
            return torch.arange(outputs["logits"].shape[1])[:, None] * torch.ones(len(image_index))

        outputs, targets = make_batch([2])
        matcher = HungarianMatcher(0, 0, 0, costs={"first_come": first_come})
        assert matcher(outputs, targets)[0][0].tolist() == [0, 1]

    def test_a_cost_of_the_wrong_shape(self):
        outputs, targets = make_batch([3])
        matcher = HungarianMatcher(costs={"mine": lambda outputs, targets, image_index: torch.zeros(3, 6)})
        with pytest.raises(
            ValueError, match=r'costs\["mine"\] returned shape \(3, 6\); make it \(N, T\), here \(6, 3\)'
        ):
            matcher(outputs, targets)

    def test_greedy(self):
        def greedy(cost):
            cost, pairs = cost.copy(), []
            for _ in range(min(cost.shape)):
                prediction, target = np.unravel_index(cost.argmin(), cost.shape)
                pairs.append((prediction, target))
                cost[prediction], cost[:, target] = np.inf, np.inf
            return tuple(zip(*pairs)) or ([], [])

        outputs, targets = make_batch([4, 0, 5], seed=3)
        matcher, best = HungarianMatcher(assign=greedy), HungarianMatcher()
        match = matcher(outputs, targets)
        for matrices, pair, optimal in zip(matcher.cost_matrices(outputs, targets), match, best(outputs, targets)):
            assert pair[0].dtype == torch.int64
            assert pair[0].tolist() == sorted(pair[0].tolist())
            assert total_cost(matrices["total"], pair) >= total_cost(matrices["total"], optimal) - 1e-6

    def test_argmin_may_give_one_prediction_several_targets(self):
        def argmin(cost):
            return cost.argmin(0), np.arange(cost.shape[1])

        outputs, targets = make_batch([3], num_predictions=1)
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # every target found a prediction: nothing to warn of
            assert pairs_of(HungarianMatcher(assign=argmin)(outputs, targets)) == [[(0, 0), (0, 1), (0, 2)]]

    def test_the_solver_sees_one_image_in_float64(self):
        seen = []

        def solver(cost):
            seen.append((cost.shape, cost.dtype, bool(np.isfinite(cost).all())))
            return np.arange(0), np.arange(0)

        outputs, targets = make_batch([3, 0, 1])
        outputs["pred_boxes"].data[0, 0] = float("nan")
        with pytest.warns(UserWarning, match="not finite"):
            HungarianMatcher(assign=solver)(outputs, targets)
        assert seen == [((6, 3), np.float64, True), ((6, 0), np.float64, True), ((6, 1), np.float64, True)]


class TestInvalidValues:
    def test_a_broken_prediction_is_matched_last(self):
        outputs, targets = make_batch([3, 2], num_predictions=4)
        outputs["pred_boxes"].data[0, 1] = float("nan")
        outputs["logits"].data[1, 0] = float("inf")
        with pytest.warns(UserWarning, match=r"5 of 20 pairs have a cost that is not finite") as warned:
            match = HungarianMatcher()(outputs, targets)
        assert len(warned) == 1
        assert 1 not in match[0][0]
        assert 0 not in match[1][0]
        assert [len(prediction) for prediction, _ in match] == [3, 2]

    def test_a_broken_prediction_is_matched_if_there_is_no_other(self):
        outputs, targets = make_batch([4], num_predictions=4)
        outputs["pred_boxes"].data[0, 1] = float("nan")
        with pytest.warns(UserWarning, match="matched last"):
            assert HungarianMatcher()(outputs, targets)[0][0].tolist() == [0, 1, 2, 3]

    def test_all_broken(self):
        outputs, targets = make_batch([2], num_predictions=4)
        outputs["pred_boxes"].data[:] = float("nan")
        with pytest.warns(UserWarning, match="8 of 8 pairs"):
            assert len(HungarianMatcher()(outputs, targets)[0][0]) == 2

    def test_a_broken_target_leaves_the_others_their_best(self):
        outputs, targets = make_batch([20], num_predictions=20, dtype=torch.float64, seed=5)
        matcher = HungarianMatcher()
        matrix = matcher.cost_matrices(outputs, targets)[0]["total"].numpy()
        targets[0]["boxes"][7] = float("nan")
        with pytest.warns(UserWarning, match="20 of 400 pairs"):
            prediction, target = matcher(outputs, targets)[0]
        valid = target != 7
        found = matrix[prediction[valid], target[valid]].sum()
        # Target 7 costs the same everywhere, so the others' optimum is that of the matrix with its column at 0.
        from scipy.optimize import linear_sum_assignment

        matrix[:, 7] = 0
        assert found == pytest.approx(matrix[linear_sum_assignment(matrix)].sum(), abs=1e-9)

    def test_huge_costs_in_one_image_do_not_spoil_another(self):
        outputs, targets = make_batch([5, 5], num_predictions=5, dtype=torch.float64, seed=2)
        expected = pairs_of(HungarianMatcher()(outputs, targets))[1]
        outputs["pred_boxes"].data[0, 0] = 1e100
        outputs["pred_boxes"].data[0, 1] = float("nan")
        outputs["pred_boxes"].data[1, 0] = float("nan")
        targets[1] = {name: value[:4] for name, value in targets[1].items()}
        clean, clean_targets = make_batch([5, 5], num_predictions=5, dtype=torch.float64, seed=2)
        rest = {name: value[1:, 1:] for name, value in clean.items()}
        best = HungarianMatcher()(rest, [{name: value[:4] for name, value in clean_targets[1].items()}])
        with pytest.warns(UserWarning, match="not finite"):
            match = HungarianMatcher()(outputs, targets)
        assert pairs_of(match)[1] == [(p + 1, t) for p, t in pairs_of(best)[0]]
        assert len(expected) == 5


def test_more_targets_than_predictions_warns_once_with_the_number():
    outputs, targets = make_batch([5, 1, 4], num_predictions=3)
    words = r"3 targets have no prediction left: some images hold more than 3 objects. .*renew_detection_tokens"
    with pytest.warns(UserWarning, match=words) as w:
        match = HungarianMatcher()(outputs, targets)
    assert len(w) == 1
    assert [len(prediction) for prediction, _ in match] == [3, 1, 3]
    with pytest.warns(UserWarning, match="3 targets"):  # not 3 per layer
        HungarianMatcher().match_layers([outputs, outputs], targets)


@pytest.mark.parametrize(
    "call",
    [
        lambda outputs, targets: HungarianMatcher()(outputs, targets),
        lambda outputs, targets: HungarianMatcher().match_layers([outputs], targets),
        lambda outputs, targets: SetCriterion(HungarianMatcher(), 5)(outputs, targets),
    ],
)
@pytest.mark.parametrize("complaint", ["no prediction left", "not finite"])
def test_a_warning_points_at_the_caller(call, complaint):
    outputs, targets = make_batch([5 if complaint == "no prediction left" else 2], num_predictions=3)
    if complaint == "not finite":
        outputs["logits"].data[0, 0] = float("nan")
    with pytest.warns(UserWarning, match=complaint) as warned:
        call(outputs, targets)
    assert warned[0].filename == __file__


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_matches_like_its_values_in_float32(dtype):
    outputs, targets = make_batch([3, 5], num_predictions=8)
    half = {name: value.to(dtype) for name, value in outputs.items()}
    rounded = {name: value.float() for name, value in half.items()}
    matcher = HungarianMatcher()
    assert pairs_of(matcher(half, targets)) == pairs_of(matcher(rounded, targets))
    assert matcher.cost_matrices(half, targets)[0]["total"].dtype == torch.float32
    in_half = [{**target, "boxes": target["boxes"].to(dtype)} for target in targets]
    assert matcher.cost_matrices(half, in_half)[0]["total"].dtype == torch.float32


def test_mixed_precision_targets_follow_the_predictions():
    outputs, targets = make_batch([3])
    in_double = [{**target, "boxes": target["boxes"].double()} for target in targets]
    assert pairs_of(HungarianMatcher()(outputs, in_double)) == pairs_of(HungarianMatcher()(outputs, targets))


BATCH = make_batch([2, 1], num_predictions=4)


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (lambda o, t: (o["logits"], t), TypeError, ["outputs", "dict", "Tensor"]),
        (lambda o, t: ({"logits": o["logits"]}, t), ValueError, ['"pred_boxes"']),
        (lambda o, t: ({**o, "logits": None}, t), TypeError, ['outputs["logits"]', "tensor"]),
        (lambda o, t: ({**o, "logits": o["logits"].long()}, t), TypeError, ['outputs["logits"]', ".float()"]),
        (lambda o, t: ({**o, "logits": o["logits"][0]}, t), ValueError, ['outputs["logits"]', "(4, 6)", "(B, N, ...)"]),
        (lambda o, t: ({**o, "pred_boxes": o["pred_boxes"][0]}, t), ValueError, ['outputs["pred_boxes"]', "(4, 4)"]),
        (lambda o, t: ({**o, "pred_boxes": o["pred_boxes"][:, :3]}, t), ValueError, ["(2, 3, 4)", "make it (2, 4, 4)"]),
        (lambda o, t: ({**o, "logits": o["logits"][..., :1]}, t), ValueError, ['outputs["logits"]', "two columns"]),
        (lambda o, t: ({n: v[:, :0] for n, v in o.items()}, t), ValueError, ["no predictions", "(2, 0, 6)"]),
        (lambda o, t: ({**o, "pred_boxes": o["pred_boxes"].to("meta")}, t), ValueError, ["meta", "one device"]),
        (lambda o, t: (o, t[:1]), ValueError, ["holds 2 images and targets 1", "one target dict per image"]),
        (lambda o, t: (o, t[0]), TypeError, ["targets must be a list", "wrap"]),
        (lambda o, t: (o, None), TypeError, ["targets must be a list"]),
        (lambda o, t: (o, []), ValueError, ["targets is empty"]),
        (lambda o, t: (o, [t[0], {}]), ValueError, ["targets[1]", '"class_labels"']),
        (
            lambda o, t: (o, [t[0], {**t[1], "class_labels": torch.tensor([5])}]),
            ValueError,
            ["targets[1]", "no object"],
        ),
        (lambda o, t: (o, [t[0], {**t[1], "class_labels": torch.tensor([-1])}]), ValueError, ["targets[1]", "is -1"]),
        (lambda o, t: (o, [t[0], {**t[1], "boxes": torch.tensor([])}]), ValueError, ["targets[1]", "(1, 4)"]),
        (lambda o, t: (o, [t[0], {**t[1], "boxes": t[1]["boxes"].to("meta")}]), ValueError, ["targets[1]", "meta"]),
        (
            lambda o, t: (o, [t[0], {name: value.to("meta") for name, value in t[1].items()}]),
            ValueError,
            ["targets[1]", "targets[0]", "one device"],
        ),
    ],
)
def test_bad_input_is_met_with_a_sentence(change, error, words):
    outputs, targets = change(*BATCH)
    with pytest.raises(error) as raised:
        HungarianMatcher()(outputs, targets)
    for word in words:
        assert word in str(raised.value)


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"class_cost": float("nan")}, ValueError, "class_cost is nan; give a finite number"),
        ({"bbox_cost": float("inf")}, ValueError, "bbox_cost is inf"),
        ({"giou_cost": "2"}, TypeError, "giou_cost is '2'; give a number"),
        ({"costs": [1]}, TypeError, "costs must be a dict of functions"),
        ({"costs": {"total": max}}, ValueError, 'costs names "total"'),
        ({"assign": None}, TypeError, "assign is None; give a function"),
    ],
)
def test_a_matcher_that_could_not_match_is_refused(arguments, error, words):
    with pytest.raises(error, match=words):
        HungarianMatcher(**arguments)
    assert HungarianMatcher(giou_cost=-2.0).giou_cost == -2.0


def test_a_cost_must_be_a_tensor():
    matcher = HungarianMatcher(costs={"class_cost": lambda outputs, flat, image: np.zeros((4, 3))})
    with pytest.raises(TypeError, match=r'costs\["class_cost"\] returned ndarray; make it a tensor'):
        matcher(*BATCH)


def test_what_a_model_returns_besides_is_let_be():
    outputs, targets = make_batch([5] * 8, num_predictions=6 * 1024)  # matched in several blocks
    besides = {"loss": torch.tensor(1.0), "loss_dict": {"loss_ce": 1.0}, "attentions": None, "hidden_states": ()}
    assert pairs_of(HungarianMatcher()({**outputs, **besides}, targets)) == pairs_of(
        HungarianMatcher()(outputs, targets)
    )


def test_an_odd_auxiliary_layer_is_named():
    outputs, targets = BATCH
    fewer = {name: value[:, :3] for name, value in outputs.items()}
    with pytest.raises(ValueError, match=r'outputs\["auxiliary_outputs"\]\[1\]\["logits"\] has shape \(2, 3, 6\)'):
        HungarianMatcher().match_layers([outputs, outputs, fewer], targets)


@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), -float("inf"), 1e30, -5.0])
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_box_values_never_raise(wrong):
    outputs, targets = make_batch([2, 1], num_predictions=4)
    targets[0]["boxes"][0, 2] = wrong
    outputs["pred_boxes"].data[1, 2, 3] = wrong
    assert [len(prediction) for prediction, _ in HungarianMatcher()(outputs, targets)] == [2, 1]
