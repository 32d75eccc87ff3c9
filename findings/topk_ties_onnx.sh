#!/usr/bin/env bash
# torch 2.13.0 and onnxruntime 1.32.0: the same exported post-processing keeps other guesses where scores are equal, and
# they are equal soon, since a float32 sigmoid is exactly 1 from a logit of 17 on. ONNX's TopK takes the lower index of
# equals; torch.topk those that its selection leaves in front, which are others, in another order.
# Guess before the run: both keep the first of the equals.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install -q --disable-pip-version-check torch==2.13.0
"$folder/venv/bin/python" -m pip install -q --disable-pip-version-check numpy==2.4.6 onnx==1.23.2 onnxruntime==1.32.0
"$folder/venv/bin/python" -W ignore - <<'PY'
import io
import sys

import onnxruntime
import torch


class Best(torch.nn.Module):
    """The 100 best (guess, class) pairs of a sigmoid head, as their guesses: what DETR's children do."""

    def forward(self, logits):
        return logits.sigmoid().flatten(1).topk(100).indices // logits.shape[-1]


logits = torch.full((1, 300, 10), -5.0)
logits[0, ::2, 3] = 20.0  # 150 guesses, each sure of one of ten classes
file = io.BytesIO()
torch.onnx.export(Best(), (logits,), file, dynamo=False, input_names=["logits"], opset_version=17)
session = onnxruntime.InferenceSession(file.getvalue())
by_torch = Best()(logits)[0].tolist()
by_onnx = session.run(None, {"logits": logits.numpy()})[0][0].tolist()
common = len(set(by_torch) & set(by_onnx))
print("torch 2.13.0      ", by_torch[:8], "...")
print("onnxruntime 1.32.0", by_onnx[:8], "...")
print(f"guesses that both keep: {common} of 100")
sys.exit(not (by_onnx == list(range(0, 200, 2)) and len(set(by_torch)) == 100 and common < 100))
PY
