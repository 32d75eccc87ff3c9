import re

import pytest
import torch
from transformers import BatchFeature

from helpers.targets import validate_targets


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
        (target(labels=(-1, 2)), ['targets[1]["class_labels"][0]', "is -1", "0 to 9"]),
        (target(labels=(-100, 2)), ['targets[1]["class_labels"][0]', "is -100", "drop"]),
        (target([1], [(64.0, 64.0, 20.0, 20.0)]), ['targets[1]["boxes"][0]', "pixels", "divide"]),
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
    assert "no-object" in complaint(target(labels=(10, 1)))
