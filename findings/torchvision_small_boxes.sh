#!/usr/bin/env bash
# torchvision 0.28.0: its GIoU *loss* of a box with itself is not 0 in normalised coordinates, as DETR has them, but 0.09
# for one pixel of a picture of 1,000, and 0.02 for two: 1e-7 is added to the union, which is 1e-6 there. In pixels it is 0.
# Its function `generalized_box_iou` adds nothing, and gives exactly 1. So a perfect small box is trained on, by the loss.
# Guess before the run: 0 up to rounding, in both units, and 1 minus the function.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install -q --disable-pip-version-check torch==2.13.0 numpy==2.4.6 pillow==13.0.0
"$folder/venv/bin/python" -m pip install -q --disable-pip-version-check --no-deps torchvision==0.28.0
"$folder/venv/bin/python" -W ignore - <<'PY'
import sys

import torch

try:
    import torchvision  # noqa: F401
except RuntimeError:  # beside a torch without CUDA its compiled operators do not load; nothing here needs them
    for name in ("nms", "qnms"):
        torch.library.define(f"torchvision::{name}", "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
from torchvision.ops import generalized_box_iou, generalized_box_iou_loss

found = []
for pixels in (1, 2, 8, 32):
    box = torch.tensor([[500.0, 500.0, 500.0 + pixels, 500.0 + pixels]], dtype=torch.float64)
    loss, in_pixels = (round(generalized_box_iou_loss(one, one).item(), 4) for one in (box / 1000, box))
    by_function = round(1 - generalized_box_iou(box / 1000, box / 1000).item(), 4)
    print(f"{pixels} x {pixels} of 1000 x 1000, with itself: loss {loss}, in pixels {in_pixels}, 1 - GIoU {by_function}")
    found.append((loss, in_pixels, by_function))
sys.exit(found != [(0.0909, 0.0, 0.0), (0.0244, 0.0, 0.0), (0.0016, 0.0, 0.0), (0.0001, 0.0, 0.0)])
PY
