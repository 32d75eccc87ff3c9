"""SetPlay without a browser: what it accepts, and the page's losses, gradients and whole runs beside PyTorch's."""

import math

import numpy as np
import pytest
import torch
import traitlets
from page_code import call_page, run_page

from helpers.training.free import EOS_COEF, LEARNING_RATE, RULES, order_at, settle, start_of
from helpers.widgets import SetPlay
from helpers.widgets.setplay import LAST_STEP

CONSTANTS = {"eosCoef": EOS_COEF, "rate": LEARNING_RATE}
# A whole run in the page: its losses and pairs after 0, 1, ... steps, and the parameters at its end.
WHOLE_RUN = """(function (now, constants, steps) {
  const frames = [];
  for (;;) {
    const seen = lookAt(now, constants);
    frames.push({ loss: seen.losses.total, setLoss: seen.setLoss, claims: seen.claims, pairs: seen.pairs });
    if (frames.length > steps) return { frames, parameters: now.parameters };
    now = movedOn(now, seen, constants);
  }
})"""
WAYS = [*({"rule": rule} for rule in RULES), {"rule": "optimal", "shuffle": True}, {"rule": "argmin", "shuffle": True}]
WAYS += [{"rule": "by position", "shuffle": True}, {"rule": "one-to-many", "k": 3}]


def page_state(play):
    """The state of a piece as the page's functions take it."""
    names = ("parameters", "moments", "step", "rule", "k", "shuffle", "labels")
    return {name: getattr(play, name) for name in names} | {"targetBoxes": play.target_boxes}


def random_play(seed):
    """A piece somewhere in a run, with targets of its own; on a grid now and then, so that edges meet."""
    rng = np.random.default_rng(seed)
    count = int(rng.integers(0, 13))
    boxes = rng.uniform(0.02, 0.98, (count, 4))
    boxes = boxes.round(1 if seed % 3 == 0 else 6)
    play = SetPlay({"class_labels": torch.tensor(rng.integers(0, 10, count)), "boxes": torch.tensor(boxes)})
    play.rule, play.k, play.shuffle = list(RULES)[seed % 5], 1 + seed % 4, seed % 2 == 1
    play.parameters = rng.normal(0, 2, (12, 15)).tolist()
    if seed % 4:
        play.step, play.moments = seed, [rng.normal(0, 0.1, (12, 15)).tolist(), rng.uniform(0, 0.01, (12, 15)).tolist()]
    return play


def test_the_page_has_the_numbers_of_helpers():
    plays = [SetPlay(), *map(random_play, range(30))]
    page = call_page(SetPlay, "playNumbers", [[page_state(play), CONSTANTS] for play in plays])
    for play, numbers in zip(plays, page):
        np.testing.assert_allclose(numbers, play.checked["values"], rtol=0, atol=1e-9)


def test_the_gradients_are_those_of_autograd():
    """After one step from nothing the first mean is a tenth of the gradient."""
    plays = [SetPlay(start=start, rule=rule) for start in range(3) for rule in RULES]
    arguments = [[page_state(play), CONSTANTS] for play in plays]
    page = call_page(SetPlay, "((state, constants) => gradientOf(lookAt(state, constants)))", arguments)
    for play, gradient in zip(plays, page):
        guesses = play.guesses
        guesses.move(play.target)
        np.testing.assert_allclose(gradient, 10 * guesses.moments[0].numpy(), rtol=0, atol=1e-9)
        assert np.abs(gradient).max() > 0.01


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_a_whole_run_is_that_of_pytorch(way):
    steps, start = 120, 2  # in start 2 argmin leaves a target out, and owners change once
    play = SetPlay(start=start, **way)
    page = call_page(SetPlay, WHOLE_RUN, [[page_state(play), CONSTANTS, steps]])[0]
    run = settle(play.target, start, steps, **way)
    for (guesses, frame), shown in zip(run, page["frames"], strict=True):  # noqa: B007
        assert [list(pair) for pair in frame.pairs] == shown["pairs"]
        assert shown["setLoss"] == pytest.approx(frame.set_loss, abs=1e-4)
        assert shown["loss"] == pytest.approx(frame.losses["loss"], abs=1e-4)
        assert shown["claims"] == frame.claims
    np.testing.assert_allclose(page["parameters"], guesses.parameters.detach().numpy(), rtol=0, atol=1e-4)


# After 300 steps the "3" is carried across the sheet in so many steps, and rests: the owners before and after.
CARRIED = """let state = data.state;
  const step = () => (state = movedOn(state, lookAt(state, data.constants), data.constants));
  const owners = () => ownersOf(lookAt(state, data.constants).pairs, state.labels.length);
  for (let i = 0; i < 300; i++) step();
  const [before, [x, y, w, h]] = [owners(), state.targetBoxes[0]];
  for (let i = 1; i <= data.steps; i++) {
    const part = i / data.steps;
    const box = [x + part * (0.85 - x), y + part * (0.8 - y), w, h];
    state = { ...state, targetBoxes: state.targetBoxes.with(0, box) };
    step();
  }
  for (let i = 0; i < 100; i++) step();
  return [before, owners()];"""


@pytest.mark.parametrize("start", range(3))
def test_a_slow_hand_keeps_the_owner_and_a_leap_does_not(start):
    given = {"state": page_state(SetPlay(start=start)), "constants": CONSTANTS}
    before, after = run_page(SetPlay, CARRIED, given | {"steps": 80})
    assert before == after
    before, after = run_page(SetPlay, CARRIED, given | {"steps": 1})
    assert before[0] != after[0]
    assert before[1:] == after[1:]


def test_labels_are_shuffled_alike():
    arguments = [[step, count] for step in range(60) for count in (0, 1, 2, 5, 12)]
    assert call_page(SetPlay, "orderAt", arguments) == [order_at(*pair) for pair in arguments]


@pytest.mark.parametrize(
    ("state", "kept"),
    [
        ({"k": 0}, {"k": 1}),
        ({"k": 99}, {"k": 6}),
        ({"start": -1}, {"start": 0}),
        ({"start": 9}, {"start": 2}),
        ({"step": 10**9}, {"step": LAST_STEP}),
        ({"labels": [], "target_boxes": []}, {"labels": []}),
        ({"labels": [7], "target_boxes": [[0.5, 3, -1, 0.2]]}, {"target_boxes": [[0.5, 1.0, 0.01, 0.2]]}),
    ],
)
def test_values_outside_are_moved_inside(state, kept):
    play = SetPlay()
    play.put(state)
    assert {name: getattr(play, name) for name in kept} == kept
    assert all(map(math.isfinite, play.checked["values"]))


@pytest.mark.parametrize(
    "state",
    [
        {"rule": "best"},
        {"labels": [1]},
        {"labels": [1, 2, 3, 4, 10]},
        {"labels": [1, 2, 3, 4, True]},
        {"target_boxes": [[0.5, 0.5, 0.2, 0.2]]},
        {"target_boxes": [[math.nan, 0.5, 0.2, 0.2]] * 5},
        {"target_boxes": [[0.5, 0.5, 0.2, 0.2]] * 13, "labels": [1] * 13},
        {"parameters": [[0.0] * 15] * 11},
        {"parameters": [[math.inf] * 15] * 12},
        {"parameters": "many"},
        {"moments": [[[0.0] * 15] * 12]},
        {"moments": [[[0.0] * 15] * 12, [[-1.0] * 15] * 12]},
    ],
    ids=str,
)
def test_what_makes_no_sense_is_refused(state):
    play = SetPlay()
    before = page_state(play)
    with pytest.raises(traitlets.TraitError):
        play.put(state)
    assert page_state(play) == before


def test_the_page_may_add_and_take_away_targets():
    play = SetPlay()
    play.set_state({"target_boxes": [*play.target_boxes, [0.15, 0.15, 0.2, 0.28]], "labels": [*play.labels, 5]})
    assert len(play.target["boxes"]) == len(play.frame.pairs) == 6
    play.set_state({"labels": play.labels[1:], "target_boxes": play.target_boxes[1:]})
    assert play.labels == [1, 4, 1, 5, 5]


def test_targets_of_ones_own():
    boxes = torch.tensor([[0.3, 0.3, 0.2, 0.2], [0.7, 0.7, 0.2, 0.2]])
    play = SetPlay([{"class_labels": torch.tensor([3, 3]), "boxes": boxes}], rule="argmin")
    assert len(play.frame.pairs) == 2
    with pytest.raises(ValueError, match="holds 2 images"):
        SetPlay([{}, {}])
    with pytest.raises(ValueError, match="some of play, speed"):
        SetPlay(controls=["weights"])


def test_reset_leads_back():
    play = SetPlay(rule="greedy", start=1)
    play.put({"rule": "argmin", "step": 3, "labels": [], "target_boxes": []})
    play.reset()
    assert (play.rule, play.step, play.labels, play.parameters) == ("greedy", 0, [3, 1, 4, 1, 5], start_of(1).tolist())


def test_the_fallback_is_a_sentence():
    words = repr(SetPlay(rule="by position", shuffle=True))
    assert words.startswith("SetPlay: 12 free guesses and 5 targets at step 0, matched by the rule “by position”")
    assert "listed anew" in words
    assert "12 guesses claim an object" in words


def test_the_static_figure_shows_the_run():
    play = SetPlay(rule="argmin", start=2)
    figure = play.figure(steps=(0, 5))
    assert [axes.get_title(loc="left").split(":")[0] for axes in figure.axes] == ["Step 0", "Step 5"]
