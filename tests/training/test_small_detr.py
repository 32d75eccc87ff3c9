import dataclasses
from functools import partial

import pytest
import torch

from helpers.detector import decode
from helpers.scenes import running_example
from helpers.training import run
from helpers.training.arrays import SceneArrays
from helpers.training.decoders import DECODERS
from helpers.training.muting import mute_tokens
from helpers.training.plain_scenes import make_plain
from helpers.training.recipe import build_model
from helpers.training.small_detr import SeenScenes, SmallDetr, as_softmax, see

SMALL = dataclasses.replace(DECODERS["decoder"].whole_recipe(), hidden_size=32)


@pytest.fixture
def eyes():
    model = build_model(dataclasses.replace(SMALL, layers=2)).eval()
    mute_tokens(model)
    return model


@pytest.fixture
def arrays():
    return SceneArrays([make_plain(*running_example()), SMALL.build_scenes("test", 2, 0)[1]])


def heard(model, memory):
    """Which queries answer otherwise once the first is another: (N,) bool."""
    with torch.no_grad():
        before = model(memory).logits
        model.queries[0] += 1
        return (model(memory).logits != before).any(-1).any(0)


def test_a_silent_query_hears_of_nobody(eyes):
    memory = torch.randn(2, 64, 32)
    assert heard(SmallDetr(eyes, SMALL), memory).all()
    assert heard(SmallDetr(eyes, SMALL, silent=True), memory).tolist() == [True] + [False] * 11


def test_what_answers_is_the_first_group_and_no_other_is_heard(eyes):
    memory, model = torch.randn(2, 64, 32), SmallDetr(eyes, SMALL, more=(12, 24))
    said = model(memory).logits
    assert said.shape == (2, 48, 11)
    torch.testing.assert_close(model.eval()(memory).logits, said[:, :12])
    assert heard(model.train(), memory).tolist() == [True] * 12 + [False] * 36


def test_each_layer_can_answer(eyes):
    memory, model = torch.randn(1, 64, 32), SmallDetr(eyes, SMALL)
    last = model(memory)
    model.depth = 1
    second = model(memory)
    assert torch.equal(second.logits, last.auxiliary_outputs[1]["logits"])
    assert [len(said.auxiliary_outputs) for said in (second, last)] == [1, 2]


def test_a_sigmoid_head_is_decoded_as_it_is(eyes):
    model = SmallDetr(eyes, SMALL, sigmoid=True)
    memory = torch.randn(1, 64, 32)
    probability = model(memory).logits.sigmoid()
    assert probability.shape == (1, 12, 10)
    assert probability.mean() < 0.05
    said = model.eval()(memory)
    found = decode({"logits": said.logits, "pred_boxes": said.pred_boxes}, [(64, 64)])[0]
    torch.testing.assert_close(found["scores"], probability[0].amax(-1))
    assert torch.equal(found["labels"], probability[0].argmax(-1))
    assert as_softmax(torch.zeros(0, 10)).shape == (0, 11)


def test_pixels_and_what_the_eyes_saw_of_them_are_one(eyes, arrays):
    model, seen = SmallDetr(eyes, SMALL), SeenScenes(arrays, eyes, SMALL.normalization)
    pixel_values = arrays.pixel_values([1, 0], *SMALL.normalization)
    torch.testing.assert_close(
        model(seen.pixel_values([1, 0], *SMALL.normalization)).pred_boxes, model(pixel_values).pred_boxes,
        atol=1e-3, rtol=0,  # kept in half precision
    )  # fmt: skip
    assert see(eyes, pixel_values).shape == (2, 64, 32)
    assert seen.targets([0])[0]["class_labels"].tolist() == arrays.targets([0])[0]["class_labels"].tolist()


def test_what_was_seen_is_kept_beside_the_scenes(eyes, tmp_path, monkeypatch):
    scenes = SMALL.build_scenes("train", 3, 0)
    first, second = (SeenScenes(SceneArrays(scenes, tmp_path), eyes, SMALL.normalization) for _ in range(2))
    assert (first.memory == second.memory).all()
    assert len(list(tmp_path.glob("*.seen-*.npy"))) == 1
    with torch.no_grad():
        next(eyes.parameters()).add_(1)
    SeenScenes(SceneArrays(scenes, tmp_path), eyes, SMALL.normalization)
    assert len(list(tmp_path.glob("*.seen-*.npy"))) == 2, "other eyes see otherwise"


def test_only_the_decoder_learns(eyes):
    model = SmallDetr(eyes, SMALL)
    frozen = [name for name, part in model.named_parameters() if not part.requires_grad]
    assert frozen
    assert all(name.startswith("eyes.") for name in frozen)


@pytest.mark.parametrize("name", [name for name in DECODERS if "seed" not in name])
def test_each_run_goes_down_a_loss_that_reaches_all_that_it_trains(name, eyes, arrays):
    ablation = DECODERS[name]
    recipe = dataclasses.replace(ablation.whole_recipe(), hidden_size=32)
    model, criterion = ablation.model(eyes, recipe), ablation.criterion()
    scenes = ablation.view(arrays, eyes, recipe)
    stage = dataclasses.make_dataclass("Step", ["model", "recipe", "step"])(model.train(), recipe, 0)
    criterion.eos_coef = recipe.eos_coef
    seen, targets = scenes.pixel_values([0, 1], *recipe.normalization), scenes.targets([0, 1])
    total, losses = (ablation.losses or run.step_losses)(stage, criterion, seen, targets)
    total.backward()
    learned = {name: part.grad for name, part in model.named_parameters() if part.requires_grad}
    unread = [name for name, grad in learned.items() if grad is None]
    assert not unread, unread
    assert torch.isfinite(total)
    assert {"loss_ce", "loss_ce_0", "loss_ce_1"} <= losses.keys()


def test_partial_runs_differ_from_the_baseline_in_what_they_say():
    changed = {name: run for name, run in DECODERS.items() if isinstance(run.model, partial)}
    assert changed["decoder-silent"].model.keywords == {"silent": True}
    shared = DECODERS["decoder"].whole_recipe()
    assert all(run.whole_recipe() == dataclasses.replace(shared, seed=run.recipe["seed"]) for run in changed.values())
