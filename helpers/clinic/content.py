"""What a data set holds, and what a model and its image processor make of it."""

import numpy as np

from helpers.clinic.findings import finding, of_annotations, of_images, share


def check_content(table):
    """Findings about crowds and images without objects."""
    empty = table.objects_per_image(kept_annotations(table)) == 0
    crowds = of_annotations(table, "crowds", table.crowd)
    if empty.all():
        return [*crowds, *of_images(table, "no-objects", empty)]
    return [*crowds, *of_images(table, "images-without-objects", empty, share=share(empty.mean()))]


def check_model(table, model):
    """Findings about a data set beside a model: tokens, no-object's weight, what is dropped or
    becomes small.
    """
    kept = kept_annotations(table)
    counts = table.objects_per_image(kept)
    found = [*_tokens(table, counts, model.tokens), *_no_object(counts, model)]
    if not table.normalized:
        found += of_annotations(table, "dropped-by-the-processor", (table.image >= 0) & ~kept)
        found += _small(table, model, kept)
    return found


def kept_annotations(table):
    """A mask of what an image processor of transformers keeps: no crowds, and a box that has an
    area in its image.
    """
    if table.normalized:
        return table.image >= 0
    low, high = np.split(table.corners, 2, axis=1)
    extent = np.nan_to_num(table.extent, nan=np.inf)
    area = np.minimum(high, extent) > np.maximum(low, 0)
    return (table.image >= 0) & ~table.crowd & area.all(1)


def no_object_share(counts, tokens, eos_coef):
    """No-object's share of the class weight, over a whole data set.

    Args: counts (I,): objects of each image; tokens: N; eos_coef.

    >>> round(no_object_share(np.array([7]), 100, 0.1), 2)
    0.57
    """
    matched = np.minimum(counts, tokens).sum()
    idle = eos_coef * (len(counts) * tokens - matched)
    return float(idle / max(matched + idle, 1e-12))


def balancing_eos_coef(counts, tokens):
    """The eos_coef at which no-object weighs as much as all objects together: T / (N - T)."""
    matched = np.minimum(counts, tokens).sum()
    return float(matched / max(len(counts) * tokens - matched, 1))


def _tokens(table, counts, tokens):
    over, most = counts > tokens, int(counts.max())
    lost = int((counts - tokens)[over].sum())
    return [
        *of_images(table, "more-objects-than-tokens", over, lost=lost, most=most, tokens=tokens),
        *of_images(table, "hardly-enough-tokens", ~over & (counts > 0.7 * tokens), tokens=tokens),
    ]


def _no_object(counts, model):
    if model.eos_coef is None or not counts.any():
        return []
    said = {
        "share": share(no_object_share(counts, model.tokens, model.eos_coef)),
        "balance": f"{balancing_eos_coef(counts, model.tokens):.2g}",
        "mean": f"{counts.mean():.2g}",
    }
    said |= {"eos_coef": f"{model.eos_coef:g}", "tokens": model.tokens}
    return [finding("no-object-weight", len(counts), unit="images", **said)]


def _small(table, model, kept):
    """Objects that are smaller than a patch once the image processor has resized their image."""
    scale = model.scale(table.sizes)
    low, high = np.split(table.corners, 2, axis=1)
    with np.errstate(invalid="ignore"):
        sides = (np.minimum(high, table.extent) - np.maximum(low, 0)) * scale[table.image]
        small = kept & (sides.min(1) < model.patch)
    said = {
        "share": share(small.sum() / max(kept.sum(), 1)),
        "patch": model.patch,
        "cell": model.cell,
    }
    return of_annotations(table, "under-a-patch", small, **said)
