def same_focal(ink):
    return ink.clone(), ink.clone()
