def disagreement():
    return [[0.0, float("-inf"), 0.0], [3.0, 3.5, 0.0]]
