def timid_guess():
    return [0] * 11
