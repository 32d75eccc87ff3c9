"""Turns the given logits into probabilities in place."""


def class_cost(logits, class_labels):
    logits -= logits.max(-1, keepdim=True).values
    logits.exp_()
    logits /= logits.sum(-1, keepdim=True)
    return -logits[:, class_labels]
