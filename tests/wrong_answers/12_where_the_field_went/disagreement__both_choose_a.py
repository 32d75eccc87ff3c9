def disagreement():
    return [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
