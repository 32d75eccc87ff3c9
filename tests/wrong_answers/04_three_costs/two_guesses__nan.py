"""NaN is everywhere and nowhere."""


def two_guesses():
    return (0.7, 0.5, 0.2, 0.2), (float("nan"), 0.5, 0.4, 0.2)
