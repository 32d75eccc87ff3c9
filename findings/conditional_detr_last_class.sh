#!/usr/bin/env bash
# transformers 5.23.0: Conditional DETR has a sigmoid head with one column for each class and none for no-object, but its
# instance post-processing takes the last column for no-object: objects of the last class are never returned.
# Guess before the run: post-processing knows the head of its own model.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install -q --disable-pip-version-check torch==2.13.0
"$folder/venv/bin/python" -m pip install -q --disable-pip-version-check transformers==5.23.0 scipy==1.17.1 pillow
"$folder/venv/bin/python" - <<'PY'
import sys
from types import SimpleNamespace

import torch
from transformers import ConditionalDetrImageProcessorPil

logits = torch.full((1, 5, 5), -10.0)
logits[0].fill_diagonal_(10.0)  # five guesses, each sure of another of five classes
masks = torch.full((1, 5, 20, 20), -10.0)
for index in range(5):
    masks[0, index, 4 * index : 4 * index + 4] = 10.0
answer = SimpleNamespace(logits=logits, pred_masks=masks)
(found,) = ConditionalDetrImageProcessorPil().post_process_instance_segmentation(answer, target_sizes=[(20, 20)])
classes = sorted(segment["label_id"] for segment in found["segments_info"])
print("classes present [0, 1, 2, 3, 4], returned", classes)
sys.exit(classes != [0, 1, 2, 3])
PY
