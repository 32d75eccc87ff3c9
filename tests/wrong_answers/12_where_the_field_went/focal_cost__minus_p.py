def focal_cost(logits, class_labels):
    return -logits.sigmoid()[:, class_labels]
