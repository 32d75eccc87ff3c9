def fair_eos_coef(num_predictions, num_targets):
    return 0.1
