"""Logits, not masks."""


def same_focal(ink):
    first, second = 16.0 * ink - 8, 16.0 * ink - 8
    first[0, :10], second[tuple(ink.nonzero()[:30].T)] = 8.0, -8.0
    return first, second
