"""From a COCO file, a list of targets or a data set to the clinic's table; what cannot be read is
said in a sentence.

A large file is decoded into typed records, some ten thousand at a time, and kept as arrays: a
    million annotations as
dicts would take some 800 MB. Source of the format: https://cocodataset.org/#format-data.
"""

import json
import mmap
import re
from collections.abc import Mapping
from itertools import chain
from operator import attrgetter
from pathlib import Path

import msgspec
import numpy as np

from helpers.clinic.table import Table

PART = 50_000  # records decoded at a time
MOST_BYTES = 1_500_000_000
SECTIONS = ("images", "annotations", "categories")


class Unreadable(ValueError):
    """What was given cannot be read; the message is one sentence."""


class ImageRecord(msgspec.Struct, gc=False):
    """What is read of an image."""

    id: int
    width: float | None = None
    height: float | None = None
    file_name: str | None = None


class AnnotationRecord(msgspec.Struct, gc=False):
    """What is read of an annotation."""

    id: int
    image_id: int
    category_id: int
    bbox: tuple[float, float, float, float]
    area: float | None = None
    iscrowd: int | bool | None = 0


class CategoryRecord(msgspec.Struct, gc=False):
    """What is read of a category."""

    id: int
    name: str | int | float | None = None


class Sections(msgspec.Struct):
    """The three lists of a file, each record not yet decoded."""

    images: list[msgspec.Raw] | msgspec.UnsetType = msgspec.UNSET
    annotations: list[msgspec.Raw] | msgspec.UnsetType = msgspec.UNSET
    categories: list[msgspec.Raw] | msgspec.UnsetType = msgspec.UNSET


def read_file(path):
    """The table of a COCO file. Raises `Unreadable` with one sentence."""
    path = Path(path)
    try:
        size = path.stat().st_size
        if path.is_dir():
            raise Unreadable(f"{path} is a folder; name the file with the annotations.")
        if size > MOST_BYTES:
            raise Unreadable(
                f"{path.name} has {size / 1e9:.1f} GB, more than the {MOST_BYTES / 1e9:.1f} GB "
                "that are read here; "
                'leave out "segmentation", which is most of it, or take a part of the images.'
            )
        if not size:
            raise Unreadable(f"{path.name} is empty; export it again.")
        with path.open("rb") as file:
            content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except FileNotFoundError:
        raise Unreadable(f"{path} is not there; give the path of a COCO file.") from None
    except OSError as error:
        raise Unreadable(f"{path} cannot be opened: {error.strerror}.") from None
    return read_coco(content, path.name)


def read_coco(content, name="the file"):
    """The table of a COCO file's bytes. Raises `Unreadable` with one sentence.

    >>> table = read_coco(b'{"images": [{"id": 3, "width": 64, "height": 48}], "annotations": [], "categories": []}')
    >>> table.image_ids, table.sizes
    (array([3]), array([[64., 48.]]))
    >>> read_coco(b'{"images": [{"id": "3"}], "annotations": [], "categories": []}', "mine.json")
    Traceback (most recent call last):
    ...
    helpers.clinic.reading.Unreadable: mine.json: images[0].id should be int and is str.
    """  # noqa: E501
    start = (
        3 if content[:3] == b"\xef\xbb\xbf" else 0
    )  # a byte order mark, as some editors write it
    try:
        sections = msgspec.json.decode(memoryview(content)[start:], type=Sections)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise Unreadable(f"{name} {_broken(str(error), content, start)}.") from None
    for section in SECTIONS:
        if getattr(sections, section) is msgspec.UNSET:
            raise Unreadable(
                f'{name} has no "{section}"; a COCO file holds images, annotations and categories.'
            )
    if not sections.images:
        raise Unreadable(
            f"{name} lists no images; a COCO file names every image, also those without objects."
        )
    try:
        return _table(sections, name)
    except OverflowError:
        raise Unreadable(
            f"{name} has an id of more than 64 bits; number images and annotations anew."
        ) from None


def _table(sections, name):
    image_ids, sizes, file_names = _columns(
        sections.images,
        ImageRecord,
        f"{name}: images",
        lambda part: (
            _whole(part, "id"),
            _pairs(part, "width", "height"),
            list(map(attrgetter("file_name"), part)),
        ),
    )
    ids, named, labels, boxes, crowd, has_area = _columns(
        sections.annotations,
        AnnotationRecord,
        f"{name}: annotations",
        lambda part: (
            *(_whole(part, key) for key in ("id", "image_id", "category_id")),
            np.fromiter(
                chain.from_iterable(map(attrgetter("bbox"), part)), np.float64, 4 * len(part)
            ).reshape(-1, 4),
            np.fromiter(map(attrgetter("iscrowd"), part), object, len(part)).astype(bool),
            np.fromiter(map(attrgetter("area"), part), np.float64, len(part))
            >= 0,  # None becomes NaN
        ),
    )
    categories = _columns(
        sections.categories,
        CategoryRecord,
        f"{name}: categories",
        lambda part: ([(record.id, record.name) for record in part],),
    )
    return Table(
        image_ids,
        sizes,
        ids,
        named,
        labels,
        boxes,
        crowd,
        has_area,
        file_names=file_names,
        categories=categories[0],
    )


def _whole(part, key):
    return np.fromiter(map(attrgetter(key), part), np.int64, len(part))


def _pairs(part, *keys):
    return np.stack(
        [np.fromiter(map(attrgetter(key), part), np.float64, len(part)) for key in keys], axis=1
    )


def _columns(raws, record, place, take):
    """Decode a section part by part; `take` makes columns of a part, which are joined."""
    decoder, parts = msgspec.json.Decoder(list[record]), []
    for start in range(0, max(len(raws), 1), PART):
        part = raws[start : start + PART]
        try:
            parts.append(take(decoder.decode(b"[" + b",".join(part) + b"]")))
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise Unreadable(_misfit(part, start, record, place)) from None
    return [
        list(chain.from_iterable(c)) if isinstance(c[0], list) else np.concatenate(c)
        for c in zip(*parts)
    ]


def _misfit(part, start, record, place):
    """The sentence about the first record that does not fit."""
    decoder = msgspec.json.Decoder(record)
    for number, raw in enumerate(part, start):
        try:
            decoder.decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            said, _, where = str(error).partition(" - at ")
            where = f"{place}[{number}]{where.strip('`$')}"
            missing = re.search(r"missing required field `(\w+)`", said)
            expected = re.match(r"Expected `(.*?)`, got `(.*?)`", said)
            if missing:
                return f'{where} has no "{missing[1]}".'
            if expected:
                return (
                    f"{where} should be {expected[1].replace('float', 'a number')} and is "
                    f"{expected[2]}."
                )
            return f"{where} does not fit: {said.replace('`', '')}."
    return f"{place} cannot be read."


def _broken(said, content, start):
    """How a sentence about a file goes on that is no JSON, or not the JSON of a COCO file."""
    if "truncated" in said:
        return "is cut short: its JSON ends in the middle; export or fetch it again"
    if "Expected `object`" in said:
        kind = said.split("got `")[-1].partition("`")[0]
        return f"holds {kind}, where a COCO file holds an object with {', '.join(SECTIONS)}"
    if "recursion" in said:
        return "is nested too deeply for a COCO file"
    place = re.search(r"\(byte (\d+)\)", said)
    if place:
        byte = int(place[1]) + start
        near = bytes(content[max(byte - 10, 0) : byte + 10])
        number = re.search(rb"NaN|Infinity", near)
        if number:
            return (
                f"holds {number[0].decode()} near byte {byte}, which JSON does not know; mend or "
                "drop that annotation"
            )
        return f"is no JSON: it breaks at byte {byte}; export or fetch it again"
    section = re.search(r"\$\.(\w+)", said)
    if section:
        return f'should hold a list as "{section[1]}"'
    return f"is no JSON that can be read: {said}"


def read_source(source):
    """The table of whatever was given: a path, COCO's dict, a list of targets or a data set of
    torch.
    """
    if isinstance(source, (str, Path)):
        return read_file(source)
    if isinstance(source, Mapping):
        try:
            return read_coco(json.dumps(source).encode(), "the dict")
        except TypeError as error:
            raise Unreadable(f"the dict is no COCO file: {error}.") from None
    return read_items(source)


def read_items(source):
    """The table of a list of targets, or of a data set whose items hold a target or an annotation
    in COCO's format.

    An item may be the target itself, a pair (image, target), or a dict with "labels", as after an
    image processor."""
    try:
        items = [_split(source[place], place) for place in range(len(source))]
    except (TypeError, KeyError, AttributeError):
        raise Unreadable("Give a path, a list of targets, or a data set with a length.") from None
    if not items:
        raise Unreadable("There are no images: the list, or the data set, is empty.")
    as_annotations = [isinstance(target, list) for _, target, _ in items]
    if all(as_annotations):
        return _from_annotations(items)
    if any(as_annotations):
        raise Unreadable(
            f"item {as_annotations.index(True)} holds annotations and others hold targets; give "
            "one kind."
        )
    return _from_targets([target for _, target, _ in items])


def _split(item, place):
    """An item as (image or None, target dict or list of annotations, image id or None)."""
    image, target = item if isinstance(item, (tuple, list)) and len(item) == 2 else (None, item)
    if isinstance(target, Mapping) and "labels" in target and "class_labels" not in target:
        target = target["labels"]
        if isinstance(target, (list, tuple)) and len(target) == 1:
            target = target[0]
    if isinstance(target, Mapping) and "annotations" in target:
        return image, list(target["annotations"]), target.get("image_id")
    if isinstance(target, list) and all(
        isinstance(thing, Mapping) and "bbox" in thing for thing in target
    ):
        return image, target, target[0].get("image_id") if target else None
    if isinstance(target, Mapping) and {"class_labels", "boxes"} <= target.keys():
        return image, target, None
    raise Unreadable(
        f'item {place} holds no target: no dict with "class_labels" and "boxes", no "annotations".'
    )


def _from_annotations(items):
    sizes = [getattr(image, "size", None) for image, _, _ in items]
    if not all(isinstance(size, tuple) for size in sizes):
        raise Unreadable(
            "annotations in pixels need their images: let each item be (PIL image, annotation)."
        )
    numbers = list(range(len(items)))
    ids = [number if given is None else given for number, (_, _, given) in zip(numbers, items)]
    if len(set(ids)) < len(ids) or not all(isinstance(one, int) for one in ids):
        ids = numbers
    used = sorted(
        {
            thing.get("category_id")
            for _, things, _ in items
            for thing in things
            if "category_id" in thing
        }
    )
    content = {
        "images": [
            {"id": one, "width": size[0], "height": size[1]} for one, size in zip(ids, sizes)
        ],
        "annotations": [
            {"id": place + 1, **{key: thing[key] for key in _KEYS if key in thing}, "image_id": one}
            for one, (_, things, _) in zip(ids, items)
            for place, thing in enumerate(things)
        ],
        "categories": [{"id": label} for label in used],
    }
    table = read_coco(json.dumps(content, default=float).encode(), "the data set")
    table.categories = None  # nobody said
    table.image_modes = {
        row: getattr(image, "mode", None) for row, (image, _, _) in enumerate(items)
    }
    return table


_KEYS = ("id", "category_id", "bbox", "area", "iscrowd")


def _array(values):
    return np.asarray(values.detach().cpu() if hasattr(values, "detach") else values)


def _from_targets(targets):
    labels = [_array(target["class_labels"]) for target in targets]
    boxes = [_array(target["boxes"]).astype(np.float64) for target in targets]
    for place, (label, box) in enumerate(zip(labels, boxes)):
        if box.size != 4 * label.size or (label.size and box.shape != (label.size, 4)):
            said = f'targets[{place}]["boxes"] has shape {box.shape} beside {label.size} labels'
            raise Unreadable(f"{said}; make it ({label.size}, 4).")
    counts = [label.size for label in labels]
    total, rows = sum(counts), np.arange(len(targets))
    flat = np.concatenate([label.reshape(-1).astype(np.float64) for label in labels])
    if not (flat == flat.round()).all():
        raise Unreadable("class_labels hold fractions or NaN; they number the classes, from 0.")
    image_ids = [target.get("image_id") for target in targets]
    try:
        image_ids = np.array(
            [int(np.asarray(one).reshape(-1)[0]) for one in image_ids], dtype=np.int64
        )
    except (TypeError, ValueError, IndexError):
        image_ids = rows
    if len(np.unique(image_ids)) < len(image_ids):
        image_ids = rows
    return Table(
        image_ids=image_ids,
        sizes=np.ones((len(targets), 2)),
        annotation_ids=np.arange(total) - np.repeat(np.cumsum([0, *counts[:-1]]), counts),
        named_image=np.repeat(image_ids, counts),
        labels=flat.astype(np.int64),
        boxes=np.concatenate([box.reshape(-1, 4) for box in boxes]),
        crowd=np.zeros(total, bool),
        has_area=np.ones(total, bool),
        normalized=True,
        odd_labels=[place for place, label in enumerate(labels) if label.dtype != np.int64],
    )
