"""A list of lists of numbers, box by box."""


def decode_boxes(pred_boxes, width, height):
    return [
        [(x - w / 2) * width, (y - h / 2) * height, (x + w / 2) * width, (y + h / 2) * height]
        for x, y, w, h in pred_boxes.tolist()
    ]
