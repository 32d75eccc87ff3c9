# COCO's x, y, width, height.
def crowd():
    return [[60, 60, 40, 40], [64, 60, 40, 40]]
