"""Rounded to one digit."""


def fair_eos_coef(num_predictions, num_targets):
    return round(num_targets / (num_predictions - num_targets), 1)
