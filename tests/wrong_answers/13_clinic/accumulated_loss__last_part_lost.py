def accumulated_loss(criterion, outputs, targets, size):
    normalizers = criterion.normalizers(outputs["logits"].shape[1], targets)
    total = 0
    for part in range(len(targets) // size):
        rows = slice(part * size, (part + 1) * size)
        total = total + criterion.total(
            criterion({name: value[rows] for name, value in outputs.items()}, targets[rows], *normalizers)
        )
    return total
