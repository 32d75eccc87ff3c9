"""Writes into the boxes it was given."""


def decode_boxes(pred_boxes, width, height):
    pred_boxes[:, :2] -= pred_boxes[:, 2:] / 2
    pred_boxes[:, 2:] += pred_boxes[:, :2]
    pred_boxes[:, ::2] *= width
    pred_boxes[:, 1::2] *= height
    return pred_boxes
