"""Examine a data set before it trains: what in it makes the set-prediction loss learn something
wrong, or stop.
"""

import numpy as np

from helpers.clinic.boxes import check_boxes
from helpers.clinic.catalogue import ERROR
from helpers.clinic.content import check_content, check_model, kept_annotations
from helpers.clinic.findings import of_images
from helpers.clinic.ids import check_ids
from helpers.clinic.pictures import check_modes, check_pictures
from helpers.clinic.reading import Unreadable, read_source
from helpers.clinic.report import Report


def examine(source, images=None, model=None, num_labels=None):
    """Look for what is wrong with a data set, and what is worth knowing of it.

    Args:
        source: the path of a COCO file, its dict, a list of targets (`class_labels` (T,), `boxes`
            (T, 4) normalised cx, cy, w, h), or a data set of torch whose items hold such a target,
            or a PIL image and an annotation.
        images: the folder with the pictures of a COCO file.
        model: a shipped detector, a folder, a name on the hub, or a model of transformers, for what
            depends on one.
        num_labels: K, where no model is given.

    Returns a `Report`: `findings`, `status` (0 without an error, 1 with one), `text()`, `html()`,
    `as_dict()`. Raises ValueError with one sentence for what cannot be read.

    >>> import torch
    >>> boxes = torch.tensor([[64.0, 64.0, 20.0, 20.0]])
    >>> [finding.name for finding in examine([{"class_labels": torch.tensor([3]),
    ...     "boxes": boxes}]).findings]
    ['boxes-in-percent']
    """
    table = read_source(source)
    facts = None
    if model is not None:
        from helpers.clinic.model import read_model

        facts = read_model(model)
        num_labels = facts.num_labels
    found = check_pictures(table, images) if images is not None else check_modes(table)
    found += _sizes(table)
    found += [*check_ids(table, num_labels), *check_boxes(table), *check_content(table)]
    if facts:
        found += check_model(table, facts)
    found.sort(key=lambda finding: finding.level != ERROR)  # stable: errors first
    return Report(found, _facts(table, facts))


def _sizes(table):
    """Sizes must be known: without them no box can be judged, and no target made."""
    unknown = np.isnan(table.sizes).any(1)
    if unknown.all():
        first = f"images[0] (id {table.image_ids[0]}) has no width or no height"
        raise Unreadable(f"{first}; add them, or name the folder of images.")
    return of_images(table, "image-size-not-said", unknown | (table.sizes <= 0).any(1))


def _facts(table, model):
    """Lines for the top of the report, and the numbers behind its pictures."""
    counts = table.objects_per_image(kept_annotations(table))
    labels, numbers = np.unique(table.labels, return_counts=True)
    names = dict(table.categories or ())
    order = np.argsort(-numbers, kind="stable")
    classes = [(str(names.get(int(labels[k])) or int(labels[k])), int(numbers[k])) for k in order]
    said = [f"{name} ({number:,})" for name, number in classes]
    none = int((counts == 0).sum())
    lines = [
        f"{len(counts):,} images, {len(table.labels):,} annotations, {len(labels)} classes with "
        "objects",
        f"objects an image: {counts.mean():.1f} on average, {counts.max()} at most; {none:,} "
        "images have none",
        f"classes: {', '.join(said[:3])}"
        + (f" ... {', '.join(said[-3:])}" if len(said) > 6 else ""),
    ]
    if model:
        sizes = f"{model.num_labels} labels, {model.tokens} tokens, eos_coef {model.eos_coef}"
        lines.append(f"model {model.name}: {sizes}")
    return {"lines": lines, "classes": classes, "objects": np.bincount(counts).tolist()}
