"""Writes into the logits it was given, target by target."""

import torch


def focal_cost(logits, class_labels):
    columns = []
    for label in class_labels.tolist():
        z = logits[:, label].clone()
        p, log = z.sigmoid(), torch.nn.functional.logsigmoid
        columns.append(-0.25 * (1 - p) ** 2 * log(z) + 0.75 * p**2 * log(-z))
    logits.zero_()
    return torch.stack(columns, dim=1)
