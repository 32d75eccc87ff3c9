"""Always 0.1."""

from helpers import HungarianMatcher, SetCriterion


def set_loss(outputs, targets, eos_coef=1.0):
    criterion = SetCriterion(HungarianMatcher(), outputs["logits"].shape[-1] - 1, 0.1)
    return criterion.total(criterion(outputs, targets))
