def fair_eos_coef(num_predictions, num_targets):
    return num_targets / num_predictions
