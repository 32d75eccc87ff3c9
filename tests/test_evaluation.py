import json
import math

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import YolosImageProcessorPil

from helpers import corners_to_center
from helpers.detector import predict
from helpers.evaluation import (
    average_precision,
    corner_boxes,
    count_duplicates,
    evaluate,
    main,
    precision_table,
    summarize,
    suppress_duplicates,
)
from helpers.scenes import IMAGE_SIZE, HandwrittenScenes
from helpers.training.recipe import build_image_processor

SCENES = HandwrittenScenes("test", 12, seed=6)
TRUTH = [SCENES[index][1]["annotations"] for index in range(12)]
NOTHING = {"boxes": torch.zeros(0, 4), "scores": torch.zeros(0), "labels": torch.zeros(0, dtype=torch.int64)}


def found(boxes, scores, labels):
    boxes = torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4)
    return {"boxes": boxes, "scores": torch.tensor(scores), "labels": torch.tensor(labels, dtype=torch.int64)}


def perfect(annotations, score=0.9):
    labels = torch.tensor([thing["category_id"] for thing in annotations], dtype=torch.int64)
    return {"boxes": corner_boxes(annotations), "scores": torch.full((len(labels),), score), "labels": labels}


def joined(*parts):
    return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}


class TestAveragePrecision:
    def test_perfect_predictions(self):
        assert average_precision([perfect(truth) for truth in TRUTH], TRUTH) == {"AP": 1.0, "AP50": 1.0, "AP75": 1.0}

    def test_wrong_labels(self):
        wrong = [{**perfect(truth), "labels": (perfect(truth)["labels"] + 1) % 10} for truth in TRUTH]
        assert average_precision(wrong, TRUTH)["AP50"] < 0.2

    def test_shifted_boxes_pass_a_loose_threshold_only(self):
        # A shift by a fifth of the width leaves IoU 0.8 / 1.2 = 0.67.
        shifted = []
        for truth in TRUTH:
            boxes = corner_boxes(truth)
            width = boxes[:, 2:3] - boxes[:, :1]
            shifted.append({**perfect(truth), "boxes": boxes + torch.cat([0.2 * width, 0 * width] * 2, dim=1)})
        measures = average_precision(shifted, TRUTH)
        assert (measures["AP50"], measures["AP75"]) == (1.0, 0.0)
        assert measures["AP"] == pytest.approx(0.4)  # right at 0.50, 0.55, 0.60, 0.65 of ten thresholds

    def test_nothing_found(self):
        assert average_precision([NOTHING] * 12, TRUTH) == {"AP": 0.0, "AP50": 0.0, "AP75": 0.0}

    def test_nothing_to_find(self):
        assert all(math.isnan(value) for value in average_precision([NOTHING], [[]]).values())
        crowd = {"category_id": 5, "bbox": [0, 0, 9, 9], "iscrowd": 1}
        assert all(math.isnan(value) for value in average_precision([NOTHING], [[crowd]]).values())

    def test_a_class_that_is_only_a_crowd_has_none(self):
        truth = [
            {"category_id": 3, "bbox": [20, 10, 40, 60]},
            {"category_id": 5, "bbox": [80, 10, 40, 60], "iscrowd": 1},
        ]
        assert average_precision([found((20, 10, 60, 70), [0.9], [3])], [truth])["AP"] == pytest.approx(1)

    def test_area_and_iscrowd_may_be_missing_and_keys_are_not_changed(self):
        truth = [{"category_id": 3, "bbox": [20, 10, 40, 60]}]
        assert average_precision([found((20, 10, 60, 70), [0.9], [3])], [truth])["AP"] == pytest.approx(1)
        assert truth == [{"category_id": 3, "bbox": [20, 10, 40, 60]}]

    def test_results_are_not_read_by_the_loader_that_needs_an_info_field(self, monkeypatch):
        monkeypatch.delattr("pycocotools.coco.COCO.loadRes")  # of 2.0.9 and 2.0.10
        assert average_precision([perfect(truth) for truth in TRUTH], TRUTH)["AP"] == 1

    def test_half_precision_is_counted_in_float32(self):
        truth = [{"category_id": 3, "bbox": [0, 0, 1333, 800]}]
        wide = found((0, 0, 1333, 800), [0.9], [3])
        assert average_precision([wide | {"scores": wide["scores"].bfloat16()}], [truth])["AP"] == pytest.approx(1)


def random_world(seed):
    """Some images with annotations and detections of every awkward kind: (annotations, detections)."""
    rng = np.random.default_rng(seed)
    annotations, predictions = [], []
    for _ in range(rng.integers(1, 8)):
        size = rng.choice([20, 200, 2000], size=rng.integers(0, 6))
        corners = np.array([[*rng.uniform(0, s, 2), *rng.uniform(1, s, 2)] for s in size]).reshape(-1, 4).round(2)
        truth = [{"category_id": int(rng.integers(0, 4)), "bbox": box.tolist()} for box in corners]
        for thing in truth:
            if rng.random() < 0.5:
                thing |= {"iscrowd": int(rng.random() < 0.5)}
            if rng.random() < 0.5:
                thing |= {"area": float(rng.choice([0.5, 100, 5000, 1e11]))}
        near = [np.array(t["bbox"]) * rng.normal(1, 0.1, 4) for t in truth for _ in range(rng.integers(0, 3))]
        near += [rng.uniform(1, 200, 4) for _ in range(rng.choice([0, 3, 130]))]
        boxes = np.abs(np.array(near, dtype=np.float32).reshape(-1, 4))
        labels = rng.integers(0, 6, len(boxes))
        labels[: len(truth)] = [t["category_id"] for t in truth][: len(boxes)]
        scores = rng.integers(0, 20, len(boxes)) / 20
        corner = torch.from_numpy(np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1))
        predictions.append({"boxes": corner, "scores": torch.tensor(scores), "labels": torch.tensor(labels)})
        annotations.append(truth)
    return annotations, predictions


def summary_of_coco(annotations, predictions, folder):
    """The first three numbers of COCOeval's own summary, through files as anybody would write them."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    things = [{"iscrowd": 0, "image_id": image, **t} for image, truth in enumerate(annotations) for t in truth]
    things = [{"area": t["bbox"][2] * t["bbox"][3], **t, "id": number} for number, t in enumerate(things, start=1)]
    content = {"info": {}, "images": [{"id": image} for image in range(len(annotations))], "annotations": things}
    (folder / "truth.json").write_text(json.dumps(content | {"categories": [{"id": label} for label in range(6)]}))
    results = [
        {"image_id": image, "category_id": int(label), "score": float(score), "bbox": [x, y, right - x, bottom - y]}
        for image, said in enumerate(predictions)
        for (x, y, right, bottom), score, label in zip(said["boxes"].tolist(), said["scores"], said["labels"])
    ]
    if not results:
        return None
    truth = COCO(folder / "truth.json")
    evaluation = COCOeval(truth, truth.loadRes(results), "bbox")
    for step in (evaluation.evaluate, evaluation.accumulate, evaluation.summarize):
        step()
    return [float("nan") if value == -1 else value for value in evaluation.stats[:3]]


@pytest.mark.parametrize("seed", range(60))
def test_agrees_with_cocos_own_summary(seed, tmp_path, capsys):
    annotations, predictions = random_world(seed)
    theirs = summary_of_coco(annotations, predictions, tmp_path)
    if theirs is not None:
        assert list(average_precision(predictions, annotations).values()) == pytest.approx(theirs, nan_ok=True)


class TestWrongInput:
    def test_lists_of_different_lengths(self):
        for measure in (summarize, average_precision, precision_table):
            with pytest.raises(ValueError, match=r"predictions for 2 images and annotations of 1; give one entry"):
                measure([NOTHING, NOTHING], [[]])

    def test_detections_of_different_lengths(self):
        with pytest.raises(ValueError, match=r"predictions\[1\] holds .*'scores': \(1,\).*give one of each"):
            summarize([NOTHING, NOTHING | {"scores": torch.ones(1)}], [[], []])

    @pytest.mark.parametrize("wrong", [{"bbox": [0, 0, 9, 9]}, {"category_id": 3}, {"category_id": 3, "bbox": [1, 2]}])
    def test_annotations_without_a_field(self, wrong):
        with pytest.raises(ValueError, match=r"annotations\[1\]\[0\] is .*; it needs a category_id, and a bbox"):
            summarize([NOTHING, NOTHING], [[], [wrong]])

    @pytest.mark.parametrize(
        ("wrong", "words"),
        [
            ({"category_id": "3"}, "has the category_id '3'; make it a whole number"),
            ({"category_id": None}, "has the category_id None"),
            ({"category_id": torch.tensor(3)}, "has the category_id tensor"),
            ({"iscrowd": "0"}, "has the iscrowd '0'; make it 0 or 1"),
            ({"area": "100"}, "is .*; make its bbox and area finite numbers"),
            ({"area": math.nan}, "is .*; make its bbox and area finite numbers"),
            ({"bbox": [0, 0, math.nan, 9]}, "is .*; make its bbox and area finite numbers"),
        ],
    )
    def test_annotations_with_a_field_of_another_kind(self, wrong, words):
        # Of most of these pycocotools would make an AP of 0, of NaN boxes an AP of 1.
        good = {"category_id": 3, "bbox": [0, 0, 9, 9]}
        with pytest.raises(ValueError, match=rf"annotations\[1\]\[1\] {words}"):
            summarize([NOTHING, NOTHING], [[], [good, good | wrong]])

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ({"boxes": torch.tensor([[0.0, 0.0, math.nan, 9.0]])}, "holds numbers that are not finite"),
            ({"scores": torch.tensor([math.nan])}, "holds numbers that are not finite"),
            ({"boxes": torch.zeros(1, 5)}, r"holds .*boxes \(M, 4\)"),
            ({"scores": torch.ones(1, 1)}, r"holds .*the others \(M,\)"),
            ({"labels": np.array([3])}, "is .*; make it a dict of tensors, boxes, scores, labels"),
            ({"labels": None}, "is .*; make it a dict of tensors"),
        ],
    )
    def test_detections_of_another_kind(self, change, words):
        with pytest.raises(ValueError, match=rf"predictions\[1\] {words}"):
            summarize([NOTHING, found((0, 0, 9, 9), [0.9], [3]) | change], [[], []])

    def test_boxes_and_labels_of_any_number_type(self):
        truth = [{"category_id": np.float64(3), "bbox": np.array([0, 0, 9, 9])}]
        assert average_precision([found((0, 0, 9, 9), [0.9], [3])], [truth])["AP"] == pytest.approx(1)

    @pytest.mark.parametrize("wrong", [0, 2.5, "4", None])
    def test_batch_size(self, wrong):
        with pytest.raises(ValueError, match=f"batch_size is {wrong!r}"):
            evaluate(Oracle(), build_image_processor(), SCENES, batch_size=wrong)

    def test_scenes_of_another_kind(self):
        with pytest.raises(TypeError, match=r"scenes is a generator; give a sequence, for example list\(scenes\)"):
            evaluate(Oracle(), build_image_processor(), (SCENES[i] for i in range(2)))
        bare = [(image, annotation["annotations"]) for image, annotation in (SCENES[i] for i in range(3))]
        with pytest.raises(ValueError, match=r'scenes\[0\]\[1\] is .*; make it a dict whose "annotations" are'):
            evaluate(Oracle(), build_image_processor(), bare)
        with pytest.raises(TypeError, match=r"scenes\[0\] is <PIL.Image.*; make it a pair, a PIL image and its COCO"):
            evaluate(Oracle(), build_image_processor(), [SCENES[0][0]])

    def test_a_switch_that_is_a_word(self):
        with pytest.raises(TypeError, match="suppress is 'no'; give True or False"):
            evaluate(Oracle(), build_image_processor(), SCENES, suppress="no")


class TestSetQuality:
    def test_perfect(self):
        measures = summarize([perfect(truth) for truth in TRUTH], TRUTH)
        assert measures == {"AP": 1.0, "AP50": 1.0, "AP75": 1.0, "duplicates": 0.0, "count_right": 1.0}

    def test_duplicates_are_counted_though_average_precision_hides_them(self):
        twice = [joined(perfect(truth), perfect(truth, score=0.6)) for truth in TRUTH]
        measures = summarize(twice, TRUTH)
        assert measures["AP"] == 1.0
        assert measures["duplicates"] == 100.0
        assert measures["count_right"] == sum(not truth for truth in TRUTH) / 12

    def test_guesses_below_the_score_do_not_count(self):
        twice = [joined(perfect(truth), perfect(truth, score=0.4)) for truth in TRUTH]
        assert summarize(twice, TRUTH)["duplicates"] == 0
        assert summarize(twice, TRUTH)["count_right"] == 1

    def test_without_images(self):
        assert all(math.isnan(value) for value in summarize([], []).values()), "nothing was measured"

    def test_count_duplicates(self):
        box, far = torch.tensor([[0.0, 0.0, 10.0, 10.0]]), torch.tensor([[50.0, 50.0, 60.0, 60.0]])
        assert count_duplicates(torch.cat([box, box + 1, far]), torch.cat([box, far])) == 1
        assert count_duplicates(torch.cat([box, box + 5]), box) == 0  # IoU 25 / 175
        assert count_duplicates(box, torch.zeros(0, 4)) == count_duplicates(torch.zeros(0, 4), box) == 0


class TestCrowds:
    CROWD = {"category_id": 3, "bbox": [100, 100, 100, 100], "iscrowd": 1}  # noqa: RUF012
    ONE = {"category_id": 3, "bbox": [0, 0, 10, 10], "iscrowd": 0}  # noqa: RUF012

    def measures(self, boxes, truth, label=3):
        measures = summarize([found(boxes, [0.9] * len(boxes), [label] * len(boxes))], [truth])
        return measures["duplicates"], measures["count_right"]

    def test_is_no_object(self):
        assert self.measures([(0, 0, 10, 10)], [self.ONE, self.CROWD]) == (0, 1)

    def test_detections_inside_are_neither_duplicates_nor_counted(self):
        inside = [(100, 100, 200, 200), (100, 100, 199, 200), (110, 110, 130, 130), (90, 150, 130, 170)]
        assert self.measures([(0, 0, 10, 10), *inside], [self.ONE, self.CROWD]) == (0, 1)

    def test_detections_outside_or_of_another_class_are_counted(self):
        assert self.measures([(0, 0, 10, 10), (80, 150, 110, 170)], [self.ONE, self.CROWD]) == (0, 0)
        assert self.measures([(110, 110, 130, 130)], [self.CROWD], label=4)[1] == 0

    def test_an_object_inside_is_an_object_and_only_its_best_detection_counts(self):
        object_inside = self.ONE | {"bbox": [110, 110, 20, 20]}
        assert self.measures([(110, 110, 130, 130)] * 2, [object_inside, self.CROWD]) == (0, 1)
        assert self.measures([(110, 110, 130, 130)] * 2, [object_inside]) == (100, 0)

    def test_without_objects_there_is_no_share_of_duplicates(self):
        duplicates, count_right = self.measures([(110, 110, 130, 130)], [self.CROWD])
        assert math.isnan(duplicates)
        assert count_right == 1


class TestSuppression:
    def test_the_best_of_each_class_stays(self):
        boxes = [(0, 0, 10, 10), (1, 0, 11, 10), (0, 0, 10, 10), (50, 50, 60, 60)]
        kept = suppress_duplicates(found(boxes, [0.6, 0.9, 0.7, 0.5], [3, 3, 4, 3]))
        assert kept["scores"].tolist() == pytest.approx([0.9, 0.7, 0.5])
        assert kept["labels"].tolist() == [3, 4, 3]
        assert kept["boxes"][0].tolist() == [1, 0, 11, 10]

    def test_a_chain_is_cut_where_overlap_ends(self):
        # B overlaps A and C; A and C do not overlap enough. A is best, B goes, C stays.
        boxes = [(0, 0, 10, 10), (3, 0, 13, 10), (6, 0, 16, 10)]
        kept = suppress_duplicates(found(boxes, [0.9, 0.8, 0.7], [1, 1, 1]))
        assert kept["scores"].tolist() == pytest.approx([0.9, 0.7])

    def test_nothing(self):
        assert len(suppress_duplicates(NOTHING)["boxes"]) == 0

    def test_what_else_a_detection_holds_is_left_out(self):
        assert list(suppress_duplicates(NOTHING | {"text_labels": []})) == ["boxes", "scores", "labels"]


class Oracle(torch.nn.Module):
    """A detector that knows the answers, in the order in which it is asked."""

    def __init__(self):
        super().__init__()
        self.asked, self.weight = 0, torch.nn.Parameter(torch.zeros(1))

    def forward(self, pixel_values):
        logits, pred_boxes = torch.zeros(len(pixel_values), 12, 11), torch.rand(len(pixel_values), 12, 4)
        logits[..., 10] = 9.0
        for image in range(len(pixel_values)):
            for place, thing in enumerate(TRUTH[self.asked + image]):
                logits[image, place, thing["category_id"]] = 99.0
                pred_boxes[image, place] = corners_to_center(corner_boxes([thing])[0] / IMAGE_SIZE)
        self.asked += len(pixel_values)
        return {"logits": logits, "pred_boxes": pred_boxes}


def test_evaluate_a_detector_in_batches():
    measures = evaluate(Oracle(), build_image_processor(), SCENES, batch_size=5)
    assert measures["AP"] == pytest.approx(1.0)
    assert measures["duplicates"] == 0
    assert measures["count_right"] == 1


class Seer(torch.nn.Module):
    """A detector that finds the red rectangle in each picture and answers in fractions of the canvas, or of the image.

    "image" needs the pixel mask, as the DETR of its authors does; "canvas" takes the mask and ignores it.
    """

    def __init__(self, fractions_of="canvas"):
        super().__init__()
        self.fractions_of, self.weight = fractions_of, torch.nn.Parameter(torch.zeros(1))

    def forward(self, pixel_values, pixel_mask=None):
        pred_boxes = []
        for picture, mask in zip(pixel_values, pixel_mask):
            rows, columns = (torch.nonzero(picture[0].gt(picture[1]).any(axis)).flatten() for axis in (1, 0))
            corners = torch.stack([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]).float()
            height, width = mask.shape if self.fractions_of == "canvas" else (mask.any(1).sum(), mask.any(0).sum())
            pred_boxes.append(corners_to_center(corners) / torch.tensor([width, height] * 2))
        logits = torch.tensor([9.0, 0.0]).expand(len(pixel_values), 1, 2)
        return {"logits": logits, "pred_boxes": torch.stack(pred_boxes)[:, None]}


class Unmasked(Seer):
    """As YOLOS, it takes no mask."""

    def forward(self, pixel_values):
        return super().forward(pixel_values, torch.ones_like(pixel_values[:, 0]))


def red_scene(size, box=(10, 20, 40, 60)):
    image, (x, y, width, height) = Image.new("RGB", size, "white"), box
    image.paste("red", (x, y, x + width, y + height))
    return image, {"annotations": [{"category_id": 0, "bbox": list(box)}]}


RED = [red_scene(size) for size in ((100, 100), (200, 100), (200, 100), (64, 160))]


@pytest.mark.parametrize("model", [Seer(), Seer("image"), Unmasked()], ids=["canvas", "image", "without a mask"])
@pytest.mark.parametrize("options", [{"do_resize": False}, {"size": {"shortest_edge": 96, "longest_edge": 160}}])
@pytest.mark.parametrize("batch_size", [1, 2, 4])
def test_images_of_different_sizes(model, options, batch_size):
    measures = evaluate(model, YolosImageProcessorPil(**options), RED, batch_size=batch_size)
    assert measures["AP50"] == pytest.approx(1)
    if not options.get("size"):
        assert measures["AP"] == pytest.approx(1)


def test_a_processor_that_always_pads():
    processor = YolosImageProcessorPil(do_resize=False, pad_size={"height": 200, "width": 300})
    for model in (Seer(), Unmasked()):
        assert evaluate(model, processor, RED, batch_size=4)["AP"] == pytest.approx(1)
        assert predict(model, processor, RED[0][0])["boxes"][0].tolist() == pytest.approx([10, 20, 50, 80], abs=1e-3)


@pytest.mark.parametrize("without", ["mask", "padding"])
def test_a_processor_that_gives_no_mask(without):
    processor = YolosImageProcessorPil(do_resize=False, do_pad=without == "mask")

    def unmasked(images, return_tensors):
        return {"pixel_values": processor(images=images, return_tensors=return_tensors)["pixel_values"]}

    assert evaluate(Unmasked(), unmasked, RED, batch_size=4)["AP"] == pytest.approx(1)


def test_turned_images_are_seen_upright():
    image, annotation = red_scene((100, 60), (10, 20, 40, 30))
    turned = image.transpose(Image.Transpose.ROTATE_90)
    turned.getexif()[0x0112] = 6  # to be turned back, by a quarter to the right
    assert turned.size == (60, 100)
    processor = YolosImageProcessorPil(do_resize=False)
    assert evaluate(Seer(), processor, [(turned, annotation)])["AP"] == pytest.approx(1)
    assert predict(Seer(), processor, turned)["boxes"][0].tolist() == pytest.approx([10, 20, 50, 50])


class TestCommand:
    def test_help_measures_nothing(self, monkeypatch, capsys):
        monkeypatch.setattr("helpers.evaluation.evaluate", None)
        with pytest.raises(SystemExit, match="0"):
            main(["--help"])
        assert "--scenes" in capsys.readouterr().out

    @pytest.mark.parametrize("wrong", ["--scene=x", "--scenes 0", "--seed -1", "no/such/folder", "mini-yolos more"])
    def test_wrong_arguments_are_refused(self, wrong, monkeypatch, capsys):
        monkeypatch.setattr("helpers.evaluation.evaluate", None)
        with pytest.raises(SystemExit, match="2"):
            main(wrong.split())
        assert "error:" in capsys.readouterr().err

    def test_arguments_are_read(self, capsys):
        main(["mini-yolos", "--scenes", "3", "--seed", "4", "--step", "1000"])
        assert set(json.loads(capsys.readouterr().out)) == {"AP", "AP50", "AP75", "duplicates", "count_right"}
