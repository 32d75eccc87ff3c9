"""Writes into the mask it was given."""


def same_focal(ink):
    first = ink.clone()
    empty, full = (~ink).nonzero()[:10], ink.nonzero()[:30]
    first[tuple(empty.T)] = True
    ink[tuple(full.T)] = False
    return [first, ink]
