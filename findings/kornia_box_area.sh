#!/usr/bin/env bash
# kornia 0.9.0: `Boxes` made from corners (10, 20, 40, 60) say that they are 30 wide and 40 high and have an area of 1131,
# which is 29 x 39: corners are kept inclusive inside, one less at the right and below, and the area is that of the polygon
# through them. So a box of one pixel has no area, and one of half a pixel is 1.5 wide and has an area of 0.25, as it should.
# Guess before the run: the area is width times height of the same object, 1200.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install -q --disable-pip-version-check torch==2.13.0
"$folder/venv/bin/python" -m pip install -q --disable-pip-version-check kornia==0.9.0
"$folder/venv/bin/python" -W ignore - <<'PY'
import sys

import torch
from kornia.geometry.boxes import Boxes

corners = [[10.0, 20.0, 40.0, 60.0], [10.0, 20.0, 11.0, 21.0], [10.0, 20.0, 10.5, 20.5]]
boxes = Boxes.from_tensor(torch.tensor([corners]), mode="xyxy")
heights, widths = boxes.get_boxes_shape()
areas = boxes.compute_area()[0].tolist()
for width, height, area in zip(widths[0].tolist(), heights[0].tolist(), areas):
    print(f"{width:g} x {height:g}: area {area:g}, width times height {width * height:g}")
sizes = list(zip(widths[0].tolist(), heights[0].tolist()))
sys.exit(sizes != [(30.0, 40.0), (1.0, 1.0), (1.5, 1.5)] or areas != [1131.0, 0.0, 0.25])
PY
