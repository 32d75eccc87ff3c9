# The flat part at the end, when all is learned.
def end_of_plateau(step, curve):
    return step[-1]
