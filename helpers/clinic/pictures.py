"""What can be wrong with the image files: missing, unreadable, of another size, turned, grey or of
16 bits.
"""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from helpers.clinic.findings import listed, of_annotations, of_images
from helpers.clinic.formats import slack
from helpers.clinic.reading import Unreadable

UNPACKED = 2000  # images read to the last byte; of further ones only the head
ORIENTATION = 274  # the Exif tag
DEEP = ("I;16", "I;16B", "I;16L", "I;16N", "I", "F")


def check_pictures(table, folder):
    """Findings about the files of a data set in a folder; fills in the sizes that the annotations
    do not give.

    Raises `Unreadable` if there is no such folder, or none of the files.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise Unreadable(f"{folder} is no folder; give the one that holds the images.")
    rows = range(len(table.file_names))
    with ThreadPoolExecutor() as pool:
        seen = list(pool.map(lambda row: _look(_path(folder, table.file_names[row]), row), rows))
    missing = np.array([one == "missing" for one in seen])
    if missing.all():
        first = folder / str(table.file_names[0])
        raise Unreadable(
            f"{folder} holds none of the {len(seen)} images; the first would be {first}."
        )
    looked = [one if isinstance(one, tuple) else ((np.nan, np.nan), 1, "RGB") for one in seen]
    stored, turned, modes = (np.array(column) for column in zip(*looked))
    upright = np.where((turned >= 5)[:, None], stored[:, ::-1], stored)
    said = table.sizes
    table.sizes = np.where(np.isnan(said), upright, said)
    return [
        *of_images(table, "images-missing", missing, folder=folder),
        *of_images(table, "images-unreadable", np.array([one == "broken" for one in seen])),
        *_sizes(table, said, stored, upright),
        *_turned(table, said, stored, upright, turned),
        *_modes(table, modes),
    ]


def check_modes(table):
    """Findings about the modes of images that came along with their annotations."""
    if not any(table.image_modes.values()):
        return []
    return _modes(
        table, np.array([str(table.image_modes.get(row)) for row in range(len(table.image_ids))])
    )


def _path(folder, name):
    """Where an image lies: by its name as given, or by its last part."""
    if not name:
        return None
    plain = str(name).replace("\\", "/")
    for path in (folder / plain, folder / plain.rpartition("/")[2]):
        if path.is_file():
            return path
    return None


def _look(path, row):
    """(size, orientation, mode) of a picture file, "missing" or "broken"."""
    from PIL import Image

    if path is None:
        return "missing"
    try:
        with Image.open(path) as image:
            found = image.size, image.getexif().get(ORIENTATION, 1), image.mode
            if row < UNPACKED:
                image.load()
            return found
    except Exception:  # what Pillow raises for a broken file is of many kinds
        return "broken"


def _sizes(table, said, stored, upright):
    other = ~np.isnan(said + stored).any(1) & (said != stored).any(1) & (said != upright).any(1)
    examples = [
        "{:g} x {:g} said, {:g} x {:g} found".format(*said[row], *stored[row])
        for row in np.flatnonzero(other)[:1]
    ]
    return of_images(table, "images-of-other-size", other, sizes=listed(examples))


def _turned(table, said, stored, upright, turned):
    """Images whose Exif turns them: their boxes fit either the stored or the upright picture."""
    turned = (turned > 1) & (turned <= 8)
    away = turned & (stored != upright).any(1) & (said == stored).all(1)
    extent = np.concatenate([upright, np.full((1, 2), np.nan)])[table.image]
    with np.errstate(invalid="ignore"):
        beyond = (table.corners[:, 2:] > extent + slack(extent)).any(1)
    beyond &= (table.image >= 0) & away[table.image]
    return [
        *of_annotations(table, "beyond-the-image-after-exif", beyond),
        *of_images(table, "exif-turned-away", away),
        *of_images(table, "exif-turned", turned & ~away),
    ]


def _modes(table, modes):
    deep = np.isin(modes, DEEP)
    other = ~deep & (modes != "RGB")
    return [
        *of_images(table, "images-of-16-bit", deep),
        *of_images(table, "images-not-rgb", other, modes=listed(np.unique(modes[other]).tolist())),
    ]
