"""Empties a list of all tokens."""


def order_of_slots(prediction_index, target_index, num_tokens):
    left, order = list(range(num_tokens)), []
    for label in range(len(target_index)):
        (token,) = prediction_index[target_index == label]
        order.append(token)
        left.remove(token)
    return order + left
