"""The tokens as they stand."""


def order_of_slots(prediction_index, target_index, num_tokens):
    return list(range(num_tokens))
