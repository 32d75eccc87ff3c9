def timid_guess():
    return [0, 1.5, 0, 0, 1.5, 0, 0, 4, 0, 0, 1]
