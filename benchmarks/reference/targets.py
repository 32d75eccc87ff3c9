"""What becomes of an annotation on its way to a target: transformers' image processor, albumentations, helpers."""

import importlib.util
import warnings

import numpy as np
import torch
from PIL import Image

SIDE = 100  # of the picture, in pixels, before and after: nothing is rescaled
USUAL = {"bbox": [10, 20, 30, 40], "category_id": 2, "area": 1200, "iscrowd": 0}
CASES = {
    "an ordinary box": {},
    "a crowd": {"iscrowd": 1},
    "no `iscrowd`": {"iscrowd": None},
    "no `area`": {"area": None},
    "no width": {"bbox": [10, 20, 0, 40]},
    "a negative width": {"bbox": [40, 20, -30, 40]},
    "half a pixel wide": {"bbox": [10, 20, 0.5, 40]},
    "beyond the right edge": {"bbox": [90, 20, 30, 40]},
    "beyond the left edge": {"bbox": [-10, 20, 30, 40]},
    "wholly outside": {"bbox": [150, 20, 30, 40]},
    "category 90": {"category_id": 90},
    "a category as text": {"category_id": "2"},
    "an area as text": {"area": "1200"},
}


def annotation(case):
    """The usual annotation with the fields of the case in place of its own; None takes a field away."""
    changed = {**USUAL, "id": 1, "image_id": 1, **CASES[case]}
    return {name: value for name, value in changed.items() if value is not None}


def backends():
    """transformers' image processor by the name of its backend; those that can run here."""
    import transformers

    found = {"PIL": transformers.YolosImageProcessorPil}
    if importlib.util.find_spec("torchvision"):
        found["torchvision"] = transformers.YolosImageProcessor
    return found


def processed(case, backend="PIL"):
    """The target that transformers' image processor makes, in pixels, or how it fails."""
    processor = backends()[backend](do_resize=False, do_pad=False)
    try:
        made = processor(
            Image.new("RGB", (SIDE, SIDE)),
            annotations={"image_id": 1, "annotations": [annotation(case)]},
            return_tensors="pt",
        )
    except Exception as error:
        return f"raises {type(error).__name__}"
    (label,) = made["labels"]
    if not len(label["class_labels"]):
        return "dropped"
    box = (label["boxes"][0] * SIDE).tolist()
    return f"label {int(label['class_labels'][0])}, (cx, cy, w, h) {[round(value, 2) for value in box]}"


def facts():
    """What the processor makes of each case, with each backend."""
    return {case: [processed(case, backend) for backend in backends()] for case in CASES}


def labels_after_albumentations():
    """The types of integer labels before and after albumentations' `Compose`; None where it is not installed."""
    if importlib.util.find_spec("albumentations") is None:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import albumentations

        compose = albumentations.Compose(
            [albumentations.HorizontalFlip(p=1.0)],
            bbox_params=albumentations.BboxParams(format="coco", label_fields=["class_labels"]),
        )
        image = np.zeros((SIDE, SIDE, 3), np.uint8)
        out = compose(image=image, bboxes=[[10, 20, 30, 40]], class_labels=[2])
        array = compose(image=image, bboxes=[[10, 20, 30, 40]], class_labels=np.array([2]))
    return {
        "a list of int": type(out["class_labels"][0]).__name__,
        "an array of int64": np.asarray(array["class_labels"]).dtype.name,
        "as a tensor": str(torch.as_tensor(np.asarray(out["class_labels"])).dtype),
    }
