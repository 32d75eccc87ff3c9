# Both costs choose the guess with the better class and box.
def flip_with_log():
    return [0.9, 0.1], [[0.5, 0.5, 0.3, 0.3], [0.6, 0.5, 0.3, 0.3]]
