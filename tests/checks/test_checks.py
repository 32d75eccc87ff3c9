"""The checks, given what no exercise asked for: they say what is wrong, and raise nothing themselves."""

import numpy as np
import pytest
import torch
from exercise_runs import says_wrong_with_a_hint

from helpers.checks import (
    assignment,
    breaking,
    clinic,
    costs,
    field,
    learning,
    loss,
    masks,
    matcher,
    speed,
    start,
    states,
    targets,
    tokens,
)

BLANK = torch.zeros(4, 4, dtype=torch.bool)
FOUND = [{"boxes": torch.zeros(1, 4), "scores": torch.ones(1), "labels": torch.zeros(1)}]
CURVES = {"curve_step": np.arange(50.0, 6000, 50), "curve_loss_giou": np.linspace(1, 0, 119)}
CHECKS = [
    lambda answer: start.check_gentlest_swap(answer, lambda order: 0.0, "abc"),
    states.check_pixels_of,
    states.check_largest_image,
    tokens.check_slice_detection_states,
    lambda answer: tokens.check_order_of_slots(answer, *matcher.example_batch([2])),
    targets.check_to_targets,
    targets.check_unnoticed_box,
    costs.check_class_cost,
    costs.check_giou,
    assignment.check_greedy_match,
    assignment.check_trap_for_greedy,
    matcher.check_match_batch,
    loss.check_classification_loss,
    loss.check_fair_eos_coef,
    loss.check_set_loss,
    masks.check_dice_loss,
    lambda answer: masks.check_same_focal(answer, BLANK),
    lambda answer: learning.check_end_of_plateau(answer, CURVES),
    lambda answer: learning.check_hide_duplicates(answer, FOUND, [[]]),
    breaking.check_who_reads,
    breaking.check_crowd,
    speed.check_trap_for_the_solver,
    speed.check_accumulated_loss,
    field.check_focal_cost,
    field.check_four_answers,
    clinic.check_mended,
    clinic.check_padded,
]
MALFORMED = {
    "ragged": [[1, 2], [3]],
    "words": "an answer",
    "object": object(),
    "empty": [],
    "one None": [None, 1],
    "infinite": float("inf"),
    "beyond float": 10**400,
    "with a gradient": torch.zeros(3, 2, requires_grad=True),
    "dict": {"boxes": None, "scores": None, "labels": None},
    "set": {1, 2, 3},
}


@pytest.mark.parametrize("answer", MALFORMED.values(), ids=MALFORMED)
def test_malformed_answers_get_a_hint(answer, capsys):
    for check in CHECKS:
        check(lambda *given: answer)
        assert says_wrong_with_a_hint(capsys.readouterr().out), check


def test_functions_that_raise_get_a_hint(capsys):
    for check in CHECKS:
        check(lambda *given: {}["missing"])
        assert "KeyError: 'missing'. Hint" in capsys.readouterr().out, check
