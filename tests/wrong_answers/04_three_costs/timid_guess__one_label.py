def timid_guess():
    return 4
