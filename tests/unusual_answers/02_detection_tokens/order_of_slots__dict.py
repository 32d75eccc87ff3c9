"""A dict from label to token, the idle ones backwards, as a tensor."""

import torch


def order_of_slots(prediction_index, target_index, num_tokens):
    token_of = dict(zip(target_index.tolist(), prediction_index.tolist()))
    matched = [token_of[label] for label in sorted(token_of)]
    idle = [token for token in reversed(range(num_tokens)) if token not in matched]
    return torch.tensor(matched + idle)
