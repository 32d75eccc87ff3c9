import dataclasses
import functools
import json
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from no_float64 import no_float64_anywhere
from safetensors.torch import load_file

from helpers import HungarianMatcher, SetCriterion
from helpers.assignment import greedy
from helpers.detector import weights_folder
from helpers.evaluation import evaluate
from helpers.later.costs import FocalCost, point_costs
from helpers.later.losses import SoftmaxLoss
from helpers.later.matches import in_groups, repeated
from helpers.training import run as training
from helpers.training import stage as stages
from helpers.training.recipe import Recipe, build_image_processor, build_model, renew_detection_tokens
from helpers.training.recording import load_recording
from helpers.training.stage import MOST_SKIPS, Running, Stage, read_checkpoint

TINY = Recipe(
    hidden_size=32,
    layers=1,
    classifier_steps=6,
    classifier_scenes=16,
    detection_steps=12,
    detection_scenes=16,
    batch_size=4,
    keep_steps=(2, 4),
    keep_optimizer=4,
    final_from=0.6,
    second_steps=4,
)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return tmp_path_factory.mktemp("data")


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Checkpoints and curves often, and few scenes to look at."""
    for name, value in (("CHECKPOINT_EVERY", 4), ("CURVE_EVERY", 2), ("EVALUATION_SCENES", 4), ("MATCH_SCENES", 9)):
        monkeypatch.setattr(training, name, value)


@pytest.fixture(scope="module")
def whole_run(tmp_path_factory, data):
    """A run that nobody disturbed."""
    folder = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (("CHECKPOINT_EVERY", 4), ("CURVE_EVERY", 2), ("EVALUATION_SCENES", 4), ("MATCH_SCENES", 9)):
            patch.setattr(training, name, value)
        training.train(TINY, folder, data)
    return folder


class Killed(BaseException):
    pass


def kill_at(monkeypatch, name, step):
    """Let the run die in the middle of a step of the stage of this name."""
    update = Stage.update

    def mortal(stage, loss):
        if (stage.name, stage.step) == (name, step):
            raise Killed
        update(stage, loss)

    monkeypatch.setattr(Stage, "update", mortal)


def same_outcome(folder, other):
    ours, theirs = (load_file(path / "model" / "model.safetensors") for path in (folder, other))
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    ours, theirs = (load_recording(path / "recording.npz") for path in (folder, other))
    assert ours.keys() == theirs.keys()
    for name in theirs.keys() - {"about"}:
        assert np.array_equal(ours[name], theirs[name], equal_nan=True), name
    for name in ("classifier", "step-2", "step-4", "step-4-optimizer"):
        ours, theirs = (load_file(path / f"{name}.safetensors") for path in (folder, other))
        assert all(torch.equal(ours[key], theirs[key]) for key in theirs), name


def test_what_a_run_leaves(whole_run):
    names = {path.name for path in whole_run.iterdir()}
    assert names == {
        "classifier.pt",
        "classifier.safetensors",
        "detector.pt",
        "model",
        "recipe.json",
        "recording.npz",
        "second.pt",
        "step-2.safetensors",
        "step-4.safetensors",
        "step-4-optimizer.safetensors",
    }, "and no file that is half written"
    recording = load_recording(whole_run / "recording.npz")
    assert recording["step"].tolist() == [0, 10, 11, 12, 16]
    assert recording["curve_step"].tolist() == [2, 4, 6, 8, 10, 12, 14, 16]
    assert np.isfinite(recording["curve_loss"]).all()
    assert recording["about"]["recipe"]["detection_steps"] == 12
    assert recording["curve_eos_coef"].tolist() == pytest.approx([0.1, 0.1, 0.1, 0.1, 1.0, 1.0, 1.0, 1.0])


def test_the_same_seed_gives_the_same_run(whole_run, tmp_path, data):
    training.train(TINY, tmp_path, data)
    same_outcome(tmp_path, whole_run)


@pytest.mark.parametrize(
    ("name", "step"), [("classifier", 5), ("detector", 1), ("detector", 7), ("detector", 11), ("second", 1)]
)
def test_a_killed_run_goes_on_to_the_same_losses(whole_run, tmp_path, data, monkeypatch, name, step):
    with monkeypatch.context() as patch:
        kill_at(patch, name, step)
        with pytest.raises(Killed):
            training.train(TINY, tmp_path, data)
    training.train(TINY, tmp_path, data)
    same_outcome(tmp_path, whole_run)


def test_a_killed_run_with_muon_goes_on_to_the_same_weights(tmp_path, data, monkeypatch):
    recipe = dataclasses.replace(TINY, muon_rate=2e-3, keep_steps=(), second_steps=0)
    whole = training.train(recipe, tmp_path / "whole", data).state_dict()
    with monkeypatch.context() as patch:
        kill_at(patch, "detector", 7)
        with pytest.raises(Killed):
            training.train(recipe, tmp_path / "killed", data)
    again = training.train(recipe, tmp_path / "killed", data).state_dict()
    assert all(torch.equal(again[name], whole[name]) for name in whole)


def test_muon_takes_the_matrices_of_the_encoder():
    recipe = dataclasses.replace(TINY, muon_rate=2e-3)
    (adamw, _), (muon, _) = stages.build_optimizers(build_model(recipe), recipe, 100)
    assert isinstance(muon, torch.optim.Muon)
    sizes = [[sum(p.numel() for p in group["params"]) for group in part.param_groups] for part in (adamw, muon)]
    assert sizes[1] == [4 * 32 * 32 + 2 * 32 * 64]  # query, key, value, output; up and down
    assert sizes[0][0] + sizes[1][0] == sum(p.numel() for p in build_model(recipe).parameters())


def test_killed_while_a_checkpoint_is_written(whole_run, tmp_path, data, monkeypatch):
    save = torch.save

    def half(state, path):
        if state["step"] == 8:
            save(state, path)
            path.write_bytes(path.read_bytes()[:1000])
            raise Killed
        save(state, path)

    with monkeypatch.context() as patch:
        patch.setattr(stages.torch, "save", half)
        with pytest.raises(Killed):
            training.train(TINY, tmp_path, data)
    assert read_checkpoint(tmp_path / "detector.pt")["step"] == 4
    training.train(TINY, tmp_path, data)
    same_outcome(tmp_path, whole_run)


def test_a_finished_run_is_left_alone(whole_run, data):
    before = load_file(whole_run / "model" / "model.safetensors")
    training.train(TINY, whole_run, data)
    after = load_file(whole_run / "model" / "model.safetensors")
    assert all(torch.equal(before[name], after[name]) for name in before)


class TestAnotherRecipe:
    """A folder holds one run: its checkpoints are no start for another."""

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("learning_rate", 0.5),
            ("detection_steps", 13),
            ("final_eos_coef", 0.5),
            ("muon_rate", 1e-3),
            ("keep_steps", (3,)),
        ],
    )
    def test_is_refused_by_its_fields_name(self, whole_run, data, field, value):
        before = (whole_run / "recording.npz").read_bytes()
        with pytest.raises(ValueError, match=rf"holds a run whose {field} is .*, not .*; give another folder"):
            training.train(dataclasses.replace(TINY, **{field: value}), whole_run, data)
        assert (whole_run / "recording.npz").read_bytes() == before

    def test_so_is_another_loss_or_match(self, whole_run, data):
        for name, criterion in (
            ("weights", SetCriterion(HungarianMatcher(), 10, weights={"loss_giou": 0.0})),
            ("global_class_normalizer", SetCriterion(HungarianMatcher(), 10, global_class_normalizer=True)),
            ("giou_cost", SetCriterion(HungarianMatcher(giou_cost=1), 10)),
            ("assign", SetCriterion(HungarianMatcher(assign=greedy), 10)),
        ):
            with pytest.raises(ValueError, match=f"holds a run whose {name} is"):
                training.train(TINY, whole_run, data, criterion)

    def test_so_are_checkpoints_that_nobody_knows(self, whole_run, tmp_path, data):
        shutil.copy(whole_run / "classifier.pt", tmp_path)
        with pytest.raises(ValueError, match=r"holds checkpoints, but no recipe\.json"):
            training.train(TINY, tmp_path, data)

    @pytest.mark.parametrize("content", ["", "{", "[1, 2]", "5"])
    def test_so_is_a_damaged_file(self, tmp_path, data, content):
        (tmp_path / "recipe.json").write_text(content)
        with pytest.raises(ValueError, match=r"recipe\.json is no recipe, or is cut short"):
            training.train(TINY, tmp_path, data)

    def test_and_another_backbone(self, tmp_path, data, monkeypatch):
        path = tmp_path / "backbone-0.safetensors"
        recipe = dataclasses.replace(TINY, classifier_steps=2)
        training.train_backbone(recipe, path, data)
        monkeypatch.setattr(training, "train_classifier", None)  # what is there is not trained again
        training.train_backbone(recipe, path, data)
        with pytest.raises(ValueError, match="whose layers is 1, not 2"):
            training.train_backbone(dataclasses.replace(recipe, layers=2), path, data)

    def test_the_file_says_what_the_recording_says(self, whole_run):
        kept = json.loads((whole_run / "recipe.json").read_text())
        recorded = load_recording(whole_run / "recording.npz")["about"]["recipe"]
        assert recorded == {name: kept[name] for name in recorded}

    def test_parts_of_one_kind_are_told_apart_by_what_they_were_made_with(self, whole_run):
        def facts(**parts):
            criterion = SetCriterion(HungarianMatcher(**parts.pop("matcher", {})), 10, **parts)
            recorder, accelerator = SimpleNamespace(steps=[np.int64(3)]), SimpleNamespace(num_processes=1)
            return json.dumps(training.facts_of(TINY, criterion, recorder, accelerator))

        points = point_costs(torch.rand(3, 2))
        parts = [
            *({"matcher": {"costs": {"class_cost": FocalCost(gamma=gamma)}}} for gamma in (2, 3)),
            *({"matcher": {"assign": assign}} for assign in (in_groups(2), in_groups(3), repeated(2))),
            *({"matcher": {"assign": functools.partial(greedy, cost)}} for cost in (1, 2)),
            *({"matcher": {"costs": costs}} for costs in (points, point_costs(torch.rand(3, 2)))),
            *({"terms": {"labels": SoftmaxLoss(label_smoothing=smoothing)}} for smoothing in (0, 0.1)),
        ]
        assert len({facts(**part) for part in parts}) == len(parts)
        assert facts(matcher={"costs": points}) == facts(matcher={"costs": points})


class TestRecipe:
    def test_numbers_of_numpy_become_pythons(self):
        recipe = Recipe(learning_rate=np.float32(0.5), batch_size=np.int64(4), clip=torch.tensor(2.0), keep_steps=[3])
        assert json.loads(json.dumps(dataclasses.asdict(recipe)))["learning_rate"] == 0.5
        assert (recipe.batch_size, recipe.clip, recipe.keep_steps) == (4, 2.0, (3,))
        model = build_model(TINY)
        renew_detection_tokens(model, np.int64(5), np.int64(2))
        assert json.loads(model.config.to_json_string())["num_detection_tokens"] == 5

    @pytest.mark.parametrize(
        ("field", "value"), [("keep_steps", 5), ("keep_steps", (1.5,)), ("plain", "no"), ("seed", 2**70)]
    )
    def test_what_is_of_another_kind_is_refused_by_name(self, field, value):
        with pytest.raises(ValueError, match=rf"^{field} is .*; give "):
            dataclasses.replace(TINY, **{field: value})

    @pytest.mark.parametrize(
        "field",
        ["hidden_size", "layers", "num_detection_tokens", "detection_steps", "detection_scenes", "batch_size",
         "classifier_scenes", "learning_rate", "clip", "muon_rate", "second_rate"],
    )  # fmt: skip
    @pytest.mark.parametrize("value", [0, -1, float("nan"), "many"])
    def test_a_number_that_makes_no_sense_is_refused_by_name(self, field, value):
        with pytest.raises((TypeError, ValueError), match=rf"^{field} is .*; give "):
            dataclasses.replace(TINY, **{field: value})

    @pytest.mark.parametrize(
        ("field", "value"),
        [("batch_size", 2.5), ("seed", -1), ("classifier_steps", -1), ("hidden_size", 30), ("warm_up", 1.5),
         ("final_from", -0.1), ("eos_coef", -1), ("weight_decay", float("inf")), ("layers", True)],
    )  # fmt: skip
    def test_so_is_one_out_of_range(self, field, value):
        with pytest.raises(ValueError, match=rf"^{field} is .*; give "):
            dataclasses.replace(TINY, **{field: value})

    def test_what_may_be_zero(self):
        zero = {"classifier_steps": 0, "classifier_scenes": 0, "second_steps": 0, "eos_coef": 0, "weight_decay": 0}
        recipe = dataclasses.replace(TINY, **zero, final_eos_coef=0.0, warm_up=0, final_from=0, seed=0)
        assert recipe.eos_coef_at(0) == 0

    @pytest.mark.parametrize("total", [1, 2, 3, 10, 100])
    @pytest.mark.parametrize("warm_up", [0, 0.1, 0.5, 1])
    def test_any_number_of_steps_has_a_learning_rate(self, total, warm_up):
        recipe = dataclasses.replace(TINY, warm_up=warm_up)
        (optimizer, scheduler), *_ = stages.build_optimizers(torch.nn.Linear(1, 1), recipe, total)
        for _ in range(total):
            assert 0 < optimizer.param_groups[0]["lr"] <= recipe.learning_rate
            optimizer.step()
            scheduler.step()

    def test_the_command_line_refuses_in_a_line(self, capsys):
        with pytest.raises(SystemExit, match="2"):
            training.main(["--batch-size", "0"])
        assert "error: batch_size is 0" in capsys.readouterr().err
        with pytest.raises(SystemExit, match="2"):
            training.main(["--ablation", "no-such-run"])
        assert "invalid choice: 'no-such-run'" in capsys.readouterr().err


def test_all_processes_together_see_what_one_would(tmp_path):
    class Accelerator:
        num_processes, process_index = 2, 0

    stage = Stage.__new__(Stage)
    stage.recipe, stage.step, stage.accelerator = dataclasses.replace(TINY, batch_size=3), 5, Accelerator()
    first = stage.batch(1000)
    stage.accelerator.process_index = 1
    second = stage.batch(1000)
    chosen = np.random.default_rng([0, 5]).integers(1000, size=6)
    assert sorted([*first, *second]) == sorted(chosen)


@pytest.mark.filterwarnings("ignore:Detected call of `lr_scheduler.step")  # the very first step may be a bad one
class TestBadSteps:
    def stage(self, folder, total=100):
        from accelerate import Accelerator

        return Stage("stage", torch.nn.Linear(1, 1), TINY, total, folder, Accelerator(cpu=True))

    def loss(self, stage, value=1.0):
        return (stage.model(torch.ones(1, 1)) * value).sum()

    def test_one_is_skipped_and_counted(self, tmp_path):
        stage = self.stage(tmp_path)
        before = stage.model.weight.clone()
        stage.update(self.loss(stage, float("nan")))
        assert torch.equal(stage.model.weight, before)
        assert (stage.step, stage.skipped) == (1, 1)
        stage.update(self.loss(stage))
        assert not torch.equal(stage.model.weight, before)
        assert (stage.step, stage.skipped) == (2, 1)

    def test_a_finite_loss_with_a_gradient_that_is_not_is_skipped_too(self, tmp_path):
        stage = self.stage(tmp_path)
        before = [value.clone() for value in stage.model.parameters()]
        # The square root of 0 is finite, its slope is not.
        stage.update((0 * stage.model(torch.ones(1, 1))).abs().sqrt().sum())
        assert all(torch.equal(ours, theirs) for ours, theirs in zip(stage.model.parameters(), before))
        assert (stage.step, stage.skipped, stage.skipped_in_a_row) == (1, 1, 1)
        stage.update(self.loss(stage))
        assert all(value.isfinite().all() for value in stage.model.parameters())
        assert (stage.step, stage.skipped, stage.skipped_in_a_row) == (2, 1, 0)

    def test_ten_in_a_row_stop_the_run_with_a_sentence(self, tmp_path):
        stage = self.stage(tmp_path)
        for _ in range(MOST_SKIPS - 1):
            stage.update(self.loss(stage, float("inf")))
        stage.update(self.loss(stage))  # not in a row
        for _ in range(MOST_SKIPS - 1):
            stage.update(self.loss(stage, float("inf")))
        with pytest.raises(RuntimeError, match=r"not finite 10 steps in a row, up to step 19; lower the learning rate"):
            stage.update(self.loss(stage, float("inf")))
        assert stage.skipped == 2 * MOST_SKIPS - 1

    def test_the_count_outlives_a_checkpoint(self, tmp_path):
        stage = self.stage(tmp_path)
        stage.update(self.loss(stage, float("nan")))
        stage.save()
        again = self.stage(tmp_path)
        again.resume()
        assert (again.step, again.skipped) == (1, 1)


class TestCheckpoints:
    def test_truncated_and_foreign_files(self, whole_run, tmp_path):
        content = (whole_run / "detector.pt").read_bytes()
        path = tmp_path / "detector.pt"
        for wrong in (content[: len(content) // 2], content[:10], b"", b"hello"):
            path.write_bytes(wrong)
            with pytest.raises(ValueError, match=r"detector\.pt is no checkpoint .*; delete it to start anew\."):
                read_checkpoint(path)
        torch.save({"weights": torch.zeros(2)}, path)
        with pytest.raises(ValueError, match="is no checkpoint"):
            read_checkpoint(path)
        torch.save([1, 2], path)
        with pytest.raises(ValueError, match="is no checkpoint"):
            read_checkpoint(path)

    def test_nothing_in_a_file_is_run(self, tmp_path):
        class Trap:
            def __reduce__(self):
                return (open, (str(tmp_path / "sprung"), "w"))

        torch.save({"step": 1, "trap": Trap()}, tmp_path / "detector.pt")
        with pytest.raises(ValueError, match="is no checkpoint"):
            read_checkpoint(tmp_path / "detector.pt")
        assert not (tmp_path / "sprung").exists()


def test_untrained_models_are_deterministic_and_their_tokens_differ():
    first, second = build_model(TINY), build_model(TINY)
    assert all(torch.equal(a, b) for a, b in zip(first.state_dict().values(), second.state_dict().values()))
    tokens = first.vit.embeddings.detection_tokens[0]
    assert len(tokens.unique(dim=0)) == TINY.num_detection_tokens
    renew_detection_tokens(first)
    assert not torch.equal(first.vit.embeddings.detection_tokens, second.vit.embeddings.detection_tokens)
    patches = slice(0, -TINY.num_detection_tokens)
    ours, theirs = (model.vit.embeddings.position_embeddings[:, patches] for model in (first, second))
    assert torch.equal(ours, theirs)


def test_the_shipped_size_is_under_half_a_million_parameters():
    assert sum(weight.numel() for weight in build_model(Recipe()).parameters()) < 500_000


def test_running_means():
    running = Running()
    for value in (1.0, 3.0):
        running.add({"loss": torch.tensor(value)})
    assert running.means() == {"loss": 2.0}
    running.add({"loss": 5.0})
    assert running.means() == {"loss": 5.0}


def test_files_are_written_by_one_process_and_read_by_none_before(tmp_path):
    class Accelerator:
        is_main_process, waited = False, 0

        def wait_for_everyone(self):
            self.waited += 1

    accelerator = Accelerator()
    stages.keep_weights(tmp_path / "classifier.safetensors", torch.nn.Linear(2, 2), accelerator)
    stages.keep_recipe(tmp_path, {"seed": 0}, accelerator)
    assert (list(tmp_path.iterdir()), accelerator.waited) == ([], 2)
    accelerator.is_main_process = True
    stages.keep_weights(tmp_path / "classifier.safetensors", torch.nn.Linear(2, 2), accelerator)
    stages.keep_recipe(tmp_path, {"seed": 0}, accelerator)
    assert {path.name for path in tmp_path.iterdir()} == {"classifier.safetensors", "recipe.json"}


def test_running_means_need_no_float64():
    class TwoProcesses:
        num_processes, device = 2, torch.device("cpu")

        def reduce(self, tensor, how):
            return (tensor + 10) / 2  # the other's is 10

    running = Running()
    with no_float64_anywhere():
        running.add({"loss": torch.tensor(4.0), "accuracy": torch.tensor(6.0)})
        assert running.means(TwoProcesses()) == {"loss": 7.0, "accuracy": 8.0}


def test_training_needs_no_float64(tmp_path, data):
    """Loss, match, validation, evaluation and all that a run writes, where a tensor of float64 is an error."""
    recipe = dataclasses.replace(TINY, muon_rate=2e-3)
    with no_float64_anywhere():
        model = training.train(recipe, tmp_path, data)
        for precision in (torch.float32, torch.bfloat16):
            measures = evaluate(model.to(precision), build_image_processor(recipe), recipe.build_scenes("test", 3))
    assert set(measures) == {"AP", "AP50", "AP75", "duplicates", "count_right"}


def test_the_command_line_sets_the_recipe(monkeypatch, tmp_path):
    called = []
    monkeypatch.setattr(training, "train", lambda *arguments: called.append(arguments))
    training.main(["--folder", str(tmp_path), "--detection-steps", "7", "--learning-rate", "0.5"])
    training.main(["--quick", "--batch-size", "5", "--global-class-normalizer"])
    (recipe, folder, _, criterion), (quick, quick_folder, _, quick_criterion) = called
    assert (recipe.detection_steps, recipe.learning_rate, folder) == (7, 0.5, tmp_path)
    assert (criterion.global_class_normalizer, quick_criterion.global_class_normalizer) == (False, True)
    assert recipe.batch_size == Recipe().batch_size
    assert (quick.detection_scenes, quick.batch_size, str(quick_folder)) == (8, 5, "runs/quick")


def test_the_shipped_detector_was_trained_by_this_recipe():
    trained_by = load_recording(weights_folder() / "recording.npz")["about"]["recipe"]
    assert Recipe(**{**trained_by, "keep_steps": tuple(trained_by["keep_steps"])}) == Recipe()
