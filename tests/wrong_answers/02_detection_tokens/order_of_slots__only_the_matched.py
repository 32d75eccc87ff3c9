"""The idle tokens get lost."""


def order_of_slots(prediction_index, target_index, num_tokens):
    return prediction_index[target_index.argsort()].tolist()
