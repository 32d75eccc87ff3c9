"""A finding: how often something was seen, where first, and what the catalogue says of it."""

from dataclasses import dataclass, field

import numpy as np

from helpers.clinic.catalogue import CATALOGUE

MOST_EXAMPLES = 5


@dataclass
class Finding:
    """One thing found. `examples` are pairs (image id, annotation id), either of which may be None.

    `unit` says what `count` counts: "annotations", "images" or "categories".
    """

    name: str
    level: str
    count: int
    consequence: str
    cure: str
    examples: list = field(default_factory=list)
    unit: str = "annotations"

    def as_dict(self):
        """The finding as `--json` prints it."""
        examples = [{"image_id": image, "annotation_id": number} for image, number in self.examples]
        said = {key: getattr(self, key) for key in ("name", "level", "count")}
        return {**said, "examples": examples, "consequence": self.consequence, "cure": self.cure}


def finding(name, count, examples=(), unit="annotations", **values):
    """The finding of this name, its sentences filled in with `values`."""
    level, *said = CATALOGUE[name]
    return Finding(
        name, level, count, *(part.format(**values) for part in said), list(examples), unit
    )


def of_annotations(table, name, chosen, **values):
    """A list with the finding about the annotations of a mask (T,); empty if it has none."""
    rows = np.flatnonzero(chosen)
    first = rows[:MOST_EXAMPLES]
    examples = zip(table.named_image[first].tolist(), table.annotation_ids[first].tolist())
    return [finding(name, len(rows), examples, **values)] if len(rows) else []


def of_images(table, name, chosen, **values):
    """The same about images, a mask (I,)."""
    rows = np.flatnonzero(chosen)
    examples = [(image, None) for image in table.image_ids[rows[:MOST_EXAMPLES]].tolist()]
    return [finding(name, len(rows), examples, "images", **values)] if len(rows) else []


def of_categories(table, name, ids, **values):
    """The same about categories by id; the examples are their first annotations."""
    if not len(ids):
        return []
    rows = np.flatnonzero(np.isin(table.labels, np.asarray(ids, dtype=np.int64)))[:MOST_EXAMPLES]
    examples = zip(table.named_image[rows].tolist(), table.annotation_ids[rows].tolist())
    return [finding(name, len(ids), examples, "categories", **{"ids": listed(ids), **values})]


def listed(values, most=6):
    """The first of some values, for a sentence.

    >>> listed([3, 4, 5], most=2)
    '3, 4, ...'
    """
    values = list(values)
    return ", ".join(map(str, values[:most])) + (", ..." if len(values) > most else "")


def share(fraction):
    """A fraction in percent, as a person would say it.

    >>> share(0.5), share(0.004), share(0.9999)
    ('50 %', '0.4 %', '99.99 %')
    """
    percent = 100 * fraction
    digits = ".2f" if 99 < percent < 100 else ".0f" if percent >= 1 else ".1g"
    return f"{percent:{digits}} %"
