"""torch's own word for it."""


def slice_detection_states(last_hidden_state, num_detection_tokens):
    return last_hidden_state.narrow(1, last_hidden_state.size(1) - num_detection_tokens, num_detection_tokens)
