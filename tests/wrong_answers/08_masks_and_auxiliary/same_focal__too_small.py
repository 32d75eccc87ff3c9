def same_focal(ink):
    missing, inventing = ink.clone(), ink.clone()
    missing.view(-1)[ink.flatten().nonzero()[:3, 0]] = False
    inventing.view(-1)[(~ink).flatten().nonzero()[:1, 0]] = True
    return missing, inventing
