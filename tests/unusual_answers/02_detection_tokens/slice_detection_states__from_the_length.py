"""Counts from the front."""


def slice_detection_states(last_hidden_state, num_detection_tokens):
    start = last_hidden_state.shape[1] - num_detection_tokens
    return last_hidden_state[:, start:, :]
