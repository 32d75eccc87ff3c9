import math
from fractions import Fraction

import numpy as np
import pytest
import torch
from batches import NUM_CLASSES, make_batch, pairs_of
from hostile import ATTACKS, attack

from helpers import HungarianMatcher, SetCriterion

SAMPLE, ALL = 1_000, 10_000


def test_hostile_inputs_get_a_right_answer_or_a_sentence():
    sentences = [attack(number) for number in range(SAMPLE)]
    assert sum(sentence is not None for sentence in sentences) > SAMPLE / 2
    assert all(any(sentences[first :: len(ATTACKS)]) for first in range(len(ATTACKS)))  # each kind of attack has bite


@pytest.mark.slow
@pytest.mark.parametrize("start", range(SAMPLE, ALL, SAMPLE))
def test_all_hostile_inputs_get_a_right_answer_or_a_sentence(start):
    for number in range(start, start + SAMPLE):
        attack(number)


class TestTheSolversAnswer:
    """What `assign` returns is looked at, whatever it is."""

    @pytest.mark.parametrize(
        ("answer", "error", "words"),
        [
            (([0.7, 1.2], [0, 1]), TypeError, "assign returned torch.float32 indices for image 0; make them"),
            ((np.array([math.nan, 0]), np.array([0, 1])), TypeError, "assign returned torch.float64 indices"),
            (([0, 99], [0, 1]), ValueError, "assign gave image 0 the prediction 99, but it has only 4"),
            (([0, 1], [0, 2]), ValueError, "assign gave image 0 the target 2, but it has only 2"),
            (([-1, 1], [0, 1]), ValueError, "assign gave image 0 the prediction -1"),
            (([0, 1], [0]), ValueError, r"assign returned indices of shapes \(2,\) and \(1,\) for image 0"),
            ((np.array([0j, 1]), np.array([0, 1])), TypeError, "assign returned torch.complex128 indices"),
            (([True, False], [0, 1]), TypeError, "assign returned torch.bool indices"),
            (None, TypeError, "assign returned no pair of index tensors for image 0"),
            (([0, 10**400], [0, 1]), TypeError, "assign returned no pair of index tensors for image 0"),
        ],
    )
    def test_a_wrong_one_is_named(self, answer, error, words):
        outputs, targets = make_batch([2, 0], num_predictions=4)
        with pytest.raises(error, match=words):
            HungarianMatcher(assign=lambda cost: answer)(outputs, targets)

    def test_in_a_later_layer_the_image_is_named(self):
        answers = iter([([0], [0]), ([1], [0]), ([0], [0]), ([7], [0])])
        layers = [make_batch([1, 1], seed=seed)[0] for seed in range(2)]
        with pytest.raises(ValueError, match="assign gave image 1 the prediction 7"):
            HungarianMatcher(assign=lambda cost: next(answers)).match_layers(layers, make_batch([1, 1])[1])


class TestWeights:
    @pytest.mark.parametrize("wrong", [1e39, 10**400, 1j, torch.tensor([1.0, 2.0]), torch.tensor(1j), "5", True, None])
    @pytest.mark.parametrize("name", ["class_cost", "bbox_cost", "giou_cost"])
    def test_one_that_is_no_finite_number_is_named(self, name, wrong):
        with pytest.raises((TypeError, ValueError), match=f"^{name} is "):
            HungarianMatcher(**{name: wrong})

    @pytest.mark.parametrize("right", [Fraction(1, 2), np.float32(0.5), torch.tensor([0.5]), torch.tensor(0.5)])
    def test_any_number_is_one(self, right):
        outputs, targets = make_batch([3])
        half = HungarianMatcher(class_cost=right).cost_matrices(outputs, targets)[0]["total"]
        assert torch.equal(half, HungarianMatcher(class_cost=0.5).cost_matrices(outputs, targets)[0]["total"])

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            ({"losses": 5}, "losses is 5; make it a tuple of names"),
            ({"losses": "labels"}, "losses is 'labels'; make it a tuple of names"),
            ({"losses": ["labels", []]}, r"losses names \[\]; use some of"),
            ({"weights": {"loss_ce": math.nan}}, r"weights\['loss_ce'\] is nan; give a finite number"),
            ({"weights": {"loss_ce": 10**400}}, r"weights\['loss_ce'\] is 1000"),
            ({"weights": 3}, "weights is 3; make it a dict"),
            ({"terms": [len]}, "terms must be a dict of functions by name"),
            ({"eos_coef": Fraction(-1, 2)}, r"eos_coef is Fraction\(-1, 2\); give a finite number of at least 0"),
            ({"num_classes": 10**400}, "num_classes is 1000"),
        ],
    )
    def test_of_the_criterion(self, arguments, words):
        with pytest.raises((TypeError, ValueError), match=words):
            SetCriterion(**{"matcher": HungarianMatcher(), "num_classes": 5, **arguments})


class TestTensors:
    @pytest.mark.parametrize(
        ("field", "change", "error", "words"),
        [
            ("boxes", lambda t: t.to(torch.float8_e4m3fn), TypeError, "is torch.float8_e4m3fn; make it floating"),
            ("boxes", lambda t: t.to_sparse(), TypeError, "is torch.sparse_coo; make it floating"),
            ("boxes", lambda t: t.to(torch.complex64), TypeError, "is torch.complex64; make it floating"),
            ("class_labels", lambda t: t.to_sparse(), TypeError, "is torch.sparse_coo; make it torch.int64"),
        ],
    )
    def test_of_targets(self, field, change, error, words):
        outputs, targets = make_batch([1, 2])
        targets[1][field] = change(targets[1][field])
        for judge in (HungarianMatcher(), SetCriterion(HungarianMatcher(), NUM_CLASSES)):
            with pytest.raises(error, match=rf'targets\[1\]\["{field}"\] {words}'):
                judge(outputs, targets)

    @pytest.mark.parametrize("name", ["logits", "pred_boxes"])
    @pytest.mark.parametrize("change", [lambda t: t.to(torch.float8_e5m2), lambda t: t.to_sparse(), lambda t: t + 1j])
    def test_of_outputs(self, name, change):
        outputs, targets = make_batch([2])
        outputs[name] = change(outputs[name].detach())
        with pytest.raises(TypeError, match=rf'outputs\["{name}"\] must be a floating point tensor'):
            HungarianMatcher()(outputs, targets)

    def test_of_layers_on_two_devices(self):
        outputs, targets = make_batch([2])
        elsewhere = {name: value.to("meta") for name, value in outputs.items()}
        with pytest.raises(ValueError, match=r'\["auxiliary_outputs"\]\[0\]\["logits"\] is on .*meta'):
            SetCriterion(HungarianMatcher(), NUM_CLASSES)(outputs | {"auxiliary_outputs": [elsewhere]}, targets)

    @pytest.mark.parametrize("shape", [(1, 6, 0, 4), (1, 6, 4, 0), (1, 6, 4), (1, 5, 4, 4)])
    def test_of_masks_with_no_side(self, shape):
        outputs, targets = make_batch([2])
        targets[0]["masks"] = torch.ones(2, 4, 4).bool()
        criterion = SetCriterion(HungarianMatcher(), NUM_CLASSES, losses=("masks",))
        with pytest.raises(ValueError, match=r'outputs\["pred_masks"\] has shape'):
            criterion(outputs | {"pred_masks": torch.zeros(shape)}, targets)
        targets[0]["masks"] = torch.ones(2, 0, 4).bool()
        with pytest.raises(ValueError, match=r'targets\[0\]\["masks"\] has shape \(2, 0, 4\)'):
            criterion(outputs | {"pred_masks": torch.zeros(1, 6, 4, 4)}, targets)

    @pytest.mark.parametrize(
        ("make", "words"),
        [
            (lambda n, t: torch.zeros(n, t, dtype=torch.complex64), "complex64"),
            (lambda n, t: torch.zeros(n, t).to_sparse(), "sparse"),
            (lambda n, t: torch.zeros(n, t, device="meta"), "meta"),
        ],
    )
    def test_of_costs(self, make, words):
        def mine(outputs, targets, image_index):
            return make(outputs["logits"].shape[1], len(image_index))

        with pytest.raises((TypeError, ValueError), match=rf'costs\["mine"\] returned .*{words}'):
            HungarianMatcher(costs={"mine": mine})(*make_batch([2]))

    def test_of_a_recorded_match_in_complex_numbers(self):
        criterion = SetCriterion(lambda *_: [(torch.tensor([1j]), torch.tensor([0]))], NUM_CLASSES)
        with pytest.raises(TypeError, match=r"matcher returned torch\.complex64 indices for image 0"):
            criterion(*make_batch([1]))

    def test_of_what_a_term_returns(self):
        criterion = SetCriterion(HungarianMatcher(), NUM_CLASSES, terms={"mine": lambda matched, criterion: 3.0})
        with pytest.raises(TypeError, match=r'terms\["mine"\] returned float; make it a dict of scalars'):
            criterion(*make_batch([1]))


@pytest.mark.parametrize("size", [1e16, 1e17, 1e30, 1e100, -1e17])
def test_an_invalid_pair_is_last_also_beside_huge_costs(size):
    # Four predictions, of which the first has no cost: two targets have three others to go to.
    def huge(outputs, targets, image_index):
        cost = torch.full((4, 2), size, dtype=torch.float64)
        cost[0] = math.nan
        return cost

    outputs, targets = make_batch([2], num_predictions=4, dtype=torch.float64)
    with pytest.warns(UserWarning, match="2 of 8 pairs have a cost that is not finite"):
        (match,) = pairs_of(HungarianMatcher(0, 0, 0, costs={"huge": huge})(outputs, targets))
    assert 0 not in [prediction for prediction, _ in match]


@pytest.mark.parametrize("size", [1e308, -1e308])
@pytest.mark.filterwarnings("ignore:.*not finite")
def test_costs_whose_sum_overflows_are_matched_all_the_same(size):
    def huge(outputs, targets, image_index):
        return torch.tensor([[size, -size], [size, size], [0.0, 1.0]], dtype=torch.float64)

    outputs, targets = make_batch([2], num_predictions=3, dtype=torch.float64)
    (match,) = pairs_of(HungarianMatcher(0, 0, 0, costs={"huge": huge})(outputs, targets))
    assert len(match) == 2


def test_a_matcher_that_subclasses_ours_is_asked():
    class Backwards(HungarianMatcher):
        def forward(self, outputs, targets):
            return [(torch.tensor([5]), torch.tensor([0]))]

    outputs, targets = make_batch([1])
    losses = SetCriterion(Backwards(), NUM_CLASSES)(outputs, targets)
    expected = (outputs["pred_boxes"][0, 5] - targets[0]["boxes"][0]).abs().sum()
    assert losses["loss_bbox"].item() == pytest.approx(expected.item())
