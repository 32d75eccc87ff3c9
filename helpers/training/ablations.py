"""Runs that differ from a baseline in one thing: `python -m helpers.training --ablation no-giou`.

Only "one-to-many" differs in three: its match, its cost, and eos_coef, which is 0. All train the
encoder's matrices with Muon. The baseline has three seeds, the others one. They train on plain
scenes of 64 px, so that a run takes minutes."""

import dataclasses
from collections.abc import Callable

from helpers.assignment import argmin, greedy
from helpers.loss import SetCriterion
from helpers.matcher import HungarianMatcher
from helpers.scenes import NUM_CLASSES
from helpers.training.muting import mute_tokens
from helpers.training.pairings import log_class_cost, one_to_many
from helpers.training.recipe import Recipe

BASELINE = Recipe(
    plain=True,
    hidden_size=96,
    layers=4,
    muon_rate=2e-3,  # with AdamW alone the boxes wait twice as long
    classifier_steps=3000,
    detection_steps=6000,
    detection_scenes=20_000,
    second_steps=0,
    final_eos_coef=0.1,  # DETR's, to the end
    keep_steps=(),
)


@dataclasses.dataclass(frozen=True)
class Ablation:
    """What one run changes: a line for the table, fields of the recipe, the criterion that it
    trains with, and what it does to the model before the first step.
    """

    changed: str
    recipe: dict = dataclasses.field(default_factory=dict)
    criterion: Callable = lambda: SetCriterion(HungarianMatcher(), NUM_CLASSES)
    prepare: Callable = lambda model: None


def _changed(weights=None, **matching):
    return lambda: SetCriterion(HungarianMatcher(**matching), NUM_CLASSES, weights=weights)


ABLATIONS = {
    "baseline": Ablation("nothing"),
    "baseline-seed-1": Ablation("the seed", {"seed": 1}),
    "baseline-seed-2": Ablation("the seed", {"seed": 2}),
    "eos-1": Ablation("eos_coef 1 from the start", {"eos_coef": 1.0, "final_eos_coef": 1.0}),
    "eos-late-1": Ablation(
        "eos_coef 0.1, then 1 from half way on", {"final_eos_coef": 1.0, "final_from": 0.5}
    ),
    "eos-0": Ablation(
        "eos_coef 0: nobody is told to be silent", {"eos_coef": 0.0, "final_eos_coef": 0.0}
    ),
    "no-giou": Ablation(
        "no GIoU in cost and loss", criterion=_changed({"loss_giou": 0.0}, giou_cost=0.0)
    ),
    "no-l1": Ablation(
        "no L1 in cost and loss", criterion=_changed({"loss_bbox": 0.0}, bbox_cost=0.0)
    ),
    "log-p": Ablation(
        "-log p in the class cost", criterion=_changed(costs={"class_cost": log_class_cost})
    ),
    "no-class-cost": Ablation("no class in the cost", criterion=_changed(class_cost=0.0)),
    "greedy": Ablation("a greedy match", criterion=_changed(assign=greedy)),
    "argmin": Ablation("each target takes its cheapest token", criterion=_changed(assign=argmin)),
    "one-to-many": Ablation(
        "every guess near a target is its own, by IoU alone; eos_coef 0",
        {"eos_coef": 0.0, "final_eos_coef": 0.0},
        lambda: SetCriterion(one_to_many(), NUM_CLASSES),
    ),
    "no-classifier": Ablation("no classification stage", {"classifier_steps": 0}),
    "tokens-6": Ablation("6 detection tokens", {"num_detection_tokens": 6}),
    "tokens-24": Ablation("24 detection tokens", {"num_detection_tokens": 24}),
    "muted": Ablation("tokens read no other token, and nobody reads them", prepare=mute_tokens),
}


def recipe_of(name):
    """The recipe of a run by name."""
    return dataclasses.replace(BASELINE, **ABLATIONS[name].recipe)
