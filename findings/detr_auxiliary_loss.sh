#!/usr/bin/env bash
# transformers 5.23.0: with `auxiliary_loss=True` DETR's decoder hands each layer's *normalised* states to the next layer, not
# only to the heads. So the switch that should add a loss in training changes what the same weights answer, also without
# labels. DETR's authors normalise only what the heads read. A fresh model shows nothing, since a LayerNorm of weight 1 and
# bias 0 leaves normalised states as they are; weights that were trained without the switch answer otherwise with it.
# Guess before the run: the switch adds outputs, and the answer stays as it is.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install -q --disable-pip-version-check torch==2.13.0
"$folder/venv/bin/python" -m pip install -q --disable-pip-version-check transformers==5.23.0 scipy==1.17.1 pillow
"$folder/venv/bin/python" - <<'PY'
import sys

import torch
from transformers import DetrConfig, DetrForObjectDetection, ResNetConfig

backbone = ResNetConfig(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], layer_type="basic", out_features=["stage2"])
parts = {"use_timm_backbone": False, "use_pretrained_backbone": False, "backbone_config": backbone}
sizes = {"d_model": 32, "num_queries": 8, "encoder_layers": 1, "decoder_layers": 3, "encoder_ffn_dim": 32, "decoder_ffn_dim": 32}
torch.manual_seed(0)
plain = DetrForObjectDetection(DetrConfig(**parts, **sizes)).eval()
switched = DetrForObjectDetection(DetrConfig(**parts, **sizes, auxiliary_loss=True)).eval()
picture, moved = torch.randn(1, 3, 64, 64), {}
with torch.no_grad():
    for weights in ("fresh", "as training leaves them"):
        if weights != "fresh":
            for part in plain.modules():
                if isinstance(part, torch.nn.LayerNorm):
                    part.weight.normal_(1, 0.3)
                    part.bias.normal_(0, 0.3)
        switched.load_state_dict(plain.state_dict())
        logits = plain(picture).logits
        moved[weights] = float((logits - switched(picture).logits).abs().max() / logits.std())
        print(f"LayerNorm {weights}: auxiliary_loss moves the logits by up to {moved[weights]:.3f} standard deviations")
sys.exit(not (moved["fresh"] < 0.001 and moved["as training leaves them"] > 0.05))
PY
