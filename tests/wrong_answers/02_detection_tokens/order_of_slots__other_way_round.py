"""Says which label each token has: the inverse."""


def order_of_slots(prediction_index, target_index, num_tokens):
    order, idle = [None] * num_tokens, len(target_index)
    for prediction, target in zip(prediction_index.tolist(), target_index.tolist()):
        order[prediction] = target
    for token in range(num_tokens):
        if order[token] is None:
            order[token], idle = idle, idle + 1
    return order
