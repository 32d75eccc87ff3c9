"""The recipe of mini-YOLOS: everything that decides a run, and the untrained model that it starts from."""

import dataclasses

import torch
from torch import nn

from helpers.scenes import IMAGE_SIZE, NUM_CLASSES

IMAGE_MEAN, IMAGE_STD = 0.8, 0.25  # light paper becomes about 0


@dataclasses.dataclass
class Recipe:
    """Everything that decides a run."""

    hidden_size: int = 96
    layers: int = 5
    num_detection_tokens: int = 12
    classifier_steps: int = 5000
    classifier_scenes: int = 20_000
    detection_steps: int = 36_000
    detection_scenes: int = 40_000
    batch_size: int = 32  # per process
    learning_rate: float = 1e-3
    weight_decay: float = 0.05
    warm_up: float = 0.1  # share of the steps
    clip: float = 1.0
    eos_coef: float = 0.1  # DETR's, until the network finds objects
    final_eos_coef: float = 1.0  # then 1: with 12 tokens there is no flood of no-object to hold back
    final_from: float = 0.25  # share of the steps
    seed: int = 0
    keep_steps: tuple = (1000, 5000, 9000)  # early weights to ship
    keep_optimizer: int = 5000  # which of them with its optimiser

    def eos_coef_at(self, step):
        return self.final_eos_coef if step >= self.final_from * self.detection_steps else self.eos_coef


def build_model(recipe):
    """A `YolosForObjectDetection` with fresh weights (deterministic for a seed)."""
    from transformers import YolosConfig, YolosForObjectDetection

    torch.manual_seed(recipe.seed)
    config = YolosConfig(
        hidden_size=recipe.hidden_size,
        num_hidden_layers=recipe.layers,
        num_attention_heads=4,
        intermediate_size=2 * recipe.hidden_size,
        image_size=[IMAGE_SIZE, IMAGE_SIZE],
        patch_size=16,
        num_detection_tokens=recipe.num_detection_tokens,
        use_mid_position_embeddings=False,
        eos_coefficient=recipe.final_eos_coef,
        id2label={digit: str(digit) for digit in range(NUM_CLASSES)},
        label2id={str(digit): digit for digit in range(NUM_CLASSES)},
    )
    model = YolosForObjectDetection(config)
    embeddings = model.vit.embeddings
    for parameter in (embeddings.cls_token, embeddings.detection_tokens, embeddings.position_embeddings):
        # transformers leaves these at zero: tokens then begin alike, and the first LayerNorm inflates gradients.
        nn.init.trunc_normal_(parameter, std=0.02)
    return model


@torch.no_grad()
def renew_detection_tokens(model):
    """Fresh detection tokens and positions for them: YOLOS adds these to a ViT that was trained without."""
    embeddings, count = model.vit.embeddings, model.config.num_detection_tokens
    nn.init.trunc_normal_(embeddings.detection_tokens, std=0.02)
    nn.init.trunc_normal_(embeddings.position_embeddings[:, -count:], std=0.02)


def build_image_processor():
    """The image processor of the scenes: 128 x 128, light paper becomes about 0."""
    from transformers import YolosImageProcessorPil

    size = {"height": IMAGE_SIZE, "width": IMAGE_SIZE}
    return YolosImageProcessorPil(size=size, image_mean=[IMAGE_MEAN] * 3, image_std=[IMAGE_STD] * 3)
