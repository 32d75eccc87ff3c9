"""What is shipped as recorded was made by this code: the same recipe, and the same losses in the first twenty steps."""

import dataclasses
import functools
import json

import numpy as np
import pytest
import torch

from helpers import HungarianMatcher, SetCriterion
from helpers.detector import load_detector, weights_folder
from helpers.training.ablations import ABLATIONS, recipe_of
from helpers.training.arrays import SceneArrays
from helpers.training.recipe import Recipe
from helpers.training.recording import FIRST_STEPS, load_recording
from helpers.training.run import Run, build_accelerator, build_recorder, train, train_stage, with_backbone

SHIPPED = weights_folder("ablations")


class DrawnScenes:
    """The arrays of a training set, of which only the scenes are rendered that a batch asks for, and only once."""

    def __init__(self, scenes):
        self.scenes, self.drawn = scenes, functools.cache(lambda index: scenes[index])

    def __len__(self):
        return len(self.scenes)

    def arrays(self, indices):
        return SceneArrays([self.drawn(int(index)) for index in indices])

    def pixel_values(self, indices, mean, std):
        return self.arrays(indices).pixel_values(range(len(indices)), mean, std)

    def targets(self, indices):
        indices = indices[:32]  # all of them are asked for once, to be validated
        return self.arrays(indices).targets(range(len(indices)))


@functools.cache
def ablation_scenes(seed):
    recipe = dataclasses.replace(recipe_of("baseline"), seed=seed)
    return DrawnScenes(recipe.build_scenes("train", recipe.detection_scenes, seed))


@pytest.fixture
def twenty_steps(monkeypatch):
    """Only the first steps of a stage, and no measure of what they lead to."""
    monkeypatch.setattr("helpers.training.run.progress", lambda stage: range(FIRST_STEPS))
    monkeypatch.setattr("helpers.training.run.EVALUATION_SCENES", 2)

    def draw(scenes):
        arrays = lambda asked, folder=None: scenes if folder else SceneArrays(asked)  # noqa: E731
        monkeypatch.setattr("helpers.training.run.SceneArrays", arrays)

    return draw


@pytest.mark.parametrize("name", ABLATIONS)
def test_an_ablation_was_trained_by_its_recipe(name):
    recording = load_recording(SHIPPED / f"{name}.npz")
    assert recording["about"]["ablation"] == name
    assert recording["about"]["recipe"] == json.loads(json.dumps(dataclasses.asdict(recipe_of(name))))
    assert recording["evaluation_step"][-1] == recipe_of(name).detection_steps


# One start is tried each time, and that of the detector below; the others are slow.
STARTS = [pytest.param(name, marks=[pytest.mark.slow] * (name != "baseline")) for name in ABLATIONS]


@pytest.mark.parametrize("name", STARTS)
def test_an_ablation_begins_with_the_recorded_losses(name, twenty_steps, tmp_path):
    recipe = recipe_of(name)
    twenty_steps(ablation_scenes(recipe.seed))
    model = with_backbone(recipe, SHIPPED, None)
    ABLATIONS[name].prepare(model)
    train(recipe, tmp_path, tmp_path, ABLATIONS[name].criterion(), [0], model)
    again, recorded = (load_recording(path) for path in (tmp_path / "recording.npz", SHIPPED / f"{name}.npz"))
    assert np.allclose(again["first_losses"], recorded["first_losses"], rtol=1e-4, atol=0)


def test_the_detectors_second_stage_begins_with_the_recorded_losses(twenty_steps, tmp_path):
    recipe = Recipe()
    (_, _, _), (name, start, part) = recipe.detection_stages()
    model, _ = load_detector(step=start)
    twenty_steps(DrawnScenes(part.build_scenes("train", part.detection_scenes, part.seed)))
    recorder = build_recorder(recipe, torch.device("cpu"), [])
    run = Run(tmp_path, tmp_path, build_accelerator(), SetCriterion(HungarianMatcher(), 10), recorder)
    train_stage(run, part, model.train(), name, start)
    recorded = load_recording(weights_folder() / "recording.npz")["first_losses"]
    # The weights it begins with are shipped in half precision, so that a match near a tie may flip on the way.
    apart = np.abs(np.array(recorder.first_losses) / recorded - 1)
    assert apart[0] < 1e-4
    assert np.median(apart) < 1e-3
