"""Three guesses."""


def trap_for_greedy():
    guesses = [[0.10, 0.5, 0.2, 0.2], [0.61, 0.5, 0.2, 0.2], [0.3, 0.3, 0.2, 0.2]]
    return guesses, [[0.36, 0.5, 0.2, 0.2], [0.88, 0.5, 0.2, 0.2]]
