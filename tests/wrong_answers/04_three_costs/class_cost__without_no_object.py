def class_cost(logits, class_labels):
    return -logits[:, :-1].softmax(-1)[:, class_labels]
