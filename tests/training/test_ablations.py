import dataclasses
from pathlib import Path

import pytest
import torch

from helpers.training import ablations
from helpers.training.ablations import ABLATIONS, recipe_of
from helpers.training.recipe import build_model
from helpers.training.recording import load_recording
from helpers.training.run import train_ablation, with_backbone

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
    monkeypatch.setattr("helpers.training.run.ABLATION_RECORDS", 2)
    monkeypatch.setattr("helpers.training.run.ABLATION_TEST_SCENES", 12)
    monkeypatch.setattr("helpers.training.run.EVALUATION_SCENES", 4)
    monkeypatch.setattr("helpers.training.run.weights_folder", lambda name: Path("nothing is shipped"))


@pytest.mark.parametrize("name", ABLATIONS)
def test_each_run_has_a_loss_with_a_gradient(name):
    recipe = recipe_of(name)
    outputs = {
        "logits": torch.randn(2, recipe.num_detection_tokens, 11, requires_grad=True),
        "pred_boxes": torch.full((2, recipe.num_detection_tokens, 4), 0.4, requires_grad=True),
    }
    boxes = torch.tensor([[0.4, 0.4, 0.4, 0.5], [0.7, 0.7, 0.2, 0.2]])
    owners = torch.tensor([5, 2])  # only a borrowed match reads them
    targets = [
        {
            "class_labels": torch.tensor([3, 1][:size], dtype=torch.int64),
            "boxes": boxes[:size],
            "owners": owners[:size],
        }
        for size in (2, 0)
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


def test_all_runs_of_a_seed_begin_with_the_same_backbone(small, tmp_path):
    models = [with_backbone(recipe_of(name), tmp_path / "backbone", tmp_path) for name in ("baseline", "tokens-6")]
    names = [name for name, _ in models[0].vit.named_parameters() if "embeddings" not in name]
    for name in (*names, "embeddings.patch_embeddings.projection.weight"):
        first, second = (dict(model.vit.named_parameters())[name] for model in models)
        assert torch.equal(first, second), name
    assert not torch.equal(models[0].vit.layernorm.weight, build_model(SMALL).vit.layernorm.weight)
    again = with_backbone(recipe_of("baseline"), tmp_path / "backbone", tmp_path)
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
