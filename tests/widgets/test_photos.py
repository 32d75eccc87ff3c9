import datetime
import io

import pytest
import torch
from PIL import Image

from helpers.widgets import photos
from helpers.widgets.photos import photo_figure, photo_playground, read_photo, try_photo


def encoded(image, kind="PNG", **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def test_a_photo_is_read_upright_and_not_too_large():
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    image = read_photo(encoded(Image.new("RGB", (1600, 1000)), "JPEG", exif=exif))
    assert (image.mode, image.size) == ("RGB", (500, 800))
    assert read_photo(encoded(Image.new("L", (30, 20)))).size == (30, 20)


@pytest.mark.parametrize("content", [b"", b"no picture at all", encoded(Image.effect_noise((99, 99), 50))[:500]])
def test_what_is_no_picture_gets_one_sentence(content):
    with pytest.raises(ValueError, match="no picture that can be read"):
        read_photo(content)


def test_too_much_gets_one_sentence(monkeypatch):
    with pytest.raises(ValueError, match="11 MB; choose one of at most 10 MB"):
        read_photo(bytes(11_000_000))
    monkeypatch.setattr(photos, "MOST_PIXELS", 100)
    with pytest.raises(ValueError, match="20 x 10; choose"):
        read_photo(encoded(Image.new("RGB", (20, 10))))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A YOLOS shaped as the smallest on the hub, with random weights."""
    from transformers import YolosConfig, YolosForObjectDetection, YolosImageProcessorPil

    torch.manual_seed(0)
    config = YolosConfig(
        hidden_size=192,
        num_hidden_layers=12,
        num_attention_heads=3,
        intermediate_size=768,
        image_size=[800, 1333],
        num_labels=91,
        use_mid_position_embeddings=False,
    )
    path = tmp_path_factory.mktemp("tiny")
    YolosForObjectDetection(config).save_pretrained(path)
    YolosImageProcessorPil(size={"shortest_edge": 128, "longest_edge": 200}).save_pretrained(path)
    return path


def test_the_whole_way_without_a_network(folder, monkeypatch, capsys):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda *things, **_: shown.extend(things))
    try_photo(str(folder))
    button, output = shown[0].children
    monkeypatch.setattr(output, "clear_output", lambda wait: None)
    for content, said in ((encoded(Image.new("RGB", (200, 150), "red")), "Your photo"), (b"nonsense", "no picture")):
        shown.clear()
        now = datetime.datetime.now(datetime.UTC)
        upload = {"name": "a", "type": "image/png", "size": len(content), "content": content, "last_modified": now}
        button.value = (upload,)
        assert said in str(shown) + capsys.readouterr().out
    monkeypatch.setattr("helpers.widgets.photos.SCORE", 0.0)  # so that random weights are sure of something
    shown.clear()
    button.value = ({**upload, "content": encoded(Image.new("RGB", (200, 150), "blue"))},)
    assert "MatchingPlayground" in str(shown)


def test_the_upload_of_an_older_ipywidgets_is_read_too():
    tuple_of_8, dict_of_7 = ({"name": "a", "content": memoryview(b"x")},), {"a": {"metadata": {}, "content": b"x"}}
    assert photos._chosen_file(tuple_of_8) == photos._chosen_file(dict_of_7) == b"x"


def test_without_a_network_one_sentence(monkeypatch, capsys):
    monkeypatch.setattr("helpers.loading.hub_answers", lambda: False)
    try_photo("nobody/no-such-detector")
    said = capsys.readouterr().out
    assert said.count("\n") == 1
    assert "the hub does not answer" in said


def test_names_and_scores_are_drawn():
    found = {
        "boxes": torch.tensor([[5.0, 5.0, 50.0, 40.0]]),
        "scores": torch.tensor([0.934]),
        "labels": torch.tensor([3]),
    }
    figure = photo_figure(Image.new("RGB", (80, 60)), found, {3: "car"})
    assert "car 93%" in [text.get_text() for text in figure.axes[0].texts]


def test_the_playground_takes_the_surest_guesses():
    torch.manual_seed(0)
    outputs = {"logits": torch.randn(1, 100, 92), "pred_boxes": 0.2 + 0.6 * torch.rand(1, 100, 4)}
    outputs["logits"][0, 40:43, 17] = 20.0  # three sure ones
    playground = photo_playground(Image.new("RGB", (80, 60)), outputs)
    assert (len(playground.boxes), playground.labels) == (12, [17, 17, 17])
    prediction_index, target_index = playground.match
    boxes, wanted = playground.outputs["pred_boxes"][0], playground.targets[0]["boxes"]
    assert torch.equal(boxes[prediction_index], wanted[target_index])
