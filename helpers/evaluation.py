"""How good a detector is: COCO average precision through pycocotools, and the duplicates that it
hides.

What has no value, as the precision of a class without objects, is NaN. Crowds (`iscrowd` 1: a
region of many objects that nobody counted) are treated as by COCO: no objects, and what is found
inside of one is neither right nor wrong."""

import argparse
import contextlib
import io
import json
from collections.abc import Mapping
from math import inf
from numbers import Integral, Real

import numpy as np
import torch

from helpers.boxes import at_least_float32, box_area, box_iou
from helpers.contract import check_switch, shown
from helpers.detector import decode, look_at
from helpers.pictures import upright_rgb
from helpers.targets import as_scene, check_annotation, corner_boxes, is_crowd, things_of

OBJECT_SCORE = 0.5  # a prediction counts as a detection above this score
SAME_OBJECT_IOU = 0.5
DETECTION = ("boxes", "scores", "labels")


def evaluate(model, image_processor, scenes, batch_size=100, suppress=False):
    """Average precision and set quality of a detector on scenes.

    Args:
        model: a detector whose call gives `logits` and `pred_boxes`.
        image_processor: turns a list of PIL images into `pixel_values`.
        scenes: a sequence of (PIL image, COCO annotation); the images may differ in size and kind.
            If Exif data turn an image, its boxes are those of the upright one, as people see it who
            annotate.
        batch_size: how many images are shown at once, where the image processor makes them one
            size.
        suppress: strike out duplicates by `suppress_duplicates` first.

    Returns a dict: "AP" (over IoU 0.50 to 0.95), "AP50", "AP75", in [0, 1], equal to `COCOeval`'s
    own summary; "duplicates" per 100 objects and "count_right", the share of scenes with as many
    detections as objects, both at score 0.5 and without suppression."""
    if not isinstance(batch_size, Integral) or batch_size < 1:
        raise ValueError(f"batch_size is {batch_size!r}; give a whole number from 1 on.")
    suppress = check_switch("suppress", suppress)
    if not hasattr(scenes, "__len__") or not hasattr(scenes, "__getitem__"):
        raise TypeError(
            f"scenes is a {type(scenes).__name__}; give a sequence, for example list(scenes)."
        )
    predictions, annotations = [], []
    for start in range(0, len(scenes), batch_size):
        places = range(start, min(start + batch_size, len(scenes)))
        images, batch = zip(*(as_scene(scenes[place], f"scenes[{place}]") for place in places))
        images = [upright_rgb(image) for image in images]
        predictions += decode(
            look_at(model, image_processor, images), [image.size for image in images]
        )
        annotations += [
            things_of(annotation, f"scenes[{place}][1]") for place, annotation in zip(places, batch)
        ]
    return summarize(
        [suppress_duplicates(found) for found in predictions] if suppress else predictions,
        annotations,
    )


def summarize(predictions, annotations):
    """The measures of `evaluate`, from lists of detections and of COCO annotations, one entry per
    image.
    """
    check_pairs(predictions, annotations)
    duplicates, objects, right = 0, 0, 0
    for found, truth in zip(predictions, annotations):
        wanted = sum(not is_crowd(thing) for thing in truth)
        more, counted = count_detections(found, truth)
        duplicates, objects, right = (
            duplicates + more,
            objects + wanted,
            right + (counted == wanted),
        )
    return average_precision(predictions, annotations) | {
        "duplicates": 100 * duplicates / objects if objects else float("nan"),
        "count_right": right / len(predictions) if predictions else float("nan"),
    }


def check_pairs(predictions, annotations):
    """Raise ValueError unless there are annotations for each image's detections, with the fields
    that are needed.
    """
    if len(predictions) != len(annotations):
        counts = f"{len(predictions)} images and annotations of {len(annotations)}"
        raise ValueError(
            f"There are predictions for {counts}; give one entry for each image to both."
        )
    for image, (found, truth) in enumerate(zip(predictions, annotations)):
        _check_found(found, f"predictions[{image}]")
        if not isinstance(truth, (list, tuple)):
            raise ValueError(
                f"annotations[{image}] is {shown(truth)}; make it a list of COCO annotations."
            )
        for place, thing in enumerate(truth):
            called = f"annotations[{image}][{place}]"
            check_annotation(thing, called)
            area = thing.get("area")
            if not all(
                isinstance(side, Real) and abs(side) < inf for side in (*thing["bbox"], area or 0)
            ):
                raise ValueError(
                    f"{called} is {shown(thing)}; make its bbox and area finite numbers, or drop "
                    "it."
                )


def _check_found(found, called):
    """Raise ValueError unless one image's detections are tensors of one length, and finite."""
    parts = [found.get(name) for name in DETECTION] if isinstance(found, Mapping) else [None]
    if not all(isinstance(part, torch.Tensor) for part in parts):
        raise ValueError(
            f"{called} is {shown(found)}; make it a dict of tensors, {', '.join(DETECTION)}."
        )
    sizes = {name: tuple(part.shape) for name, part in zip(DETECTION, parts)}
    count = len(parts[0]) if parts[0].ndim else 0
    if list(sizes.values()) != [(count, 4), (count,), (count,)]:
        raise ValueError(
            f"{called} holds {sizes}; give one of each for a detection, boxes (M, 4), the others "
            "(M,)."
        )
    if not all(bool(part.isfinite().all()) for part in parts):
        raise ValueError(
            f"{called} holds numbers that are not finite; drop those detections, as decode does."
        )


def count_duplicates(found, objects):
    """Detections beyond the first on the same object: each counts for the object it overlaps most,
    by an IoU over 0.5.

    >>> box = torch.tensor([[0.0, 0.0, 10.0, 10.0]])
    >>> count_duplicates(torch.cat([box, box, box + 1]), box)
    2
    """
    owners = _owners(found, objects)
    owners = owners[owners >= 0]
    return len(owners) - len(owners.unique())


def count_detections(found, truth):
    """Of one image's detections over the score 0.5: how many are duplicates, and how many there are
    in all.

    Args: a dict of `boxes`, `scores` and `labels`; a list of COCO annotations. As COCO has it, what
    lies inside a crowd of its class (by more than half of its own area) counts only if it is the
    best detection of an object.

    >>> found = {"boxes": torch.tensor([[0.0, 0.0, 9.0, 9.0]] * 3), "scores": torch.ones(3),
    ...     "labels": torch.zeros(3)}
    >>> thing = {"category_id": 0, "bbox": [0, 0, 9, 9]}
    >>> count_detections(found, [thing]), count_detections(found, [thing, thing | {"iscrowd": 1}])
    ((2, 3), (0, 1))
    """
    order = found["scores"].argsort(descending=True, stable=True)
    order = order[found["scores"][order] > OBJECT_SCORE]
    boxes, labels = (found[name][order].detach().cpu() for name in ("boxes", "labels"))
    owners = _owners(boxes, corner_boxes([thing for thing in truth if not is_crowd(thing)]))
    seen, first = set(), []
    for owner in owners.tolist():
        first.append(owner >= 0 and owner not in seen)
        seen.add(owner)
    counted = torch.tensor(first, dtype=torch.bool) | ~_in_crowd(
        boxes, labels, [t for t in truth if is_crowd(t)]
    )
    duplicates = counted & (owners >= 0) & ~torch.tensor(first, dtype=torch.bool)
    return int(duplicates.sum()), int(counted.sum())


def _owners(found, objects):
    """For each box the object it overlaps most, if by an IoU over 0.5, else -1: (M,)."""
    if not len(found) or not len(objects):
        return torch.full((len(found),), -1)
    overlap, owner = box_iou(found[:, None], objects).max(1)
    return owner.where(overlap > SAME_OBJECT_IOU, -1)


def _in_crowd(boxes, labels, crowds):
    """Whether more than half of each box lies in a crowd of its class: (M,)."""
    if not len(boxes) or not crowds:
        return torch.zeros(len(boxes), dtype=torch.bool)
    regions, classes = (
        corner_boxes(crowds),
        torch.tensor([crowd["category_id"] for crowd in crowds]),
    )
    shared = torch.cat(
        [boxes[:, None, :2].maximum(regions[:, :2]), boxes[:, None, 2:].minimum(regions[:, 2:])],
        dim=-1,
    )
    inside = box_area(shared) > SAME_OBJECT_IOU * box_area(boxes)[:, None]
    return (inside & (labels[:, None] == classes)).any(1)


def average_precision(predictions, annotations):
    """The "AP", "AP50" and "AP75" of pycocotools' `COCOeval`: means of its precision table, NaN
    without objects.
    """
    table = precision_table(predictions, annotations)
    return {
        "AP": float(table.mean()),
        "AP50": float(table[0].mean()),
        "AP75": float(table[5].mean()),
    }


def precision_table(predictions, annotations):
    """Precision at ten IoUs from 0.50 to 0.95 and 101 recalls, mean of the classes, by pycocotools:
    (10, 101).

    Args: detections as `detections` gives them, and lists of COCO annotations, which need a
    `category_id` and a `bbox`; without `area` it is the box's, without `iscrowd` there is no crowd.
    Classes without objects (or crowds alone) have no precision and are left out; without any class
    the table is NaN."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    check_pairs(predictions, annotations)
    things = [
        thing | {"image_id": image} for image, scene in enumerate(annotations) for thing in scene
    ]
    shared = {"info": {}, "images": [{"id": image} for image in range(len(annotations))]}
    shared["categories"] = [
        {"id": label} for label in sorted({thing["category_id"] for thing in things})
    ]
    if all(is_crowd(thing) for thing in things):
        return np.full((10, 101), np.nan)
    truth, results = COCO(), COCO()
    truth.dataset = shared | {
        "annotations": [_complete(thing, number) for number, thing in enumerate(things, start=1)]
    }
    found = [result for image, found in enumerate(predictions) for result in _results(image, found)]
    results.dataset = shared | {
        "annotations": [_complete(thing, number) for number, thing in enumerate(found, start=1)]
    }
    with contextlib.redirect_stdout(io.StringIO()):  # pycocotools prints its progress
        truth.createIndex()
        results.createIndex()
        evaluation = COCOeval(truth, results, "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
    precision = evaluation.eval["precision"][
        ..., 0, -1
    ]  # IoU, recall, class; all sizes, 100 an image
    return precision[..., (precision > -1).all((0, 1))].mean(-1)  # -1: a class without objects


def _results(image, found):
    """One image's detections as COCO's results."""
    corners = at_least_float32(found["boxes"].detach()).cpu().numpy().astype(float)
    boxes = np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], axis=1)
    for box, score, label in zip(
        boxes.tolist(), found["scores"].tolist(), found["labels"].tolist()
    ):
        yield {"image_id": image, "category_id": label, "bbox": box, "score": score}


def _complete(thing, number):
    """An annotation with all that pycocotools reads, under a number from 1: it takes 0 for "no
    match".
    """
    _, _, width, height = thing["bbox"]
    area = thing.get("area")
    area = width * height if area is None else area
    return {
        **thing,
        "id": number,
        "iscrowd": int(is_crowd(thing)),
        "bbox": [*map(float, thing["bbox"])],
        "area": area,
    }


def suppress_duplicates(found, iou_threshold=SAME_OBJECT_IOU):
    """Class-wise non-maximum suppression of one image's detections: what a set loss makes
    superfluous.

    Args: found: a dict of `boxes` (M, 4) corner boxes, `scores` (M,), `labels` (M,). Returns the
    same, kept ones only,
    best first. Source: the greedy suppression of R-CNN (Girshick et al. 2014).

    >>> boxes = torch.tensor([[0.0, 0.0, 10.0, 10.0], [1.0, 0.0, 11.0, 10.0], [30.0, 0.0, 40.0,
    ...     10.0]])
    >>> found = {"boxes": boxes, "scores": torch.tensor([0.8, 0.9, 0.7]), "labels": torch.tensor([3,
    ...     3, 3])}
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
    return {name: found[name][order[kept]] for name in DETECTION}


def main(arguments=None):
    """`make evaluate`: a detector on held-out scenes; prints its measures as JSON."""
    from helpers.loading import load_detector
    from helpers.scenes import HandwrittenScenes

    parser = argparse.ArgumentParser(prog="python -m helpers.evaluation", description=main.__doc__)
    parser.add_argument(
        "detector", nargs="?", default="mini-yolos", help="a shipped name, a folder, or a hub name"
    )
    parser.add_argument("--step", type=int, help="the shipped weights of an earlier step")
    parser.add_argument("--scenes", type=int, default=1000, help="how many; default 1000")
    parser.add_argument(
        "--seed", type=int, default=0, help="other scenes of unseen digits; default 0"
    )
    parser.add_argument("--suppress", action="store_true", help="strike out duplicates first")
    asked = parser.parse_args(arguments)
    if asked.scenes < 1 or asked.seed < 0:
        parser.error("--scenes needs a whole number from 1 on, --seed one from 0 on")
    try:
        model, image_processor = load_detector(asked.detector, asked.step)
    except (ConnectionError, FileNotFoundError, ValueError) as error:
        parser.error(str(error))
    scenes = HandwrittenScenes("test", asked.scenes, asked.seed)
    measures = evaluate(model, image_processor, scenes, suppress=asked.suppress)
    print(json.dumps({name: round(value, 4) for name, value in measures.items()}))


if __name__ == "__main__":
    main()
