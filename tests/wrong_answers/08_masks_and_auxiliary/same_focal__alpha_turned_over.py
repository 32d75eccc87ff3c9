def same_focal(ink):
    missing, inventing = ink.clone(), ink.clone()
    missing.view(-1)[ink.flatten().nonzero()[:10, 0]] = False
    inventing.view(-1)[(~ink).flatten().nonzero()[:30, 0]] = True
    return missing, inventing
