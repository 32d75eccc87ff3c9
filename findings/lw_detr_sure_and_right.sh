#!/usr/bin/env bash
# transformers 5.23.0, LW-DETR's class loss: a guess of the right class, whose box overlaps its target by IoU 0.9, has a
# loss that grows with its certainty, from 0.31 at logit 3 to 1.21 at logit 16, and is infinite from 17 on. In bfloat16 it
# is infinite from logit 7 on, a probability of 0.9991. The goal of a good box is its quality, below 1, so the logarithm of
# 1 - p is taken for right classes as well, of a sigmoid that rounds to 1.
# Guess before the run: only a guess that is sure and wrong can make it infinite.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install -q --disable-pip-version-check torch==2.13.0
"$folder/venv/bin/python" -m pip install -q --disable-pip-version-check transformers==5.23.0 scipy==1.17.1 pillow
"$folder/venv/bin/python" - <<'PY'
import sys

import torch
from transformers.loss.loss_lw_detr import LwDetrImageLoss

targets = [{"class_labels": torch.tensor([0]), "boxes": torch.tensor([[0.5, 0.5, 0.4, 0.4]])}]
box = torch.tensor([[[0.5, 0.5, 0.4, 0.36]]])  # lies in its target: IoU 0.9
match = [(torch.tensor([0]), torch.tensor([0]))]
loss = LwDetrImageLoss(None, 2, 0.25, ["labels"], 1)  # two classes, alpha as in the configuration


def graded(logit, dtype):
    outputs = {"logits": torch.tensor([[[logit, -8.0]]], dtype=dtype), "pred_boxes": box.to(dtype)}
    return float(loss.loss_labels(outputs, targets, match, 1)["loss_ce"])


first = {}
for dtype in (torch.float32, torch.bfloat16):
    values = [graded(float(logit), dtype) for logit in range(30)]
    first[dtype] = values.index(float("inf"))
    finite = values[: first[dtype]]
    least = finite.index(min(finite))
    print(f"{dtype}: least {finite[least]:.2f} at logit {least}, last {finite[-1]:.2f}, infinite from {first[dtype]} on")
sys.exit(first != {torch.float32: 17, torch.bfloat16: 7})
PY
