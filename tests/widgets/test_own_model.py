"""Any YOLOS or DETR in the playground, tried offline with saved random checkpoints of their shapes."""

import pytest
import torch
from PIL import Image
from random_detectors import save_random_detectors

from helpers import HungarianMatcher
from helpers.detector import load_detector, look_at
from helpers.scenes import running_example
from helpers.widgets.own_model import (
    describe,
    guesses_that_matter,
    load_any,
    model_playground,
    open_picture,
    read_targets,
    try_model,
)

PHOTO = Image.effect_noise((320, 240), 60).convert("RGB")
DRAWN = [("cat", (20, 30, 100, 80)), (3, (200, 100, 90, 110))]


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    save_random_detectors(folder)
    return folder


@pytest.mark.parametrize("kind", ["yolos", "detr"])
def test_a_model_of_a_hundred_guesses(folders, kind):
    model, image_processor = load_any(folders / kind)
    outputs = look_at(model, image_processor, [PHOTO])
    targets = read_targets(DRAWN, outputs, model.config, PHOTO.size)
    assert targets["class_labels"].tolist() == [1, 3]
    assert targets["boxes"][0].tolist() == pytest.approx([70 / 320, 70 / 240, 100 / 320, 80 / 240])
    matched = HungarianMatcher()(outputs, [targets])[0][0]
    rows = guesses_that_matter(outputs, targets, model.config)
    assert len(rows) == 12
    assert torch.isin(matched, rows).all()
    playground = model_playground(outputs, targets, model.config, PHOTO)
    least = HungarianMatcher().cost_matrices(outputs, [targets])[0]["total"][HungarianMatcher()(outputs, [targets])[0]]
    assert playground.numbers["cost"] == pytest.approx(
        float(least.sum()), abs=1e-4
    )  # no guess is missing for the match
    assert playground.eos_coef == model.config.eos_coefficient == 0.1
    assert "Shown are 12 of 100 guesses" in describe(outputs, targets, model.config)
    assert "1 cat" in describe(outputs, targets, model.config)
    whole = model_playground(outputs, targets, model.config, PHOTO, count=100)
    with torch.no_grad():
        labels = [{name: value.clone() for name, value in targets.items()}]
        inputs = image_processor(images=[PHOTO], return_tensors="pt")
        assert whole.numbers["loss"] == pytest.approx(float(model(**inputs, labels=labels).loss), rel=1e-4)


def test_without_targets_the_surest_guesses_stand_in():
    model, image_processor = load_detector()
    image, _ = running_example()
    outputs = look_at(model, image_processor, [image])
    targets = read_targets(None, outputs, model.config, image.size)
    assert set(targets["class_labels"].tolist()) == {1, 3, 4, 5}
    assert targets["boxes"].shape == (len(targets["class_labels"]), 4)


def test_shown_in_a_notebook(folders, tmp_path, monkeypatch, capsys):
    shown = []
    monkeypatch.setattr("IPython.display.display", shown.append)
    PHOTO.save(tmp_path / "photo.jpg")
    try_model(folders / "detr", tmp_path / "photo.jpg", DRAWN)
    slider, _ = shown[-1].children
    assert (slider.min, slider.value, slider.max) == (12, 12, 100)
    slider.value = 40
    assert "Shown are 40 of 100 guesses" in capsys.readouterr().out
    assert len(shown[-1].boxes) == 40


def test_one_sentence_for_what_cannot_be_read(folders, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("helpers.widgets.own_model.SOFTMAX", ("yolos",))
    monkeypatch.setattr("helpers.loading.hub_answers", lambda: False)
    for name, picture, targets, said in (
        (folders / "detr", PHOTO, None, "no-object class"),
        ("nobody/nothing", PHOTO, None, "not in the local cache"),
        (folders / "yolos", PHOTO, [("dog", (1, 2, 3, 4))], "no class 'dog'"),
        (folders / "yolos", tmp_path / "none.jpg", None, "none.jpg"),
    ):
        assert try_model(name, picture, targets) is None
        assert said in capsys.readouterr().out


def test_a_large_picture_is_made_smaller():
    assert open_picture(Image.new("L", (1600, 400))).size == (800, 200)
