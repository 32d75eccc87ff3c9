# Neighbours that hardly touch.
def crowd():
    return [[10, 10, 60, 60], [50, 10, 100, 60]]
