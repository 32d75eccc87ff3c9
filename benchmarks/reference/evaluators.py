"""The same boxes, several evaluators: what AP each gives."""

import contextlib
import copy
import importlib.util
import io
import json
import tempfile
import warnings
from pathlib import Path

import numpy as np
import torch
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from helpers.evaluation import average_precision


def truth(annotations, images=1):
    """A COCO file of 100 x 100 pictures; an annotation is (id, image, box), and True behind it for a crowd."""
    return {
        "info": {},
        "images": [{"id": i + 1, "width": 100, "height": 100, "file_name": f"{i + 1}.png"} for i in range(images)],
        "categories": [{"id": 1, "name": "thing"}],
        "annotations": [
            {"id": number, "image_id": image, "category_id": 1, "bbox": list(box), "area": box[2] * box[3]}
            | {"iscrowd": int(bool(crowd))}
            for number, image, box, *crowd in annotations
        ],
    }


def found(*detections):
    """Detections (image, box, score) as COCO wants them."""
    return [{"image_id": i, "category_id": 1, "bbox": list(box), "score": score} for i, box, score in detections]


ONE, OTHER = (10, 10, 20, 20), (60, 60, 20, 20)
CASES = {
    "annotation id 0, one box found": (truth([(0, 1, ONE)]), found((1, ONE, 0.9))),
    "annotation ids 0 and 1, both found": (truth([(0, 1, ONE), (1, 1, OTHER)]), found((1, ONE, 0.9), (1, OTHER, 0.8))),
    "IoU of exactly 0.55": (truth([(1, 1, (0, 0, 20, 20))]), found((1, (0, 0, 20, 11), 0.9))),
    "6 of 10 boxes found": (
        truth([(i, i, ONE) for i in range(1, 11)], 10),
        found(*((i, ONE, 0.9) for i in range(1, 7))),
    ),
    "three boxes inside a crowd, one object found": (
        truth([(1, 1, (10, 10, 20, 20)), (2, 1, (50, 50, 40, 40), True)]),
        found(*((1, (50 + 10 * i, 50, 10, 10), 0.95) for i in range(3)), (1, (10, 10, 20, 20), 0.9)),
    ),
    "a crowd and nothing else": (truth([(1, 1, (50, 50, 40, 40), True)]), found((1, (55, 55, 10, 10), 0.9))),
}


def evaluators():
    """Functions of (truth, detections) that give AP, by name; those installed."""
    every = {"helpers": _our_ap, "pycocotools": pycocotools_ap}
    if importlib.util.find_spec("torchmetrics"):
        every["torchmetrics"] = _torchmetrics_ap
    if importlib.util.find_spec("faster_coco_eval"):
        every["faster-coco-eval"] = _faster_ap
    if importlib.util.find_spec("hotcoco"):
        every["hotcoco"] = _hotcoco_ap
    return every


def pycocotools_ap(annotations, detections, float32=False):
    """AP by pycocotools; `float32`: with thresholds made as torchmetrics makes them, `torch.linspace(...).tolist()`.

    These alone explain where torchmetrics differs on annotations that are numbered from 1; a test holds it to that.
    """
    truth_file = COCO()
    truth_file.dataset = copy.deepcopy(annotations)
    with contextlib.redirect_stdout(io.StringIO()):
        truth_file.createIndex()
        run = COCOeval(truth_file, truth_file.loadRes(copy.deepcopy(detections)), "bbox")
        if float32:
            run.params.iouThrs = np.array(torch.linspace(0.5, 0.95, 10).tolist())
            run.params.recThrs = np.array(torch.linspace(0.0, 1.0, 101).tolist())
        return _summary(run)


def _summary(run):
    run.evaluate()
    run.accumulate()
    run.summarize()
    return float(run.stats[0])


def _our_ap(annotations, detections):
    predictions = [
        {
            "boxes": corners(of_image),
            "scores": torch.tensor([one["score"] for one in of_image]),
            "labels": torch.ones(len(of_image), dtype=torch.int64),
        }
        for of_image in by_image(annotations, detections)
    ]
    return average_precision(predictions, by_image(annotations, annotations["annotations"]))["AP"]


def by_image(annotations, things):
    """Annotations or detections, a list for each image of the file."""
    names = [image["id"] for image in annotations["images"]]
    return [[thing for thing in things if thing["image_id"] == name] for name in names]


def corners(things):
    """The boxes of one image's annotations or detections as left, top, right, bottom: (n, 4)."""
    boxes = torch.tensor([thing["bbox"] for thing in things], dtype=torch.float32).reshape(-1, 4)
    boxes[:, 2:] += boxes[:, :2]
    return boxes


def _torchmetrics_ap(annotations, detections):
    from torchmetrics.detection import MeanAveragePrecision

    def tensors(things, **fields):
        made = {"boxes": corners(things), "labels": torch.ones(len(things), dtype=torch.int64)}
        return made | {name: torch.tensor([thing[field] for thing in things]) for name, field in fields.items()}

    metric = MeanAveragePrecision()
    metric.update(
        [tensors(things, scores="score") for things in by_image(annotations, detections)],
        [
            tensors(things, iscrowd="iscrowd", area="area")
            for things in by_image(annotations, annotations["annotations"])
        ],
    )
    with contextlib.redirect_stdout(io.StringIO()):
        return float(metric.compute()["map"])


def _faster_ap(annotations, detections):
    from faster_coco_eval import COCO as FasterCOCO
    from faster_coco_eval import COCOeval_faster

    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        truth_file = FasterCOCO(copy.deepcopy(annotations))
        return _summary(COCOeval_faster(truth_file, truth_file.loadRes(copy.deepcopy(detections)), "bbox"))


def _hotcoco_ap(annotations, detections):
    import hotcoco

    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder, f"{name}.json") for name in ("truth", "found")]
        for path, content in zip(paths, (annotations, detections)):
            path.write_text(json.dumps(content), encoding="utf-8")
        truth_file = hotcoco.COCO(str(paths[0]))
        return _summary(hotcoco.COCOeval(truth_file, truth_file.load_res(str(paths[1])), "bbox"))


def facts():
    """AP by case and evaluator, rounded to four digits; -1 means "no value" in pycocotools' words."""
    return {
        case: {name: round(ap(*content), 4) for name, ap in evaluators().items()} for case, content in CASES.items()
    }


def equal_scores(trials=20, images=40):
    """By how much AP moves when detections of equal scores change their order, by the scores' precision.

    Scores of a hundred detections an image are rounded to float32 and to bfloat16, then shuffled `trials` times.
    """
    random = np.random.default_rng(0)
    corners = random.uniform(0, 60, (images * 4, 2))
    truths = [(i + 1, i // 4 + 1, (*corners[i], 30.0, 30.0)) for i in range(images * 4)]
    guesses = []
    for image in range(images):
        for index in range(25):
            x, y = corners[image * 4 + index % 4] + random.normal(0, 4, 2)
            guesses.append((image + 1, (x, y, 30.0, 30.0), float(random.uniform(0.3, 1))))
    spread = {}
    for name, dtype in (("float32", torch.float32), ("bfloat16", torch.bfloat16)):
        scores = torch.tensor([score for *_, score in guesses]).to(dtype).float().tolist()
        aps = []
        for seed in range(trials):
            order = np.random.default_rng(seed).permutation(len(guesses))
            aps.append(pycocotools_ap(truth(truths, images), found(*((*guesses[i][:2], scores[i]) for i in order))))
        spread[name] = max(aps) - min(aps)
    return spread
