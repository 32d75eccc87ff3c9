"""Handwritten scenes: small images of real handwritten digits with COCO annotations, made from a
seed.

The digits are scikit-learn's `load_digits`: 1,797 images of 8 x 8 pixels by 13 writers. Each is
drawn large and smooth, like a letter cut out of coloured paper, and laid on a calm sheet. A scene
follows from (seed, index) alone."""

from functools import cache

import numpy as np
from PIL import Image

IMAGE_SIZE = 128
NUM_CLASSES = 10
MAX_OBJECTS = 6
GLYPH_SIDES = (32, 59)  # pixels, of the whole 8 x 8 glyph
LARGEST_OVERLAP = 4  # pixels a side by which two boxes may overlap
INK_LEVEL = 0.42  # of the enlarged glyph: where the paper is cut
INK_THRESHOLD = 0.5  # of the anti-aliased ink: what counts as the object in masks and boxes
SPLIT_SIZES = {"train": 1400, "test": 397}
# Hues clear of the blue and the orange that mean prediction and target in every figure.
INK_HUES = ((335, 372), (85, 172), (262, 322))
SUPERSAMPLING = 3
PADDING = 2  # empty glyph pixels on each side, so that strokes at the border stay whole


class HandwrittenScenes:
    """A data set of 128 x 128 scenes with zero to six handwritten digits.

    Args:
        split: "train" (1,400 digit images) or "test" (397 digit images that training never sees).
        length: number of scenes.
        seed: another seed, other scenes. Scene i is the same whatever the length.
        objects: the fewest and the most digits in a scene; each number between is equally likely.

    Item i is `(image, annotation)`: a PIL image and a dict with `image_id` and `annotations` as in
    COCO, each with `id` (from 1), `category_id` (the digit, 0 to 9), `bbox` (x, y, width, height in
    pixels, tight around the ink), `area` (pixels of ink), `iscrowd` and `segmentation` (the ink as
    uncompressed run-length code).

    >>> image, annotation = HandwrittenScenes("test", length=3, seed=0)[1]
    >>> image.size, len(annotation["annotations"]) <= 6
    ((128, 128), True)
    """

    image_size = IMAGE_SIZE

    def __init__(self, split="train", length=1000, seed=0, objects=(0, MAX_OBJECTS)):
        if split not in SPLIT_SIZES:
            raise ValueError(f"split is {split!r}; use one of {sorted(SPLIT_SIZES)}")
        self.split, self.length, self.seed, self.objects = split, length, seed, objects

    def __len__(self):
        return self.length

    def __getitem__(self, index):
        if not 0 <= index < self.length:
            raise IndexError(f"scene {index} of {self.length}")
        rng = np.random.default_rng([self.seed, index, sorted(SPLIT_SIZES).index(self.split)])
        glyphs, labels = digit_images(self.split)
        chosen = rng.integers(len(labels), size=rng.integers(self.objects[0], self.objects[1] + 1))
        return compose_scene(rng, index, glyphs[chosen], labels[chosen])


def running_example(hidden=()):
    """The scene that everything is shown on: the digits 3 1 4 1 5, from images that training never
    saw.

    Args: hidden: labels of digits that are left out of the picture; the annotation keeps them.

    >>> image, annotation = running_example()
    >>> [a["category_id"] for a in annotation["annotations"]]
    [3, 1, 4, 1, 5]
    >>> running_example(hidden=[4])[1] == annotation
    True
    """
    rng, glyphs, labels = _running_example()
    return compose_scene(rng, 0, glyphs, labels, hidden)


def running_example_pieces():
    """What the running example is laid out of: see `scene_pieces`.

    >>> ground, pieces = running_example_pieces()
    >>> ground.shape, [label for label, *_ in pieces]
    ((128, 128, 3), [3, 1, 4, 1, 5])
    """
    return scene_pieces(*_running_example())


def _running_example():
    glyphs, labels = digit_images("test")
    digits = (3, 1, 4, 1, 5)
    chosen = [
        np.flatnonzero(labels == digit)[nth] for digit, nth in zip(digits, RUNNING_EXAMPLE_GLYPHS)
    ]
    return np.random.default_rng(RUNNING_EXAMPLE_SEED), glyphs[chosen], labels[chosen]


RUNNING_EXAMPLE_SEED = 5208
RUNNING_EXAMPLE_GLYPHS = (0, 11, 5, 9, 11)  # which test image of each digit


@cache
def digit_images(split):
    """The digit images of a split, shuffled once: (M, 8, 8) float32 in [0, 1], and their labels
    (M,) int64.
    """
    from sklearn.datasets import load_digits

    digits = load_digits()
    order = np.random.default_rng(0).permutation(len(digits.target))
    first = SPLIT_SIZES["train"]
    part = order[:first] if split == "train" else order[first:]
    return (digits.images[part] / 16).astype(np.float32), digits.target[part].astype(np.int64)


def compose_scene(rng, image_id, glyphs, labels, hidden=()):
    """Lay the glyphs (T, 8, 8) on a fresh ground where they hardly overlap; returns the image and
    its annotation. Digits with a `hidden` label are annotated, and not drawn.
    """
    canvas, pieces = scene_pieces(rng, glyphs, labels)
    annotations = []
    for label, ink, top, left, colour in pieces:
        if label not in hidden:
            lay_down(canvas, ink, top, left, colour)
        height, width = ink.shape
        mask = np.zeros((IMAGE_SIZE, IMAGE_SIZE), bool)
        mask[top : top + height, left : left + width] = ink > INK_THRESHOLD
        annotations.append(
            {
                "id": len(annotations) + 1,  # from 1: pycocotools takes id 0 for "no match"
                "image_id": image_id,
                "category_id": int(label),
                "bbox": [left, top, width, height],
                "area": int(mask.sum()),
                "iscrowd": 0,
                "segmentation": run_length_code(mask),
            }
        )
    image = Image.fromarray((canvas * 255).round().astype(np.uint8))
    return image, {"image_id": image_id, "annotations": annotations}


def scene_pieces(rng, glyphs, labels):
    """What a scene is laid out of: the bare ground (128, 128, 3) in [0, 1], and for each digit that
    found a place its label, ink (height, width) in [0, 1], top, left and colour (3,).
    """
    canvas, boxes, pieces = paper(rng), [], []
    for glyph, label in zip(glyphs, labels):
        ink = cut_out(glyph, rng.integers(GLYPH_SIDES[0], GLYPH_SIDES[1] + 1), rng.uniform(-12, 12))
        top, left = find_place(rng, boxes, ink.shape)
        if top is None:
            continue  # no free place: the scene has one digit fewer
        height, width = ink.shape
        boxes.append((left, top, left + width, top + height))
        pieces.append((int(label), ink, top, left, ink_colour(rng)))
    return canvas, pieces


def cut_out(glyph, side, tilt):
    """Draw an (8, 8) glyph about `side` pixels large, tilted by degrees: (height, width) ink in [0,
    1], cropped tight.

    Enlarged smoothly, cut with a steep ramp and brought down again: whole strokes with clean edges.
    """
    padded = Image.fromarray(np.pad(glyph, PADDING))
    large = side * SUPERSAMPLING
    size = round(large * (8 + 2 * PADDING) / 8)
    smooth = padded.resize((size, size), Image.Resampling.BICUBIC).rotate(
        tilt, Image.Resampling.BILINEAR
    )
    steep = np.clip((np.asarray(smooth) - INK_LEVEL) * large / 16 + 0.5, 0, 1)
    ink = np.asarray(Image.fromarray(steep).reduce(SUPERSAMPLING))
    rows, columns = (np.flatnonzero((ink > INK_THRESHOLD).any(axis)) for axis in (1, 0))
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def find_place(rng, boxes, shape):
    """A random (top, left) where a box of this shape overlaps no other by more than the limit;
    (None, None) if none.
    """
    height, width = shape
    for _ in range(100):
        top, left = (
            int(rng.integers(IMAGE_SIZE - height + 1)),
            int(rng.integers(IMAGE_SIZE - width + 1)),
        )
        if all(
            min(right, left + width) - max(x, left) <= LARGEST_OVERLAP
            or min(bottom, top + height) - max(y, top) <= LARGEST_OVERLAP
            for x, y, right, bottom in boxes
        ):
            return top, left
    return None, None


def paper(rng):
    """A calm, light ground (128, 128, 3): one pale tint, a slow gradient, a little grain."""
    tint = hsl(rng.uniform(0, 360), rng.uniform(0.05, 0.35), rng.uniform(0.86, 0.94))
    slope = rng.uniform(-0.04, 0.04, size=2)
    ramp = np.linspace(-1, 1, IMAGE_SIZE)
    light = (
        slope[0] * ramp[:, None]
        + slope[1] * ramp[None]
        + rng.normal(0, 0.008, (IMAGE_SIZE, IMAGE_SIZE))
    )
    return np.clip(tint + light[..., None], 0, 1)


def lay_down(canvas, ink, top, left, colour):
    """Blend ink of one colour onto the canvas, in place."""
    height, width = ink.shape
    patch = canvas[top : top + height, left : left + width]
    patch += ink[..., None] * (colour - patch)


def ink_colour(rng):
    """A strong tint, clear of the figures' blue and orange."""
    low, high = INK_HUES[rng.integers(len(INK_HUES))]
    return hsl(rng.uniform(low, high), rng.uniform(0.45, 0.85), rng.uniform(0.28, 0.45))


def hsl(hue, saturation, lightness):
    """A colour from degrees and fractions, as an RGB array (3,)."""
    import colorsys

    return np.array(colorsys.hls_to_rgb(hue % 360 / 360, lightness, saturation))


def run_length_code(mask):
    """COCO's uncompressed run-length code of an (H, W) bool mask: column by column, runs of zeros
    and ones in turn.

    >>> run_length_code(np.array([[0, 1], [1, 1]], bool))
    {'size': [2, 2], 'counts': [1, 3]}
    """
    flat = np.concatenate([[False], mask.flatten(order="F")])
    edges = np.flatnonzero(flat[1:] != flat[:-1])
    counts = np.diff(np.concatenate([[0], edges, [mask.size]]))
    return {"size": list(mask.shape), "counts": counts.tolist()}
