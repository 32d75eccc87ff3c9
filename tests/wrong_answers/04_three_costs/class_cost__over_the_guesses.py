def class_cost(logits, class_labels):
    return -logits.softmax(0)[:, class_labels]
