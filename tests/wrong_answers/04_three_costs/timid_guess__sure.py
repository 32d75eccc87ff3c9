def timid_guess():
    return [0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0]
