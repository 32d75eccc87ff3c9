def class_cost(logits, class_labels):
    return -logits.log_softmax(-1)[:, class_labels]
