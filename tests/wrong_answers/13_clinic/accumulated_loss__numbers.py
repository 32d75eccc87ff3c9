def accumulated_loss(criterion, outputs, targets, size):
    normalizers = criterion.normalizers(outputs["logits"].shape[1], targets)
    total = 0.0
    for start in range(0, len(targets), size):
        part = {name: value[start : start + size] for name, value in outputs.items()}
        total += criterion.total(criterion(part, targets[start : start + size], *normalizers)).item()
    return total
