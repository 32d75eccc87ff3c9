"""0.198 looks like 0.2."""


def unnoticed_box():
    return (0.45, 0.45, 0.648, 0.7)
