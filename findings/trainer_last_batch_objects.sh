#!/usr/bin/env bash
# transformers 5.23.0 with accelerate 1.15.0, one process: Trainer hands compute_metrics the labels of a detector, but of
# the images of a last, smaller batch it keeps only as many objects each as there are images in that batch. Three images
# of three objects, two to a batch: the third image comes with one object. accelerate cuts what several processes may have
# added to fill the last batch, and cuts every tensor in it, boxes and labels of each image too.
# Guess before the run: each image comes with its three objects.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install -q --disable-pip-version-check torch==2.13.0
"$folder/venv/bin/python" -m pip install -q --disable-pip-version-check transformers==5.23.0 accelerate==1.15.0 \
  scipy==1.17.1 pillow
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import sys

import torch
from transformers import Trainer, TrainingArguments, YolosConfig, YolosForObjectDetection

tiny = dict(hidden_size=16, num_hidden_layers=1, num_attention_heads=1, intermediate_size=16, image_size=[32, 32])
model = YolosForObjectDetection(YolosConfig(**tiny, patch_size=16, num_detection_tokens=5, num_labels=2))
labels = {"class_labels": torch.tensor([0, 1, 0]), "boxes": torch.full((3, 4), 0.5)}
images = [{"pixel_values": torch.zeros(3, 32, 32), "labels": labels}] * 3


def collate(items):
    pixels = torch.stack([item["pixel_values"] for item in items])
    return {"pixel_values": pixels, "labels": [item["labels"] for item in items]}


objects = []


def metrics(evaluated):
    objects.extend([len(image["class_labels"]) for image in batch] for batch in evaluated.label_ids)
    return {}


arguments = TrainingArguments(
    "out", per_device_eval_batch_size=2, eval_do_concat_batches=False, remove_unused_columns=False,
    use_cpu=True, report_to="none", disable_tqdm=True,
)
Trainer(model, arguments, data_collator=collate, compute_metrics=metrics).evaluate(images)
print("objects of the images in each batch:", objects)
sys.exit(objects != [[3, 3], [1]])
PY
