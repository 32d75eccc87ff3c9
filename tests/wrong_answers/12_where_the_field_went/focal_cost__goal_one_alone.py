from torch.nn.functional import logsigmoid


def focal_cost(logits, class_labels):
    z = logits[:, class_labels]
    return -0.25 * (1 - z.sigmoid()) ** 2 * logsigmoid(z)
