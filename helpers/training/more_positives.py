"""Steps that give each target more than one query to learn from: listed twice, in a branch of its
own, or spoiled and asked back.

Each takes a `Stage` whose model is a `SmallDetr`, as `helpers.training.run.step_losses` does."""

import numpy as np
import torch
from torch import nn

from helpers.loss import SetCriterion
from helpers.scenes import MAX_OBJECTS, NUM_CLASSES

COPIES = 2  # of each target
FLIPPED, SHAKEN = 0.2, 0.4  # DN-DETR's share of wrong names, and its noise of boxes


def repeated_targets(targets):
    """Each target twice, so that a one-to-one match gives it two queries, as H-DETR has it.

    >>> repeated_targets([{"class_labels": torch.tensor([3, 1])}])
    [{'class_labels': tensor([3, 1, 3, 1])}]
    """
    return [
        {name: torch.cat([value] * COPIES) for name, value in target.items()} for target in targets
    ]


def two_each_losses(stage, criterion, seen, targets):
    """One-to-many, and nothing else: each target has two queries, and all answer afterwards."""
    losses = criterion(layers_of(stage.model(seen)), repeated_targets(targets))
    return criterion.total(losses), losses


def hybrid_losses(stage, criterion, seen, targets):
    """One-to-one for the queries that answer, one-to-many for the others: H-DETR (Jia and others
    2022).
    """
    said, count = stage.model(seen), stage.model.num_queries
    losses = criterion(layers_of(said, slice(count)), targets)
    others = criterion(layers_of(said, slice(count, None)), repeated_targets(targets))
    return criterion.total(losses) + criterion.total(others), losses


class Denoiser(nn.Module):
    """Turns spoiled targets into queries: the name is what a query holds, the box its place."""

    def __init__(self, width):
        super().__init__()
        self.names = nn.Embedding(NUM_CLASSES, width)
        self.spots = nn.Sequential(nn.Linear(4, width), nn.ReLU(), nn.Linear(width, width))


def denoising_losses(stage, criterion, seen, targets):
    """One-to-one, and spoiled targets as further queries that must find back: DN-DETR (Li and
    others 2022). Whose they are is known, so they need no match. There, queries are boxes; here
    they are not.
    """
    model, count = stage.model, stage.model.num_queries
    names, boxes = spoiled(targets, [stage.recipe.seed, stage.step])
    names, spots = model.denoiser.names(names), model.denoiser.spots(boxes)
    asked = model.queries.expand(len(seen), -1, -1)
    contents, places = torch.cat([0 * asked, names], 1), torch.cat([asked, spots], 1)
    copies = 1 + torch.arange(COPIES).repeat_interleave(MAX_OBJECTS)
    said = model.read(seen, contents, places, torch.cat([model.group, copies]))
    losses = criterion(layers_of(said, slice(count)), targets)
    known = SetCriterion(in_place, NUM_CLASSES, eos_coef=0.0)  # empty places learn nothing
    others = known(layers_of(said, slice(count, None)), repeated_targets(targets))
    return criterion.total(losses) + known.total(others), losses


def spoiled(targets, seed):
    """Targets with wrong names and shaken boxes, twice: (B, 12) int64 and (B, 12, 4) in [0, 1].

    Each copy has six places, of which an image with fewer objects leaves the last empty (zeros).
    Follows from `seed`, a list of whole numbers, alone.
    """
    generator = np.random.default_rng(seed)
    labels = torch.zeros(len(targets), COPIES, MAX_OBJECTS, dtype=torch.int64)
    boxes = torch.zeros(*labels.shape, 4)
    for image, target in enumerate(targets):
        size = len(target["class_labels"])
        labels[image, :, :size], boxes[image, :, :size] = target["class_labels"], target["boxes"]
    flips = torch.from_numpy(generator.random(labels.shape) < FLIPPED)
    others = torch.from_numpy(generator.integers(NUM_CLASSES, size=labels.shape))
    shakes = torch.from_numpy(generator.uniform(-SHAKEN, SHAKEN, boxes.shape)).float()
    sides = torch.cat([boxes[..., 2:] / 2, boxes[..., 2:]], -1)  # centres move by half a side
    boxes = (boxes + shakes * sides).clamp(0, 1)
    return others.where(flips, labels).flatten(1), boxes.flatten(1, 2)


def in_place(outputs, targets):
    """The match of `spoiled`: copy by copy, each has its own target."""
    pairs = []
    for target in targets:
        size = len(target["class_labels"]) // COPIES
        guesses = [torch.arange(size) + copy * MAX_OBJECTS for copy in range(COPIES)]
        pairs.append((torch.cat(guesses), torch.arange(COPIES * size)))
    return pairs


def layers_of(said, queries=slice(None)):
    """A model's answers as `SetCriterion` takes them, of some queries."""
    last = {"logits": said.logits, "pred_boxes": said.pred_boxes}
    *earlier, last = [
        {name: part[:, queries] for name, part in layer.items()}
        for layer in (*said.auxiliary_outputs, last)
    ]
    return {**last, "auxiliary_outputs": earlier}
