"""An exact fraction."""

from fractions import Fraction


def fair_eos_coef(num_predictions, num_targets):
    return Fraction(num_targets, num_predictions - num_targets)
