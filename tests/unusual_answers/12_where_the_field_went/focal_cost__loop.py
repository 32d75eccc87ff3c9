import torch
from torch.nn.functional import logsigmoid


def focal_cost(logits, class_labels):
    def one(z, goal):
        log = logsigmoid(z if goal else -z)
        return -(0.25 if goal else 0.75) * (1 - log.exp()) ** 2 * log

    rows = [[one(row[label], True) - one(row[label], False) for label in class_labels] for row in logits]
    return torch.tensor(rows)
