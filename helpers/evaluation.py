"""How good a detector is: COCO average precision through pycocotools, and the duplicates that it hides."""

import contextlib
import io

import numpy as np
import torch

from helpers.boxes import box_iou
from helpers.detector import detections

OBJECT_SCORE = 0.5  # a prediction counts as a detection above this score
SAME_OBJECT_IOU = 0.5


def evaluate(model, image_processor, scenes, batch_size=100, suppress=False):
    """Average precision and set quality of a detector on scenes.

    Args:
        model: a detector whose call gives `logits` and `pred_boxes`.
        image_processor: turns a list of PIL images into `pixel_values`.
        scenes: a sequence of (PIL image, COCO annotation).
        suppress: strike out duplicates by `suppress_duplicates` first.

    Returns a dict: "AP" (over IoU 0.50 to 0.95), "AP50", "AP75", in [0, 1]; "duplicates" per 100 objects and
    "count_right", the share of scenes with as many detections as objects, both at score 0.5 and without suppression.
    """
    predictions, annotations = [], []
    for start in range(0, len(scenes), batch_size):
        images, batch = zip(*(scenes[i] for i in range(start, min(start + batch_size, len(scenes)))))
        pixel_values = image_processor(images=list(images), return_tensors="pt")["pixel_values"]
        sizes = [image.size for image in images]
        predictions += detections(model, pixel_values, sizes)
        annotations += [annotation["annotations"] for annotation in batch]
    return summarize([suppress_duplicates(found) for found in predictions] if suppress else predictions, annotations)


def summarize(predictions, annotations):
    """The measures of `evaluate`, from lists of detections and of COCO annotations, one entry per image."""
    duplicates, objects, right = 0, 0, 0
    for found, truth in zip(predictions, annotations):
        kept = found["boxes"][found["scores"] > OBJECT_SCORE]
        duplicates += count_duplicates(kept, corner_boxes(truth))
        objects += len(truth)
        right += len(kept) == len(truth)
    measures = {"duplicates": 100 * duplicates / max(objects, 1), "count_right": right / max(len(predictions), 1)}
    return average_precision(predictions, annotations) | measures


def corner_boxes(annotations):
    """The `bbox` of COCO annotations as corner boxes (T, 4) in pixels.

    >>> corner_boxes([{"bbox": [20, 10, 40, 60]}])
    tensor([[20., 10., 60., 70.]])
    """
    boxes = torch.tensor([annotation["bbox"] for annotation in annotations], dtype=torch.float32).reshape(-1, 4)
    return torch.cat([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], dim=1)


def count_duplicates(found, objects):
    """Detections beyond the first on the same object: each counts for the object it overlaps most, by an IoU over 0.5.

    >>> box = torch.tensor([[0.0, 0.0, 10.0, 10.0]])
    >>> count_duplicates(torch.cat([box, box, box + 1]), box)
    2
    """
    if not len(found) or not len(objects):
        return 0
    overlap, owner = box_iou(found[:, None], objects).max(1)
    owners = owner[overlap > SAME_OBJECT_IOU]
    return len(owners) - len(owners.unique())


def average_precision(predictions, annotations):
    """The "AP", "AP50" and "AP75" of pycocotools' `COCOeval`: means of its precision table."""
    if not any(annotations):
        return dict.fromkeys(("AP", "AP50", "AP75"), float("nan"))
    table = precision_table(predictions, annotations)
    return {"AP": float(table.mean()), "AP50": float(table[0].mean()), "AP75": float(table[5].mean())}


def precision_table(predictions, annotations):
    """Precision at ten IoUs from 0.50 to 0.95 and 101 recalls, mean of the classes, by pycocotools: (10, 101).

    Args: detections as `detections` gives them, and lists of COCO annotations with at least one object in all.
    """
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    truth, results = COCO(), []
    things = [dict(thing, image_id=image) for image, scene in enumerate(annotations) for thing in scene]
    truth.dataset = {
        "images": [{"id": image} for image in range(len(annotations))],
        "categories": [{"id": label} for label in sorted({thing["category_id"] for thing in things})],
        "annotations": [dict(thing, id=number) for number, thing in enumerate(things, start=1)],
    }
    for image, found in enumerate(predictions):
        corners = found["boxes"].double().numpy()
        boxes = np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], axis=1)
        for box, score, label in zip(boxes.tolist(), found["scores"].tolist(), found["labels"].tolist()):
            results.append({"image_id": image, "category_id": label, "bbox": box, "score": score})
    if not results:
        return np.zeros((10, 101))
    with contextlib.redirect_stdout(io.StringIO()):  # pycocotools prints its progress
        truth.createIndex()
        evaluation = COCOeval(truth, truth.loadRes(results), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
    return evaluation.eval["precision"][..., 0, -1].mean(-1)  # IoU, recall, class, all sizes, 100 an image


def suppress_duplicates(found, iou_threshold=SAME_OBJECT_IOU):
    """Class-wise non-maximum suppression of one image's detections: what a set loss makes superfluous.

    Args: found: a dict of `boxes` (M, 4) corner boxes, `scores` (M,), `labels` (M,). Returns the same, kept ones only,
    best first. Source: the greedy suppression of R-CNN (Girshick et al. 2014).

    >>> boxes = torch.tensor([[0.0, 0.0, 10.0, 10.0], [1.0, 0.0, 11.0, 10.0], [30.0, 0.0, 40.0, 10.0]])
    >>> found = {"boxes": boxes, "scores": torch.tensor([0.8, 0.9, 0.7]), "labels": torch.tensor([3, 3, 3])}
    >>> suppress_duplicates(found)["scores"]
    tensor([0.9000, 0.7000])
    """
    order = found["scores"].argsort(descending=True)
    boxes, labels = found["boxes"][order], found["labels"][order]
    clash = (box_iou(boxes[:, None], boxes) > iou_threshold) & (labels[:, None] == labels)
    kept = []
    for place in range(len(order)):
        if not clash[place, kept].any():
            kept.append(place)
    return {name: values[order[kept]] for name, values in found.items()}


def main():
    """`make evaluate`: the shipped detector on 1,000 held-out scenes."""
    import json

    from helpers.detector import load_detector
    from helpers.scenes import HandwrittenScenes

    model, image_processor = load_detector()
    measures = evaluate(model, image_processor, HandwrittenScenes("test", 1000, seed=0))
    print(json.dumps({name: round(value, 4) for name, value in measures.items()}))


if __name__ == "__main__":
    main()
