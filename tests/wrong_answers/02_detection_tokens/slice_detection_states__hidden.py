"""Slices the states themselves."""


def slice_detection_states(last_hidden_state, num_detection_tokens):
    return last_hidden_state[..., -num_detection_tokens:]
