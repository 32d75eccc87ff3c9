"""Pictures of every kind, as a detector wants them: upright, in red, green and blue, eight bits
each.
"""

import numpy as np
from PIL import Image, ImageOps

WIDE = ("I", "F")  # modes of one value a pixel in 16 or 32 bits, which Pillow cuts off at 255
PALETTES = ("P", "PA")
WHITES = (1.0, 255.0, 65535.0)  # what white may be in such a picture


def upright_rgb(image):
    """A PIL image of any mode as RGB, turned as its Exif data say.

    Transparent parts become white, as on paper. Of grey in 16 or 32 bits the least of 255 and 65535
    that no value exceeds becomes white, in floating point also 1; values beyond, or below 0, are
    stretched from the least to the largest. Raises TypeError if it is no PIL image; ValueError if
    it cannot be read, is not finite, or has a palette,
    whose few colours, often dithered, make a detector see something else: whoever means it converts
        it.

    >>> upright_rgb(Image.new("LA", (2, 1), (0, 0))).getpixel((0, 0))
    (255, 255, 255)
    """
    if not isinstance(image, Image.Image):
        raise TypeError(
            f"The image is a {type(image).__name__}; give a PIL image, for example "
            "Image.open(path)."
        )
    if 0 in image.size:
        raise ValueError(
            f"The image is {image.width} x {image.height} pixels, which is none; look at how it "
            "was made."
        )
    if image.mode in PALETTES:
        raise ValueError(
            f"The image has a palette (mode {image.mode}) of few colours; give "
            "image.convert('RGB')."
        )
    try:
        image = ImageOps.exif_transpose(image)
        return (
            _eight_bits(image)
            if image.mode.startswith(WIDE)
            else _without_transparency(image).convert("RGB")
        )
    except Exception as error:
        said = f"The {image.mode} image cannot be read as RGB ({error})"
        raise ValueError(f"{said}; save it anew, or give image.convert('RGB').") from None


def _without_transparency(image):
    if not image.has_transparency_data:
        return image
    image = image.convert("LA") if image.mode == "La" else image
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA"))


def _eight_bits(image):
    values = np.asarray(image).astype(np.float64)
    low, high = (values.min(), values.max()) if values.size else (0.0, 0.0)
    if not np.isfinite([low, high]).all():
        raise ValueError("it holds values that are not finite")
    if low >= 0 and high <= WHITES[-1]:
        low, high = 0.0, next(white for white in WHITES[image.mode != "F" :] if high <= white)
    grey = 255 * (values - low) / ((high - low) or 1.0)
    return Image.fromarray(grey.round().astype(np.uint8)).convert("RGB")
