"""Scenes as arrays: rendered once by all cores, kept on disk, read by memory map, so that no
training step waits.
"""

import ast
import hashlib
import inspect
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import PIL
import torch

from helpers.pictures import upright_rgb
from helpers.scenes import IMAGE_SIZE, MAX_OBJECTS
from helpers.targets import as_scene, coco_target

CHUNK = 500  # scenes rendered by one task


class SceneArrays:
    """A data set as arrays: `images` (M, H, W, 3) uint8, `labels` (M, 6), `boxes` (M, 6, 4),
    `counts` (M,).

    Where a scene holds more than six objects, all have room for as many.

    Args:
        scenes: a `HandwrittenScenes` or `PlainScenes`; without a folder, any sequence of scenes of
            one size.
        folder: where to keep the arrays; None keeps them in memory. They are rendered when they are
            not there yet, or were drawn by other code than today's: the name of the file follows
            from it.

    `pixel_values(indices, mean, std)` and `targets(indices)` give what a model and a loss take;
    `path` is the file, or None.
    """

    def __init__(self, scenes, folder=None):
        self.scenes, self.path = scenes, None
        if not len(scenes):
            raise ValueError("There are no scenes; give one at least.")
        if folder is None:
            self.images, self.labels, self.boxes, self.counts = _render(scenes, range(len(scenes)))
            return
        low, high = scenes.objects
        name = f"{scenes.split}-{scenes.seed}-{len(scenes)}-{low}to{high}"
        name += "" if scenes.image_size == IMAGE_SIZE else f"-{scenes.image_size}px"
        self.path = path = Path(folder) / f"scenes-{name}-{drawing_code(type(scenes))}.npz"
        images = path.with_suffix(".npy")
        if not path.exists():
            _render_to_disk(scenes, images, path)
        self.images = np.load(images, mmap_mode="r", allow_pickle=False)
        with np.load(path, allow_pickle=False) as arrays:
            self.labels, self.boxes, self.counts = (
                arrays["labels"],
                arrays["boxes"],
                arrays["counts"],
            )

    def __len__(self):
        return len(self.counts)

    def pixel_values(self, indices, mean, std):
        """Normalised images (B, 3, H, W), as the image processor makes them."""
        images = torch.from_numpy(self.images[indices]).permute(0, 3, 1, 2).float() / 255
        return ((images - mean) / std).contiguous()

    def targets(self, indices):
        """One dict of `class_labels` and `boxes` (normalised centre boxes) per image."""
        return [
            {
                "class_labels": torch.from_numpy(self.labels[i, : self.counts[i]].copy()),
                "boxes": torch.from_numpy(self.boxes[i, : self.counts[i]].copy()),
            }
            for i in indices
        ]


def drawing_code(kind):
    """Eight letters that change with the code that draws a kind of scenes and makes its targets: a
    class -> str.

    The code is what stands in the modules of the class and of its bases, comments aside; Pillow's
    version counts, too.

    >>> from helpers.scenes import HandwrittenScenes
    >>> len(drawing_code(HandwrittenScenes))
    8
    """
    try:
        sources = [
            inspect.getsource(sys.modules[part.__module__]) for part in kind.__mro__[:-1]
        ]  # the last is object
    except (OSError, TypeError):
        said = (
            f"The code of {kind.__qualname__} cannot be read, so that nobody could tell when it "
            "changes"
        )
        raise ValueError(
            f"{said}; write it into a file, or keep the arrays in memory (no folder)."
        ) from None
    code = [ast.dump(ast.parse(source)) for source in [*sources, inspect.getsource(coco_target)]]
    return hashlib.sha256("\n".join([*code, PIL.__version__]).encode()).hexdigest()[:8]


def _render(scenes, indices):
    """Images, labels, boxes and counts of some scenes, with room for as many objects as the fullest
    has.
    """
    images, targets = [], []
    for index in indices:
        image, annotation = as_scene(scenes[index], f"scenes[{index}]")
        images.append(np.asarray(upright_rgb(image)))
        targets.append(coco_target(annotation, *images[-1].shape[1::-1]))
        if images[-1].shape != images[0].shape:
            sizes = [
                " x ".join(map(str, picture.shape[1::-1])) for picture in (images[-1], images[0])
            ]
            raise ValueError(
                f"Scene {index} is {sizes[0]} and scene {indices[0]} is {sizes[1]}; give one size."
            )
    counts = np.array([len(target["boxes"]) for target in targets], np.int64)
    labels = np.zeros((len(targets), max(MAX_OBJECTS, counts.max())), np.int64)
    boxes = np.zeros((*labels.shape, 4), np.float32)
    for row, (target, count) in enumerate(zip(targets, counts)):
        labels[row, :count], boxes[row, :count] = target["class_labels"], target["boxes"]
    return np.stack(images), labels, boxes, counts


def _joined(parts):
    """Labels, boxes and counts of several parts, with room for the fullest scene of all."""
    most = max(labels.shape[1] for labels, _, _ in parts)
    widened = [
        [
            *(
                np.pad(part, [(0, 0), (0, most - part.shape[1])] + [(0, 0)] * (part.ndim - 2))
                for part in wide
            ),
            counts,
        ]
        for *wide, counts in parts
    ]
    return map(np.concatenate, zip(*widened))


def _render_chunk(job):
    return _render(*job)


def _render_to_disk(scenes, images_path, path):
    """Render in parallel; the small file is renamed into place last, so that it stands for a
    complete set.
    """
    images_path.parent.mkdir(parents=True, exist_ok=True)
    aside = images_path.with_suffix(f".{os.getpid()}.npy")
    shape = (len(scenes), scenes.image_size, scenes.image_size, 3)
    images = np.lib.format.open_memmap(aside, mode="w+", dtype=np.uint8, shape=shape)
    jobs = [
        (scenes, range(start, min(start + CHUNK, len(scenes))))
        for start in range(0, len(scenes), CHUNK)
    ]
    rest = []
    with ProcessPoolExecutor() as pool:
        for (_, indices), (part, *others) in zip(jobs, pool.map(_render_chunk, jobs)):
            images[indices.start : indices.stop] = part
            rest.append(others)
    images.flush()
    labels, boxes, counts = _joined(rest)
    os.replace(aside, images_path)
    aside = path.with_suffix(f".{os.getpid()}.npz")
    np.savez_compressed(aside, labels=labels, boxes=boxes, counts=counts)
    os.replace(aside, path)


def in_parts(count, size=250):
    """The numbers of `count` scenes, as many at a time as a finished detector looks at together.

    >>> list(in_parts(600))
    [range(0, 250), range(250, 500), range(500, 600)]
    """
    return (range(start, min(start + size, count)) for start in range(0, count, size))
