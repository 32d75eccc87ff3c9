"""Another constant: the same match, and another cost."""


def class_cost(logits, class_labels):
    return 1 - logits.softmax(-1)[:, class_labels]
