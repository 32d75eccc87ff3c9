"""The set loss that readers of notebook 12 take apart does what the check says."""

import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from helpers.checks import unknown_loss
from helpers.checks.field import FOUR_ANSWERS, judge_four_answers


def test_the_four_answers_are_what_the_loss_does():
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(12, 10, generator=generator).requires_grad_()
    boxes, truth = torch.rand(12, 4, generator=generator), torch.rand(2, 4, generator=generator)
    labels = torch.tensor([3, 1])
    guess, target = unknown_loss.pairs_of(logits, boxes, labels, truth)
    value = unknown_loss.loss(logits, boxes, labels, truth)
    (gradient,) = torch.autograd.grad(value, logits)
    goals = torch.zeros(12, 10)
    goals[guess, labels[target]] = 1
    summed = binary_cross_entropy_with_logits(logits, goals, reduction="sum")
    summed = summed + 5 * (boxes[guess] - truth[target]).abs().sum()
    graded, answers = int(gradient.any(1).sum()), len(unknown_loss.answer(logits, boxes, threshold=0)[0])
    measured = [len(guess), graded, round((summed / value).item()), answers]
    assert measured == [right for _, right, _ in FOUR_ANSWERS]
    assert judge_four_answers(measured).startswith("correct")
