"""Loading a detector, taking it apart, and reading its answers."""

import shutil
import time

import pytest
import torch
from transformers import YolosConfig, YolosForObjectDetection

from helpers.boxes import box_iou
from helpers.detector import decode, detection_outputs, detection_states, load_detector, predict, weights_folder
from helpers.loss import SetCriterion
from helpers.matcher import HungarianMatcher
from helpers.scenes import running_example
from helpers.training.recipe import build_image_processor
from helpers.transformers_loss import as_transformers_loss


@pytest.fixture(scope="module")
def detector():
    return load_detector()


@pytest.fixture(scope="module")
def scene(detector):
    image, annotation = running_example()
    inputs = detector[1](images=image, annotations=annotation, return_tensors="pt")
    return inputs["pixel_values"], [{name: inputs["labels"][0][name] for name in ("class_labels", "boxes")}]


def test_the_shipped_detector_is_a_plain_yolos(detector, capsys):
    model, _ = load_detector()
    assert type(model) is YolosForObjectDetection
    assert not model.training
    assert sum(parameter.numel() for parameter in model.parameters()) < 500_000
    assert capsys.readouterr() == ("", ""), "no loading bar, no advice"


def test_shipped_files_are_small_and_readable_by_all():
    for path in weights_folder().iterdir():
        assert path.stat().st_size <= 2_000_000, path.name
        assert path.stat().st_mode & 0o044 == 0o044, path.name


@pytest.mark.parametrize("step", [1000, 5000, 9000, 36000])
def test_early_weights_load_and_differ(detector, step):
    early, _ = load_detector(step=step)
    assert not torch.equal(early.vit.layernorm.weight, detector[0].vit.layernorm.weight)


def test_the_optimizer_of_the_last_early_step_fits_the_parameters(detector):
    from safetensors.torch import load_file

    moments = load_file(weights_folder() / "step-5000-optimizer.safetensors")
    count = sum(parameter.numel() for parameter in detector[0].parameters())
    assert {name: len(values) for name, values in moments.items()} == {"exp_avg": count, "exp_avg_sq": count}


def test_a_step_that_is_not_shipped_is_named():
    with pytest.raises(FileNotFoundError, match=r"no weights of step 7; it has \[1000, 5000, 9000, 36000\]"):
        load_detector(step=7)


def test_a_hub_name_without_network_says_so_at_once(monkeypatch):
    import transformers  # noqa: F401  loading the library is not what is timed

    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    load_detector()
    start = time.perf_counter()
    with pytest.raises(ConnectionError, match="hustvl/yolos-tiny is not in the local cache"):
        load_detector("hustvl/yolos-tiny")
    assert time.perf_counter() - start < 5


def test_a_folder_is_loaded_by_the_same_call(tmp_path):
    config = YolosConfig(hidden_size=24, num_hidden_layers=2, num_attention_heads=3, intermediate_size=48,
                         image_size=[64, 96], num_detection_tokens=100, num_labels=91)  # fmt: skip
    YolosForObjectDetection(config).save_pretrained(tmp_path)
    build_image_processor().save_pretrained(tmp_path)
    model, _ = load_detector(str(tmp_path))
    assert model.config.num_detection_tokens == 100


@pytest.mark.parametrize("damage", ["truncated", "foreign", "pickle"])
def test_a_damaged_file_gives_one_sentence(tmp_path, damage):
    folder = tmp_path / "detector"
    shutil.copytree(weights_folder(), folder)
    weights = folder / "model.safetensors"
    content = {"truncated": weights.read_bytes()[:100_000], "foreign": b"no weights at all"}.get(damage)
    if damage == "pickle":  # weights that could run code are not even opened
        weights.unlink()
        torch.save({}, folder / "pytorch_model.bin")
    else:
        weights.write_bytes(content)
    with pytest.raises(ValueError, match="holds no readable YOLOS weights"):
        load_detector(str(folder))


def test_an_empty_folder_gives_one_sentence(tmp_path):
    with pytest.raises(ValueError, match=r"holds no config\.json"):
        load_detector(str(tmp_path))


def test_detection_states_are_the_last():
    states = torch.arange(2 * 77 * 3.0).reshape(2, 77, 3)
    assert torch.equal(detection_states(states, 12), states[:, 65:])
    with pytest.raises(ValueError, match=r"last_hidden_state has shape \(77, 3\)"):
        detection_states(states[0], 12)
    with pytest.raises(ValueError, match="S over 77"):
        detection_states(states, 77)


def test_detection_outputs_are_the_models_own(detector, scene):
    model, _ = detector
    with torch.no_grad():
        ours, theirs = detection_outputs(model, scene[0]), model(scene[0])
    assert torch.equal(ours["logits"], theirs.logits)
    assert torch.equal(ours["pred_boxes"], theirs.pred_boxes)
    assert len(ours["auxiliary_outputs"]) == model.config.num_hidden_layers - 1
    assert ours["auxiliary_outputs"][0]["logits"].shape == theirs.logits.shape


def test_auxiliary_layers_are_trained_where_the_reference_breaks(scene):
    pixel_values, targets = scene
    model, _ = load_detector()
    losses = SetCriterion(HungarianMatcher(), 10)(detection_outputs(model, pixel_values), targets)
    assert {"loss_ce_0", "loss_giou_3"} <= losses.keys()
    SetCriterion(HungarianMatcher(), 10).total(losses).backward()
    assert model.vit.encoder.layer[0].attention.attention.query.weight.grad.abs().sum() > 0

    model.config.auxiliary_loss = True
    with pytest.raises(Exception) as failure:  # noqa: PT011  whichever way it breaks
        model(pixel_values, labels=targets, output_hidden_states=True)
    assert failure.value is not None, "the reference no longer does this: update the notebook"


def test_the_plugged_in_loss_is_the_models_loss(scene):
    pixel_values, targets = scene
    model, _ = load_detector()
    with torch.no_grad():
        theirs = model(pixel_values, labels=targets).loss
        model.loss_function = as_transformers_loss()
        ours = model(pixel_values, labels=targets).loss
    assert abs(ours - theirs) < 1e-6


def test_decode_gives_pixels_and_keeps_what_scores():
    outputs = {
        "logits": torch.tensor([[[4.0, 0.0, 0.0], [0.0, 0.0, 4.0]]]),
        "pred_boxes": torch.tensor([[[0.5, 0.5, 0.5, 0.5], [0.1, 0.1, 0.2, 0.2]]]),
    }
    found = decode(outputs, [(200, 100)], threshold=0.5)[0]
    assert found["boxes"].tolist() == [[50, 25, 150, 75]]
    assert found["labels"].tolist() == [0]
    assert len(decode(outputs, [(200, 100)])[0]["scores"]) == 2


def test_the_running_example_gets_the_good_but_unsure_answer_that_notebook_00_tells_of(detector):
    """All five digits are found and named; a "1" looks much like a 7, and a second guess stands on the "3"."""
    image, annotation = running_example()
    found = predict(*detector, image)
    assert [thing["category_id"] for thing in annotation["annotations"]] == [3, 1, 4, 1, 5]
    assert sorted(found["labels"].tolist()) == [1, 1, 3, 4, 5]
    truth = torch.tensor([thing["bbox"] for thing in annotation["annotations"]], dtype=torch.float32)
    truth[:, 2:] += truth[:, :2]
    best = box_iou(truth[:, None], found["boxes"][None]).max(1)
    assert best.values.min() > 0.7
    assert [found["labels"][i].item() for i in best.indices] == [3, 1, 4, 1, 5]
    assert found["scores"][best.indices].argmin() == 1
    assert len(predict(*detector, image, threshold=0.4)["scores"]) == 6
