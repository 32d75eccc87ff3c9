import math

import pytest
import torch

from helpers import corners_to_center
from helpers.evaluation import (
    average_precision,
    corner_boxes,
    count_duplicates,
    evaluate,
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
        measures = summarize([], [])
        assert (measures["duplicates"], measures["count_right"]) == (0.0, 0.0)

    def test_count_duplicates(self):
        box, far = torch.tensor([[0.0, 0.0, 10.0, 10.0]]), torch.tensor([[50.0, 50.0, 60.0, 60.0]])
        assert count_duplicates(torch.cat([box, box + 1, far]), torch.cat([box, far])) == 1
        assert count_duplicates(torch.cat([box, box + 5]), box) == 0  # IoU 25 / 175
        assert count_duplicates(box, torch.zeros(0, 4)) == count_duplicates(torch.zeros(0, 4), box) == 0


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
