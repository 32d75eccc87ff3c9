"""All steps of the plateau."""


def end_of_plateau(step, curve):
    return step[curve > 0.4]
