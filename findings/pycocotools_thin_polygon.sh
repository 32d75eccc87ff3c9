#!/usr/bin/env bash
# pycocotools 2.0.11: a polygon 0.4 pixels wide and 40 high, and a detection that is the same polygon. At x = 10 it is drawn
# as no pixel at all, so that the perfect answer has IoU 0 and AP 0; at x = 10.3 it is drawn as a whole column, and AP is 1.
# By their boxes, which are compared as numbers, AP is 1 in both places.
# Guess before the run: 1, since an object compared with itself has IoU 1.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m pip install -q --disable-pip-version-check --target "$folder" pycocotools==2.0.11 numpy==2.4.6
PYTHONPATH=$folder python3 - <<'PY'
import contextlib
import io
import sys

from pycocotools import mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval


def ap_of_the_perfect_answer(left, kind, width=0.4):
    polygon = [left, 20, left + width, 20, left + width, 60, left, 60]
    box, shared = [left, 20, width, 40], {"image_id": 1, "category_id": 1}
    truth = COCO()
    truth.dataset = {
        "images": [{"id": 1, "width": 100, "height": 100}],
        "categories": [{"id": 1, "name": "wire"}],
        "annotations": [{"id": 1, **shared, "bbox": box, "area": 16, "iscrowd": 0, "segmentation": [polygon]}],
    }
    answer = {"bbox": box} if kind == "bbox" else {"segmentation": mask.frPyObjects([polygon], 100, 100)[0]}
    with contextlib.redirect_stdout(io.StringIO()):
        truth.createIndex()
        run = COCOeval(truth, truth.loadRes([{**shared, "score": 0.9, **answer}]), kind)
        run.evaluate()
        run.accumulate()
        run.summarize()
    return round(float(run.stats[0]), 4)


found = {left: [ap_of_the_perfect_answer(left, kind) for kind in ("segm", "bbox")] for left in (10.0, 10.3)}
for left, (by_mask, by_box) in found.items():
    print(f"at x = {left}: AP {by_mask} by masks, {by_box} by boxes")
sys.exit(found != {10.0: [0.0, 1.0], 10.3: [1.0, 1.0]})
PY
