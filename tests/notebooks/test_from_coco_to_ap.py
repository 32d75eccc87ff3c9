"""The recipe runs as it stands on the page, on a small COCO file with a small YOLOS of random weights."""

import json
import re
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from batches import reference_still
from transformers import (
    DetrConfig,
    DetrForObjectDetection,
    ResNetConfig,
    Trainer,
    TrainingArguments,
    YolosForObjectDetection,
)

from helpers.detector import load_detector, look_at
from helpers.evaluation import average_precision
from helpers.scenes import HandwrittenScenes
from helpers.training.recipe import Recipe, build_model, renew_detection_tokens
from helpers.training.recording import load_recording

PAGE = Path(__file__).resolve().parents[2] / "notebooks" / "from_coco_to_ap.md"
SETTINGS, RECIPE, ONLINE = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


@pytest.fixture
def workplace(tmp_path, monkeypatch):
    """A folder with annotations.json, images and my-yolos, as the page expects them."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "images").mkdir()
    content = {"images": [], "annotations": [], "categories": [{"id": k, "name": str(k)} for k in range(10)]}
    scenes = HandwrittenScenes("train", 12, seed=8)
    for number, (image, annotation) in enumerate(scenes[place] for place in range(12)):
        name = f"{number}.png"
        image.save(tmp_path / "images" / name)
        content["images"].append({"id": number, "file_name": name, "width": 128, "height": 128})
        for thing in annotation["annotations"]:
            kept = {key: thing[key] for key in ("category_id", "bbox", "area", "iscrowd")}
            content["annotations"].append(kept | {"id": len(content["annotations"]) + 1, "image_id": number})
    (tmp_path / "annotations.json").write_text(json.dumps(content), encoding="utf-8")
    build_model(Recipe(hidden_size=32, layers=1)).save_pretrained("my-yolos")
    load_detector()[1].save_pretrained("my-yolos")
    return tmp_path


def test_the_page_trains_and_measures(workplace, capsys):
    names = {}
    exec(SETTINGS, names)
    names["STEPS"] = 2
    exec(compile(RECIPE, str(PAGE), "exec"), names)
    measures = eval(re.findall(r"\{'AP'.*\}", capsys.readouterr().out)[-1], {"nan": float("nan")})
    assert {"AP", "AP50", "duplicates", "count_right"} <= measures.keys()
    assert len(names["train"]) == 9  # of 12: every fifth is held out
    assert load_recording(workplace / "run" / "recording.npz")["step"].tolist()[0] == 0


def test_the_page_stops_at_a_sick_file(workplace):
    content = json.loads((workplace / "annotations.json").read_text())
    content["annotations"][0]["category_id"] = 10
    (workplace / "annotations.json").write_text(json.dumps(content))
    names = {}
    exec(SETTINGS, names)
    with pytest.raises(AssertionError, match="missing-categories"):
        exec(compile(RECIPE, str(PAGE), "exec"), names)


def test_thirty_lines():
    lines = [line for line in RECIPE.splitlines() if line.strip()]
    assert len(lines) <= 30
    compile(ONLINE, str(PAGE), "exec")


def test_an_evaluation_that_reads_otherwise_takes_all_ap():
    images, annotations = zip(*(HandwrittenScenes("test", 40, seed=3)[place] for place in range(40)))
    stretch = torch.tensor([2, 1, 2, 1])
    truth = [
        [thing | {"bbox": (torch.tensor(thing["bbox"]) * stretch).tolist()} for thing in annotation["annotations"]]
        for annotation in annotations
    ]
    model, image_processor = load_detector()
    outputs = SimpleNamespace(**look_at(model, image_processor, list(images)))

    def found(size=(128, 256), change=lambda one: one):
        return [change(one) for one in image_processor.post_process_object_detection(outputs, 0.0, [size] * 40)]

    def label_is_not_id(one):
        return one | {"labels": one["labels"] + 1}

    def corners_as_sides(one):
        return one | {"boxes": torch.cat([one["boxes"][:, :2], one["boxes"][:, :2] + one["boxes"][:, 2:]], 1)}

    wrong = [
        found((256, 128)),
        found(change=label_is_not_id),
        found()[1:] + found()[:1],
        found(change=corners_as_sides),
    ]
    assert average_precision(found(), truth)["AP"] == pytest.approx(0.8, abs=0.05)
    assert all(average_precision(predictions, truth)["AP"] < 0.025 for predictions in wrong)


class Dicts(list):
    """Scenes as many libraries hand them out: a dict for each."""

    def __getitem__(self, place):
        return dict(zip(("image", "annotations"), super().__getitem__(place)))


def test_the_switches_of_trainer(tmp_path):
    model, image_processor = load_detector()

    def collate(items):
        batch = image_processor(
            *([one[name] for one in items] for name in ("image", "annotations")), return_tensors="pt"
        )
        return {"pixel_values": batch["pixel_values"], "labels": batch["labels"]}

    def labels_in(scenes, **options):
        arguments = TrainingArguments(
            tmp_path, per_device_eval_batch_size=2, use_cpu=True, report_to=[], disable_tqdm=True, **options
        )
        seen = []
        measure = lambda prediction: seen.extend(prediction.label_ids) or {}  # noqa: E731
        Trainer(model, arguments, collate, eval_dataset=Dicts(scenes), compute_metrics=measure).evaluate()
        return [[len(one["class_labels"]) for one in labels] if isinstance(labels, list) else labels for labels in seen]

    scenes = list(HandwrittenScenes("test", 5, seed=1))
    counts = [len(annotation["annotations"]) for _, annotation in scenes]
    apart = {"remove_unused_columns": False, "eval_do_concat_batches": False}
    with (
        reference_still("Trainer takes what forward does not know out of each dict"),
        pytest.raises(KeyError, match="image"),
    ):
        labels_in(scenes)
    assert labels_in(scenes[:4], **apart) == [counts[:2], counts[2:4]]
    with reference_still("Trainer joins labels place by place"):
        (joined,) = labels_in(scenes, remove_unused_columns=False)
        assert len(joined["class_labels"]) == counts[0] + counts[2] + 1
    with reference_still("accelerate cuts each tensor of the last batch to as many entries as it has images"):
        assert counts[4] > 1
        assert labels_in(scenes, **apart) == [counts[:2], counts[2:4], [1]]


def test_another_number_of_tokens(tmp_path):
    name, model = "vit.embeddings.position_embeddings", load_detector()[0]
    model.save_pretrained(tmp_path)
    had = model.state_dict()[name]  # [CLS], 64 patches, 12 tokens
    loaded = YolosForObjectDetection.from_pretrained(tmp_path, num_detection_tokens=20, ignore_mismatched_sizes=True)
    with reference_still("a YOLOS with another number of tokens loses the positions of its patches"):
        assert not torch.equal(loaded.state_dict()[name][:, :65], had[:, :65])
    renew_detection_tokens(model, 30, keep=12)
    assert torch.equal(model.state_dict()[name][:, :77], had)
    assert model(torch.rand(1, 3, 128, 128)).logits.shape == (1, 30, 11)


def test_a_fresh_detr_gives_one_box_and_dropout_hides_it():
    torch.manual_seed(0)
    sizes = {"embedding_size": 16, "hidden_sizes": [16, 32, 64, 128], "depths": [1, 1, 1, 1]}
    backbone = {"backbone_config": ResNetConfig(**sizes, out_features=["stage4"]), "backbone": None}
    config = DetrConfig(num_queries=10, use_timm_backbone=False, use_pretrained_backbone=False, **backbone)
    model, pixel_values = DetrForObjectDetection(config).eval(), torch.randn(1, 3, 128, 128)
    with torch.no_grad():
        (alike,), (apart,) = model(pixel_values).pred_boxes, model.train()(pixel_values).pred_boxes
    assert 0.015 < model.model.query_position_embeddings.weight.std() < 0.025
    assert 128 * (alike - alike[0]).abs().max() < 1e-3  # pixels
    assert 128 * (apart - apart[0]).abs().max() > 0.1
