# The right idea; the small probability is not small enough.
def flip_with_log():
    return [0.2, 0.3], [[0.5, 0.5, 0.3, 0.3], [0.65, 0.5, 0.3, 0.3]]
