"""The end of the slice loses the last token."""


def slice_detection_states(last_hidden_state, num_detection_tokens):
    return last_hidden_state[:, -num_detection_tokens - 1 : -1]
