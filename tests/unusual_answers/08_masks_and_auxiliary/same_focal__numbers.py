"""Masks of 0 and 1."""


def same_focal(ink):
    first, second = ink.float(), ink.float()
    first[tuple((~ink).nonzero()[:10].T)] = 1
    second[tuple(ink.nonzero()[:30].T)] = 0
    return first, second
