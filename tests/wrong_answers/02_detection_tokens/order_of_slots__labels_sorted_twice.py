"""Takes the order of the labels for the order of the tokens."""


def order_of_slots(prediction_index, target_index, num_tokens):
    matched = target_index.argsort().tolist()
    return matched + [token for token in range(num_tokens) if token not in matched]
