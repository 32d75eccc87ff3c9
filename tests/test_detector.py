"""Loading a detector, taking it apart, and reading its answers."""

import json
import random
import shutil

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from transformers import DetrImageProcessorPil, YolosConfig, YolosForObjectDetection, YolosImageProcessorPil
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS
from transformers.models.yolos.modeling_yolos import YolosSelfAttention, eager_attention_forward

from helpers import loading
from helpers.boxes import box_iou
from helpers.detector import (
    decode,
    detection_outputs,
    detection_states,
    load_detector,
    look_at,
    predict,
    weights_folder,
)
from helpers.evaluation import evaluate
from helpers.loss import SetCriterion
from helpers.matcher import HungarianMatcher
from helpers.scenes import HandwrittenScenes, running_example
from helpers.training.recipe import build_image_processor, renew_detection_tokens
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
    moments = load_file(weights_folder() / "step-5000-optimizer.safetensors")
    count = sum(parameter.numel() for parameter in detector[0].parameters())
    assert {name: len(values) for name, values in moments.items()} == {"exp_avg": count, "exp_avg_sq": count}


def test_a_step_that_is_not_shipped_is_named():
    with pytest.raises(FileNotFoundError, match=r"no weights of step 7; it has \[1000, 5000, 9000, 36000\]"):
        load_detector(step=7)


def test_a_hub_name_without_network_says_so_and_is_not_tried_again(monkeypatch):
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    load, asked = loading._load, []
    monkeypatch.setattr(loading, "_load", lambda name, **options: asked.append(options) or load(name, **options))
    with pytest.raises(ConnectionError, match="hustvl/yolos-tiny is not in the local cache"):
        load_detector("hustvl/yolos-tiny")
    assert asked == [{"local_files_only": True}]  # the hub's own client would retry for half a minute


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


def edited(folder, config=None, rename=None):
    """A saved detector whose config.json, or the names of its weights, were changed afterwards."""
    torch.manual_seed(0)
    YolosForObjectDetection(SMALL).save_pretrained(folder)
    build_image_processor().save_pretrained(folder)
    if config:
        path = folder / "config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | config))
    if rename:
        weights = load_file(folder / "model.safetensors")
        weights = {rename(name): value for name, value in weights.items() if rename(name)}
        save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


SMALL = YolosConfig(hidden_size=24, num_hidden_layers=2, num_attention_heads=3, intermediate_size=48,
                    image_size=[64, 96], num_detection_tokens=10, num_labels=4)  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"rename": lambda name: "vit" in name and name}, ["class_labels_classifier.*", "missing", "backbone"]),
        ({"rename": lambda name: f"module.{name}"}, ["module.bbox_predictor.*", "left over", "vit.embeddings.cls"]),
        (
            {"rename": lambda name: name.replace("bbox_predictor", "box_head")},
            ["bbox_predictor.* missing", "left over"],
        ),
        ({"config": {"qkv_bias": False}}, ["vit.encoder.layer.0.*", "left over; save model and config together"]),
        ({"rename": lambda name: name.replace("vit.layernorm.bias", "vit.norm.bias")}, ["vit.layernorm.bias missing"]),
        ({"rename": lambda name: "vit.layernorm.bias" not in name and name}, ["vit.layernorm.bias missing"]),
        ({"config": {"num_hidden_layers": 3}}, ["vit.encoder.layer.2.* missing", "num_hidden_layers"]),
        ({"config": {"num_hidden_layers": 1}}, ["vit.encoder.layer.1.* left over", "num_hidden_layers"]),
        ({"config": {"id2label": {"0": "a", "1": "b"}}}, ["class_labels_classifier", "(5,)", "(3,)", "id2label"]),
        ({"config": {"num_detection_tokens": 30}}, ["(1, 30, 24)", "to 10", "_tokens(model, 30, keep=10)"]),
        ({"config": {"image_size": [96, 96]}}, ["vit.embeddings.position_embeddings"]),
        ({"config": {"use_mid_position_embeddings": False}}, ["mid_position_embeddings left over"]),
    ],
)
def test_weights_that_do_not_fit_their_config_are_refused(tmp_path, changes, words):
    edited(tmp_path)
    load_detector(tmp_path)
    with pytest.raises(ValueError, match="are no YOLOS as its config") as refusal:
        load_detector(edited(tmp_path, **changes))
    assert not [word for word in words if word not in str(refusal.value)], str(refusal.value)


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_refused(tmp_path, number):
    path = edited(tmp_path) / "model.safetensors"
    weights = load_file(path)
    weights["vit.layernorm.bias"][3] = number
    save_file(weights, path, metadata={"format": "pt"})
    with pytest.raises(ValueError, match=r"vit\.layernorm\.bias holds numbers that are not finite; train it anew"):
        load_detector(tmp_path)


def test_the_cause_is_told(tmp_path):
    with pytest.raises(ValueError, match=r"no readable YOLOS weights \(ValueError: .*not a multiple of.*heads"):
        load_detector(edited(tmp_path, config={"num_attention_heads": 5}))
    path = edited(tmp_path) / "model.safetensors"
    torch.save(load_file(path), tmp_path / "pytorch_model.bin")
    path.unlink()
    with pytest.raises(ValueError, match=r"they are a pickle: load it with from_pretrained, if you trust it, and save"):
        load_detector(tmp_path)


def test_a_bare_backbone_is_refused(tmp_path):
    edited(tmp_path)
    YolosForObjectDetection(SMALL).vit.save_pretrained(tmp_path)
    with pytest.raises(ValueError, match=r"bbox_predictor\.\*, class_labels_classifier\.\* missing; a bare backbone"):
        load_detector(tmp_path)


@pytest.mark.parametrize("damage", ["missing", "damaged"])
def test_a_folder_without_an_image_processor_says_so(tmp_path, damage):
    path = edited(tmp_path) / "preprocessor_config.json"
    path.write_text("{") if damage == "damaged" else path.unlink()
    with pytest.raises(ValueError, match=r"no readable image processor .*; write preprocessor_config\.json"):
        load_detector(tmp_path)


@pytest.mark.parametrize("name", [5, None, "", b"mini-yolos", ["mini-yolos"], True])
def test_a_name_must_be_one(name):
    with pytest.raises(TypeError, match=r"The name is .*; give a shipped detector's name"):
        load_detector(name)


@pytest.mark.parametrize("name", ["no/such/folder", "./nothing", "/nowhere", "a b", "\0", "C:\\runs", "x/" * 3000])
def test_what_cannot_be_on_the_hub_is_no_folder_either(name):
    with pytest.raises(ValueError, match="There is no folder"):
        load_detector(name)


def test_a_file_is_no_folder():
    with pytest.raises(ValueError, match="is a file; give the folder"):
        load_detector(weights_folder() / "model.safetensors")


@pytest.mark.parametrize("precision", [torch.float16, torch.bfloat16, torch.float64])
def test_a_detector_saved_in_another_precision_predicts(tmp_path, detector, precision):
    model, image_processor = load_detector()
    model.to(precision).save_pretrained(tmp_path)
    image_processor.save_pretrained(tmp_path)
    again, _ = load_detector(tmp_path)
    assert again.dtype == precision
    found = predict(again, image_processor, running_example()[0])
    assert sorted(found["labels"].tolist()) == [1, 1, 3, 4, 5]
    assert found["boxes"].dtype == (torch.float64 if precision == torch.float64 else torch.float32)
    assert evaluate(again, image_processor, [running_example()])["AP50"] > 0.7


@pytest.mark.parametrize("mid", [False, True])
@pytest.mark.parametrize(("count", "keep"), [(30, 10), (30, 0), (4, 4), (10, 10), (None, 0)])
def test_a_trained_detector_can_have_other_tokens(tmp_path, count, keep, mid):
    torch.manual_seed(0)
    model = YolosForObjectDetection(YolosConfig(**{**SMALL.to_dict(), "use_mid_position_embeddings": mid}))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    renew_detection_tokens(model, count, keep)
    after, had, places = model.state_dict(), 10, 1 + 4 * 6
    for name, value in before.items():
        if "embeddings" in name and "patch_embeddings" not in name and "cls" not in name:
            kept = keep if "tokens" in name else places + keep
            assert torch.equal(after[name][..., :kept, :], value[..., :kept, :]), name
            assert after[name].shape[-2] == value.shape[-2] + (count or had) - had
            assert after[name].isfinite().all()
            assert keep == (count or had) or after[name][..., kept:, :].abs().sum() > 0
        else:
            assert torch.equal(after[name], value), name
    assert model(torch.zeros(1, 3, 64, 96)).logits.shape == (1, count or had, 5)
    model.save_pretrained(tmp_path)
    build_image_processor().save_pretrained(tmp_path)
    assert load_detector(tmp_path)[0].config.num_detection_tokens == (count or had)


@pytest.mark.parametrize(
    ("count", "keep", "word"), [(0, 0, "count"), (2.5, 0, "count"), (5, 6, "keep"), (20, 11, "keep")]
)
def test_wrong_numbers_of_tokens_are_refused(count, keep, word):
    with pytest.raises(ValueError, match=f"{word} is"):
        renew_detection_tokens(YolosForObjectDetection(SMALL), count, keep)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = edited(tmp_path_factory.mktemp("whole"))
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def hostile_folder(whole, folder, number):
    """A saved detector of which one file is missing, cut off, of another kind, or says something else in one place."""
    rng = random.Random(number)
    for name, content in whole.items():
        (folder / name).write_bytes(content)
    path = folder / rng.choice(sorted(set(whole) - {"config.json"} if rng.random() < 0.6 else ["config.json"]))
    content, kind = whole[path.name], rng.randrange(4)
    if kind == 0:
        path.unlink()
    elif kind == 1:
        path.write_bytes(content[: rng.randrange(len(content))])
    elif kind == 2 or path.suffix != ".json":
        place = rng.randrange(min(len(content), 3000))
        path.write_bytes(content[:place] + rng.randbytes(rng.choice([1, 8])) + content[place + rng.choice([0, 1, 8]) :])
    else:
        values = json.loads(content)
        values[rng.choice(sorted(values))] = rng.choice(HOSTILE)
        path.write_text(json.dumps(values))


HOSTILE = [None, True, 0, -1, 1, 2.5, 10**9, float("nan"), "", "detr", [], [64], [64, 96, 3], {}, {"0": "a"}]


def meet_folder(whole, folder, number):
    """Whether a hostile folder is loaded, and then has the shapes that its config tells; else it was refused."""
    hostile_folder(whole, folder, number)
    try:
        model, image_processor = load_detector(folder)
    except ValueError as error:
        said = str(error)
    else:
        said = ""
    if said:
        assert str(folder) in said
        assert "\n" not in said
        return False
    count = model.config.num_detection_tokens
    assert model.vit.embeddings.detection_tokens.shape == (1, count, 24)
    assert image_processor.size
    return True


def test_hostile_folders_are_loaded_or_get_a_sentence(whole, tmp_path):
    assert 1 < sum(meet_folder(whole, tmp_path, number) for number in range(60)) < 59


@pytest.mark.slow
@pytest.mark.parametrize("start", range(60, 1000, 94))
def test_all_hostile_folders_are_loaded_or_get_a_sentence(whole, tmp_path, start):
    for number in range(start, start + 94):
        meet_folder(whole, tmp_path, number)


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


def test_half_precision_is_counted_in_float32():
    boxes = torch.tensor([[[0.5, 0.5, 1.0, 1.0]]])
    for precision in (torch.float16, torch.bfloat16):
        found = decode({"logits": torch.ones(1, 1, 2).to(precision), "pred_boxes": boxes.to(precision)}, [(1333, 801)])
        assert found[0]["boxes"].tolist() == [[0, 0, 1333, 801]], "1333 is 1336 in bfloat16"
        assert found[0]["scores"].dtype == torch.float32


def test_boxes_are_cut_off_at_the_border_and_those_that_are_not_finite_left_out():
    boxes = [(0.1, 0.5, 0.4, 2.0), (1.5, 0.5, 0.2, 0.2), (float("nan"), 0.5, 0.1, 0.1), (0.5, 0.5, float("inf"), 0.1)]
    outputs = {"logits": torch.tensor([2.0, 0.0]).expand(1, 4, 2), "pred_boxes": torch.tensor([boxes])}
    assert decode(outputs, [(100, 50)])[0]["boxes"].round(decimals=3).tolist() == [[0, 0, 30, 50], [100, 20, 100, 30]]


def test_decode_wants_a_size_for_each_image():
    outputs = {"logits": torch.zeros(2, 3, 4), "pred_boxes": torch.zeros(2, 3, 4)}
    with pytest.raises(ValueError, match="1 sizes for 2 images"):
        decode(outputs, [(10, 10)])
    assert decode({name: value[:0] for name, value in outputs.items()}, []) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"logits": None}, 'make it a dict of floating point "logits" and "pred_boxes"'),
        ({"logits": torch.zeros(1, 3)}, r"shapes \(1, 3\) and \(1, 3, 4\); make them \(B, N, K \+ 1\) and"),
        ({"logits": torch.zeros(1, 3, 1)}, r"shapes \(1, 3, 1\) and"),
        ({"pred_boxes": torch.zeros(1, 3, 5)}, r"and \(1, 3, 5\); make them"),
        ({"sizes": (10, 10)}, r"sizes is \(10, 10\); give \(width, height\) in pixels of each image"),
        ({"sizes": [(10,)]}, r"sizes is \[\(10,\)\]; give"),
        ({"sizes": [(-10, 10)]}, r"sizes is \[\(-10, 10\)\]; give"),
        ({"threshold": "0.5"}, "threshold is '0.5'; give a number"),
        ({"threshold": float("nan")}, "threshold is nan; give a finite number"),
    ],
)
def test_decode_names_what_it_cannot_read(change, words):
    given = {"logits": torch.zeros(1, 3, 4), "pred_boxes": torch.zeros(1, 3, 4), "sizes": [(10, 10)], "threshold": 0}
    given |= change
    outputs = {name: given[name] for name in ("logits", "pred_boxes")}
    with pytest.raises((TypeError, ValueError), match=words):
        decode(outputs, given["sizes"], given["threshold"])


def test_what_is_no_detector_or_no_picture_gets_a_sentence(detector):
    model, image_processor = detector
    for pair in ((None, image_processor), (model, None), (image_processor, model)):
        with pytest.raises(TypeError, match=r"model and image_processor are .*; give what load_detector returns"):
            predict(*pair, Image.new("RGB", (64, 64)))
    for images in ([], Image.new("RGB", (64, 64))):
        with pytest.raises(ValueError, match=r"images is .*; give a list of PIL images"):
            look_at(model, image_processor, images)
    with pytest.raises(ValueError, match="The image is 0 x 5 pixels, which is none"):
        predict(model, image_processor, Image.new("RGB", (0, 5)))


def test_a_model_in_training_is_asked_without_dropout_and_left_as_it_was():
    class Dropping(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.drop, self.frozen = torch.nn.Dropout(0.5), torch.nn.Dropout(0.5).eval()

        def forward(self, pixel_values):
            logits = torch.tensor([9.0, 0.0]).expand(len(pixel_values), 50, 2)
            return {"logits": self.drop(logits), "pred_boxes": torch.full((len(pixel_values), 50, 4), 0.5)}

    model = Dropping()
    assert len(predict(model, YolosImageProcessorPil(), Image.new("RGB", (64, 64)), threshold=0.9)["labels"]) == 50
    assert [part.training for part in (model, model.drop, model.frozen)] == [True, True, False]


@pytest.mark.parametrize("mode", ["L", "LA", "RGBA", "CMYK", "YCbCr", "I", "F", "I;16"])
def test_any_kind_of_picture_is_predicted(detector, mode):
    image = running_example()[0]
    image = image.convert("L") if mode in ("L", "LA", "I", "F", "I;16") else image
    found, wanted = predict(*detector, image.convert(mode)), predict(*detector, image.convert("RGB"))
    assert found["labels"].tolist() == wanted["labels"].tolist()
    assert torch.allclose(found["boxes"], wanted["boxes"], atol=1)


@pytest.fixture(scope="module")
def detr():
    """A DETR with random weights, which sees the pixel mask."""
    from transformers import DetrConfig, DetrForObjectDetection, ResNetConfig

    torch.manual_seed(0)
    backbone = ResNetConfig(embedding_size=8, hidden_sizes=[8, 8, 8, 8], depths=[1, 1, 1, 1], layer_type="basic",
                            out_features=["stage4"])  # fmt: skip
    sizes = {"d_model": 16, "encoder_layers": 1, "decoder_layers": 1, "encoder_ffn_dim": 16, "decoder_ffn_dim": 16,
             "encoder_attention_heads": 2, "decoder_attention_heads": 2}  # fmt: skip
    config = DetrConfig(use_timm_backbone=False, backbone_config=backbone, backbone=None, use_pretrained_backbone=False,
                        num_queries=5, num_labels=3, **sizes)  # fmt: skip
    return DetrForObjectDetection(config).eval()


def test_detr_sees_an_image_the_same_beside_others(detr):
    processor = DetrImageProcessorPil(size={"shortest_edge": 64, "longest_edge": 128})
    images = [Image.effect_noise(size, 50) for size in ((90, 60), (60, 90), (64, 64))]
    together = look_at(detr, processor, images)
    for place, image in enumerate(images):
        alone = processor(images=image.convert("RGB"), return_tensors="pt")
        with torch.no_grad():
            theirs = detr(**alone)
        assert torch.allclose(together["logits"][place], theirs.logits[0], atol=1e-5)
        assert torch.allclose(together["pred_boxes"][place], theirs.pred_boxes[0], atol=1e-5)
        found = processor.post_process_object_detection(theirs, threshold=0, target_sizes=[image.size[::-1]])[0]
        inside = found["boxes"].clamp(min=0).minimum(torch.tensor(image.size * 2))
        assert torch.allclose(decode({k: v[place : place + 1] for k, v in together.items()}, [image.size])[0]["boxes"],
                              inside, atol=1e-3)  # fmt: skip


def test_a_head_without_no_object_is_refused(detr):
    head = detr.class_labels_classifier
    try:
        detr.class_labels_classifier = torch.nn.Linear(16, 3)
        with pytest.raises(ValueError, match="has a column of logits for each class, and none for no-object"):
            predict(detr, DetrImageProcessorPil(), Image.new("RGB", (64, 64)))
    finally:
        detr.class_labels_classifier = head


def test_an_image_that_the_processor_refuses_gets_a_sentence(detector):
    processor = YolosImageProcessorPil(size={"shortest_edge": 64, "longest_edge": 100})
    with pytest.raises(ValueError, match=r"takes no image of 4000 x 2 pixels .*; crop or resize it first"):
        predict(detector[0], processor, Image.new("RGB", (4000, 2)))


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


def test_tokens_that_see_each_other_in_the_first_layer_alone_answer_as_well(detector):
    """Notebook 01 says so: in the first layer, what one token says to another is the same for every image."""
    model, image_processor = load_detector()
    first = next(part for part in model.modules() if isinstance(part, YolosSelfAttention))
    blindfold = torch.zeros(77, 77)
    blindfold[65:, 65:].masked_fill_(~torch.eye(12, dtype=torch.bool), -torch.inf)

    def attention(module, query, key, value, mask, **options):
        mask = None if module is first else blindfold
        return eager_attention_forward(module, query, key, value, mask, scaling=options["scaling"])

    ALL_ATTENTION_FUNCTIONS.register("blindfolded", attention)
    model.set_attn_implementation("blindfolded")
    scenes = HandwrittenScenes("test", 200, objects=(2, 6))
    seeing, blind = (evaluate(*pair, scenes) for pair in (detector, (model, image_processor)))
    assert abs(seeing["AP"] - blind["AP"]) < 0.02
    assert abs(seeing["count_right"] - blind["count_right"]) < 0.04
    assert abs(seeing["duplicates"] - blind["duplicates"]) < 1.5
