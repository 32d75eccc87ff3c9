import re

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from no_float64 import no_float64_anywhere
from PIL import Image
from transformers import BatchFeature, DetrImageProcessorPil, YolosImageProcessorPil

from helpers.targets import coco_target, validate_targets


def target(labels=(1, 2), boxes=((0.5, 0.5, 0.2, 0.2), (0.3, 0.3, 0.1, 0.1)), **more):
    boxes = torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4)
    return {"class_labels": torch.tensor(labels, dtype=torch.int64), "boxes": boxes, **more}


EMPTY = {"class_labels": torch.zeros(0, dtype=torch.int64), "boxes": torch.zeros(0, 4)}


def complaint(*targets, num_classes=10):
    with pytest.raises((TypeError, ValueError)) as error:
        validate_targets(list(targets), num_classes)
    sentence = str(error.value)
    assert "\n" not in sentence
    assert sentence.endswith((".", "?", ")."))
    return sentence


def test_good_targets_pass():
    masks = torch.zeros(2, 8, 8, dtype=torch.bool)
    assert validate_targets([target(), EMPTY, target(masks=masks)], 10) is None
    assert validate_targets([EMPTY], 1) is None
    assert validate_targets((target(),), 10) is None
    assert validate_targets([BatchFeature(target())], 10) is None  # what the image processors of transformers return
    whole_image_rounded = target([0], [(0.5, 0.5, 1.0005, 1.0)])
    assert validate_targets([whole_image_rounded], 10) is None


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"class_labels": torch.tensor([1])}, ["targets[1]", '"boxes"']),
        ({**target(), "class_labels": [1, 2]}, ["targets[1]", "torch.tensor"]),
        ({**target(), "class_labels": torch.tensor([1.0, 2.0])}, ['targets[1]["class_labels"]', "float32", "int64"]),
        ({**target(), "class_labels": torch.tensor([1, 2]).int()}, ['targets[1]["class_labels"]', "int32", "int64"]),
        ({**EMPTY, "class_labels": torch.tensor([])}, ['targets[1]["class_labels"]', "torch.zeros(0"]),
        ({**EMPTY, "boxes": torch.tensor([])}, ['targets[1]["boxes"]', "torch.zeros(0, 4)"]),
        ({**target(), "boxes": torch.ones(2, 4).long()}, ['targets[1]["boxes"]', "floating point"]),
        ({**target(), "boxes": torch.ones(2, 5)}, ['targets[1]["boxes"]', "(2, 5)", "(2, 4)"]),
        ({**target(), "boxes": torch.ones(3, 4)}, ['targets[1]["boxes"]', "2 labels"]),
        ({**target(), "class_labels": torch.tensor([[1, 2]])}, ['targets[1]["class_labels"]', "(T,)"]),
        (target(labels=(1, 10)), ['targets[1]["class_labels"][1]', "is 10", "counted from 1"]),
        (target(labels=(1, 11)), ['targets[1]["class_labels"][1]', "is 11", "0 to 9"]),
        (target(labels=(10, 90)), ['targets[1]["class_labels"][0]', "is 10", "renumbered"]),
        (target(labels=(-1, 2)), ['targets[1]["class_labels"][0]', "is -1", "0 to 9"]),
        (target(labels=(-100, 2)), ['targets[1]["class_labels"][0]', "is -100", "drop"]),
        (target([1], [(64.0, 64.0, 20.0, 20.0)]), ['targets[1]["boxes"][0]', "pixels", "divide"]),
        (target([1], [(50.0, 50.0, 20.0, 20.0)]), ["pixels or percent", "percent by 100"]),
        (target([1], [(500.0, 500.0, 200.0, 900.0)]), ["pixels or thousandths", "thousandths by 1000"]),
        (target([1, 2], [(50.0, 50.0, 20.0, 20.0), (900.0, 50.0, 20.0, 20.0)]), ["pixels or thousandths"]),
        (target([1], [(1500.0, 50.0, 20.0, 20.0)]), ["these look like pixels; divide them"]),
        (target([1], [(-50.0, -50.0, -20.0, 1.0)]), ["pixels"]),
        (target([1], [(float("nan"), 0.5, 0.1, 0.1)]), ['targets[1]["boxes"][0]', "not finite", "annotation"]),
        (target([1], [(0.5, 0.5, float("inf"), 0.1)]), ['targets[1]["boxes"][0]', "not finite"]),
        (target([1], [(0.5, 0.5, 0.0, 0.1)]), ['targets[1]["boxes"][0]', "no length"]),
        (target([1], [(0.5, 0.5, -0.1, 0.1)]), ['targets[1]["boxes"][0]', "no length"]),
        (target([1], [(0.9, 0.5, 0.3, 0.1)]), ['targets[1]["boxes"][0]', "beyond the image", "clip"]),
        (target([1], [(0.6, 0.6, 0.9, 0.9)]), ['targets[1]["boxes"][0]', "corners_to_center"]),
        (target(masks=[1, 2]), ['targets[1]["masks"]', "tensor", "(2, H, W)"]),
        (target(masks=torch.zeros(2, 8).bool()), ['targets[1]["masks"]', "(2, 8)", "(2, H, W)"]),
        (target(masks=torch.zeros(3, 8, 8).bool()), ['targets[1]["masks"]', "2 labels"]),
        (target(masks=torch.zeros(2, 8, 8)), ['targets[1]["masks"]', "float32", "torch.bool"]),
    ],
)
def test_each_mistake_has_its_sentence(wrong, words):
    sentence = complaint(target(), wrong)
    for word in words:
        assert word in sentence


def test_the_place_of_a_box_is_named():
    boxes = [(0.5, 0.5, 0.1, 0.1), (0.5, 0.5, 0.1, float("nan"))]
    assert 'targets[2]["boxes"][1]' in complaint(target(), EMPTY, target([1, 2], boxes))


@pytest.mark.parametrize(
    ("targets", "error"), [(target(), TypeError), (None, TypeError), ("ab", TypeError), ([], ValueError)]
)
def test_targets_must_be_a_list_of_dicts(targets, error):
    with pytest.raises(error, match=r"one dict per image"):
        validate_targets(targets, 10)


@pytest.mark.parametrize("num_classes", [0, -1, 2.5, None, True])
def test_num_classes_must_be_a_positive_whole_number(num_classes):
    with pytest.raises(ValueError, match="num_classes is " + re.escape(repr(num_classes))):
        validate_targets([target()], num_classes)


def test_the_reference_lets_labels_of_no_object_through_and_we_do_not():
    # With K = 10 a label of 10 is a valid index of the eleven logits: nothing would ever crash.
    assert '"no object"' in complaint(target(labels=(10, 1)))


SIZES = st.tuples(st.integers(16, 300), st.integers(16, 300))
LENGTHS = st.one_of(st.integers(-40, 340), st.floats(-40, 340, width=32), st.just(0), st.just(float("nan")))
THINGS = st.lists(
    st.fixed_dictionaries(
        {"category_id": st.integers(0, 90), "bbox": st.lists(LENGTHS, min_size=4, max_size=4)},
        optional={"iscrowd": st.sampled_from([0, 1, False, True, None]), "segmentation": st.just([])},
    ),
    max_size=6,
)


@pytest.mark.parametrize("make", [YolosImageProcessorPil, DetrImageProcessorPil])
@settings(max_examples=150, deadline=None)
@given(size=SIZES, things=THINGS)
def test_a_coco_target_is_what_the_processors_make(make, size, things):
    width, height = size
    annotation = {"image_id": 1, "annotations": [thing | {"area": 1} for thing in things]}
    processor = make(size={"height": height, "width": width}, do_pad=False)
    wanted = processor(images=Image.new("RGB", size), annotations=annotation, return_tensors="pt")["labels"][0]
    made = coco_target(annotation, width, height)
    assert made["class_labels"].dtype == torch.int64
    assert made["class_labels"].tolist() == wanted["class_labels"].tolist()
    assert torch.allclose(made["boxes"], wanted["boxes"].float().reshape(-1, 4), atol=1e-6)
    validate_targets([made], 91)


def test_a_processor_that_resizes_makes_the_same_target():
    things = [
        {"category_id": 1, "bbox": [300, 100, 500, 90], "area": 1},
        {"category_id": 2, "bbox": [5, 5, 3, 0], "area": 1},
    ]
    wanted = YolosImageProcessorPil()(
        images=Image.new("RGB", (640, 480)), annotations={"image_id": 1, "annotations": things}, return_tensors="pt"
    )["labels"][0]
    made = coco_target({"annotations": things}, 640, 480)
    assert made["class_labels"].tolist() == wanted["class_labels"].tolist() == [1]
    assert torch.allclose(made["boxes"], wanted["boxes"].float(), atol=1e-6)


@pytest.mark.parametrize(
    "wrong", [{"bbox": [0, 0, 9, 9]}, {"category_id": 3}, {"category_id": 3, "bbox": "abcd"}, 5, None]
)
def test_an_annotation_without_its_fields_gets_a_sentence(wrong):
    with pytest.raises(ValueError, match=r"annotations\[0\] is .*; it needs a category_id, and a bbox of left, top"):
        coco_target({"annotations": [wrong]}, 100, 100)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"category_id": "2"}, r"annotations\[1\] has the category_id '2'; make it a whole number"),
        ({"category_id": 2.7}, r"annotations\[1\] has the category_id 2.7; make it a whole number"),
        ({"category_id": float("nan")}, r"annotations\[1\] has the category_id nan"),
        ({"category_id": None}, r"annotations\[1\] has the category_id None"),
        ({"category_id": 2**70}, r"annotations\[1\] has the category_id 11805"),
        ({"category_id": [2]}, r"annotations\[1\] has the category_id \[2\]"),
        ({"iscrowd": "0"}, r"annotations\[1\] has the iscrowd '0'; make it 0 or 1"),
        ({"bbox": [0, 0, 10**400, 9]}, r"annotations\[1\] is .*; it needs a category_id, and a bbox"),
        ({"bbox": [0, 0, float("inf"), 9]}, r"annotations\[1\] is .*; it needs a category_id, and a bbox"),
        ({"bbox": np.array(3)}, r"annotations\[1\] is .*; it needs a category_id, and a bbox"),
        ({"segmentation": [[7] * 10_000], "bbox": None}, r"annotations\[1\] is .{,80}; it needs a category_id"),
    ],
)
def test_an_annotation_with_a_field_of_another_kind_gets_a_sentence(wrong, words):
    good = {"category_id": 1, "bbox": [0, 0, 9, 9]}
    with pytest.raises(ValueError, match=words):
        coco_target({"annotations": [good, good | wrong]}, 100, 100)


@pytest.mark.parametrize("label", [2, 2.0, np.int64(2), np.float32(2)])
@pytest.mark.parametrize("make", [list, tuple, np.array, torch.tensor])
def test_whole_numbers_and_boxes_of_any_type_are_taken(label, make):
    made = coco_target({"annotations": [{"category_id": label, "bbox": make([10, 20, 30, 40])}]}, 100, 100)
    assert made["class_labels"].tolist() == [2]
    assert torch.allclose(made["boxes"], torch.tensor([[0.25, 0.4, 0.3, 0.4]]))


@pytest.mark.parametrize("wrong", [None, [{"category_id": 1, "bbox": [0, 0, 9, 9]}], {"image_id": 1}, "file.json"])
def test_what_holds_no_annotations_gets_a_sentence(wrong):
    with pytest.raises(ValueError, match=r'annotation is .*; make it a dict whose "annotations" are a list of dicts'):
        coco_target(wrong, 100, 100)


@pytest.mark.parametrize("wrong", [0, -3, "100", None, float("nan"), float("inf")])
def test_an_image_has_two_sides(wrong):
    with pytest.raises((TypeError, ValueError), match=r"height is .*; give a"):
        coco_target({"annotations": []}, 100, wrong)


def test_validation_needs_no_float64():
    with no_float64_anywhere():
        validate_targets([target(), EMPTY, target(masks=torch.zeros(2, 8, 8, dtype=torch.bool))], 10)
        with pytest.raises(ValueError, match="pixels"):
            validate_targets([target([1], [(64.0, 64.0, 20.0, 20.0)])], 10)
        coco_target({"annotations": [{"category_id": 1, "bbox": [1.5, 2.5, 3.0, 4.0]}]}, 64, 64)


@pytest.mark.parametrize("precision", [torch.float16, torch.bfloat16, torch.float64])
def test_boxes_of_any_precision_are_judged(precision):
    good, bad = ({**target(), "boxes": (target()["boxes"] * scale).to(precision)} for scale in (1, 3))
    validate_targets([good], 10)
    with pytest.raises(ValueError, match="beyond the image"):
        validate_targets([bad], 10)
