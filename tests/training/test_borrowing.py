import torch

from helpers import HungarianMatcher
from helpers.scenes import running_example
from helpers.training.arrays import SceneArrays
from helpers.training.borrowing import BorrowedMatch, LentOwners
from helpers.training.recipe import Recipe, build_model


def test_the_lent_match_is_the_finished_detectors_own():
    recipe = Recipe(hidden_size=32, layers=1)
    model, scenes = build_model(recipe), [running_example(), recipe.build_scenes("train", 2, 0)[1]]
    arrays = SceneArrays(scenes)
    lent = LentOwners(arrays, model, recipe.normalization)
    with torch.no_grad():
        outputs = model(arrays.pixel_values([1, 0], *recipe.normalization))
    outputs = {"logits": outputs.logits, "pred_boxes": outputs.pred_boxes}
    theirs = HungarianMatcher()(outputs, arrays.targets([1, 0]))
    ours = BorrowedMatch()({}, lent.targets([1, 0]))
    assert all(torch.equal(*pair) for their, our in zip(theirs, ours) for pair in zip(their, our))
    assert len(lent) == 2
