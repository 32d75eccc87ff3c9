"""Runs of a small DETR that differ from `decoder` in one thing: `python -m helpers.training
--ablation decoder-silent`.

A decoder of three layers, each with a loss of its own, reads what the finished detector of the run
`muted` sees. A run takes a quarter of the time that those of `helpers.training.ablations` take, so
that there are seeds."""

from functools import partial

from helpers.later.costs import FOCAL_COSTS
from helpers.later.losses import FocalLoss, GroupCriterion
from helpers.later.matches import in_groups
from helpers.loss import SetCriterion
from helpers.matcher import HungarianMatcher
from helpers.scenes import NUM_CLASSES
from helpers.training.ablations import ABLATIONS, Ablation
from helpers.training.borrowing import BorrowedMatch, LentOwners
from helpers.training.more_positives import denoising_losses, hybrid_losses, two_each_losses
from helpers.training.small_detr import SeenScenes, SmallDetr

RECIPE = {"layers": 3, "detection_steps": 2400, "classifier_steps": 0, "muon_rate": None}
SEEDS = 3


def _seen(arrays, lender, recipe):
    return SeenScenes(arrays, lender, recipe.normalization)


def _seen_and_lent(arrays, lender, recipe):
    return SeenScenes(
        LentOwners(arrays, lender, recipe.normalization), lender, recipe.normalization
    )


def _runs(name, changed, recipe=None, **more):
    """One run with each seed, on frozen eyes: `more` as of an `Ablation`."""
    more = {"lender": "muted", "view": _seen, "model": SmallDetr, **more}
    return {
        f"{name}-seed-{seed}" if seed else name: Ablation(
            changed, RECIPE | {"seed": seed} | (recipe or {}), **more
        )
        for seed in range(SEEDS)
    }


def _focal():
    # The weights of Deformable DETR's authors, in cost and loss.
    matcher = HungarianMatcher(2, 5, 2, costs=FOCAL_COSTS)
    terms = {"labels": FocalLoss()}
    return SetCriterion(matcher, NUM_CLASSES, weights={"loss_ce": 2.0}, terms=terms)


def _tokens(count):
    """So many queries, and no-object with the share of the weight that it has at twelve: a scene
    holds three objects on average.
    """
    eos_coef = 0.1 * (12 - 3) / (count - 3)
    return {"num_detection_tokens": count, "eos_coef": eos_coef, "final_eos_coef": eos_coef}


DECODERS = {
    **_runs("decoder", "nothing"),
    **_runs(
        "decoder-silent",
        "no self-attention: no query hears of another",
        model=partial(SmallDetr, silent=True),
    ),
    **_runs(
        "decoder-focal",
        "sigmoids, with the focal loss in cost and loss",
        criterion=_focal,
        model=partial(SmallDetr, sigmoid=True),
    ),
    **_runs(
        "decoder-groups",
        "three groups of queries in training, one answers",
        criterion=lambda: GroupCriterion(HungarianMatcher(assign=in_groups(3)), NUM_CLASSES),
        model=partial(SmallDetr, more=(12, 12)),
    ),
    **_runs(
        "decoder-hybrid",
        "24 more queries in training, two for each target",
        model=partial(SmallDetr, more=(24,)),
        losses=hybrid_losses,
    ),
    **_runs(
        "decoder-denoising",
        "two spoiled copies of each target as queries in training",
        model=partial(SmallDetr, denoising=True),
        losses=denoising_losses,
    ),
    **_runs("decoder-two-each", "two queries for each target", losses=two_each_losses),
    **_runs(
        "decoder-no-class-cost",
        "no class in the cost",
        criterion=lambda: SetCriterion(HungarianMatcher(class_cost=0.0), NUM_CLASSES),
    ),
    **_runs(
        "decoder-borrowed",
        "the match of a finished detector, from the first step",
        criterion=lambda: SetCriterion(BorrowedMatch(), NUM_CLASSES),
        view=_seen_and_lent,
    ),
    **_runs("decoder-twice", "twice as many steps", {"detection_steps": 4800}),
    **_runs("decoder-tokens-6", "6 queries, no-object's share kept", _tokens(6)),
    **_runs("decoder-tokens-24", "24 queries, no-object's share kept", _tokens(24)),
}
RUNS = ABLATIONS | DECODERS
