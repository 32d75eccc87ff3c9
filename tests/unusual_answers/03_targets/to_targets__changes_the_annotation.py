"""Empties the annotation that it was given."""

import torch


def to_targets(annotation, width, height):
    labels, boxes = [], []
    while annotation["annotations"]:
        thing = annotation["annotations"].pop(0)
        left, top, w, h = thing["bbox"]
        labels.append(thing["category_id"])
        boxes.append([(left + w / 2) / width, (top + h / 2) / height, w / width, h / height])
    return {"class_labels": torch.LongTensor(labels), "boxes": torch.FloatTensor(boxes).view(len(labels), 4)}
