"""The table of notebook 01: YOLOS beside DETR, every entry measured on the two models."""

import torch

from helpers.detector import detection_states
from helpers.loss import SetCriterion
from helpers.matcher import HungarianMatcher


@torch.no_grad()
def compare(yolos, detr, pixel_values, targets):
    """What is the same in a YOLOS and a DETR and what is not: a dict of row name -> (text for
    YOLOS, text for DETR).

    Args: a `YolosForObjectDetection` and a `DetrForObjectDetection`; pixel_values (B, 3, height,
    width); targets."""
    vit, inner = yolos.vit, detr.model
    count = yolos.config.num_detection_tokens
    left, right = yolos(pixel_values, labels=targets), detr(pixel_values, labels=targets)
    image_tokens = vit.embeddings.patch_embeddings(pixel_values)
    read = detection_states(left.last_hidden_state, count)
    backbone = (inner.backbone, inner.input_projection)
    rows = {
        "": ("YOLOS", "DETR"),
        "pixel_values": (pixel_values.shape, pixel_values.shape),
        "convolutions on the pixels": (_convolutions(vit), _convolutions(*backbone)),
        "   with parameters": (_size(vit.embeddings.patch_embeddings), _size(*backbone)),
        "tokens made of the image": (image_tokens.shape, right.encoder_last_hidden_state.shape),
        "learned tokens and positions": (
            _size(vit.embeddings, recurse=False),
            _size(inner.query_position_embeddings),
        ),
        "encoder layers": (len(vit.encoder.layer), len(inner.encoder.layers)),
        "   with parameters ": (_size(vit.encoder, vit.layernorm), _size(inner.encoder)),
        "decoder layers": (0, len(inner.decoder.layers)),
        "   with parameters  ": ("0", _size(inner.decoder)),
        "what the heads read": (read.shape, right.last_hidden_state.shape),
        "heads, their parameters": tuple(
            _size(m.class_labels_classifier, m.bbox_predictor) for m in (yolos, detr)
        ),
        "all parameters": (_size(yolos), _size(detr)),
        "logits": (left.logits.shape, right.logits.shape),
        "pred_boxes": (left.pred_boxes.shape, right.pred_boxes.shape),
        "loss, by the model itself": (f"{float(left.loss):.4f}", f"{float(right.loss):.4f}"),
        "loss, by SetCriterion": (_own_loss(yolos, left, targets), _own_loss(detr, right, targets)),
    }
    return {name: (_text(one), _text(other)) for name, (one, other) in rows.items()}


def _convolutions(*modules):
    return sum(isinstance(part, torch.nn.Conv2d) for module in modules for part in module.modules())


def _size(*modules, recurse=True):
    return (
        f"{sum(weights.numel() for module in modules for weights in module.parameters(recurse)):,}"
    )


def _own_loss(model, outputs, targets):
    criterion = SetCriterion(
        HungarianMatcher(), model.config.num_labels, eos_coef=model.config.eos_coefficient
    )
    return f"{float(criterion.total(criterion(outputs, targets))):.4f}"


def _text(value):
    return str(tuple(value)) if isinstance(value, torch.Size) else str(value)
