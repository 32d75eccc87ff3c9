"""Sorted by token, not by label."""


def order_of_slots(prediction_index, target_index, num_tokens):
    matched = prediction_index.tolist()
    return matched + [token for token in range(num_tokens) if token not in matched]
