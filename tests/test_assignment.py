import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import linear_sum_assignment

from helpers import HungarianMatcher
from helpers.assignment import (
    argmin,
    brute_force,
    every_assignment,
    greedy,
    hungarian,
    hungarian_steps,
    lapx,
    optimality_certificate,
    total_cost,
)

SOLVERS = (brute_force, greedy, hungarian, lapx)
# Small whole numbers give many ties, floats give none.
NUMBERS = st.one_of(st.integers(-4, 4).map(float), st.floats(-50, 50).map(lambda value: round(value, 6)))


def matrices(fewest=0, most=5, tall=False):
    sides = st.tuples(st.integers(fewest, most), st.integers(fewest, most))
    if tall:
        sides = sides.map(lambda pair: (max(pair) + 1, min(pair)))
    return sides.flatmap(lambda shape: arrays(np.float64, shape, elements=NUMBERS))


def best(cost):
    return float(cost[linear_sum_assignment(cost)].sum())


@given(matrices())
def test_the_best_total_is_scipys(cost):
    for solver in (brute_force, hungarian, lapx):
        prediction, target = solver(cost)
        assert len(set(prediction.tolist())) == len(set(target.tolist())) == len(target) == min(cost.shape)
        assert cost[prediction, target].sum() == pytest.approx(best(cost), abs=1e-9)
        assert (np.diff(prediction) > 0).all()


@given(matrices(1, 12))
@settings(max_examples=50)
def test_the_steps_find_the_best_of_larger_matrices(cost):
    assert total_cost(cost, hungarian(cost)) == pytest.approx(best(cost), abs=1e-9)


@given(matrices())
def test_greedy_is_an_assignment_and_no_better(cost):
    assert total_cost(cost, greedy(cost)) >= best(cost) - 1e-9


@given(matrices(1))
def test_argmin_takes_the_cheapest_whoever_else_does(cost):
    prediction, target = argmin(cost)
    assert sorted(target.tolist()) == list(range(cost.shape[1]))
    assert (cost[prediction, target] == cost.min(0)[target]).all()


@given(matrices())
def test_every_assignment_is_listed_once(cost):
    chosen, totals = every_assignment(cost)
    assert len(np.unique(chosen, axis=0)) == len(chosen) == len(totals)
    assert totals.min() == pytest.approx(best(cost), abs=1e-9)


@given(matrices(1, 6))
def test_each_step_keeps_what_the_method_promises(cost):
    sizes, before = [], None
    flipped = cost.shape[0] < cost.shape[1]
    for step in hungarian_steps(cost):
        entered = ~np.isnan(step.prediction_prices if flipped else step.target_prices)
        slack = cost + step.prediction_prices[:, None] - step.target_prices
        slack = slack[entered] if flipped else slack[:, entered]
        assert (slack >= -1e-9).all()  # nobody pays more than cost plus price
        for pair in step.pairs:
            assert cost[pair] + step.prediction_prices[pair[0]] == pytest.approx(step.target_prices[pair[1]], abs=1e-9)
        assert step.total == pytest.approx(sum(cost[pair] for pair in step.pairs), abs=1e-9)
        if step.kind == "augment":
            assert len(step.pairs) == len(sizes) + 1
            made, parted = set(step.path[::2]), set(step.path[1::2])
            assert made <= set(step.pairs)
            assert parted <= set(before.pairs)
            assert set(step.pairs) == (set(before.pairs) - parted) | made
            sizes.append(len(step.pairs))
        before = step
    assert step.kind == ("removal" if cost.shape[0] != cost.shape[1] else "done")
    assert len(step.pairs) == min(cost.shape)


@given(matrices())
def test_the_certificate_holds_for_the_best(cost):
    certificate = optimality_certificate(cost, linear_sum_assignment(cost))
    assert certificate.feasible
    assert certificate.optimal
    assert certificate.bound == pytest.approx(best(cost), abs=1e-9)
    assert certificate.prediction_prices.shape == (cost.shape[0],)
    assert certificate.target_prices.shape == (cost.shape[1],)


@given(matrices(1, 4), st.data())
def test_the_certificate_fails_for_all_others(cost, data):
    chosen, totals = every_assignment(cost)
    which = data.draw(st.integers(0, len(chosen) - 1))
    order = np.arange(chosen.shape[1])
    assignment = (order, chosen[which]) if cost.shape[0] < cost.shape[1] else (chosen[which], order)
    certificate = optimality_certificate(cost, assignment)
    assert certificate.feasible
    assert certificate.gap == pytest.approx(totals[which] - totals.min(), abs=1e-9)
    if totals[which] > totals.min() + 1e-6:
        assert not certificate.optimal


@given(matrices(1, tall=True))
def test_a_price_is_how_much_the_total_rises_without_that_prediction(cost):
    certificate = optimality_certificate(cost, linear_sum_assignment(cost))
    for row, price in enumerate(certificate.prediction_prices):
        assert price == pytest.approx(best(np.delete(cost, row, axis=0)) - best(cost), abs=1e-8)
    unmatched = set(range(len(cost))) - set(linear_sum_assignment(cost)[0].tolist())
    assert all(certificate.prediction_prices[row] == 0 for row in unmatched)


@given(matrices(1, tall=True))
def test_with_too_few_predictions_the_targets_carry_those_prices(cost):
    cost = cost.T
    certificate = optimality_certificate(cost, linear_sum_assignment(cost))
    for column, price in enumerate(certificate.target_prices):
        assert -price == pytest.approx(best(np.delete(cost, column, axis=1)) - best(cost), abs=1e-8)


@given(matrices(1, tall=True))
def test_the_prices_on_the_way_are_what_a_second_copy_would_save(cost):
    done = next(step for step in hungarian_steps(cost) if step.kind == "done")
    for row, price in enumerate(done.prediction_prices):
        copied = np.concatenate([cost, cost[row : row + 1]])
        assert price == pytest.approx(best(cost) - best(copied), abs=1e-8)


@pytest.mark.parametrize("solver", [*SOLVERS, argmin])
@pytest.mark.parametrize("shape", [(0, 0), (3, 0), (0, 3)])
def test_nothing_to_match(solver, shape):
    prediction, target = solver(np.zeros(shape))
    assert prediction.dtype == target.dtype == np.int64
    assert len(prediction) == len(target) == 0


@pytest.mark.parametrize("function", [*SOLVERS, argmin, every_assignment, lambda cost: list(hungarian_steps(cost))])
def test_refused_in_a_sentence(function):
    with pytest.raises(ValueError, match=r"1 of 4 costs are NaN or infinite; give finite numbers\."):
        function([[1.0, float("nan")], [0.0, 1.0]])
    with pytest.raises(ValueError, match=r"cost has shape \(2,\); give a matrix"):
        function([1.0, 2.0])


def test_brute_force_says_when_there_are_too_many():
    with pytest.raises(ValueError, match=r"cost \(12, 12\) allows 479,001,600 assignments"):
        brute_force(np.zeros((12, 12)))


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        (([0], [0]), "needs 2 of each"),
        (([0, 0], [0, 1]), "gives one prediction away twice"),
        (([0, 1], [1, 1]), "gives one target away twice"),
        (([0, 3], [0, 1]), r"names a prediction outside 0\.\.2"),
    ],
)
def test_a_broken_assignment_is_named(assignment, message):
    with pytest.raises(ValueError, match=message):
        optimality_certificate(np.zeros((3, 2)), assignment)


@pytest.mark.parametrize("solver", [*SOLVERS, argmin])
@pytest.mark.filterwarnings("ignore:.*targets have no prediction left")
def test_each_fits_the_matcher(solver):
    torch.manual_seed(0)
    outputs = {"logits": torch.randn(3, 6, 5), "pred_boxes": torch.rand(3, 6, 4) * 0.5 + 0.1}
    targets = [{"class_labels": torch.randint(4, (t,)), "boxes": torch.rand(t, 4) * 0.5 + 0.1} for t in (3, 0, 2)]
    matched = HungarianMatcher(assign=solver)(outputs, targets)
    assert [len(target) for _, target in matched] == [3, 0, 2]
    if solver in (brute_force, hungarian, lapx):
        for ours, scipys in zip(matched, HungarianMatcher()(outputs, targets)):
            assert torch.equal(ours[0], scipys[0])
            assert torch.equal(ours[1], scipys[1])


def test_greedy_loses_by_three():
    # Boxes 0.2 wide on one line: the guess at 0.61 is nearest to 0.36, and then nothing good is left for 0.88.
    guesses, wanted = (torch.tensor([[x, 0.5, 0.2, 0.2] for x in xs]) for xs in ([0.10, 0.61], [0.36, 0.88]))
    outputs = {"logits": torch.zeros(1, 2, 3), "pred_boxes": guesses[None]}
    targets = [{"class_labels": torch.tensor([0, 0]), "boxes": wanted}]
    cost = HungarianMatcher().cost_matrices(outputs, targets)[0]["total"].numpy()
    assert total_cost(cost, greedy(cost)) - total_cost(cost, brute_force(cost)) == pytest.approx(3, abs=0.5)
