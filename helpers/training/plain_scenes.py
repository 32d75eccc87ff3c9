"""Plain scenes for quick experiments: the digits of `HandwrittenScenes`, white on black, at half
the size.
"""

import numpy as np
from PIL import Image

from helpers.scenes import IMAGE_SIZE, HandwrittenScenes
from helpers.targets import things_of

PLAIN_SIZE = IMAGE_SIZE // 2


class PlainScenes(HandwrittenScenes):
    """The same digits in the same places, 64 x 64 and without colours; arguments as for
    `HandwrittenScenes`.

    >>> image, annotation = PlainScenes("test", length=3, seed=0)[1]
    >>> image.size, image.getextrema()[0]
    ((64, 64), (0, 255))
    """

    image_size = PLAIN_SIZE

    def __getitem__(self, index):
        return make_plain(*super().__getitem__(index))


def make_plain(image, annotation):
    """A scene (PIL image, COCO annotation) as a plain one: ink white, paper black, every length
    halved.
    """
    ink = np.zeros((IMAGE_SIZE, IMAGE_SIZE), bool)
    things = things_of(annotation, "annotation")
    for thing in things:
        runs = thing["segmentation"]["counts"]  # of empty pixels and ink in turn, column by column
        ink |= np.repeat(np.arange(len(runs)) % 2 == 1, runs).reshape(ink.shape, order="F")
    plain = [
        {name: value for name, value in thing.items() if name != "segmentation"}
        | {"bbox": [value / 2 for value in thing["bbox"]], "area": thing["area"] / 4}
        for thing in things
    ]
    return Image.fromarray(255 * ink.astype(np.uint8)).reduce(2).convert("RGB"), {
        **annotation,
        "annotations": plain,
    }
