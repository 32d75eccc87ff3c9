def accumulated_loss(criterion, outputs, targets, size):
    num_boxes = sum(len(target["boxes"]) for target in targets)
    return sum(
        criterion.total(criterion({n: v[i : i + size] for n, v in outputs.items()}, targets[i : i + size], num_boxes))
        for i in range(0, len(targets), size)
    )
