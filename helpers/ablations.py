"""Runs that differ from a baseline in one thing: `python -m helpers.training --ablation no-giou`.

They train on plain scenes of 64 px, so that a run takes minutes. Notebook 10 shows what came out.
"""

import dataclasses
from collections.abc import Callable

import numpy as np
import torch

from helpers.assignment import argmin, greedy
from helpers.boxes import at_least_float32
from helpers.evaluation import detections, summarize, suppress_duplicates
from helpers.loss import SetCriterion
from helpers.matcher import HungarianMatcher
from helpers.pairings import one_to_many
from helpers.recipe import PATCHES, Recipe, build_model
from helpers.recording import load_recording, write_recording
from helpers.scene_arrays import SceneArrays
from helpers.scenes import NUM_CLASSES
from helpers.training import build_accelerator, train, train_classifier

BASELINE = Recipe(
    plain=True,
    hidden_size=96,
    layers=4,
    detection_steps=12_000,
    detection_scenes=20_000,
    final_eos_coef=0.1,  # DETR's, to the end
    keep_steps=(),
)
RECORD_EVERY = 500
TEST_SCENES = 1000


@dataclasses.dataclass(frozen=True)
class Ablation:
    """What one run changes: a line for the table, fields of the recipe, and the criterion that it trains with."""

    changed: str
    recipe: dict = dataclasses.field(default_factory=dict)
    criterion: Callable = lambda: SetCriterion(HungarianMatcher(), NUM_CLASSES)


def log_class_cost(outputs, targets, image_index):
    """Minus the logarithm of the probability instead of minus the probability: (N, T)."""
    log_probability = at_least_float32(outputs["logits"]).log_softmax(-1)
    return -log_probability[image_index, :, targets["class_labels"]].T


def _changed(weights=None, **matching):
    return lambda: SetCriterion(HungarianMatcher(**matching), NUM_CLASSES, weights=weights)


ABLATIONS = {
    "baseline": Ablation("nothing: DETR's recipe"),
    "baseline-seed-1": Ablation("the seed", {"seed": 1}),
    "baseline-seed-2": Ablation("the seed", {"seed": 2}),
    "eos-1": Ablation("eos_coef 1 from the start", {"eos_coef": 1.0, "final_eos_coef": 1.0}),
    "eos-late-1": Ablation("eos_coef 0.1, then 1 from half way on", {"final_eos_coef": 1.0, "final_from": 0.5}),
    "eos-0": Ablation("eos_coef 0: nobody is told to be silent", {"eos_coef": 0.0, "final_eos_coef": 0.0}),
    "no-giou": Ablation("no GIoU in cost and loss", criterion=_changed({"loss_giou": 0.0}, giou_cost=0.0)),
    "no-l1": Ablation("no L1 in cost and loss", criterion=_changed({"loss_bbox": 0.0}, bbox_cost=0.0)),
    "log-p": Ablation("-log p in the class cost", criterion=_changed(costs={"class_cost": log_class_cost})),
    "greedy": Ablation("a greedy match", criterion=_changed(assign=greedy)),
    "argmin": Ablation("each target takes its cheapest token", criterion=_changed(assign=argmin)),
    "one-to-many": Ablation(
        "every guess near a target is its own; nothing for the rest",
        {"eos_coef": 0.0, "final_eos_coef": 0.0},
        lambda: SetCriterion(one_to_many(), NUM_CLASSES),
    ),
    "no-classifier": Ablation("no classification stage", {"classifier_steps": 0}),
    "tokens-6": Ablation("6 detection tokens", {"num_detection_tokens": 6}),
    "tokens-24": Ablation("24 detection tokens", {"num_detection_tokens": 24}),
}


def recipe_of(name):
    """The recipe of a run by name."""
    return dataclasses.replace(BASELINE, **ABLATIONS[name].recipe)


def train_ablation(name, folder, data_folder):
    """Train one run in `folder` and leave its small recording there, `NAME.npz`, measured on 1,000 unseen scenes."""
    recipe = recipe_of(name)
    steps = range(0, recipe.detection_steps + 1, RECORD_EVERY)
    model = with_eyes(recipe, folder.parent / f"eyes-{recipe.seed}", data_folder)
    model = train(recipe, folder, data_folder, ABLATIONS[name].criterion(), steps, model)
    recording = load_recording(folder / "recording.npz")
    about = recording.pop("about") | {"ablation": name} | final_measures(model, recipe)
    for frames in ("step", "logits", "boxes", "owners", "owners_after"):
        recording[frames] = recording[frames][[0, -1]]  # the first and the last; the curves are whole
    write_recording(folder / f"{name}.npz", recording, about)


def with_eyes(recipe, folder, data_folder):
    """The model at the start of detection. The classifier of a seed is trained once, and all its runs begin with it."""
    from safetensors.torch import load_file, save_file

    model = build_model(recipe)
    if recipe.classifier_steps:
        path = folder / f"eyes-{recipe.seed}.safetensors"
        if not path.exists():
            classified = build_model(dataclasses.replace(BASELINE, seed=recipe.seed))
            folder.mkdir(parents=True, exist_ok=True)
            train_classifier(recipe, classified, folder, build_accelerator(), data_folder)
            state = classified.vit.state_dict()
            save_file({name: value.half().contiguous() for name, value in state.items()}, path)
        weights, name = load_file(path), "embeddings.position_embeddings"  # in half precision, as they are shipped
        places = model.vit.state_dict()[name]
        places[:, : 1 + PATCHES**2] = weights[name][:, : 1 + PATCHES**2]  # there may be fewer or more tokens
        weights |= {name: places, "embeddings.detection_tokens": model.vit.embeddings.detection_tokens.data}
        model.vit.load_state_dict(weights)
        begin_as_class_token(model, recipe.seed)
    return model


@torch.no_grad()
def begin_as_class_token(model, seed):
    """Detection tokens that begin as [CLS], which looks at digits already, and differ a little: it halves the wait."""
    embeddings, generator = model.vit.embeddings, torch.Generator().manual_seed(seed)
    tokens, places = embeddings.detection_tokens, embeddings.position_embeddings[:, 1 + PATCHES**2 :]
    for part, first in ((tokens, embeddings.cls_token), (places, embeddings.position_embeddings[:, :1])):
        part.copy_(first + 0.1 * torch.randn(part.shape, generator=generator))


def final_measures(model, recipe):
    """What `helpers.evaluation` says of a trained run, without and with non-maximum suppression."""
    scenes = recipe.build_scenes("test", TEST_SCENES, seed=0)
    arrays, model = SceneArrays(scenes), model.eval()
    truth = [scenes[i][1]["annotations"] for i in range(len(scenes))]
    found = []
    for indices in np.array_split(np.arange(len(scenes)), 10):
        sizes = [(recipe.image_size, recipe.image_size)] * len(indices)
        found += detections(model, arrays.pixel_values(indices, *recipe.normalization), sizes)
    return {
        "measures": summarize(found, truth),
        "measures_suppressed": summarize([suppress_duplicates(one) for one in found], truth),
    }
