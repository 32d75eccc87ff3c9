"""What notebook 12 shows beside its pictures: who grades whom, the pages of the chooser."""

import re

import pytest
import torch
from batches import make_batch
from PIL import Image

from helpers import HungarianMatcher
from helpers.figures import LETTERS, MATCH, field
from helpers.later.matches import repeated


@pytest.fixture
def scene():
    outputs, targets = make_batch([3], num_predictions=12, num_classes=10)
    return Image.new("RGB", (64, 64), "white"), {name: value.detach() for name, value in outputs.items()}, targets


def test_who_grades_whom_in_words():
    match = torch.tensor([0, 2, 5]), torch.tensor([1, 0, 1])
    assert field.by_target(match, torch.tensor([3, 1, 4])) == '"3" C   "1" A F   "4" -'
    assert field.positives(match, 3) == [1, 2, 0]


def test_a_page_rings_the_match_and_names_its_counts(scene):
    image, outputs, targets = scene
    matcher = HungarianMatcher(assign=repeated(2))
    match, cost = matcher(outputs, targets)[0], matcher.cost_matrices(outputs, targets)[0]["total"]
    page = field.method_page(image, outputs, targets[0], "H-DETR", match, cost)
    ringed = set()
    for row, line in enumerate(re.findall(r"<tr>(.*?)</tr>", page)[1:]):
        assert f">{LETTERS[row]}</th>" in line
        cells = re.findall(r'<td style="([^"]*)">([^<]*)</td>', line)
        assert [text for _, text in cells] == [f"{value:.2f}" for value in cost[row].tolist()]
        ringed |= {(row, column) for column, (style, _) in enumerate(cells) if MATCH in style}
    assert ringed == set(zip(*(index.tolist() for index in match)))
    counts = ", ".join(f"&quot;{label}&quot; 2" for label in targets[0]["class_labels"].tolist())
    assert page.count(f"H-DETR. Guesses that each target grades: {counts}.") == 2  # beside the picture, and as its alt


def test_the_menu_is_tied_to_the_pages(scene):
    image, outputs, targets = scene
    matcher = HungarianMatcher()
    matches = dict.fromkeys(("DETR", "OTA"), matcher(outputs, targets)[0])
    costs = dict.fromkeys(matches, matcher.cost_matrices(outputs, targets)[0]["total"])
    menu, stack = field.method_chooser(image, outputs, targets[0], matches, costs, "OTA").children
    assert (menu.index, stack.selected_index, len(stack.children)) == (1, 1, 2)
