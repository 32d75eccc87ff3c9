# One object twice.
def crowd():
    return [[10, 10, 60, 60], [10, 10, 60, 60]]
