def four_answers():
    return 8, 8, 2, 6
