"""The stepper and the dial without a browser: state, hostile values, and the page's numbers beside Python's."""

import base64

import numpy as np
import pytest
import torch
from page_code import call_page
from torch.nn import functional as F
from traitlets import TraitError

from helpers import SetCriterion
from helpers.assignment import brute_force, greedy, hungarian_steps, total_cost
from helpers.widgets.dial import NoObjectDial, dial_numbers, measured_pulls
from helpers.widgets.stepper import EXAMPLE, AssignmentStepper, clean_cost

NAN, INF = float("nan"), float("inf")


def random_costs():
    rng = np.random.default_rng(0)
    shapes = [(1, 1), (2, 1), (1, 3), (5, 5), (12, 8), (8, 8), (3, 7), (12, 5)]
    floats = [rng.normal(size=shape).round(3) * 10 for shape in shapes]
    return [*floats, *(rng.integers(-3, 4, shape).astype(float) for shape in shapes), np.array(EXAMPLE, float)]


def test_the_page_takes_the_same_steps_as_python():
    costs = random_costs()
    pages = call_page(AssignmentStepper, "hungarianSteps", [[cost.tolist()] for cost in costs])
    for cost, page in zip(costs, pages):
        steps = list(hungarian_steps(cost))
        assert [step.kind for step in steps] == [step["kind"] for step in page]
        flipped = cost.shape[0] < cost.shape[1]
        for ours, shown in zip(steps, page):
            assert ours.entering == shown["entering"]
            assert (list(ours.cell) if ours.cell else None) == shown["cell"]
            assert [list(cell) for cell in ours.path] == shown["path"]
            assert [list(cell) for cell in ours.pairs] == shown["pairs"]
            tree = (ours.tree_predictions, ours.tree_targets)
            assert [list(side) for side in (tree if flipped else tree[::-1])] == [
                shown["treeRows"],
                shown["treeColumns"],
            ]
            prices = (ours.prediction_prices, ours.target_prices)
            offers, prices = (-prices[0], -prices[1]) if flipped else prices[::-1]
            assert np.allclose(offers, [np.nan if x is None else x for x in shown["offers"]], atol=1e-9, equal_nan=True)
            assert np.allclose(prices, shown["prices"], atol=1e-9)
            assert ours.total == pytest.approx(shown["total"], abs=1e-9)
            assert ours.rise == pytest.approx(shown["rise"], abs=1e-9)


def test_helpers_checks_each_step():
    costs = random_costs()
    for cost in costs:
        stepper = AssignmentStepper(cost)
        count = len(stepper.steps)
        pages = call_page(AssignmentStepper, "stepNumbers", [[stepper.cost, place] for place in range(count)])
        for place, page in enumerate(pages):
            stepper.set_state({"step": place})
            assert stepper.checked["state"] == {"cost": stepper.cost, "step": place}
            page, ours = (np.array(values, dtype=float) for values in (page, stepper.checked["values"]))  # null: NaN
            np.testing.assert_allclose(page, ours, rtol=0, atol=1e-9)


def test_every_step_has_a_sentence():
    names = {"predictions": list("ABCDEF"), "targets": ["t1", "t2", "t3", "t4"]}
    steps = call_page(AssignmentStepper, "hungarianSteps", [[EXAMPLE]])[0]
    texts = call_page(AssignmentStepper, "describeStep", [[step, names, 0] for step in steps])
    assert texts[15] == "Along the path, t4 takes B, t3 moves to D, t2 moves to A, t1 moves to F. Pairs so far: 4."
    assert texts[16] == "All are served. Offers 12 − prices 3 = 9, the total: no assignment can cost less."
    assert all(text.endswith(".") and "NaN" not in text and "undefined" not in text for text in texts)


def test_the_example_is_worth_stepping_through():
    cost = np.array(EXAMPLE, float)
    assert total_cost(cost, greedy(cost)) - total_cost(cost, brute_force(cost)) == 6
    assert max(len(step.path) for step in hungarian_steps(cost)) == 7


def test_the_stepper_offers_its_state():
    stepper = AssignmentStepper(torch.tensor([[1.0, 2.0], [1.5, 4.0], [9.0, 9.0]]), step=-1)
    assert stepper.step == len(stepper.steps) - 1
    assert stepper.current.pairs == ((1, 0), (0, 1))
    assert stepper.certificate.optimal
    assert stepper.names == (["A", "B", "C"], ["t1", "t2"])
    assert repr(stepper) == (
        "AssignmentStepper: 3 predictions and 2 targets, step 9 of 9 (removal). "
        "Pairs: B with t1, A with t2. Total 3.50."
    )
    assert stepper._repr_mimebundle_()[0]["text/plain"] == repr(stepper)


def test_targets_can_be_pictures_and_share_a_name():
    pictures = [np.zeros((16, 16, 3), np.uint8), "data:image/png;base64,AAAA"]
    stepper = AssignmentStepper([[1, 2]], column_names=['"1"', '"1"'], thumbnails=pictures)
    assert stepper.names[1] == ['"1"', '"1"′']
    assert all(uri.startswith("data:image/png;base64,") for uri in stepper.thumbnails)


def test_the_stepper_follows_the_page():
    stepper = AssignmentStepper()
    stepper.set_state({"cost": [[1.0, 2.0], [3.0, 4.0]], "step": 4})
    assert stepper.step == 4
    assert np.shape(stepper.cost) == (2, 2)
    stepper.set_state({"cost": [[1.0]]})  # fewer steps: the shown one moves to the last
    assert stepper.step == len(stepper.steps) - 1
    stepper.reset()
    assert stepper.cost == clean_cost(EXAMPLE)
    assert stepper.step == 0


@pytest.mark.parametrize(
    "cost", [[], [[]], [1.0], [[NAN]], [[INF, 1]], [["x"]], [[1, 2], [3]], [[1] * 9], [[1]] * 13, None]
)
def test_the_stepper_refuses_what_is_no_cost_matrix(cost):
    with pytest.raises((ValueError, TypeError)):
        AssignmentStepper(cost)
    stepper = AssignmentStepper()
    with pytest.raises(TraitError):
        stepper.set_state({"cost": cost})
    assert stepper.cost == clean_cost(EXAMPLE)  # what it showed before


@pytest.mark.parametrize(("step", "shown"), [(-5, 0), (0, 0), (17, 17), (10**9, 17)])
def test_a_step_outside_is_moved_inside(step, shown):
    stepper = AssignmentStepper()
    stepper.set_state({"step": step})
    assert stepper.step == shown


def test_huge_costs_are_moved_inside():
    stepper = AssignmentStepper()
    stepper.set_state({"cost": [[1e300, -1e300]]})
    assert stepper.cost == [[1000.0, -1000.0]]


DIALS = [
    (N, T, eos, p) for N in (1, 5, 12, 100) for T in (0, 1, 5, 12) for eos in (0, 0.1, 1) for p in (0.01, 0.5, 0.99)
]
DIALS = [(N, T, eos, p) for N, T, eos, p in DIALS if T <= N]


@pytest.mark.parametrize(("N", "T", "eos_coef", "p"), DIALS)
def test_the_dial_is_the_criterions_gradient(N, T, eos_coef, p):
    num_classes = 3
    # Tokens that give p to class 0, 1 - p to no-object and next to nothing to the others.
    logits = torch.full((1, N, num_classes + 1), -60.0, dtype=torch.float64)
    logits[..., 0], logits[..., -1] = np.log(p), np.log(1 - p)
    logits.requires_grad_()
    target = {"class_labels": torch.zeros(T, dtype=torch.int64), "boxes": torch.rand(T, 4).double()}
    order = torch.arange(T)
    criterion = SetCriterion(lambda outputs, targets: [(order, order)], num_classes, eos_coef, losses=("labels",))
    loss = criterion({"logits": logits, "pred_boxes": torch.rand(1, N, 4).double()}, [target])["loss_ce"]
    gradient = torch.autograd.grad(loss, logits)[0][0, :, 0]  # (N,), of the class logit
    numbers = dial_numbers(N, T, eos_coef, p)
    if T:
        assert numbers["matched"] == pytest.approx(-float(gradient[0]), abs=1e-9)
    if N > T:
        assert numbers["unmatched"] == pytest.approx(float(gradient[-1]), abs=1e-9)
    assert (numbers["matched"] > 0) == (T > 0)
    assert measured_pulls(N, T, eos_coef, p) == pytest.approx((numbers["matched"], numbers["unmatched"]), abs=1e-9)


def test_the_share_of_objects_is_what_cross_entropy_gives_them():
    torch.manual_seed(0)
    logits, labels = torch.randn(100, 2).double(), torch.tensor([0] * 7 + [1] * 93)
    share = dial_numbers(100, 7, 0.1, 0.5)["objects"]
    matched, unmatched = (F.cross_entropy(logits[labels == k], labels[labels == k]) for k in (0, 1))
    together = F.cross_entropy(logits, labels, torch.tensor([1.0, 0.1]).double())
    assert float(together) == pytest.approx(float(share * matched + (1 - share) * unmatched))


def test_at_rest_both_pulls_balance():
    numbers = dial_numbers(12, 5, 0.1, 0.85)
    up, down = numbers["at_rest"] * numbers["matched"], (1 - numbers["at_rest"]) * numbers["unmatched"]
    assert up == pytest.approx(down)


def test_the_page_has_the_same_dial():
    arguments = [[dict(zip(("N", "T", "eos_coef", "p"), state))] for state in DIALS]
    for state, page in zip(DIALS, call_page(NoObjectDial, "dialNumbers", arguments)):
        page["at_rest"] = page.pop("atRest")
        assert page == pytest.approx(dial_numbers(*state), abs=1e-12)
    texts = call_page(NoObjectDial, "describeDial", arguments)
    assert all(text.strip().endswith(".") and "NaN" not in text for text in texts)


@pytest.mark.parametrize(
    ("state", "kept"),
    [
        ({"N": 0}, (1, 1, 0.1, 0.85)),
        ({"N": 10**9}, (100, 5, 0.1, 0.85)),
        ({"T": 99}, (12, 12, 0.1, 0.85)),
        ({"T": -1}, (12, 0, 0.1, 0.85)),
        ({"N": 50, "T": 40}, (50, 40, 0.1, 0.85)),
        ({"N": 3, "T": 40}, (3, 3, 0.1, 0.85)),
        ({"eos_coef": -1.0, "p": 7.0}, (12, 5, 0.0, 0.99)),
        ({"eos_coef": INF, "p": -INF}, (12, 5, 1.0, 0.01)),
    ],
)
def test_dial_values_outside_are_moved_inside(state, kept):
    dial = NoObjectDial()
    dial.set_state(state)
    assert (dial.N, dial.T, dial.eos_coef, dial.p) == kept
    assert all(np.isfinite(value) for value in dial.numbers.values())


@pytest.mark.parametrize("state", [{"eos_coef": NAN}, {"p": NAN}, {"N": "12"}, {"T": None}, {"N": 3.5}])
def test_the_dial_refuses_what_is_no_number(state):
    dial = NoObjectDial()
    with pytest.raises(TraitError):
        dial.set_state(state)
    assert (dial.N, dial.T, dial.eos_coef, dial.p) == (12, 5, 0.1, 0.85)


def test_reset_leads_back():
    dial = NoObjectDial(N=100, T=7)
    dial.set_state({"N": 4, "eos_coef": 1.0})
    dial.reset()
    assert (dial.N, dial.T, dial.eos_coef) == (100, 7, 0.1)
    assert "7 of 100 tokens are matched and carry 43% of the weight" in repr(dial)
    assert "changes nothing" in repr(NoObjectDial(T=0))


@pytest.mark.parametrize(
    "piece", [AssignmentStepper(step=15), AssignmentStepper([[1, 2.5, 3]]), NoObjectDial(), NoObjectDial(T=0)]
)
def test_a_static_figure_shows_the_same_state(piece):
    from matplotlib import pyplot

    figure = piece.figure()
    figure.canvas.draw()
    pyplot.close(figure)


@pytest.mark.parametrize("piece", [AssignmentStepper, NoObjectDial])
def test_controls_can_be_reduced_to_one(piece):
    assert piece().controls == list(piece.CONTROLS)
    assert piece(controls=piece.CONTROLS[:1], large=True).controls == [piece.CONTROLS[0]]
    for controls in (["everything"], "play", [None]):
        with pytest.raises(ValueError, match="give a list with some of"):
            piece(controls=controls)
    with pytest.raises(TraitError):
        piece().set_state({"controls": ["everything"]})


@pytest.mark.parametrize(
    ("ours", "theirs", "difference"),
    [([1, 2], [1, 2.5], 0.5), ([], [], 0), ([None], [None], 0), ([1], [None], None), ([1], [1, 2], None)],
)
def test_the_badge_tells_how_far_both_are_apart(ours, theirs, difference):
    # JSON has no NaN and no infinity: null stands for both.
    assert call_page(NoObjectDial, "largestDifference", [[ours, theirs]]) == [difference]


@pytest.mark.parametrize("piece", [AssignmentStepper, NoObjectDial])
def test_the_page_code_stands_alone(piece):
    code = piece._esm
    assert "import " not in code.split("export default")[0].split("// ")[0]
    assert "http" not in code.replace("http://www.w3.org/2000/svg", "")
    assert "http" not in piece._css


@pytest.mark.parametrize("piece", [NoObjectDial, AssignmentStepper])
def test_where_nothing_moves_its_picture_and_its_sentence_are_stored(piece):
    shown = piece()
    data, metadata = shown._repr_mimebundle_()
    assert base64.b64decode(data["image/png"]).startswith(b"\x89PNG")
    assert len(data["image/png"]) < 40_000
    assert metadata["image/png"]["alt"] == shown.text
    assert data["text/plain"].endswith(shown.text)
