def same_focal(ink):
    return ~ink
