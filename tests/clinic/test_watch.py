"""What the watch counts is what happened, what it says is so, and its recording opens where the shipped one does."""

import math
import types

import numpy as np
import pytest
import torch
from transformers import Trainer, TrainingArguments, YolosForObjectDetection

from helpers import HungarianMatcher, as_transformers_loss, center_to_corners
from helpers.clinic import MatchWatch, symptoms
from helpers.clinic.watch import EACH_NORM, NORM_EVERY
from helpers.detector import load_detector
from helpers.figures import learning
from helpers.later.transformers_loss import as_focal_transformers_loss
from helpers.scenes import HandwrittenScenes
from helpers.targets import coco_target
from helpers.training.recipe import Recipe, build_model
from helpers.training.recording import flip_share, load_recording
from helpers.widgets import TrainingReplay

SCENES = [HandwrittenScenes("train", 8, seed=4)[i] for i in range(8)]
PIXELS = load_detector()[1]([image for image, _ in SCENES], return_tensors="pt")["pixel_values"]
LABELS = [coco_target(annotation, 128, 128) for _, annotation in SCENES]


def small_model(**changes):
    torch.manual_seed(0)
    model = build_model(Recipe(hidden_size=32, layers=2))
    for name, value in changes.items():
        setattr(model.config, name, value)
    model.loss_function = as_transformers_loss()
    return model


def train(model, watch, steps=6, labels=LABELS, pixels=PIXELS, rate=1e-3, before_step=lambda step: None):
    watch.begin(model.train())
    optimizer = torch.optim.AdamW(model.parameters(), rate)
    for step in range(steps):
        optimizer.zero_grad()
        model(pixels, labels=labels).loss.backward()
        before_step(step)
        watch.step()
        optimizer.step()
    return watch


def sentences(watch):
    return " ".join(sentence for _, sentence in watch.said)


def test_terms_and_gradients_by_hand(capsys):
    model, twin = small_model(), small_model()
    watch = train(model, MatchWatch(), steps=3)
    loss = twin.train()(PIXELS, labels=LABELS)
    loss.loss.backward()
    norm = torch.stack([one.grad.norm() for one in twin.parameters() if one.grad is not None]).norm()
    watch.save()
    assert watch.losses["loss"][0] == pytest.approx(loss.loss.item())
    assert watch.losses["loss_giou"][0] == pytest.approx(loss.loss_dict["loss_giou"].item())
    assert watch.grad_norm[0] == pytest.approx(float(norm), rel=1e-5)
    assert [len(values) for values in watch.losses.values()] == [3] * len(watch.losses)
    assert capsys.readouterr().out == ""


def test_watching_changes_no_weight():
    plain, watched = small_model(), small_model()
    for module in (plain, watched):
        module.vit.encoder.layer[0].eval()  # a part that somebody froze stays as it is
    optimizer = torch.optim.AdamW(plain.parameters(), 1e-3)
    for _ in range(4):
        optimizer.zero_grad()
        plain(PIXELS, labels=LABELS).loss.backward()
        optimizer.step()
    watch, optimizer = MatchWatch().begin(watched), torch.optim.AdamW(watched.parameters(), 1e-3)
    for _ in range(4):
        optimizer.zero_grad()
        watched(PIXELS, labels=LABELS).loss.backward()
        watch.step()
        optimizer.step()
    watch.save()
    assert not watched.vit.encoder.layer[0].training
    assert all(torch.equal(a, b) for a, b in zip(plain.state_dict().values(), watched.state_dict().values()))


def test_looks_are_matches_of_the_fixed_images():
    watch = MatchWatch(images=5)
    model = train(small_model(), watch, steps=1).model
    before = small_model().eval()
    with torch.no_grad():
        said = before(PIXELS[:5])
    first = watch._frames[0]["owners"]
    for image, (prediction, target) in enumerate(HungarianMatcher()(dict(said), LABELS[:5])):
        assert torch.equal(first[image, prediction], target)
    watch.save()
    assert [look["step"] for look in watch.looks] == [0, 1]
    with torch.no_grad():
        after = model.eval()(PIXELS[:5])
    pairs = HungarianMatcher()(dict(after), LABELS[:5])
    flips = sum(int((first[image, p] != t).sum()) for image, (p, t) in enumerate(pairs))
    assert watch.looks[1]["flips"] == pytest.approx(flips / sum(len(target["boxes"]) for target in LABELS[:5]))


def test_auxiliary_layers_are_kept_by_name():
    from tests.clinic.small_models import small_detr

    model = small_detr(auxiliary_loss=True)
    model.loss_function = as_transformers_loss()
    watch = train(model, MatchWatch(tell=None), steps=2, pixels=PIXELS[:2], labels=LABELS[:2])
    watch.save()
    assert {"loss_ce", "loss_ce_0", "loss_bbox_0"} <= set(watch.losses)


def test_the_recording_opens_in_the_replay_and_in_the_figures(tmp_path):
    watch = train(small_model(), MatchWatch(tmp_path, tell=None), steps=30)
    path = watch.save()
    recording = load_recording(path)
    assert recording["step"][0] == 0
    assert recording["step"][-1] == 30
    assert recording["pictures"].shape == (8, 128, 128, 3)
    assert 0 <= flip_share(recording).max() <= 1
    piece = TrainingReplay(path)
    assert len(piece.data["scenes"]) == 8
    shown = TrainingReplay(path, scenes=2, step=30)
    page = shown.checked["values"]
    owners = page[-12:]
    assert owners == shown.frame["owners"].tolist()
    for figure in (learning.curves_figure(recording), learning.film_figure(recording, {"end": -1}, (0, 1))):
        assert figure.axes
    learning.flips_figure(recording)
    learning.standing_figure(recording, {})


def test_more_tokens_than_letters(tmp_path):
    model = build_model(Recipe(hidden_size=32, layers=1, num_detection_tokens=60))
    model.loss_function = as_transformers_loss()
    path = train(model, MatchWatch(tmp_path, tell=None), steps=30, rate=3e-3).save()
    recording = load_recording(path)
    assert recording["boxes"].shape[2] == 26
    assert len(recording["about"]["tokens"]) == 26
    for scene in range(8):
        shown = TrainingReplay(recording, scene=scene, step=30)
        assert shown.checked["values"][-26:] == shown.frame["owners"].tolist()


def test_with_trainer(tmp_path):
    items = [{"pixel_values": one, "labels": two} for one, two in zip(PIXELS, LABELS)]

    def collate(batch):
        pixels = torch.stack([one["pixel_values"] for one in batch])
        return {"pixel_values": pixels, "labels": [one["labels"] for one in batch]}

    watch = MatchWatch(tmp_path, tell=None)
    arguments = TrainingArguments(
        str(tmp_path), max_steps=6, per_device_train_batch_size=2, gradient_accumulation_steps=2, report_to=[],
        use_cpu=True, save_strategy="no", disable_tqdm=True, remove_unused_columns=False,
    )  # fmt: skip
    Trainer(small_model(), arguments, train_dataset=items, data_collator=collate, callbacks=[watch]).train()
    assert watch.steps == 6
    assert len(watch.losses["loss"]) == 6
    assert load_recording(tmp_path / "recording.npz")["step"][-1] == 6


class TestSaid:
    def test_nothing_of_a_healthy_training(self):
        assert train(small_model(), MatchWatch(tell=None), steps=40).save() is None
        model = load_detector()[0]
        model.loss_function = as_transformers_loss()
        watch = train(model, MatchWatch(tell=None), steps=3, rate=1e-5)
        assert watch.said == []

    def test_silence(self, monkeypatch):
        monkeypatch.setattr(symptoms, "QUIET_STEPS", 5)
        watch = train(small_model(eos_coefficient=1.0), MatchWatch(tell=None), steps=8, rate=1e-3)
        watch.save()
        assert "% of the class weight and nothing is claimed after 8 steps" in sentences(watch)

    def test_one_box(self):
        torch.manual_seed(0)
        model = YolosForObjectDetection(small_model().config)  # detection tokens at zero
        watch = train(model, MatchWatch(tell=None), steps=22, rate=0.0)
        watch.save()
        assert "all boxes are one box" in sentences(watch)

    def test_labels_from_1(self):
        model = YolosForObjectDetection(small_model().config)
        from_one = [{**target, "class_labels": target["class_labels"] + 1} for target in LABELS]
        from_one[1]["class_labels"][:1] = 10
        watch = train(model, MatchWatch(tell=None), steps=2, labels=from_one)
        watch.save()
        assert "targets look 1-based: label 10, which is no-object, appears 2 times" in sentences(watch)

    @pytest.mark.parametrize(("unseen", "said"), [(0, "class 0 never appears"), (9, "class K - 1 = 9 never appears")])
    def test_a_class_that_is_never_seen(self, unseen, said):
        counts = torch.full((12,), 80)
        counts[[unseen, 10, 11]] = 0
        assert said in symptoms.labels_seen(counts, 10)
        counts[5] = 0
        assert symptoms.labels_seen(counts, 10) is None  # just a rare class

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            (center_to_corners, "corners"),
            (lambda b: b * 128, "pixels"),
            (lambda b: b * 100, "percent"),
            (lambda b: torch.cat([b[:, :2] - b[:, 2:] / 2, b[:, 2:]], 1), "left, top"),
        ],
    )
    def test_a_trained_checkpoint_knows_the_format(self, change, said):
        model = load_detector()[0]
        labels = [{**target, "boxes": change(target["boxes"])} for target in LABELS]
        watch = train(model, MatchWatch(tell=None), steps=1, labels=labels)
        assert f"with boxes read as {said}" in sentences(watch)
        assert "times smaller: convert them to centre and size" in sentences(watch)

    def test_a_trained_checkpoint_knows_the_labels(self):
        labels = [{**target, "class_labels": target["class_labels"] + 1} for target in LABELS]
        labels = [{**one, "class_labels": one["class_labels"].clamp(max=9)} for one in labels]
        watch = train(load_detector()[0], MatchWatch(tell=None), steps=1, labels=labels)
        assert "labels minus 1" in sentences(watch)

    @pytest.mark.filterwarnings("ignore:.*not finite:UserWarning")  # our matcher says so, too
    def test_what_is_not_finite(self):
        pixels = PIXELS.clone()
        pixels[0, 0, 0, 0] = float("nan")
        watch = train(small_model(), MatchWatch(tell=None), steps=1, pixels=pixels)
        watch.save()
        assert "step 0 is not finite: the pictures" in sentences(watch)
        model = small_model()

        def spoil(step):
            if step == 2:
                next(model.parameters()).grad.fill_(float("inf"))

        watch = train(model, MatchWatch(tell=None), steps=4, before_step=spoil)
        watch.save()
        assert "step 2 is not finite: the loss is finite, but its gradient is not" in sentences(watch)

    @pytest.mark.filterwarnings("ignore:.*not finite:UserWarning")
    def test_what_is_not_finite_where_no_gradient_is_measured(self):
        model, steps = small_model(), EACH_NORM + NORM_EVERY
        spoilt = EACH_NORM + (EACH_NORM % NORM_EVERY == 0)

        def spoil(step):
            if step == spoilt:
                next(model.parameters()).grad.fill_(float("inf"))

        watch = train(model, MatchWatch(tell=None), steps=steps, before_step=spoil)
        watch.save()
        assert f"step {spoilt + 1} is not finite: the model says NaN" in sentences(watch)
        assert len(watch.grad_norm) == steps
        assert watch.grad_norm[spoilt] == watch.grad_norm[spoilt - 1]

    def test_a_model_that_diverged(self):
        assert "gradient norm was 7" in symptoms.not_finite(3, "logits", 7.0)
        assert symptoms.burst(9, 500.0, 1.0).startswith("the gradient of step 9 is 500 times")
        assert symptoms.burst(9, 50.0, 1.0) is None

    def test_each_kind_is_told_once(self, capsys):
        watch = MatchWatch()
        watch._say("kind", "a sentence")
        watch._say("kind", "another")
        assert capsys.readouterr().out == "MatchWatch, step 0: a sentence\n"


def test_tensorboard_where_it_is_installed(tmp_path, monkeypatch):
    written = []

    class Writer:
        def __init__(self, folder):
            self.folder = folder

        def add_scalar(self, name, value, step):
            written.append((name, value, step))

    monkeypatch.setattr("helpers.clinic.watch.summary_writer", Writer)
    train(small_model(), MatchWatch(tmp_path, tell=None), steps=2).save()
    names = {name for name, _, _ in written}
    assert {"loss/loss_giou", "grad_norm", "match/flips", "match/tokens_ever"} <= names
    assert all(math.isfinite(value) for _, value, _ in written)


def test_a_sigmoid_model(tmp_path):
    from tests.clinic.small_models import small_conditional_detr

    model = small_conditional_detr()
    model.loss_function = as_focal_transformers_loss()
    watch = train(model, MatchWatch(tmp_path, tell=None), steps=3, pixels=PIXELS[:2], labels=LABELS[:2])
    recording = load_recording(watch.save())
    assert recording["logits"].shape[-1] == 11
    assert np.isfinite(recording["logits"]).all()


def test_another_kind_of_model_is_refused():
    with pytest.raises(ValueError, match="SetCriterion yourself"):
        MatchWatch().begin(types.SimpleNamespace(config=types.SimpleNamespace(num_labels=3)))
