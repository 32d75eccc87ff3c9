#!/usr/bin/env bash
# torchmetrics 1.9.0: whether masks are scored as well changes in which size class an object's *box* is counted. Alone, the
# box of a thin diagonal line is medium, by the area of the box. With iou_type ("bbox", "segm") the same box is small: the
# object has one area for both, that of its mask. So bbox_map_small and map_small of one model are of other objects.
# Guess before the run: the numbers of the boxes stay as they are when masks are scored beside them.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install -q --disable-pip-version-check torch==2.13.0 numpy==2.4.6 pillow==13.0.0
"$folder/venv/bin/python" -m pip install -q --disable-pip-version-check torchmetrics==1.9.0 pycocotools==2.0.11
"$folder/venv/bin/python" -m pip install -q --disable-pip-version-check --no-deps torchvision==0.28.0
"$folder/venv/bin/python" -W ignore - <<'PY'
import sys

import torch

try:
    import torchvision  # noqa: F401
except RuntimeError:  # beside a torch without CUDA its compiled operators do not load; nothing here needs them
    for name in ("nms", "qnms"):
        torch.library.define(f"torchvision::{name}", "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
from torchmetrics.detection import MeanAveragePrecision

line = torch.zeros(1, 100, 100, dtype=torch.bool)
for step in range(60):
    line[0, step, step : step + 5] = True  # 300 pixels in a box of 64 x 60
sizes = {}
for kinds in ("bbox", ("bbox", "segm")):
    truth = {"boxes": torch.tensor([[0.0, 0.0, 64.0, 60.0]]), "labels": torch.tensor([1])}
    if kinds != "bbox":
        truth["masks"] = line
    metric = MeanAveragePrecision(iou_type=kinds)
    metric.update([{**truth, "scores": torch.tensor([0.9])}], [truth])
    found, prefix = metric.compute(), "" if kinds == "bbox" else "bbox_"
    sizes[kinds] = [round(found[f"{prefix}map_{size}"].item(), 4) for size in ("small", "medium")]
    print(f"iou_type {kinds!r}: AP of the box among small {sizes[kinds][0]}, among medium {sizes[kinds][1]}")
sys.exit(sizes != {"bbox": [-1.0, 1.0], ("bbox", "segm"): [1.0, -1.0]})
PY
