from torch.nn.functional import logsigmoid


def focal_cost(logits, class_labels):
    p = logits.sigmoid()
    return -0.25 * (1 - p) ** 2 * logsigmoid(logits) + 0.75 * p**2 * logsigmoid(-logits)
