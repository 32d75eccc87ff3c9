"""A made-up training, as the recorder would write it: boxes drift to their targets, classes follow, matches settle."""

import json

import numpy as np
import torch

from helpers.matcher import HungarianMatcher
from helpers.targets import coco_target
from helpers.training.recording import MATCH_SCENES, REPLAY_SCENES, load_recording, recorded_steps
from helpers.widgets.replay import SHIPPED, recorded_scenes

NUM_TOKENS, NUM_CLASSES = 12, 10


def shipped_total(otherwise=16_000):
    """How many steps the shipped recording covers."""
    return int(load_recording(SHIPPED)["step"][-1]) if SHIPPED.is_file() else otherwise


def write_fake_recording(path, total=None, seed=0):
    """Write a recording with the keys, shapes and types of a real one; as long as the shipped one unless told."""
    total = shipped_total() if total is None else total
    rng = np.random.default_rng(seed)
    steps = recorded_steps(total)
    targets = [coco_target(annotation, *image.size) for image, annotation in recorded_scenes(MATCH_SCENES)]
    count = len(targets)
    home = rng.uniform(0.2, 0.8, (NUM_TOKENS, 2))
    goal = np.tile(np.concatenate([home, np.full((NUM_TOKENS, 2), 0.3)], 1), (count, 1, 1))  # (64, N, 4)
    wanted = np.zeros((count, NUM_TOKENS, NUM_CLASSES + 1))
    wanted[..., -1] = 6
    for scene, target in enumerate(targets):
        tokens = rng.permutation(NUM_TOKENS)[: len(target["boxes"])]
        goal[scene, tokens] = target["boxes"].numpy()
        wanted[scene, tokens, -1] = 0
        wanted[scene, tokens, target["class_labels"].numpy()] = 6
    matcher = HungarianMatcher()
    frames = {name: [] for name in ("logits", "boxes", "owners", "owners_after")}
    for step in steps:
        skill = 1 / (1 + np.exp(-2.2 * (np.log10(step + 1) - 3)))
        for name in ("owners", "owners_after"):
            noise = (1 - skill) * 0.16
            centre = np.concatenate([home, np.full((NUM_TOKENS, 2), 0.35)], 1)
            boxes = (1 - skill) * centre + skill * goal + noise * rng.normal(size=goal.shape)
            boxes = torch.tensor(boxes.clip(0.02, 0.98), dtype=torch.float32)
            logits = torch.tensor(skill * wanted + rng.normal(size=wanted.shape) * 0.7, dtype=torch.float32)
            owners = np.full((count, NUM_TOKENS), -1, np.int8)
            for scene, (prediction, target) in enumerate(matcher({"logits": logits, "pred_boxes": boxes}, targets)):
                owners[scene, prediction] = target
            frames[name].append(owners)
            if name == "owners":
                frames["logits"].append(logits[:REPLAY_SCENES].numpy())
                frames["boxes"].append(boxes[:REPLAY_SCENES].numpy())
    curve = np.arange(50, total + 1, 50)
    fall = 1 / (1 + (curve / 2500) ** 1.4)
    arrays = {name: np.stack(parts) for name, parts in frames.items()}
    arrays |= {
        "step": np.array(steps),
        "target_counts": np.array([len(target["boxes"]) for target in targets], np.int8),
        "target_labels": torch.cat([target["class_labels"] for target in targets[:REPLAY_SCENES]]).numpy(),
        "target_boxes": torch.cat([target["boxes"] for target in targets[:REPLAY_SCENES]]).numpy(),
        "curve_step": curve.astype(np.float32),
        "curve_loss_ce": (0.1 + 2.2 * fall).astype(np.float32),
        "curve_loss_bbox": (0.05 + 0.45 * fall).astype(np.float32),
        "curve_loss_giou": (0.2 + 0.9 * fall).astype(np.float32),
        "evaluation_step": np.array(steps, np.float32),
        "evaluation_AP": np.array([0.76 / (1 + (5500 / (s + 1)) ** 3) for s in steps], np.float32),
        "evaluation_AP50": np.array([0.94 / (1 + (4000 / (s + 1)) ** 3) for s in steps], np.float32),
    }
    np.savez_compressed(path, about=np.array(json.dumps({"minutes": 100.0})), **arrays)
    return path
