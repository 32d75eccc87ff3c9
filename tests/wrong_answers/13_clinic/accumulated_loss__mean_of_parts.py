def accumulated_loss(criterion, outputs, targets, size):
    starts = range(0, len(targets), size)
    return sum(
        criterion.total(criterion({n: v[i : i + size] for n, v in outputs.items()}, targets[i : i + size]))
        for i in starts
    ) / len(starts)
