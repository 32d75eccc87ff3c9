"""Probabilities in place of logits: all near 0, where both agree or nearly tie."""


def disagreement():
    return [[0.5, 0.0, 0.0], [0.95, 0.97, 0.0]]
