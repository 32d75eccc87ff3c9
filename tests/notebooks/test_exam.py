"""The exam bank: forty questions, each with an answer, a level and a cell; its numbers are computed."""

import math
import re

import pytest
import torch

from helpers import HungarianMatcher, SetCriterion, box_iou, corners_to_center, generalized_box_iou
from helpers.assignment import argmin, greedy, optimality_certificate, total_cost
from helpers.checks.marking.exercises import course
from tools.notebooks import NOTEBOOKS, read_source
from tools.plan import find

TEXT = (NOTEBOOKS / "exam.md").read_text(encoding="utf-8")
QUESTION = re.compile(
    r"^\*\*(\d+)\*\* \*(recall|apply|argue)\* · \[(\d\d[a-z]?)\]\((\d\d[a-z]?_\w+)\.ipynb\) `(.+?)`<br>\n(.+?)\n\n"
    r"<details><summary>Answer</summary>\n\n(.+?)\n\n</details>",
    re.MULTILINE | re.DOTALL,
)
QUESTIONS = {int(found[0]): found[1:] for found in QUESTION.findall(TEXT)}
BOLD = re.compile(r"\*\*(−?[\d,.]*\d)\*\*")
MEASURED = re.compile(r"(?<!\*)(?<![\d.,])\d+\.\d+(?!\*\*)|\b\d+ %")
GIVEN = {15: ["0.1", "0.2"], 23: ["0.4"], 24: ["2.5"]}  # steps on the way to a number that is computed


def paper_case():
    """Outputs, targets, and the cost matrix of the paper-sized case, as the table in the text has it."""
    rows = re.findall(r"^\| (guess|target) .+? \| \((.+?)\) \| (.*?) \|$", TEXT, re.MULTILINE)
    boxes = {kind: [] for kind in ("guess", "target")}
    for kind, corners, _ in rows:
        boxes[kind].append([int(number) / 10 for number in corners.split(", ")])
    shares = [[eval_fraction(part) for part in rest.split(" | ")] for kind, _, rest in rows if kind == "guess"]
    outputs = {"logits": torch.tensor(shares).log()[None], "pred_boxes": centers(boxes["guess"])[None]}
    targets = [{"class_labels": torch.tensor([0, 1]), "boxes": centers(boxes["target"])}]
    return outputs, targets, HungarianMatcher(4, 20, 8).cost_matrices(outputs, targets)[0]["total"].double().numpy()


def eval_fraction(text):
    above, below = text.split("/")
    return int(above) / int(below)


def centers(corners):
    return corners_to_center(torch.tensor(corners))


def prices():
    _, _, cost = paper_case()
    return optimality_certificate(cost, (torch.tensor([0, 2]).numpy(), torch.tensor([0, 1]).numpy()))


def loss(eos_coef):
    outputs, targets, _ = paper_case()
    criterion = SetCriterion(HungarianMatcher(4, 20, 8), num_classes=2, eos_coef=eos_coef)
    terms = criterion(outputs, targets)
    return [*(float(terms[name]) for name in ("loss_ce", "loss_bbox", "loss_giou")), float(criterion.total(terms))]


def apart():
    return float(generalized_box_iou(torch.tensor([0.0, 0, 1, 1]), torch.tensor([2.0, 0, 3, 1])))


def coco():
    left, top, width, height = 10, 20, 30, 40
    return [(left + width / 2) / 100, (top + height / 2) / 200, width / 100, height / 200]


def difference():
    return float((torch.tensor([0.5, 0.5, 0.2, 0.4]) - torch.tensor([0.4, 0.5, 0.2, 0.2])).abs().sum())


COMPUTED = {
    2: lambda: [1 + 224 // 16 * (160 // 16) + 100],
    8: lambda: [1 - 0.1, (1 - 0.1) / 2],
    9: coco,
    14: lambda: [apart()],
    15: lambda: [difference(), 5 * difference()],
    18: lambda: [math.perm(100, 2)],
    19: lambda: paper_case()[2].flatten().tolist(),
    20: lambda: [total_cost(paper_case()[2], greedy(paper_case()[2]))],
    21: lambda: prices().prediction_prices.tolist(),
    22: lambda: [
        *prices().target_prices.tolist(),
        prices().target_prices.sum(),
        prices().prediction_prices.sum(),
    ],
    23: lambda: loss(1.0),
    24: lambda: loss(0.5)[:1],
    27: lambda: [8 * 100 * 5, 8 * 100 * 8 * 5],
    29: lambda: [100 * 0.1 / 1.1],
    33: lambda: [1 - (2 * 50 + 1) / (50 + 100 + 1)],
    39: lambda: [(3 + 0 + 6 + 7) / 4],
}


def test_there_are_forty_in_order_of_three_levels():
    assert list(QUESTIONS) == list(range(1, 41))
    levels = [level for level, *_ in QUESTIONS.values()]
    assert min(levels.count(level) for level in ("recall", "apply", "argue")) >= 10


@pytest.mark.parametrize("number", QUESTIONS)
def test_its_cell_is_there(number):
    _, short, name, phrase, *_ = QUESTIONS[number]
    assert name.startswith(short)
    find(read_source(NOTEBOOKS / "source" / f"{name}.py").cells, phrase)


@pytest.mark.parametrize("number", QUESTIONS)
def test_the_numbers_of_an_answer_are_computed(number):
    answer = QUESTIONS[number][-1]
    said = [float(text.replace("−", "-").replace(",", "")) for text in BOLD.findall(answer)]
    computed = COMPUTED.get(number, list)()
    assert len(said) == len(computed), answer
    decimals = [len(text.partition(".")[2]) for text in BOLD.findall(answer)]
    assert said == [pytest.approx(value, abs=0.6 * 10.0**-places) for value, places in zip(computed, decimals)]
    assert [text for text in MEASURED.findall(BOLD.sub("", answer)) if text not in GIVEN.get(number, [])] == []


def test_the_paper_sized_case_says_what_it_is_for():
    outputs, targets, cost = paper_case()
    assert (abs(cost - cost.round()) < 1e-5).all(), "all costs are whole numbers"
    assert argmin(cost)[0].tolist() == [0, 0], "argmin gives one guess to both"
    guesses, labels = HungarianMatcher(4, 20, 8)(outputs, targets)[0]
    assert (guesses.tolist(), labels.tolist()) == ([0, 2], [0, 1])
    assert sorted(zip(*map(list, greedy(cost)))) == [(0, 0), (2, 1)]
    assert prices().optimal
    same, other = (HungarianMatcher(*weights)(outputs, targets)[0][0].tolist() for weights in ((1, 5, 2), (4, 20, 8)))
    assert same == other, "only ratios matter"


def test_the_pre_test_has_eight_questions_with_answers():
    part = TEXT.split("## A pre-test of eight")[1].split("##")[0]
    questions = re.findall(r"^(\d)\. .+\? \*.+\*$", part, re.MULTILINE)
    assert questions == list("12345678")
    assert float(box_iou(torch.tensor([0.0, 0, 2, 2]), torch.tensor([1.0, 1, 3, 3]))) == pytest.approx(1 / 7)
    assert tuple(torch.zeros(2, 12, 11)[:, -3:].shape) == (2, 3, 11)


def test_every_question_measures_a_session():
    rows = re.findall(r"^\| \d: .+ \| ([\d–, ]+) \|$", TEXT, re.MULTILINE)
    numbers = []
    for row in rows:
        for part in row.split(", "):
            first, _, last = part.partition("–")
            numbers += range(int(first), int(last or first) + 1)
    assert len(rows) == 4
    assert sorted(numbers) == list(range(1, 41))


def test_none_asks_for_the_function_of_an_exercise():
    names = {name for sheet in course().values() for name in sheet.exercises}
    asked = " ".join(question[-2] for question in QUESTIONS.values())
    assert not {name for name in names if re.search(rf"\b{name}\b", asked)}
