#!/usr/bin/env bash
# albumentations 2.0.8: class labels that go in as integers, a list or an int64 array, come out as floats. A detection loss
# that indexes with them fails far away, with "tensors used as indices must be long".
# Guess before the run: labels are passed through as they are.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m pip install -q --disable-pip-version-check --target "$folder" albumentations==2.0.8 numpy==2.4.6
NO_ALBUMENTATIONS_UPDATE=1 PYTHONPATH=$folder python3 - <<'PY'
import sys

import albumentations
import numpy as np

compose = albumentations.Compose(
    [albumentations.HorizontalFlip(p=1.0)],
    bbox_params=albumentations.BboxParams(format="coco", label_fields=["class_labels"]),
)
image, boxes = np.zeros((100, 100, 3), np.uint8), [[10, 20, 30, 40]]
listed = compose(image=image, bboxes=boxes, class_labels=[2])["class_labels"]
array = compose(image=image, bboxes=boxes, class_labels=np.array([2]))["class_labels"]
print("list of int:", listed, "; array of int64:", np.asarray(array).dtype)
sys.exit(not (isinstance(listed[0], float) and np.asarray(array).dtype == np.float64))
PY
