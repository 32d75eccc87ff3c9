def accumulated_loss(criterion, outputs, targets, size):
    total = 0
    for start in range(0, len(targets), size):
        part, truths = {n: v[start : start + size] for n, v in outputs.items()}, targets[start : start + size]
        normalizers = criterion.normalizers(outputs["logits"].shape[1], truths)
        total = total + criterion.total(criterion(part, truths, *normalizers))
    return total
