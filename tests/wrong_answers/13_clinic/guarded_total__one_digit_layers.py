def guarded_total(losses, weights):
    total = 0
    for name, value in losses.items():
        base = name[:-2] if name[-1].isdigit() else name
        total = total + weights.get(base, 0) * value
    return total
