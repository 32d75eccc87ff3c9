"""Right rows in a type that the heads do not take."""


def slice_detection_states(last_hidden_state, num_detection_tokens):
    return last_hidden_state[:, -num_detection_tokens:].double()
