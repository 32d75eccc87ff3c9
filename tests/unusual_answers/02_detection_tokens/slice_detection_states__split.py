"""Image by image."""

import torch


def slice_detection_states(last_hidden_state, num_detection_tokens):
    return torch.stack([image[-num_detection_tokens:] for image in last_hidden_state])
