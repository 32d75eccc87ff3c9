"""Every kind of picture becomes the upright RGB picture that a person sees."""

import numpy as np
import pytest
from PIL import Image

from helpers.pictures import upright_rgb

NOISE = Image.effect_noise((6, 4), 50).convert("RGB")
GREY = np.asarray(NOISE.convert("L"))


@pytest.mark.parametrize("mode", ["L", "LA", "La", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "HSV", "LAB"])
def test_modes_of_eight_bits_look_as_before(mode):
    picture = upright_rgb(NOISE.convert("LA").convert(mode) if mode == "La" else in_mode(NOISE, mode))
    assert picture.mode == "RGB"
    assert np.abs(np.asarray(picture).astype(int) - np.asarray(NOISE).astype(int)).max() <= 2


def in_mode(image, mode):
    if mode != "LAB":
        return image.convert(mode)
    from PIL import ImageCms

    profiles = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    return ImageCms.applyTransform(image, ImageCms.buildTransform(*profiles, "RGB", "LAB"))


def test_rgb_is_left_alone():
    assert np.array_equal(upright_rgb(NOISE), NOISE)


@pytest.mark.parametrize("mode", ["L", "I", "F", "I;16", "I;16B", "I;16L"])
def test_grey_of_any_depth_keeps_its_tones(mode):
    assert np.array_equal(np.asarray(upright_rgb(NOISE.convert("L").convert(mode)))[..., 0], GREY)


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        (np.array([[0, 257, 32896, 65535]], np.uint16), [0, 1, 128, 255]),
        (np.array([[0, 257, 32896, 65535]], np.int32), [0, 1, 128, 255]),
        (np.array([[0, 0.5, 1.0]], np.float32), [0, 128, 255]),
        (np.array([[0, 20.0, 255.0]], np.float32), [0, 20, 255]),
        (np.array([[0, 257.0, 65535.0]], np.float32), [0, 1, 255]),
        (np.array([[-1.0, 0.0, 1.0]], np.float32), [0, 128, 255]),
        (np.array([[0, 500_000, 1_000_000]], np.int32), [0, 128, 255]),
        (np.zeros((1, 3), np.float32), [0, 0, 0]),
        (np.full((1, 3), -7.0, np.float32), [0, 0, 0]),
    ],
)
def test_wide_grey_is_scaled_and_not_cut_off(values, wanted):
    assert np.asarray(upright_rgb(Image.fromarray(values)))[0, :, 1].tolist() == wanted


def test_transparent_parts_are_white():
    assert upright_rgb(Image.new("RGBA", (1, 1), (10, 20, 30, 0))).getpixel((0, 0)) == (255, 255, 255)
    assert upright_rgb(Image.new("RGBA", (1, 1), (0, 0, 0, 127))).getpixel((0, 0)) == (128, 128, 128)
    named = Image.new("RGB", (1, 1), (10, 20, 30))
    named.info["transparency"] = (10, 20, 30)  # as in a PNG whose one colour is clear
    assert upright_rgb(named).getpixel((0, 0)) == (255, 255, 255)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_picture_is_put_upright(orientation, tmp_path):
    turned = Image.new("RGB", (3, 2))
    turned.putpixel((0, 0), (255, 0, 0))
    turned.getexif()[0x0112] = orientation
    corner = {1: (0, 0), 2: (2, 0), 3: (2, 1), 4: (0, 1), 5: (0, 0), 6: (1, 0), 7: (1, 2), 8: (0, 2)}[orientation]
    upright = upright_rgb(turned)
    assert upright.size == ((3, 2) if orientation < 5 else (2, 3))
    assert upright.getpixel(corner) == (255, 0, 0)
    assert upright_rgb(upright).size == upright.size, "it is turned once only"


@pytest.mark.parametrize("mode", ["P", "PA"])
def test_a_palette_is_the_readers_choice(mode):
    with pytest.raises(ValueError, match=r"palette .*convert\('RGB'\)"):
        upright_rgb(Image.new(mode, (4, 4)))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_not_finite_gets_a_sentence(value):
    with pytest.raises(ValueError, match=r"not finite.*convert\('RGB'\)"):
        upright_rgb(Image.fromarray(np.array([[0.0, value]], np.float32)))


@pytest.mark.parametrize("wrong", [None, "photo.jpg", np.zeros((4, 4, 3), np.uint8)])
def test_what_is_no_pil_image_gets_a_sentence(wrong):
    with pytest.raises(TypeError, match="give a PIL image"):
        upright_rgb(wrong)


def test_a_file_that_ends_too_early_gets_a_sentence(tmp_path):
    Image.effect_noise((99, 99), 50).save(tmp_path / "whole.png")
    (tmp_path / "half.png").write_bytes((tmp_path / "whole.png").read_bytes()[:3000])
    with Image.open(tmp_path / "half.png") as half, pytest.raises(ValueError, match="cannot be read"):
        upright_rgb(half)
