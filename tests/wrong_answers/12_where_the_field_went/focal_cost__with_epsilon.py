"""A small number inside the logarithm: finite, and wrong where a logit is large."""


def focal_cost(logits, class_labels):
    p = logits[:, class_labels].sigmoid()
    return -0.25 * (1 - p) ** 2 * (p + 1e-8).log() + 0.75 * p**2 * (1 - p + 1e-8).log()
