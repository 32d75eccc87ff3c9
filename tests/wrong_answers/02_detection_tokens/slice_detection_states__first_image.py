"""Drops all images but the first."""


def slice_detection_states(last_hidden_state, num_detection_tokens):
    return last_hidden_state[0, -num_detection_tokens:]
