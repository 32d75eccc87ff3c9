def timid_guess():
    return [0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 2]
