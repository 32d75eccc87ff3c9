"""No ink, and nothing but ink."""


def same_focal(ink):
    return ink & False, ink | True
