"""SceneLab without a browser: its pixels and its network beside the image processor and PyTorch, and hostile values."""

import base64
import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch
from missing import skip_without
from page_code import call_page, run_page
from traitlets import TraitError

from helpers.detector import load_detector
from helpers.scenes import running_example
from helpers.widgets import SceneLab
from helpers.widgets import scenelab as lab
from helpers.widgets.scenelab_network import STEPS, page_network, page_weights, unread

SOURCE = Path(lab.__file__).with_name("matmul.wat")
SCENES = 100
CLOSE = 1e-3


def random_digits(rng, most=6):
    sprites = rng.integers(len(lab.palette()), size=rng.integers(0, most + 1))
    return lab.clean_digits([[int(s), *rng.integers(0, 100, 2).tolist(), True, True] for s in sprites])


def encoded(data):
    return base64.b64encode(data).decode()


def scenery():
    """What the kernel tells the page to draw with, as JSON can hold it."""
    told = []
    piece = SceneLab()
    piece.send = lambda content, buffers: told.append((content, *buffers))
    piece.hear({"kind": "scenery"})
    ((content, data),) = told
    assert content == {"kind": "scenery"}
    return {"sizes": piece.sprites, "scenery": encoded(data)}


COMPOSE = """const scenery = readScenery(readTensors(bytesOfText(data.scenery)), data.sizes);
    const pictures = data.digits.map((digits) => composePicture(scenery, digits));"""


def test_the_pages_pixels_are_those_of_the_image_processor():
    rng = np.random.default_rng(0)
    digits = [random_digits(rng, 20) for _ in range(12)]
    body = COMPOSE + "return pictures.map((bytes) => [Array.from(bytes), Array.from(pixelValues(bytes))]);"
    pages = run_page(SceneLab, body, {**scenery(), "digits": digits})
    image_processor = page_network()[1]
    for placed, (picture, values) in zip(digits, pages):
        image = lab.compose([digit[:3] for digit in placed])
        assert np.array_equal(np.array(picture, np.uint8).reshape(128, 128, 3), np.asarray(image))
        expected = image_processor(images=[image], return_tensors="np")["pixel_values"][0]
        assert np.array_equal(np.array(values, np.float32).reshape(3, 128, 128), expected)


LOOK = (
    COMPOSE
    + """const network = makeNetwork(readTensors(bytesOfText(data.weights)), data.simd);
    return pictures.map((bytes) => {
        const { logits, boxes, states } = network.run(pixelValues(bytes), data.read);
        return [network.simd, logits, boxes, Array.from(states)];
    });"""
)


@pytest.mark.parametrize("simd", [True, False])
@pytest.mark.parametrize(("step", "read", "count"), [(None, True, SCENES), (None, False, 20), (STEPS[0], True, 10)])
def test_the_page_sees_what_pytorch_sees(step, read, count, simd):
    rng = np.random.default_rng(1)
    digits = [random_digits(rng) for _ in range(count)]
    model, image_processor = page_network(step)
    images = [lab.compose([digit[:3] for digit in placed]) for placed in digits]
    pixel_values = image_processor(images=images, return_tensors="pt")["pixel_values"]
    with torch.no_grad():
        if read:
            run = model(pixel_values)
        else:
            with unread(model):
                run = model(pixel_values)
    states = run.last_hidden_state[:, -model.config.num_detection_tokens :]
    data = {**scenery(), "digits": digits, "weights": encoded(page_weights(step)), "read": read, "simd": simd}
    pages = run_page(SceneLab, LOOK, data)
    assert {page[0] for page in pages} == {simd}
    for place, expected in enumerate((run.logits, run.pred_boxes, states.flatten(1)), start=1):
        found = torch.tensor([page[place] for page in pages])
        torch.testing.assert_close(found, expected, rtol=0, atol=CLOSE)


def test_the_kernel_is_built_from_its_source(tmp_path):
    if shutil.which("npx") is None:
        skip_without("Node")
    built = tmp_path / "matmul.wasm"
    command = ["npx", "--yes", "--package", "wabt@1.0.39", "wat2wasm", str(SOURCE), "-o", str(built)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    if done.returncode and "npm" in done.stderr:
        skip_without("wabt")
    assert done.returncode == 0, done.stderr
    assert run_page(SceneLab, "return KERNEL;") == encoded(built.read_bytes())


def test_half_precision_is_widened_as_numpy_does():
    bits = np.arange(2**16, dtype=np.uint16)
    bits = bits[np.isfinite(bits.view(np.float16))][::7]
    pages = run_page(SceneLab, "return data.map(widen);", bits.tolist())
    assert np.array_equal(np.array(pages), bits.view(np.float16).astype(np.float64))


def test_match_and_loss_are_those_of_helpers():
    rng = np.random.default_rng(2)
    pieces = [SceneLab(digits=random_digits(rng, 14)) for _ in range(6)] + [SceneLab(moment) for moment in lab.MOMENTS]
    pieces[0].digits = [[*digit[:4], place % 2 == 0] for place, digit in enumerate(pieces[0].digits)]
    arguments = []
    for piece in pieces:
        outputs = {"logits": piece.outputs["logits"][0].tolist(), "boxes": piece.outputs["pred_boxes"][0].tolist()}
        arguments.append([outputs, piece.digits, piece.sprites, piece.eos_coef])
    for piece, page in zip(pieces, call_page(SceneLab, "sceneNumbers", arguments)):
        numbers = piece.numbers
        assert page["labels"] == piece.targets[0]["class_labels"].tolist()
        assert np.allclose(np.array(page["targetBoxes"]).reshape(-1, 4), piece.targets[0]["boxes"])
        assert page["pairs"] == torch.stack(piece.match, 1).tolist()
        assert sum(token["claims"] for token in page["tokens"]) == numbers["claims"]
        found = [page["losses"][name] for name in ("class", "l1", "giou", "total")]
        assert found == pytest.approx(
            [numbers[name] for name in ("loss_ce", "loss_bbox", "loss_giou", "loss")], abs=1e-6
        )


def test_the_first_picture_is_the_running_example():
    piece = SceneLab()
    image, annotation = running_example()
    shown = np.asarray(piece.image).astype(int)
    assert abs(shown - np.asarray(image)).max() <= 1
    boxes = torch.tensor([thing["bbox"] for thing in annotation["annotations"]], dtype=torch.float64)
    boxes[:, :2] += boxes[:, 2:] / 2
    assert torch.equal(piece.targets[0]["boxes"] * 128, boxes)
    assert piece.targets[0]["class_labels"].tolist() == [3, 1, 4, 1, 5]


def test_the_detector_reads_each_digit_that_can_be_added():
    for sprite, (label, ink, _) in list(enumerate(lab.palette()))[-10:]:
        height, width = ink.shape
        piece = SceneLab(digits=[[sprite, 64 - width // 2, 64 - height // 2, True, True]])
        logits = piece.outputs["logits"][0, piece.match[0][0]]
        assert int(logits.argmax()) == label, sprite


def claims(piece):
    """The tokens that claim something, with the digit that each says."""
    logits = piece.outputs["logits"][0]
    sure = lab.claimed(piece.outputs)[0] > lab.CLAIM
    return {"ABCDEFGHIJKL"[n]: int(logits[n, :-1].argmax()) for n in sure.nonzero()[:, 0].tolist()}


def owners(piece):
    return ["ABCDEFGHIJKL"[n] for n in piece.match[0][piece.match[1].argsort()].tolist()]


@pytest.mark.parametrize("read", [True, False])
def test_moments_show_what_they_are_for(read):
    sliding = SceneLab("a digit to slide", tokens_are_read=read)
    answered, losses = [], []
    for left in range(0, 109, 6):
        sliding.digits = [[0, left, 37, True, True]]
        answered += owners(sliding)
        losses.append(sliding.numbers["loss"])
    assert len(set(answered)) >= 6
    assert max(losses) < 1

    piece = SceneLab(tokens_are_read=read)
    whole = piece.digits
    assert claims(piece) == {"A": 1, "B": 3, "F": 4, "G": 1, "J": 5}
    piece.digits = whole[1:]  # without the "3": nobody claims the upper "1"
    assert claims(piece) == {"A": 1, "F": 4, "J": 5}
    piece.digits = [*whole[:3], whole[4]]  # without the lower "1": A claims the upper one, and so does G
    assert {"A": 1, "G": 1}.items() <= claims(piece).items()

    piece.digits = [[*digit[:3], place != 2, True] for place, digit in enumerate(whole)]  # the "4" is covered
    assert piece.numbers["loss"] > 1.9
    assert owners(piece)[2] == "F"
    assert "F" not in claims(piece)
    assert claims(piece)["C"] == 7
    piece.digits = [digit for digit in piece.digits if digit[3]]
    assert piece.numbers["loss"] < 0.6


def test_twins_are_two_targets_and_one_claim():
    twins = SceneLab("twins")
    (_, _, top, *rest), second = twins.digits
    counts = {}
    for gap in (40, 30, 24, 8):
        twins.digits = [[2, second[1] - gap, top, *rest], second]
        counts[gap] = twins.numbers["claims"]
        assert len(owners(twins)) == 2
    assert counts[30] == counts[24] == 2
    assert counts[8] == 1


def test_all_twelve_claim_at_first():
    assert SceneLab("childhood").numbers["claims"] == 12


def test_weights_travel_in_two_bytes_each():
    model, _ = load_detector()
    count = sum(parameter.numel() for parameter in model.parameters())
    assert 2 * count < len(page_weights()) < 2.1 * count


def test_no_weights_are_stored():
    piece = SceneLab()
    state = {name: value for name, value in piece.get_state().items() if name not in ("_esm", "_css")}
    assert len(json.dumps(state)) < 40_000


HOSTILE = [
    None,
    "digits",
    [[0, 1, 2, True]],
    [[99, 1, 2, True, True]],
    [[-1, 1, 2, True, True]],
    [[0, float("nan"), 2, True, True]],
    [[0, float("inf"), 2, True, True]],
    [["0", 1, 2, True, True]],
    [[0, 1, 2, True, True]] * 21,
]


@pytest.mark.parametrize("digits", HOSTILE)
def test_digits_that_make_no_sense_are_refused(digits):
    piece = SceneLab()
    before = piece.digits
    with pytest.raises(TraitError):
        piece.digits = digits
    assert piece.digits == before


def test_other_values_that_make_no_sense_are_refused():
    with pytest.raises(ValueError, match="choose one of"):
        SceneLab("nothing")
    with pytest.raises(TraitError):
        SceneLab(step=2)
    with pytest.raises(ValueError, match="controls"):
        SceneLab(controls=["pen"])


def test_a_picture_without_digits_and_one_with_twenty():
    empty = SceneLab(digits=[])
    assert empty.match[0].tolist() == []
    assert empty.text.startswith("Digits in the picture: 0, targets: 0, claims: 0.")
    full = SceneLab(digits=[[i % 15, 5 * i, 5 * i, True, True] for i in range(20)])
    assert len(full.match[0]) == 12


def test_reset_and_the_sentence():
    piece = SceneLab()
    assert piece.text.endswith("Loss 0.52.")
    first = piece.digits
    piece.digits, piece.tokens_are_read = [], False
    piece.reset()
    assert (piece.digits, piece.tokens_are_read) == (first, True)
