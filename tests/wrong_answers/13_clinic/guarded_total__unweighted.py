def guarded_total(losses, weights):
    return sum(value for name, value in losses.items() if name in weights)
