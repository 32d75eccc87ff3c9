"""Detectors of a hundred guesses and 91 classes, with random weights, in folders: what a reader's own model is like."""

import torch


def names(count):
    return {label: ["person", "cat"][label] if label < 2 else f"class {label}" for label in range(count)}


def save_random_detectors(folder):
    """A small random YOLOS of YOLOS-tiny's form (tokens, classes, processor) and a DETR, saved in folder/yolos and
    folder/detr.
    """
    from transformers import (
        DetrConfig,
        DetrForObjectDetection,
        DetrImageProcessorPil,
        ResNetConfig,
        YolosConfig,
        YolosForObjectDetection,
        YolosImageProcessorPil,
    )

    torch.manual_seed(0)
    config = YolosConfig(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32, image_size=[96, 128],
        num_detection_tokens=100, use_mid_position_embeddings=False, id2label=names(91), eos_coefficient=0.1,
    )  # fmt: skip
    yolos = YolosForObjectDetection(config)
    torch.nn.init.normal_(yolos.vit.embeddings.detection_tokens)
    yolos.save_pretrained(folder / "yolos")
    size = {"shortest_edge": 96, "longest_edge": 128}
    YolosImageProcessorPil(size=size).save_pretrained(folder / "yolos")
    backbone = ResNetConfig(embedding_size=8, hidden_sizes=[8, 8, 8, 8], depths=[1, 1, 1, 1], out_features=["stage4"])
    sizes = dict.fromkeys(("encoder_layers", "decoder_layers"), 1)
    sizes |= dict.fromkeys(("encoder_attention_heads", "decoder_attention_heads"), 2)
    config = DetrConfig(
        use_timm_backbone=False, backbone_config=backbone, d_model=16, encoder_ffn_dim=16, decoder_ffn_dim=16,
        num_queries=100, id2label=names(91), **sizes,
    )  # fmt: skip
    DetrForObjectDetection(config).save_pretrained(folder / "detr")
    DetrImageProcessorPil(size=size).save_pretrained(folder / "detr")
