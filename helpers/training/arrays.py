"""Scenes as arrays: rendered once by all cores, kept on disk, read by memory map, so that no training step waits."""

import os
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import torch

from helpers.scenes import IMAGE_SIZE, MAX_OBJECTS
from helpers.targets import coco_target

CHUNK = 500  # scenes rendered by one task


class SceneArrays:
    """A data set as arrays: `images` (M, H, W, 3) uint8, `labels` (M, 6), `boxes` (M, 6, 4), `counts` (M,).

    Args:
        scenes: a `HandwrittenScenes` or `PlainScenes`; without a folder, any sequence of square scenes.
        folder: where to keep the arrays; None keeps them in memory. They are rendered when they are not there yet.

    `pixel_values(indices, mean, std)` and `targets(indices)` give what a model and a loss take.
    """

    def __init__(self, scenes, folder=None):
        self.scenes = scenes
        if folder is None:
            parts = [_render(scenes, range(len(scenes)))]
            self.images, self.labels, self.boxes, self.counts = map(np.concatenate, zip(*parts))
            return
        low, high = scenes.objects
        name = f"{scenes.split}-{scenes.seed}-{len(scenes)}-{low}to{high}"
        name += "" if scenes.image_size == IMAGE_SIZE else f"-{scenes.image_size}px"
        path = Path(folder) / f"scenes-{name}.npz"
        images = path.with_suffix(".npy")
        if not path.exists():
            _render_to_disk(scenes, images, path)
        self.images = np.load(images, mmap_mode="r", allow_pickle=False)
        with np.load(path, allow_pickle=False) as arrays:
            self.labels, self.boxes, self.counts = arrays["labels"], arrays["boxes"], arrays["counts"]

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


def _render(scenes, indices):
    images = []
    labels = np.zeros((len(indices), MAX_OBJECTS), np.int64)
    boxes = np.zeros((len(indices), MAX_OBJECTS, 4), np.float32)
    counts = np.zeros(len(indices), np.int64)
    for row, index in enumerate(indices):
        image, annotation = scenes[index]
        images.append(np.asarray(image))
        target = coco_target(annotation, *image.size)
        counts[row] = len(target["boxes"])
        labels[row, : counts[row]], boxes[row, : counts[row]] = target["class_labels"], target["boxes"]
    return np.stack(images), labels, boxes, counts


def _render_chunk(job):
    return _render(*job)


def _render_to_disk(scenes, images_path, path):
    """Render in parallel; the small file is renamed into place last, so that it stands for a complete set."""
    images_path.parent.mkdir(parents=True, exist_ok=True)
    aside = images_path.with_suffix(f".{os.getpid()}.npy")
    shape = (len(scenes), scenes.image_size, scenes.image_size, 3)
    images = np.lib.format.open_memmap(aside, mode="w+", dtype=np.uint8, shape=shape)
    jobs = [(scenes, range(start, min(start + CHUNK, len(scenes)))) for start in range(0, len(scenes), CHUNK)]
    rest = []
    with ProcessPoolExecutor() as pool:
        for (_, indices), (part, *others) in zip(jobs, pool.map(_render_chunk, jobs)):
            images[indices.start : indices.stop] = part
            rest.append(others)
    images.flush()
    labels, boxes, counts = map(np.concatenate, zip(*rest))
    os.replace(aside, images_path)
    aside = path.with_suffix(f".{os.getpid()}.npz")
    np.savez_compressed(aside, labels=labels, boxes=boxes, counts=counts)
    os.replace(aside, path)
