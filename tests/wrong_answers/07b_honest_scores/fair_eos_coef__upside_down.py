def fair_eos_coef(num_predictions, num_targets):
    return (num_predictions - num_targets) / max(num_targets, 1)
