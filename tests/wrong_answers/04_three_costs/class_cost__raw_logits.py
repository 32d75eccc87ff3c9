def class_cost(logits, class_labels):
    return -logits[:, class_labels]
