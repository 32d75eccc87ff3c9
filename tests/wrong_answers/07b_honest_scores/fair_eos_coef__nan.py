"""Not a number."""


def fair_eos_coef(num_predictions, num_targets):
    return float("nan")
