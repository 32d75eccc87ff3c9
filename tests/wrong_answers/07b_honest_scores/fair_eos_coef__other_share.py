"""The share of the idle guesses."""


def fair_eos_coef(num_predictions, num_targets):
    return (num_predictions - num_targets) / num_predictions
