import dataclasses
import functools
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from helpers import ablations
from helpers.ablations import ABLATIONS, recipe_of
from helpers.detector import weights_folder
from helpers.recipe import build_model
from helpers.recording import FIRST_STEPS, load_recording
from helpers.scene_arrays import SceneArrays
from helpers.training import train, train_ablation, with_eyes

SHIPPED = weights_folder("ablations")

SMALL = dataclasses.replace(
    ablations.BASELINE,
    hidden_size=32,
    layers=1,
    classifier_steps=2,
    classifier_scenes=16,
    detection_steps=4,
    detection_scenes=16,
    batch_size=4,
)


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(ablations, "BASELINE", SMALL)
    monkeypatch.setattr("helpers.training.ABLATION_RECORD_EVERY", 2)
    monkeypatch.setattr("helpers.training.ABLATION_TEST_SCENES", 12)
    monkeypatch.setattr("helpers.training.EVALUATION_SCENES", 4)
    monkeypatch.setattr("helpers.training.weights_folder", lambda name: Path("nothing is shipped"))


@pytest.mark.parametrize("name", ABLATIONS)
def test_each_run_has_a_loss_with_a_gradient(name):
    recipe = recipe_of(name)
    outputs = {
        "logits": torch.randn(2, recipe.num_detection_tokens, 11, requires_grad=True),
        "pred_boxes": torch.full((2, recipe.num_detection_tokens, 4), 0.4, requires_grad=True),
    }
    boxes = torch.tensor([[0.4, 0.4, 0.4, 0.5], [0.7, 0.7, 0.2, 0.2]])
    targets = [
        {"class_labels": torch.tensor([3, 1][:size], dtype=torch.int64), "boxes": boxes[:size]} for size in (2, 0)
    ]
    criterion = ABLATIONS[name].criterion()
    criterion.eos_coef = recipe.eos_coef_at(0)
    total = criterion.total(criterion(outputs, targets))
    total.backward()
    assert torch.isfinite(total)
    assert all(torch.isfinite(value.grad).all() and value.grad.any() for value in outputs.values())


def test_what_a_run_changes():
    assert recipe_of("eos-late-1").eos_coef_at(0) == 0.1
    assert recipe_of("eos-late-1").eos_coef_at(11_999) == 1.0
    assert ABLATIONS["no-giou"].criterion().weights["loss_giou"] == 0
    assert ABLATIONS["no-l1"].criterion().matcher.bbox_cost == 0
    assert recipe_of("tokens-24").num_detection_tokens == 24
    unchanged = dataclasses.asdict(recipe_of("baseline"))
    assert all(dataclasses.asdict(recipe_of(name)) == unchanged for name in ("no-giou", "greedy", "argmin", "log-p"))


def test_all_runs_of_a_seed_begin_with_the_same_eyes(small, tmp_path):
    models = [with_eyes(recipe_of(name), tmp_path / "eyes", tmp_path) for name in ("baseline", "tokens-6")]
    names = [name for name, _ in models[0].vit.named_parameters() if "embeddings" not in name]
    for name in (*names, "embeddings.patch_embeddings.projection.weight"):
        first, second = (dict(model.vit.named_parameters())[name] for model in models)
        assert torch.equal(first, second), name
    assert not torch.equal(models[0].vit.layernorm.weight, build_model(SMALL).vit.layernorm.weight)
    again = with_eyes(recipe_of("baseline"), tmp_path / "eyes", tmp_path)
    assert all(torch.equal(*pair) for pair in zip(models[0].state_dict().values(), again.state_dict().values()))


def test_a_run_leaves_a_small_recording(small, tmp_path):
    train_ablation("argmin", tmp_path / "argmin", tmp_path / "data")
    recording = load_recording(tmp_path / "argmin" / "argmin.npz")
    assert recording["about"]["ablation"] == "argmin"
    assert recording["step"].tolist() == [0, 4]
    assert recording["first_losses"].shape == (4,)
    assert recording["evaluation_step"].tolist() == [0, 2, 4]
    assert {"AP", "AP50", "duplicates", "count_right"} <= recording["about"]["measures"].keys()
    assert recording["about"]["measures_suppressed"].keys() == recording["about"]["measures"].keys()


@pytest.mark.parametrize("name", ABLATIONS)
def test_a_recording_is_of_this_recipe(name):
    recording = load_recording(SHIPPED / f"{name}.npz")
    assert recording["about"]["ablation"] == name
    assert recording["about"]["recipe"] == json.loads(json.dumps(dataclasses.asdict(recipe_of(name))))
    assert recording["evaluation_step"][-1] == recipe_of(name).detection_steps


@functools.cache
def drawn(scenes, index):
    return scenes[index]


class DrawnScenes:
    """The arrays of a training set, of which only the scenes are rendered that a batch asks for, and only once."""

    def __init__(self, scenes):
        self.scenes = scenes

    def __len__(self):
        return len(self.scenes)

    def arrays(self, indices):
        return SceneArrays([drawn(self.scenes, int(index)) for index in indices])

    def pixel_values(self, indices, mean, std):
        return self.arrays(indices).pixel_values(range(len(indices)), mean, std)

    def targets(self, indices):
        indices = indices[:32]  # all of them are asked for once, to be validated
        return self.arrays(indices).targets(range(len(indices)))


@functools.cache
def training_scenes(seed):
    return DrawnScenes(ablations.BASELINE.build_scenes("train", ablations.BASELINE.detection_scenes, seed))


@pytest.mark.parametrize("name", ["baseline", "one-to-many", "no-classifier", "tokens-24"])
def test_the_first_steps_give_the_recorded_losses(name, monkeypatch, tmp_path):
    recipe = recipe_of(name)

    def arrays(scenes, folder=None):
        return training_scenes(recipe.seed) if folder else SceneArrays(scenes)

    monkeypatch.setattr("helpers.training.SceneArrays", arrays)
    monkeypatch.setattr("helpers.training.progress", lambda stage: range(FIRST_STEPS))
    monkeypatch.setattr("helpers.training.EVALUATION_SCENES", 2)
    model = with_eyes(recipe, SHIPPED, None)
    train(recipe, tmp_path, tmp_path, ABLATIONS[name].criterion(), [0], model)
    again, recorded = (load_recording(path) for path in (tmp_path / "recording.npz", SHIPPED / f"{name}.npz"))
    assert np.allclose(again["first_losses"], recorded["first_losses"], rtol=1e-4, atol=0)
