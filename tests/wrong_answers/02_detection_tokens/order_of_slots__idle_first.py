"""The idle tokens stand in front."""


def order_of_slots(prediction_index, target_index, num_tokens):
    matched = prediction_index[target_index.argsort()].tolist()
    return [token for token in range(num_tokens) if token not in matched] + matched
