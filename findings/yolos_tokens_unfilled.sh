#!/usr/bin/env bash
# transformers 5.23.0: a YOLOS loaded with another number of detection tokens and ignore_mismatched_sizes=True has tokens
# and positions that nobody filled: whatever the memory held. torch can be asked to fill such memory with NaN, and then
# they are NaN, all of the positions of its patches too. A DETR's queries, likewise of another number, are drawn anew.
# Guess before the run: what does not fit is drawn as in a new model, and the positions of the patches are kept.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install -q --disable-pip-version-check torch==2.13.0
"$folder/venv/bin/python" -m pip install -q --disable-pip-version-check transformers==5.23.0 scipy==1.17.1 pillow
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import sys

import torch
from transformers import DetrConfig, DetrForObjectDetection, ResNetConfig, YolosConfig, YolosForObjectDetection

torch.use_deterministic_algorithms(True)  # fills memory that is only reserved with NaN
tiny = dict(hidden_size=16, num_hidden_layers=2, num_attention_heads=1, intermediate_size=16, image_size=[32, 32])
yolos = YolosForObjectDetection(YolosConfig(**tiny, patch_size=16, num_detection_tokens=5))
yolos.save_pretrained("yolos")
backbone = ResNetConfig(embedding_size=8, hidden_sizes=[8], depths=[1], out_features=["stage1"])
small = dict(d_model=16, encoder_layers=1, decoder_layers=1, encoder_ffn_dim=16, decoder_ffn_dim=16,
             encoder_attention_heads=1, decoder_attention_heads=1)
detr = DetrForObjectDetection(DetrConfig(use_timm_backbone=False, backbone_config=backbone, num_queries=5, **small))
detr.save_pretrained("detr")

more = dict(ignore_mismatched_sizes=True)
embeddings = YolosForObjectDetection.from_pretrained("yolos", num_detection_tokens=7, **more).vit.embeddings
queries = DetrForObjectDetection.from_pretrained("detr", num_queries=7, **more).model.query_position_embeddings.weight
unfilled = {
    "tokens of YOLOS": embeddings.detection_tokens,  # (1, 7, 16)
    "positions of YOLOS": embeddings.position_embeddings,  # (1, 1 + 4 + 7, 16): [CLS], patches, tokens
    "queries of DETR": queries,  # (7, 16)
}
unfilled = {name: float(values.isnan().float().mean()) for name, values in unfilled.items()}
print("share of values that nobody filled:", unfilled)
sys.exit(list(unfilled.values()) != [1.0, 1.0, 0.0])
PY
