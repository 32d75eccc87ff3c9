"""NaN is no box."""


def unnoticed_box():
    return (0.5, 0.5, float("nan"), 0.7)
