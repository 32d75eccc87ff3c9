"""Rows of pixels."""


def same_focal(ink):
    flat = ink.flatten()
    return flat.clone(), ~flat
