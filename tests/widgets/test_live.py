import numpy as np
import pytest
import torch

from helpers.detector import weights_folder
from helpers.figures import learning, small_png
from helpers.figures.learning import running_mean
from helpers.scenes import HandwrittenScenes
from helpers.training.arrays import SceneArrays
from helpers.training.recipe import IMAGE_MEAN, IMAGE_STD, Recipe, build_model
from helpers.training.recording import load_recording
from helpers.widgets import live


def few_scenes(count):
    arrays = SceneArrays(HandwrittenScenes("train", count, seed=3, objects=(1, 3)))
    return arrays.pixel_values(range(count), IMAGE_MEAN, IMAGE_STD), arrays.targets(range(count))


def empty_figure(_):
    from helpers import figures

    return figures.new_figure(2, 2)[0]


@pytest.mark.slow
def test_overfitting_eight_scenes_settles_the_match_and_finds_every_object():
    scenes = SceneArrays(HandwrittenScenes("train", 8, seed=3, objects=(1, 6)))  # those of notebook 09
    targets = scenes.targets(range(8))
    training = live.overfit(scenes.pixel_values(range(8), IMAGE_MEAN, IMAGE_STD), targets)
    for _ in range(300):
        training.step()
    assert training.history[-1]["loss"] < training.history[0]["loss"] / 10
    assert max(row["flips"] for row in training.history[-20:]) == 0
    with torch.no_grad():
        outputs = training.model.eval()(scenes.pixel_values(range(8), IMAGE_MEAN, IMAGE_STD))
    claims = (outputs.logits.softmax(-1)[..., :-1].max(-1).values > 0.5).sum(-1)
    assert claims.tolist() == [len(target["boxes"]) for target in targets]


@pytest.mark.parametrize("steps", [0, 1, 2, 20])
def test_the_figure_can_be_drawn_at_any_step(steps):
    """A slow machine draws after the first steps, when there is less to average than later."""
    scenes = HandwrittenScenes("train", 2, seed=3, objects=(1, 3))
    training = live.overfit(*few_scenes(2))
    training.history = [{"step": step + 1, "loss": 1.0, "flips": 0.5} for step in range(steps)]
    assert small_png(learning.overfit_figure(training, [image for image, _ in scenes]))
    assert running_mean(np.ones(max(steps, 1)), 15).tolist() == [1.0] * max(steps, 1)


def test_a_stop_ends_the_run_and_another_run_goes_on(capsys):
    training = live.overfit(*few_scenes(1))
    step = training.step

    def step_and_press_stop():
        step()
        if len(training.history) == 2:
            training.stop()

    training.step = step_and_press_stop
    training.run(5, empty_figure, "nothing")
    assert [row["step"] for row in training.history] == [1, 2]
    training.run(2, empty_figure, "nothing")
    assert training.at == 4


def test_a_gradient_that_is_not_finite_changes_no_weight():
    training = live.overfit(*few_scenes(1))
    training.step()
    before = [value.clone() for value in training.model.parameters()]
    hook = training.model.bbox_predictor.layers[0].weight.register_hook(lambda gradient: gradient * float("nan"))
    assert np.isfinite(training.step()["loss"])
    assert all(torch.equal(ours, theirs) for ours, theirs in zip(training.model.parameters(), before))
    hook.remove()
    training.step()
    assert all(value.isfinite().all() for value in training.model.parameters())


def test_ipykernels_private_part_is_touched_only_where_it_is_known(monkeypatch):
    class Comm:
        def _reply_subshell_for(self, data, subshell):
            return "the loop that made the button"

    class Button:
        comm = Comm()

    monkeypatch.setattr("ipykernel.version_info", (7, 5, 0))
    live._hear_at_once(Button)
    assert Button.comm._reply_subshell_for(None, "chosen") == "the loop that made the button"
    monkeypatch.setattr("ipykernel.version_info", (7, 4, 2))
    live._hear_at_once(Button)
    assert Button.comm._reply_subshell_for(None, "chosen") == "chosen"


def test_an_interrupt_ends_the_run_gently(capsys):
    training = live.overfit(*few_scenes(1))

    def interrupted():
        raise KeyboardInterrupt

    training.step = interrupted
    training.run(5, empty_figure, "nothing")
    assert training.stopped


def test_the_optimiser_goes_on_where_it_was():
    recipe = Recipe(**load_recording(weights_folder() / "recording.npz")["about"]["recipe"])
    model = build_model(recipe)
    optimizer = torch.optim.AdamW(model.parameters(), recipe.learning_rate)
    schedule = {"total_steps": recipe.detection_steps, "pct_start": recipe.warm_up}
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, recipe.learning_rate, **schedule)
    live.restore_optimizer(optimizer, scheduler, model, 5000)
    assert scheduler.last_epoch == 5000
    assert 0 < optimizer.param_groups[0]["lr"] <= recipe.learning_rate
    states = [optimizer.state[parameter] for parameter in model.parameters()]
    assert all(state["exp_avg"].shape == p.shape for state, p in zip(states, model.parameters()))
    assert min(float(state["exp_avg_sq"].min()) for state in states) >= 0
    assert np.isfinite(max(float(state["exp_avg_sq"].max()) for state in states))
