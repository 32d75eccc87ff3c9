#!/usr/bin/env bash
# transformers 5.23.0, Grounding DINO's loss: in a batch whose images have different numbers of phrases, the goals of the
# second and later images are looked up at the offset of their own number of phrases, not of all phrases before them. So
# image 1 is taught its second phrase, and image 2 a phrase of image 0.
# Guess before the run: each image is taught its own words.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install -q --disable-pip-version-check torch==2.13.0
"$folder/venv/bin/python" -m pip install -q --disable-pip-version-check transformers==5.23.0 scipy==1.17.1 pillow
"$folder/venv/bin/python" - <<'PY'
import sys

import torch
from transformers.loss.loss_grounding_dino import GroundingDinoImageLoss

# Three images with 2, 3 and 1 phrases of one word each; the words of image i are 10 i, 10 i + 1, ... Each image holds
# one object, of its phrase 0.
maps = [torch.nn.functional.one_hot(10 * i + torch.arange(n), 40).float() for i, n in enumerate((2, 3, 1))]
one = (torch.tensor([0]), torch.tensor([0]))
targets = [{"class_labels": torch.tensor([0]), "boxes": torch.full((1, 4), 0.5)} for _ in maps]
outputs = {"logits": torch.zeros(3, 1, 40), "pred_boxes": torch.full((3, 1, 4), 0.5), "label_maps": maps}
loss = GroundingDinoImageLoss(None, 0.25, ["labels"])
outputs["text_mask"] = torch.ones(3, 1, 40, dtype=torch.bool)
logits = outputs["logits"].requires_grad_()
loss.loss_labels(outputs, targets, [one] * 3, 3)["loss_ce"].backward()
taught = logits.grad[:, 0].argmin(-1).tolist()  # the word that the gradient raises
print("words wanted [0, 10, 20], taught", taught)
sys.exit(taught != [0, 11, 1])
PY
