#!/usr/bin/env bash
# pycocotools 2.0.11 and hotcoco 1.3.0 on one valid file whose annotations are numbered from 0, as some tools write them:
# pycocotools takes the number 0 for "no match" and loses that object, hotcoco does not.
# Guess before the run: the same AP, since hotcoco follows pycocotools.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m pip install -q --disable-pip-version-check --target "$folder" pycocotools==2.0.11 hotcoco==1.3.0 numpy==2.4.6
cd "$folder"
PYTHONPATH=$folder python3 - <<'PY'
import contextlib
import io
import json
import sys

import hotcoco
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

boxes = [[10, 10, 20, 20], [60, 60, 20, 20]]
shared = {"image_id": 1, "category_id": 1}
truth = {
    "info": {},
    "images": [{"id": 1, "width": 100, "height": 100, "file_name": "1.png"}],
    "categories": [{"id": 1, "name": "thing"}],
    "annotations": [{"id": i, **shared, "bbox": box, "area": 400, "iscrowd": 0} for i, box in enumerate(boxes)],
}
found = [{**shared, "bbox": box, "score": 0.9 - i / 10} for i, box in enumerate(boxes)]
for name, content in (("truth", truth), ("found", found)):
    with open(f"{name}.json", "w") as file:
        json.dump(content, file)


def ap(run):
    with contextlib.redirect_stdout(io.StringIO()):
        run.evaluate()
        run.accumulate()
        run.summarize()
    return round(float(run.stats[0]), 4)


with contextlib.redirect_stdout(io.StringIO()):
    one = COCO("truth.json")
    usual = COCOeval(one, one.loadRes("found.json"), "bbox")
other = hotcoco.COCO("truth.json")
answers = {"pycocotools": ap(usual), "hotcoco": ap(hotcoco.COCOeval(other, other.load_res("found.json"), "bbox"))}
print(answers)
sys.exit(answers != {"pycocotools": 0.2525, "hotcoco": 1.0})
PY
