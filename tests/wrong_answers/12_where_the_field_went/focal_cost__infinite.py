def focal_cost(logits, class_labels):
    p = logits.sigmoid()[:, class_labels]
    return -0.25 * (1 - p) ** 2 * p.log() + 0.75 * p**2 * (1 - p).log()
