"""Runs that differ from a baseline in one thing: `python -m helpers.training --ablation no-giou`.

Only "one-to-many" differs in three: its match, its cost, and eos_coef, which is 0. All train the
encoder's matrices with Muon. Those that a claim rests on have three seeds, the others one. They
train on plain scenes of 64 px, so that a run takes minutes."""

import dataclasses
from collections.abc import Callable

from helpers.assignment import argmin, greedy
from helpers.loss import SetCriterion
from helpers.matcher import HungarianMatcher
from helpers.scenes import NUM_CLASSES
from helpers.training.borrowing import BorrowedMatch, LentOwners
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
    trains with, what it does to the model before the first step.

    `lender` names the run whose finished detector it borrows from; `view(arrays, lender, recipe)`
    makes of the scenes what it trains on, `model(lender, recipe)` builds another model than
    mini-YOLOS, `losses` is another step than `helpers.training.run.step_losses`.
    """

    changed: str
    recipe: dict = dataclasses.field(default_factory=dict)
    criterion: Callable = lambda: SetCriterion(HungarianMatcher(), NUM_CLASSES)
    prepare: Callable = lambda model: None
    lender: str | None = None
    view: Callable | None = None
    model: Callable | None = None
    losses: Callable | None = None

    def whole_recipe(self):
        """The baseline's recipe with what this run changes."""
        return dataclasses.replace(BASELINE, **self.recipe)

    def task(self, lender, recipe):
        """What `helpers.training.run.train` takes besides: "view" and "losses", if other."""
        view = self.view and (lambda arrays: self.view(arrays, lender, recipe))
        return {name: part for name, part in (("view", view), ("losses", self.losses)) if part}


def _changed(weights=None, **matching):
    return lambda: SetCriterion(HungarianMatcher(**matching), NUM_CLASSES, weights=weights)


MUTED = Ablation("detection tokens read no token, and nobody reads them", prepare=mute_tokens)
BY_PLACE = Ablation("no class in the cost", criterion=_changed(class_cost=0.0))
BORROWED = Ablation(
    "the match of a finished detector, muted, from the first step",
    criterion=lambda: SetCriterion(BorrowedMatch(), NUM_CLASSES),
    lender="muted",
    view=lambda arrays, lender, recipe: LentOwners(arrays, lender, recipe.normalization),
)

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
        "−log p in the class cost", criterion=_changed(costs={"class_cost": log_class_cost})
    ),
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
    "muted": MUTED,
    "muted-seed-1": dataclasses.replace(MUTED, recipe={"seed": 1}),
    "muted-seed-2": dataclasses.replace(MUTED, recipe={"seed": 2}),
    "no-class-cost": BY_PLACE,
    "no-class-cost-seed-1": dataclasses.replace(BY_PLACE, recipe={"seed": 1}),
    "no-class-cost-seed-2": dataclasses.replace(BY_PLACE, recipe={"seed": 2}),
    "borrowed": BORROWED,
    "borrowed-seed-1": dataclasses.replace(BORROWED, recipe={"seed": 1}),
    "borrowed-seed-2": dataclasses.replace(BORROWED, recipe={"seed": 2}),
    "adamw": Ablation("AdamW alone, without Muon", {"muon_rate": None}),
    "l1-matched": Ablation(
        "no L1 in the loss, kept in the cost", criterion=_changed({"loss_bbox": 0.0})
    ),
    "giou-matched": Ablation(
        "no GIoU in the loss, kept in the cost", criterion=_changed({"loss_giou": 0.0})
    ),
}


def recipe_of(name):
    """The recipe of a run by name."""
    return ABLATIONS[name].whole_recipe()


def base_of(name):
    """The name of a run without its seed.

    >>> base_of("baseline-seed-2"), base_of("muted")
    ('baseline', 'muted')
    """
    return name.split("-seed-")[0]


def bases(runs):
    """The names of runs without their further seeds.

    >>> bases(["decoder", "decoder-seed-1", "decoder-focal"])
    ['decoder', 'decoder-focal']
    """
    return [name for name in runs if name == base_of(name)]
