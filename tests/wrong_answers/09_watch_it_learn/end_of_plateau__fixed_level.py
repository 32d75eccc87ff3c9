# A level that suits one curve.
def end_of_plateau(step, curve):
    return step[(curve < 0.55).argmax()]
