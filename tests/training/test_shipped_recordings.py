"""What is shipped as recorded was made by this code: the same recipe, and the same losses in the first steps.

A run is begun again for all the steps whose losses were recorded, a further seed of it for a quarter of them.
"""

import dataclasses
import functools
import json

import numpy as np
import pytest
import torch

from helpers import HungarianMatcher, SetCriterion
from helpers.detector import load_detector, weights_folder
from helpers.training.ablations import base_of
from helpers.training.arrays import SceneArrays
from helpers.training.recipe import Recipe
from helpers.training.recording import FIRST_STEPS, load_recording
from helpers.training.run import RUNS, Run, beginner, build_accelerator, build_recorder, finished, train, train_stage
from helpers.training.stage import draw_batch

SHIPPED = weights_folder("ablations")
TRAINED = [path.stem for path in sorted(SHIPPED.glob("*.npz"))]


class FirstScenes:
    """The scenes that the first steps ask for, under their numbers in a set of `length`; no others are there."""

    def __init__(self, arrays, numbers, length):
        self.arrays, self.numbers, self.length = arrays, numbers, length

    def __len__(self):
        return self.length

    def pixel_values(self, indices, mean, std):
        return self.arrays.pixel_values(np.searchsorted(self.numbers, indices), mean, std)

    def targets(self, indices):
        known = np.intersect1d(indices, self.numbers)  # all are asked for once, to be validated
        asked = known if len(indices) == self.length else indices
        return self.arrays.targets(np.searchsorted(self.numbers, asked))

    def seen(self, view):
        """The same, as a run looks at them."""
        return FirstScenes(view(self.arrays), self.numbers, self.length)


def first_scenes(recipe, steps):
    length = recipe.detection_scenes
    numbers = np.unique([draw_batch(recipe, step, length) for step in range(steps)])
    return FirstScenes(_arrays(recipe.plain, recipe.seed, length, tuple(numbers.tolist())), numbers, length)


@functools.cache
def _arrays(plain, seed, length, numbers):
    scenes = Recipe(plain=plain).build_scenes("train", length, seed)
    return SceneArrays([scenes[number] for number in numbers])


@pytest.fixture
def only(monkeypatch):
    """`only(steps, recipe)`: only the first steps of a stage, with their scenes, and no measure of where they lead."""
    monkeypatch.setattr("helpers.training.run.EVALUATION_SCENES", 2)

    def draw(steps, recipe):
        scenes = first_scenes(recipe, steps)
        arrays = lambda asked, folder=None: scenes if folder else SceneArrays(asked)  # noqa: E731
        monkeypatch.setattr("helpers.training.run.progress", lambda stage: range(steps))
        monkeypatch.setattr("helpers.training.run.SceneArrays", arrays)

    return draw


@pytest.mark.parametrize("name", TRAINED)
def test_an_ablation_was_trained_by_its_recipe(name):
    recording, recipe = load_recording(SHIPPED / f"{name}.npz"), RUNS[name].whole_recipe()
    assert recording["about"]["ablation"] == name
    assert recording["about"]["recipe"] == json.loads(json.dumps(dataclasses.asdict(recipe)))
    assert recording["evaluation_step"][-1] == recipe.detection_steps


# One start is tried each time, and that of the detector below; the others are slow.
STARTS = [pytest.param(name, marks=[pytest.mark.slow] * (name != "baseline")) for name in TRAINED]


@pytest.mark.parametrize("name", STARTS)
def test_an_ablation_begins_with_the_recorded_losses(name, only, tmp_path):
    ablation = RUNS[name]
    recipe = ablation.whole_recipe()
    steps = FIRST_STEPS if base_of(name) == name else FIRST_STEPS // 4
    only(steps, recipe)
    lender = ablation.lender and finished(ablation.lender, tmp_path, None)
    model = beginner(name, tmp_path, None, lender)
    more = ablation.task(lender, recipe)
    if view := more.get("view"):
        more["view"] = lambda scenes: scenes.seen(view)
    train(recipe, tmp_path, tmp_path, ablation.criterion(), [0], model, **more)
    again, recorded = (load_recording(path) for path in (tmp_path / "recording.npz", SHIPPED / f"{name}.npz"))
    assert len(again["first_losses"]) == steps
    assert np.allclose(again["first_losses"], recorded["first_losses"][:steps], rtol=1e-4, atol=0)


def test_the_detectors_second_stage_begins_with_the_recorded_losses(only, tmp_path):
    recipe = Recipe()
    (_, _, _), (name, start, part) = recipe.detection_stages()
    model, _ = load_detector(step=start)
    only(FIRST_STEPS, part)
    recorder = build_recorder(recipe, torch.device("cpu"), [])
    run = Run(tmp_path, tmp_path, build_accelerator(), SetCriterion(HungarianMatcher(), 10), recorder)
    train_stage(run, part, model.train(), name, start)
    recorded = load_recording(weights_folder() / "recording.npz")["first_losses"]
    # The weights it begins with are shipped in half precision, so that a match near a tie may flip on the way.
    apart = np.abs(np.array(recorder.first_losses) / recorded - 1)
    assert apart[0] < 1e-4
    assert np.median(apart) < 1e-3
