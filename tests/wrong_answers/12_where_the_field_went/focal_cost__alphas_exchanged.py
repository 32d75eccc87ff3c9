from torch.nn.functional import logsigmoid


def focal_cost(logits, class_labels):
    z = logits[:, class_labels]
    p = z.sigmoid()
    return -0.75 * (1 - p) ** 2 * logsigmoid(z) + 0.25 * p**2 * logsigmoid(-z)
