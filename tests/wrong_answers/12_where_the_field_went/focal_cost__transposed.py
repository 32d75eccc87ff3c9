"""(T, N)."""

import torch


def focal_cost(logits, class_labels):
    z = logits[:, class_labels]
    p, log = z.sigmoid(), torch.nn.functional.logsigmoid
    return (-0.25 * (1 - p) ** 2 * log(z) + 0.75 * p**2 * log(-z)).T
