"""The clinic of notebook 13: what it prints of transformers still holds, and its table misses no ticket."""

import re

import numpy as np
import pytest
import torch
from batches import NUM_CLASSES, make_batch, reference_criterion, reference_still
from transformers import YolosForObjectDetection, YolosImageProcessorPil
from transformers.loss import loss_for_object_detection as reference

from helpers import center_to_corners, generalized_box_iou, validate_targets
from helpers.figures.clinic import (
    CAUSES,
    FILES,
    NOTHING,
    QUESTIONS,
    TICKETS,
    symptom_list,
    symptom_table,
    triage_figure,
)
from helpers.training.recipe import Recipe, build_model
from tools.notebooks import NOTEBOOKS, read_source


def test_label_of_no_object():
    outputs, targets = make_batch([2])
    wrong = [{**targets[0], "class_labels": torch.tensor([1, NUM_CLASSES])}]
    with reference_still("label K trains as no-object, in silence"):
        assert reference_criterion()(outputs, wrong)["loss_ce"].isfinite()
    with reference_still("label K + 1 is out of bounds"), pytest.raises(IndexError, match="out of bounds"):
        reference_criterion()(outputs, [{**targets[0], "class_labels": torch.tensor([1, NUM_CLASSES + 1])}])
    with pytest.raises(ValueError, match="counted from 1"):
        validate_targets(wrong, NUM_CLASSES)


def test_one_empty_image_makes_all_labels_float():
    outputs, targets = make_batch([0, 2])
    targets[0] = {"class_labels": torch.tensor([]), "boxes": torch.tensor([])}
    with reference_still("an empty float tensor stops the batch"), pytest.raises(IndexError, match="must be long"):
        reference_criterion()(outputs, targets)


def test_boxes_in_other_formats():
    outputs, targets = make_batch([3])
    for change in (center_to_corners, lambda boxes: 100 * boxes):
        with reference_still("corner and pixel boxes train"):
            changed = [{**targets[0], "boxes": change(targets[0]["boxes"])}]
            assert reference_criterion()(outputs, changed)["loss_bbox"].isfinite()


def test_a_guess_is_paid_to_vanish_from_a_box_inside_out():
    target = torch.tensor([[0.6, 0.5, 0.2, 0.3]])  # left, top, width, height, read as corners
    with reference_still("the check of generalized_box_iou names boxes2"), pytest.raises(ValueError, match="boxes2"):
        reference.generalized_box_iou(target.sort().values, target)
    losses = []
    for side in (0.2, 0.1, 0.05, 0.01):
        guess = center_to_corners(torch.tensor([[0.5, 0.5, side, side]]))
        with reference_still("box_iou does not check its boxes"):
            iou, union = reference.box_iou(guess, target)
        losses.append(float(1 - iou + (side**2 - union) / side**2))
        assert 0 <= float(1 - generalized_box_iou(guess, target)) <= 2
    assert losses == pytest.approx([1 - 0.08 / side**2 for side in (0.2, 0.1, 0.05, 0.01)], rel=1e-3)


def test_detection_tokens_begin_alike():
    pixel_values = torch.rand(1, 3, 128, 128)
    ours = build_model(Recipe()).eval()
    theirs = YolosForObjectDetection(ours.config).eval()
    with torch.no_grad(), reference_still("detection tokens start at zero"):
        assert len(theirs(pixel_values).pred_boxes[0].unique(dim=0)) == 1
    with torch.no_grad():
        assert len(ours(pixel_values).pred_boxes[0].unique(dim=0)) == 12


def test_boxes_follow_the_padded_canvas():
    processor = YolosImageProcessorPil(do_resize=False)
    image, wide = (np.zeros((128, width, 3), dtype=np.uint8) for width in (128, 256))
    thing = {"id": 1, "category_id": 3, "bbox": [32, 32, 64, 64], "area": 4096, "iscrowd": 0}
    alone, empty = {"image_id": 1, "annotations": [thing]}, {"image_id": 2, "annotations": []}
    first = processor([image], [alone], return_tensors="pt")["labels"][0]["boxes"][0]
    beside = processor([image, wide], [alone, empty], return_tensors="pt")["labels"][0]["boxes"][0]
    with reference_still("a target depends on its neighbours"):
        assert first.tolist() == pytest.approx([0.5, 0.5, 0.5, 0.5])
        assert beside.tolist() == pytest.approx([0.25, 0.5, 0.25, 0.5])


def test_every_cause_has_a_symptom_and_a_place():
    symptoms = [entry for _, entries in QUESTIONS for entry in entries]
    assert len({symptom for symptom, _ in symptoms}) == len(symptoms)
    assert {key for _, keys in symptoms for key in keys} == set(CAUSES)
    assert {name for cause in CAUSES.values() for name in cause.notebooks.split()} == set(FILES)
    table = symptom_table()
    assert all(symptom in table for symptom, _ in symptoms)
    assert len(table.splitlines()) == 2 + len(CAUSES)
    assert all((NOTEBOOKS / "source" / name).with_suffix(".py").exists() for name in FILES.values() if "ipynb" in name)
    assert len(re.findall(r"\]\((?:\d\d_\w+\.ipynb|from_coco_to_ap\.md)\)", table)) == sum(
        len(c.notebooks.split()) for c in CAUSES.values()
    )
    chosen, stack = symptom_list().children
    assert list(chosen.options) == [NOTHING, *(symptom for symptom, _ in symptoms)]
    assert "Likely cause" not in stack.children[0].value
    for (_, keys), page in zip(symptoms, stack.children[1:], strict=True):
        assert re.findall(r"Ticket (\d+)", page.value) == [str(key) for key in keys if key in TICKETS]
        assert page.value.count("First: ") == len(keys)


def test_the_figure_numbers_the_tickets_of_the_notebook():
    source = (NOTEBOOKS / "source" / "13_clinic.py").read_text(encoding="utf-8")
    assert re.findall(r"\*\*Ticket (\d+)\.\*\*", source) == [str(number) for number in TICKETS]


def test_a_cure_stands_below_the_cell_of_its_ticket():
    cells = read_source(NOTEBOOKS / "source" / "13_clinic.py").cells
    for number in TICKETS:
        ticket, cure = (
            next(place for place, cell in enumerate(cells) if phrase in cell.source)
            for phrase in (f"**Ticket {number}.**", f">What cures ticket {number}?<")
        )
        assert [cell.cell_type for cell in cells[ticket : cure + 1]] == ["markdown", "code", "markdown"]


def test_the_figure_keeps_inside_its_axes():
    figure = triage_figure()
    axes = figure.axes[0]
    assert all(0 <= text.get_position()[1] <= axes.get_ylim()[0] for text in axes.texts)
