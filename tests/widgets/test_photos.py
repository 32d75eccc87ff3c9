import datetime
import functools
import io
import random
import re

import numpy as np
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


@pytest.mark.parametrize("content", [None, "photo.jpg", Image.new("RGB", (4, 4)), 5])
def test_what_are_no_bytes_gets_one_sentence(content):
    with pytest.raises(ValueError, match="give the bytes of a file"):
        read_photo(content)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bits_keep_their_tones(kind):
    ramp = np.tile(np.linspace(0, 65535, 64).astype(np.uint16), (64, 1))
    tones = np.asarray(read_photo(encoded(Image.fromarray(ramp), kind)))[0, :, 0]
    assert np.abs(tones - np.linspace(0, 255, 64)).max() <= 1


def test_floating_point_keeps_its_tones():
    ramp = np.tile(np.linspace(0, 1, 64, dtype=np.float32), (64, 1))
    tones = np.asarray(read_photo(encoded(Image.fromarray(ramp), "TIFF")))[0, :, 0]
    assert np.abs(tones - np.linspace(0, 255, 64)).max() <= 1


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "CMYK", "1"])
def test_transparent_parts_and_palettes_and_ink_are_read(mode):
    blank = Image.new("RGBA", (30, 20), (10, 20, 30, 0)).convert(mode) if mode in ("RGBA", "LA") else None
    image = blank or Image.new("RGB", (30, 20), "white").convert(mode)
    assert read_photo(encoded(image, "TIFF" if mode == "CMYK" else "PNG")).getpixel((3, 3)) == (255, 255, 255)


def test_a_clear_colour_of_a_palette_is_white():
    image = Image.new("P", (30, 20), 1)
    image.putpalette([0, 0, 0, 200, 0, 0])
    assert read_photo(encoded(image)).getpixel((3, 3)) == (200, 0, 0)
    assert read_photo(encoded(image, transparency=1)).getpixel((3, 3)) == (255, 255, 255)


@pytest.mark.parametrize("size", [(1, 2000), (2000, 1), (4000, 300)])
def test_a_narrow_strip_gets_one_sentence(size):
    with pytest.raises(ValueError, match=f"The picture is {size[0]} x {size[1]}; choose one whose longer side"):
        read_photo(encoded(Image.new("RGB", size)))


@pytest.mark.parametrize("kind", ["EPS", "PDF", "ICO", "PPM", "TGA"])
def test_other_formats_get_one_sentence(kind):
    with pytest.raises(ValueError, match="choose a JPEG or a PNG"):
        read_photo(encoded(Image.new("RGB", (32, 32)), kind))


KINDS = [  # of files to damage: a format, and the mode of the picture in it
    *(("PNG", mode) for mode in ("RGB", "RGBA", "L", "LA", "P", "1", "I;16")),
    *(("JPEG", mode) for mode in ("RGB", "L", "CMYK")),
    *(("TIFF", mode) for mode in ("RGB", "RGBA", "F", "I", "I;16", "CMYK", "LAB", "YCbCr")),
    *(("GIF", "P"), ("BMP", "RGB"), ("WEBP", "RGB"), ("WEBP", "RGBA"), ("ICO", "RGBA"), ("PPM", "RGB"), ("EPS", "RGB")),
]


@functools.cache
def whole_file(kind, mode):
    noise = Image.effect_noise((60, 40), 50)
    noise = noise if mode in ("F", "I", "I;16") else noise.convert("RGB")
    return encoded(Image.new(mode, (60, 40)) if mode == "LAB" else noise.convert(mode), kind)


def damaged(number):
    """A picture file in which a few places were changed, cut out, put in, or the end cut off."""
    rng = random.Random(number)
    content = bytearray(whole_file(*rng.choice(KINDS)))
    for _ in range(rng.choice([0, 1, 1, 3, 10, 50])):
        place = rng.randrange(rng.choice([1, min(len(content), 200), len(content)]) or 1)
        content[place : place + rng.choice([0, 1, 4])] = rng.randbytes(rng.choice([0, 1, 4, 8]))
        if rng.random() < 0.1:
            del content[place:]
        content = content or bytearray(1)
    return bytes(content)


def meet_photo(number):
    """Whether a damaged file is read; else it has got one of the sentences."""
    try:
        image = read_photo(damaged(number))
    except ValueError as error:
        said = str(error)
    else:
        said = ""
    if said:
        assert re.fullmatch("(This file is no picture|The picture is|The file has).*; choose .*", said)
        return False
    assert (image.mode, max(image.size) <= 800) == ("RGB", True)
    return True


def test_damaged_files_are_read_or_get_a_sentence():
    assert 20 < sum(meet_photo(number) for number in range(500)) < 480


@pytest.mark.slow
@pytest.mark.parametrize("start", range(500, 10_000, 500))
def test_all_damaged_files_are_read_or_get_a_sentence(start):
    for number in range(start, start + 500):
        meet_photo(number)


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
