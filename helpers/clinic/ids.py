"""What can be wrong with the numbers of images, annotations and categories."""

from collections import Counter

import numpy as np

from helpers.clinic.findings import listed, of_annotations, of_categories, of_images

FEW_OBJECTS = 10  # of a class, in a data set of at least so many images
MANY_IMAGES = 100


def check_ids(table, num_labels=None):
    """Findings about ids. `num_labels`: K of the model, None where no model is named."""
    found = [*_images_and_annotations(table), *_categories(table)]
    labels = table.labels
    found += of_annotations(table, "negative-category-ids", labels < 0)
    ids = np.union1d(np.array([one for one, _ in table.categories or ()], dtype=np.int64), labels)
    ids = ids[ids >= 0]
    if len(ids):
        found += _unnamed(table, ids) if num_labels is None else _beyond(table, ids, num_labels)
    return found + _counts(table, num_labels)


def _images_and_annotations(table):
    odd = np.isin(np.arange(len(table.image_ids)), table.odd_labels)
    found = [
        *of_images(table, "double-image-ids", _repeated(table.image_ids)),
        *of_annotations(table, "annotations-of-no-image", table.image < 0),
        *of_images(table, "labels-not-int64", odd),
        *of_annotations(table, "no-area", ~table.has_area),
    ]
    if not table.normalized:
        found += of_annotations(table, "annotation-id-0", table.annotation_ids == 0)
    if table.categories is not None:  # a file; in a data set each image may number its own
        found += of_annotations(table, "double-annotation-ids", _repeated(table.annotation_ids))
    return found


def _categories(table):
    if table.categories is None:
        return []
    known = [one for one, _ in table.categories]
    missing = ~np.isin(table.labels, np.array(known, dtype=np.int64))
    double = [one for one, count in Counter(known).items() if count > 1]
    names = {}
    for one, name in table.categories:
        if name is not None:
            names.setdefault(str(name).strip().casefold(), set()).add(one)
    used = set(np.unique(table.labels).tolist())
    shared = [sorted(ids) for ids in names.values() if len(ids) > 1]
    rivals = [one for ids in shared if len(used & set(ids)) > 1 for one in ids]
    harmless = [one for ids in shared if len(used & set(ids)) < 2 for one in ids]
    strangers = listed(np.unique(table.labels[missing]).tolist())
    return [
        *of_annotations(table, "missing-categories", missing, ids=strangers),
        *of_categories(table, "double-category-ids", double),
        *of_categories(table, "double-category-names", rivals),
        *of_categories(table, "category-name-twice", harmless),
    ]


def _beyond(table, ids, num_labels):
    """Findings about ids (all of them, sorted) that a model of K = num_labels classes does not
    have.
    """
    beyond, largest = table.labels >= num_labels, int(ids[-1])
    said = {"num_labels": num_labels, "last": num_labels - 1, "needed": largest + 1}
    if beyond.any():
        from_one = ids[0] == 1 and largest == num_labels
        kind = "category-ids-from-1-to-num-labels" if from_one else "category-ids-beyond-num-labels"
        return of_annotations(table, kind, beyond, **said)
    return of_categories(
        table, "listed-beyond-num-labels", ids[ids >= num_labels], largest=largest, **said
    )


def _unnamed(table, ids):
    """Notes about ids (all of them, sorted) where nobody says how many classes the model has."""
    largest, count = int(ids[-1]), len(ids)
    said = {"largest": largest, "needed": largest + 1, "classes": count, "dense": count - 1}
    gaps = largest - int(ids[0]) + 1 > count
    return [
        *of_categories(table, "category-ids-from-1", ids if ids[0] == 1 else (), **said),
        *of_categories(table, "category-ids-with-gaps", ids if gaps else (), **said),
    ]


def _counts(table, num_labels):
    """Notes about classes of few objects, or none."""
    offered = [one for one, _ in table.categories or ()] or list(range(num_labels or 0))
    present, numbers = np.unique(table.labels[~table.crowd], return_counts=True)
    empty = sorted(set(offered) - set(present.tolist()))
    rare = present[numbers < FEW_OBJECTS].tolist() if len(table.image_ids) >= MANY_IMAGES else []
    return [
        *of_categories(table, "classes-without-objects", empty),
        *of_categories(table, "rare-classes", rare, few=FEW_OBJECTS),
    ]


def _repeated(ids):
    """A mask of the ids that stand more than once."""
    _, place, counts = np.unique(ids, return_inverse=True, return_counts=True)
    return counts[place] > 1
