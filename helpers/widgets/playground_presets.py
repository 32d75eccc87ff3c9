"""The states that `MatchingPlayground` can begin with: a scene, what was predicted in it, and its
targets.
"""

from functools import cache

import torch

from helpers.scenes import NUM_CLASSES
from helpers.targets import coco_target

RECORDED = {"early training": 1000, "half trained": 9000}  # steps of the recorded training
STANDARD_EOS_COEF = 0.1
# Predictions as (box, {label: probability}), targets as (box, label); what is left of a probability
# is no-object's.
SKETCHES = {
    "two fight over one": (
        [
            ((0.36, 0.44, 0.28, 0.36), {3: 0.75}),
            ((0.26, 0.53, 0.30, 0.33), {3: 0.70}),
            ((0.74, 0.60, 0.25, 0.34), {8: 0.80}),
            ((0.72, 0.20, 0.24, 0.22), {8: 0.10, 3: 0.05}),
        ],
        [((0.31, 0.47, 0.26, 0.36), 3), ((0.73, 0.58, 0.24, 0.36), 8)],
    ),
    "a target nobody wants": (
        [
            ((0.27, 0.32, 0.24, 0.34), {1: 0.85}),
            ((0.36, 0.38, 0.27, 0.31), {1: 0.55, 7: 0.15}),
            ((0.67, 0.30, 0.26, 0.33), {7: 0.80}),
        ],
        [
            ((0.28, 0.33, 0.21, 0.35), 1),
            ((0.68, 0.29, 0.25, 0.34), 7),
            ((0.66, 0.79, 0.28, 0.28), 4),
        ],
    ),
    "more objects than predictions": (
        [
            ((0.30, 0.31, 0.30, 0.36), {2: 0.60, 9: 0.15}),
            ((0.66, 0.36, 0.25, 0.30), {9: 0.75}),
            ((0.52, 0.72, 0.36, 0.26), {6: 0.45, 0: 0.30}),
        ],
        [
            ((0.22, 0.28, 0.20, 0.30), 2),
            ((0.46, 0.30, 0.20, 0.30), 9),
            ((0.71, 0.33, 0.22, 0.32), 9),
            ((0.38, 0.74, 0.24, 0.28), 6),
            ((0.68, 0.75, 0.22, 0.30), 0),
        ],
    ),
    "greedy loses": (
        [((0.10, 0.5, 0.2, 0.4), {5: 0.60}), ((0.61, 0.5, 0.2, 0.4), {5: 0.60})],
        [((0.36, 0.5, 0.2, 0.4), 5), ((0.88, 0.5, 0.2, 0.4), 5)],
    ),
}
PRESETS = ("running example", *RECORDED, *SKETCHES)


@cache
def preset_state(name):
    """A preset as (image or None, outputs, targets, eos_coef). ValueError for a name that is none.

    >>> image, outputs, targets, eos_coef = preset_state("greedy loses")
    >>> outputs["logits"].shape, len(targets[0]["boxes"])
    (torch.Size([1, 2, 11]), 2)
    """
    if name in SKETCHES:
        return (None, *_sketched(*SKETCHES[name]), STANDARD_EOS_COEF)
    if name == "running example":
        return _detected()
    if name in RECORDED:
        return _recorded(RECORDED[name])
    raise ValueError(f"preset is {name!r}; use one of {', '.join(PRESETS)}.")


def _detected():
    """The running example, as the trained detector sees it."""
    from helpers.detector import load_detector
    from helpers.scenes import running_example

    image, annotation = running_example()
    model, image_processor = load_detector()
    with torch.no_grad():
        outputs = model(**image_processor(images=image, return_tensors="pt"))
    outputs = {"logits": outputs.logits, "pred_boxes": outputs.pred_boxes}
    return image, outputs, [coco_target(annotation, *image.size)], model.config.eos_coefficient


def _recorded(step):
    """The running example, as it was seen and graded at the recorded step nearest to this one."""
    from helpers.detector import weights_folder
    from helpers.scenes import running_example
    from helpers.training.recording import load_recording

    image, annotation = running_example()
    recording = load_recording(weights_folder() / "recording.npz")
    index = _nearest(recording["step"], step)
    outputs = {
        "logits": torch.tensor(recording["logits"][index, :1]).float(),
        "pred_boxes": torch.tensor(recording["boxes"][index, :1]).float(),
    }
    eos_coef = STANDARD_EOS_COEF
    if "curve_eos_coef" in recording:
        graded = recording["curve_eos_coef"][_nearest(recording["curve_step"], step)]
        eos_coef = round(float(graded), 6)
    return image, outputs, [coco_target(annotation, *image.size)], eos_coef


def _nearest(steps, step):
    return min(range(len(steps)), key=lambda place: abs(int(steps[place]) - step))


def _sketched(predictions, targets):
    probabilities = torch.full((len(predictions), NUM_CLASSES + 1), 1e-3)
    for row, (_, said) in zip(probabilities, predictions):
        for label, probability in said.items():
            row[label] = probability
        row[-1] = 1 - row[:-1].sum()
    outputs = {
        "logits": probabilities.log()[None],
        "pred_boxes": torch.tensor([[box for box, _ in predictions]]),
    }
    boxes, labels = zip(*targets)
    return outputs, [{"class_labels": torch.tensor(labels), "boxes": torch.tensor(boxes)}]
