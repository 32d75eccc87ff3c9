"""A sick data set for notebook 13, our scenes as a COCO file with three hidden faults; its cure."""


def sick_data_set(length=40):
    """A COCO file as a dict: ids are counted from 1, boxes are corners, and every tenth annotation
    stands twice.

    >>> sick = sick_data_set(length=3)
    >>> [category["id"] for category in sick["categories"]]
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]
    """
    from helpers.scenes import HandwrittenScenes

    scenes, things = HandwrittenScenes("train", length, seed=13), []
    for number in range(length):
        for thing in scenes[number][1]["annotations"]:
            left, top, width, height = thing["bbox"]
            things.append(
                {
                    "id": len(things) + 1,
                    "image_id": number,
                    "category_id": thing["category_id"] + 1,
                    "bbox": [left, top, left + width, top + height],
                    "area": thing["area"],
                    "iscrowd": 0,
                }
            )
    things += [
        {**thing, "id": len(things) + place} for place, thing in enumerate(things[::10], start=1)
    ]
    side = scenes.image_size
    return {
        "images": [{"id": number, "width": side, "height": side} for number in range(length)],
        "annotations": things,
        "categories": [{"id": digit + 1, "name": f"digit {digit}"} for digit in range(10)],
    }


def cured(coco):
    """A COCO file with the faults of `sick_data_set` mended; the given one stays as it is.

    >>> sick = sick_data_set(length=3)
    >>> len(sick["annotations"]) - len(cured(sick)["annotations"])
    1
    """
    found = {}
    for thing in coco["annotations"]:
        left, top, right, bottom = thing["bbox"]
        box = [left, top, right - left, bottom - top]
        found.setdefault(
            (thing["image_id"], thing["category_id"], *thing["bbox"]),
            {**thing, "category_id": thing["category_id"] - 1, "bbox": box},
        )
    categories = [{**category, "id": category["id"] - 1} for category in coco["categories"]]
    return {**coco, "annotations": list(found.values()), "categories": categories}
