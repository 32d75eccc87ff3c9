"""The checks of notebook 12: write the focal cost, make it disagree with -p, bring Sinkhorn to the
Hungarian match.
"""

import math
import warnings

import numpy as np
import torch

from helpers.checks import as_numbers, attempt, is_close, to_use, whole
from helpers.later import costs
from helpers.later.costs import focal_cost, focal_terms
from helpers.later.matches import transport_plan

MARGIN = 0.1
MOST_STEPS = 2000
SHARP = 0.95  # of each target's supply, to the guess that the Hungarian match gives it
UNEVEN = 0.05  # how far a row may be from 1


def check_focal_cost(focal_cost):
    """Notebook 12: `focal_cost(logits (N, K), class_labels (T,)) -> (N, T)`; draws it over p.

    Gives back the function that is used further down.
    """
    verdict = judge_focal_cost(focal_cost)
    used = to_use(verdict, focal_cost, costs.focal_cost, "later.costs.focal_cost")
    if verdict.startswith("correct") or "p = 0.9" in verdict:
        _draw_focal(focal_cost)
    return used


def judge_focal_cost(answer):
    """The verdict on a focal cost, compared with `helpers.later.costs.focal_cost` and with typical
    mistakes.
    """
    generator = torch.Generator().manual_seed(0)
    logits, labels = 2 * torch.randn(6, 4, generator=generator), torch.tensor([3, 0, 3, 1, 2])
    hint = "the columns are logits[:, class_labels]."
    value, fault = attempt(answer, logits, labels, hint=hint)
    if fault:
        return fault
    if not isinstance(value, torch.Tensor) or value.shape != (6, 5):
        shape = tuple(value.shape) if isinstance(value, torch.Tensor) else type(value).__name__
        return (
            f"not yet: it returns {shape} for 6 guesses and 5 targets. Hint: (N, T), one column a "
            "target."
        )
    wanted = focal_cost(logits, labels)
    if is_close(value, wanted, 1e-4):
        return _far_fault(answer) or (
            "correct: the cost of a pair is what its class adds to the focal loss. It is negative "
            "where p is large."
        )
    for mistake, sentence in _focal_mistakes(logits, labels):
        if is_close(value, mistake, 1e-4):
            return f"not yet: {sentence}"
    at = torch.tensor([[0.9], [0.1]]).logit()
    right, said = (
        focal_cost(at, torch.tensor([0])),
        as_numbers(attempt(answer, at, torch.tensor([0]))[0]),
    )
    if said is None or said.shape != right.shape:
        return "not yet: it is right for no pair. Hint: loss with goal 1 minus loss with goal 0."
    said, right = float(said[0, 0]), float(right[0, 0])
    return (
        f"not yet: at p = 0.9 it gives {said:.3f}, but it is {right:.3f}. Hint: loss with goal 1 "
        "minus goal 0."
    )


def _far_fault(answer):
    """The verdict on logits of 50 and -50, where p is 1 and 0 to the last digit; None if the costs
    are right.
    """
    logits, labels = torch.tensor([[50.0], [-50.0]]), torch.tensor([0])
    hint, serve = (
        "take log p from the logits, with torch.nn.functional.logsigmoid.",
        "it must serve any N and T.",
    )
    far, fault = attempt(
        answer, logits, labels, hint=serve, case=", for two guesses and one target"
    )
    if fault:
        return fault
    numbers, wanted = as_numbers(far), focal_cost(logits, labels)
    if numbers is None or numbers.shape != wanted.shape or not numbers.isfinite().all():
        return f"not yet: right, but a logit of 50 or −50 gives no finite cost. Hint: {hint}"
    if not is_close(numbers, wanted, 0.1):
        said = ", ".join(f"{float(number):.1f}" for number in numbers.flatten())
        right = ", ".join(f"{float(number):.1f}" for number in wanted.flatten())
        return (
            f"not yet: right, but logits of 50 and −50 cost {said}, where it is {right}. Hint: "
            f"{hint}"
        )
    return None


def _focal_mistakes(logits, labels):
    """What typical mistakes give, each with the sentence that names it."""
    present, absent = (term[:, labels] for term in focal_terms(logits))
    swapped = [term[:, labels] for term in focal_terms(logits, alpha=0.75)]
    plain = [term[:, labels] for term in focal_terms(logits, gamma=0.0)]
    soft = logits.softmax(-1)[:, labels]
    softmax = 0.25 * (1 - soft) ** 2 * -soft.log() - 0.75 * soft**2 * -(1 - soft).log()
    return [
        (
            present,
            "this is the loss with goal 1 alone. Hint: subtract what the class costs with goal 0.",
        ),
        (absent, "this is the loss with goal 0 alone. Hint: the difference of both goals."),
        (
            absent - present,
            "the sign is turned: a sure class must be cheap. Hint: goal 1 minus goal 0.",
        ),
        (present + absent, "the two are added. Hint: one goal replaces the other, so subtract."),
        (
            swapped[0] - swapped[1],
            "the two α are exchanged. Hint: 0.25 with goal 1, 0.75 with goal 0.",
        ),
        (
            plain[0] - plain[1],
            "nothing is turned down. Hint: (1 − p)² with goal 1, p² with goal 0.",
        ),
        (4 * present - absent / 0.75, "α is missing. Hint: 0.25 with goal 1, 0.75 with goal 0."),
        (softmax, "classes compete here. Hint: sigmoid(), one yes or no for each class."),
    ]


def _draw_focal(answer):
    from helpers.figures import show
    from helpers.figures.field import focal_figure

    def column(cost):
        return lambda logits: (
            cost(logits[:, None].clone(), torch.tensor([0]))[:, 0].detach().to(logits.dtype)
        )

    figure, fault = attempt(lambda: focal_figure(column(focal_cost), column(answer)))
    if fault:  # an answer that serves some shapes only cannot be drawn
        return
    show(
        figure,
        "Your cost over p, on the focal cost, and DETR's −p: the focal cost goes on falling near p "
        "= 1.",
    )


def check_disagreement(disagreement):
    """Notebook 12: logits (2, 3) of two guesses such that -p matches one of them and the focal cost
    the other.
    """
    answer, fault = attempt(disagreement)
    verdict = fault or judge_disagreement(answer)
    print(verdict)
    if not fault and "softmax" in verdict and "focal" in verdict:
        from helpers.figures import show
        from helpers.figures.field import disagreement_figure

        show(
            disagreement_figure(disagreement_costs(answer)),
            "What your two guesses cost with each of the two costs.",
        )


def judge_disagreement(answer):
    """The verdict on two guesses' logits: columns "1", "7", no object; the target is a "1"."""
    logits = as_numbers(answer)
    if logits is None:
        return "not yet: these are no numbers. Hint: two rows of three logits."
    if logits.shape != (2, 3):
        return (
            f'not yet: the shape is {tuple(logits.shape)}. Hint: two guesses, each with "1", "7", '
            "no object."
        )
    if not torch.isfinite(logits).all():
        return "not yet: a logit is not finite. Hint: numbers from −10 to 10 are enough."
    costs = disagreement_costs(logits)
    (a, b), (c, d) = costs.values()
    said = f"softmax: A costs {a:.2f}, B {b:.2f}; focal: A {c:.2f}, B {d:.2f}"
    if min(abs(a - b), abs(c - d)) < MARGIN:
        return (
            f"not yet: {said}. That is nearly a tie. Hint: make both differences {MARGIN} at least."
        )
    if (a - b) * (c - d) > 0:
        return (
            f'not yet: {said}. Both choose the same guess. Hint: softmax asks how "1" stands '
            'beside "7" and no object; '
            "focal asks how it stands beside 0, whatever the others say."
        )
    return (
        f"correct: {said}. Softmax compares a guess's logits with each other, sigmoid each with 0."
    )


def disagreement_costs(logits):
    """What two guesses (2, 3) cost for a target of class 0, with softmax and with focal: {name:
    (two floats)}.
    """
    logits = as_numbers(logits)
    focal = focal_cost(logits[:, :-1], torch.tensor([0]))[:, 0]
    return {
        "softmax: −p": (-logits.softmax(-1)[:, 0]).tolist(),
        "sigmoid: focal cost": focal.tolist(),
    }


def check_sharp_plan(sharp_plan, cost, match):
    """Notebook 12: epsilon and steps with which Sinkhorn's plan is the Hungarian match; draws the
    plan.
    """
    answer, fault = attempt(sharp_plan, np.array(cost))
    verdict = fault or judge_sharp_plan(answer, cost, match)
    print(verdict)
    if not fault and "row" in verdict:
        from helpers.figures import show
        from helpers.figures.field import plans_figure

        columns = ["1st", "2nd", "3rd", *(f"{place}th" for place in range(4, 99))][
            : np.shape(cost)[1]
        ]
        plan = transport_plan(cost, 1, float(as_numbers(answer)[0]), whole(answer[1]))
        figure = plans_figure({"Your plan": plan}, columns, match)
        show(
            figure,
            "How much of each guess goes to each target in your plan; the Hungarian match is "
            "ringed.",
        )


def judge_sharp_plan(answer, cost, match):
    """The verdict on (epsilon, steps) for a cost matrix (N, T) and its Hungarian match."""
    numbers = as_numbers(answer)
    if numbers is None or numbers.shape != (2,):
        return "not yet: give two numbers. Hint: return epsilon, steps, such as 0.1, 50."
    epsilon, steps = numbers.tolist()
    if steps < 1 < epsilon:
        return (
            f"not yet: epsilon is {epsilon:g}, steps is {steps:g}. Hint: return epsilon first, "
            "then the steps."
        )
    if not steps.is_integer() or not 1 <= steps <= MOST_STEPS:
        return f"not yet: steps is {steps:g}. Hint: a whole number from 1 to {MOST_STEPS:,}."
    steps = int(steps)
    if not math.isfinite(epsilon) or epsilon <= 0:
        return (
            f"not yet: epsilon is {epsilon!r}. Hint: it divides the costs, so it must be above 0."
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        plan = transport_plan(cost, 1, epsilon, steps)
    if not np.isfinite(plan).all():
        return (
            f"not yet: epsilon {epsilon:g} is so small that the plan overflows. Hint: start at "
            "0.1, then halve."
        )
    least, uneven = float(plan[tuple(match)].min()), float(np.abs(plan.sum(1) - 1).max())
    said = f"the pairs hold {least:.3f} or more, each row sums to 1 within {uneven:.3f}"
    if uneven > UNEVEN:
        hint = "take more steps, or a larger epsilon, which needs fewer"
        return f"not yet: {said}. Some guesses are given away twice or never. Hint: {hint}."
    if least < SHARP:
        return f"not yet: {said}. The plan is settled, but soft. Hint: a smaller epsilon."
    return f"correct: {said}. This is the Hungarian match, at the price of {steps:,} steps."
