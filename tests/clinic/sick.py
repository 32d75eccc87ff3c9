"""Healthy annotation files as several tools write them, and small changes that make them sick."""

import numpy as np


def healthy(seed=0, images=24, size=(640, 480), classes=3, objects=(1, 5), origin="coco"):
    """A COCO file as a dict. `origin`: whose habits it has; "ours", "coco", "label studio", "roboflow" or "cvat"."""
    rng = np.random.default_rng(seed)
    first_image, first_id, first_class, digits = {
        "ours": (0, 1, 0, 0),
        "coco": (139, 1, 1, 2),
        "label studio": (0, 0, 0, 13),
        "roboflow": (0, 0, 1, 0),
        "cvat": (1, 1, 1, 2),
    }[origin]
    content = {"images": [], "annotations": [], "categories": []}
    content["categories"] = [{"id": first_class + k, "name": f"class {k}", "supercategory": ""} for k in range(classes)]
    if origin == "roboflow":
        content["categories"].insert(0, {"id": 0, "name": "class 0", "supercategory": "none"})
    for image in range(images):
        width, height = size if image % 3 else size[::-1]
        one = first_image + image * (37 if origin == "coco" else 1)
        content["images"].append({"id": one, "file_name": f"{one:06d}.png", "width": width, "height": height})
        for _ in range(rng.integers(*objects, endpoint=True) if image % 6 else 0):
            sides = rng.uniform(0.06, 0.5, 2) * (width, height)
            # Some objects are cut off by the edge: tools clip these.
            low = rng.uniform(-0.03, 1.03, 2) * ((width, height) - sides)
            low, high = np.clip(low, 0, None), np.clip(low + sides, None, (width, height))
            box = np.concatenate([low, high - low]).round(digits).tolist()
            number = len(content["annotations"]) + first_id
            content["annotations"].append(
                {
                    "id": number,
                    "image_id": one,
                    "category_id": first_class + int(rng.integers(classes)),
                    "bbox": box,
                    "area": box[2] * box[3],
                    "iscrowd": 0,
                    "segmentation": [],
                }
            )
    return content


def boxes_as(content, change):
    """Every bbox changed by `change(x, y, w, h, width, height)`, in place."""
    sizes = {image["id"]: (image["width"], image["height"]) for image in content["images"]}
    for thing in content["annotations"]:
        thing["bbox"] = list(change(*thing["bbox"], *sizes[thing["image_id"]]))
    return content
