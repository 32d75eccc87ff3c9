"""Any YOLOS or DETR in the playground, tried offline with saved random checkpoints of their shapes."""

import pytest
import torch
from PIL import Image

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


def names(count):
    return {label: ["person", "cat"][label] if label < 2 else f"class {label}" for label in range(count)}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A random YOLOS of YOLOS-tiny's form (its tokens, classes and processor) and a random DETR, saved."""
    from transformers import (
        DetrConfig,
        DetrForObjectDetection,
        DetrImageProcessorPil,
        ResNetConfig,
        YolosConfig,
        YolosForObjectDetection,
        YolosImageProcessorPil,
    )

    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("models")
    config = YolosConfig(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32, image_size=[96, 128],
        num_detection_tokens=100, use_mid_position_embeddings=False, id2label=names(91), eos_coefficient=0.1,
    )  # fmt: skip
    yolos = YolosForObjectDetection(config)
    torch.nn.init.normal_(yolos.vit.embeddings.detection_tokens)
    yolos.save_pretrained(folder / "yolos")
    size = {"shortest_edge": 96, "longest_edge": 128}
    YolosImageProcessorPil(size=size).save_pretrained(folder / "yolos")
    backbone = ResNetConfig(embedding_size=8, hidden_sizes=[8, 8, 8, 8], depths=[1, 1, 1, 1], out_features=["stage4"])
    sizes = dict.fromkeys(("encoder_layers", "decoder_layers"), 1)
    sizes |= dict.fromkeys(("encoder_attention_heads", "decoder_attention_heads"), 2)
    config = DetrConfig(
        use_timm_backbone=False, backbone_config=backbone, d_model=16, encoder_ffn_dim=16, decoder_ffn_dim=16,
        num_queries=100, id2label=names(91), **sizes,
    )  # fmt: skip
    DetrForObjectDetection(config).save_pretrained(folder / "detr")
    DetrImageProcessorPil(size=size).save_pretrained(folder / "detr")
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
