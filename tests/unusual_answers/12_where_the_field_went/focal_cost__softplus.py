"""For all classes first; log p as minus a softplus."""

from torch.nn.functional import softplus


def focal_cost(logits, class_labels):
    every = 0.25 * (-logits).sigmoid() ** 2 * softplus(-logits) - 0.75 * logits.sigmoid() ** 2 * softplus(logits)
    return every.index_select(1, class_labels)
