"""The checks of notebook 12: the focal cost, and four questions about a set loss."""

import torch

from helpers.checks import as_numbers, attempt, is_close, to_use
from helpers.later import costs
from helpers.later.costs import focal_cost, focal_terms


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


def check_four_answers(four_answers):
    """Notebook 12: what `helpers.checks.unknown_loss` does with twelve guesses and two targets, as
    four numbers.
    """
    answer, fault = attempt(four_answers)
    print(fault or judge_four_answers(answer))


def judge_four_answers(answer):
    """The verdict on (pairs, guesses graded on their class, divisor, guesses that may answer)."""
    numbers = as_numbers(answer)
    if numbers is None or numbers.shape != (4,):
        return "not yet: give four numbers. Hint: return 2, 12, 2, 12, for example."
    for (question, right, hints), said in zip(FOUR_ANSWERS, numbers.tolist()):
        if said != right:
            hint = hints.get(said, hints[None])
            return f"not yet: {question}: you say {said:g}. Hint: {hint}."
    return (
        "correct: each target has one guess of the first half and three of the second. All twelve "
        "are graded on their class; the first half alone answers, matched one to one. And "
        "the divisor is 2, not 8: the second half weighs three times as much as the first."
    )


FOUR_ANSWERS = (  # of N = 12 guesses and T = 2 targets: question, answer, hints by what is said
    (
        "who is paired",
        8,
        {
            2: "these are the pairs of the first half; what does topk(3) add",
            6: "these are the pairs of the second half; the first half has some, too",
            5: "topk takes three guesses for each of the two targets",
            None: "count what pairs_of returns: one list is put behind another",
        },
    ),
    (
        "who is graded on what, for the class",
        12,
        {
            8: "goals has a row for every guess, and a row of zeros is a grade, too",
            2: "goals has a row for every guess",
            None: "how many rows of logits does the class term read",
        },
    ),
    (
        "divided by what",
        2,
        {
            8: "the divisor counts targets, not pairs",
            12: "the sum is over all guesses, the divisor is not",
            None: "look at the last line of the loss",
        },
    ),
    (
        "who answers at test time",
        6,
        {
            12: "answer reads a part of the logits alone",
            2: "nobody knows the number of objects at test time",
            None: "how many rows can answer return at most",
        },
    ),
)
