"""The match of a finished detector, handed to one that is still learning: nobody changes hands.

A finished detector names an owner for every object of a scene. Whoever trains with these owners
from the first step never sees a match change; the gap to the usual run is what changing hands
costs.
"""

import torch

from helpers.matcher import HungarianMatcher
from helpers.training.arrays import in_parts


class BorrowedMatch:
    """A matcher that decides nothing: each target carries its token's number in `owners` (T,).

    >>> match = BorrowedMatch()
    >>> match({}, [{"owners": torch.tensor([4, 0])}])
    [(tensor([0, 4]), tensor([1, 0]))]
    """

    def __call__(self, outputs, targets):
        pairs = [target["owners"].cpu().sort() for target in targets]
        return [(owners, order) for owners, order in pairs]


class LentOwners:
    """The scenes of a `SceneArrays` with `owners` in each target, as a finished detector's own
    match gives them.

    Args: arrays: a `SceneArrays`; model: the finished detector; normalization: the mean and the
    standard deviation of `pixel_values`.
    """

    def __init__(self, arrays, model, normalization):
        self.arrays, self.pixel_values, self.path = arrays, arrays.pixel_values, arrays.path
        self.owners = [
            owners
            for part in in_parts(len(arrays))
            for owners in _owners(model, arrays, part, normalization)
        ]

    def __len__(self):
        return len(self.arrays)

    def targets(self, indices):
        """One dict of `class_labels`, `boxes` and `owners` per image."""
        targets = self.arrays.targets(indices)
        return [{**target, "owners": self.owners[i]} for target, i in zip(targets, indices)]


@torch.no_grad()
def _owners(model, arrays, indices, normalization):
    """For each scene the token of each target (T,), as the match of the model's answers has it."""
    outputs = model.eval()(arrays.pixel_values(indices, *normalization))
    targets = arrays.targets(indices)
    pairs = HungarianMatcher()(
        {"logits": outputs.logits, "pred_boxes": outputs.pred_boxes}, targets
    )
    return [predictions[order.argsort()] for predictions, order in pairs]
