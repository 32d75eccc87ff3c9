"""The reference page says what the installed libraries do; a row that is no longer true fails by its name."""

import copy

import pytest
from batches import make_batch, pairs_of

from benchmarks.reference import divisors, evaluators, not_finite, solvers, tables, targets
from benchmarks.reference.__main__ import PAGE, wrapped
from helpers import HungarianMatcher
from helpers.targets import coco_target

TEXT = PAGE.read_text(encoding="utf-8")


def stands(*cells):
    """Whether the page has a row that begins with these cells."""
    return "| " + " | ".join(cells) + " |" in TEXT


@pytest.mark.parametrize("name", solvers.solvers())
def test_solver(name):
    assert stands(f"`{name}`", *solvers.facts()[name])


@pytest.mark.parametrize("name", solvers.solvers())
def test_the_matcher_is_right_with_every_solver(name):
    batch = make_batch([3, 0, 6, 5], num_predictions=6)
    assert pairs_of(HungarianMatcher(assign=solvers.solvers()[name])(*batch)) == pairs_of(HungarianMatcher()(*batch))


def test_ties_and_limits():
    for row in (*tables.tie_table().rows, *tables.limit_table().rows):
        assert stands(*row)


@pytest.mark.parametrize("name", divisors.criteria())
def test_divisor_in_one_process(name):
    assert f"| {name} | {divisors.alone()[name]:g} |" in TEXT


@pytest.mark.slow
def test_divisors_in_two_processes():
    table = tables.divisor_table()
    assert all(stands(*row) for row in table.rows)
    assert wrapped(table.after) in TEXT


@pytest.mark.parametrize("case", evaluators.CASES)
def test_evaluator(case):
    found = evaluators.facts()[case]
    (row,) = (line for line in TEXT.splitlines() if line.startswith(f"| {case} |"))
    (head,) = (line for line in TEXT.splitlines() if line.startswith("| case |"))
    written = dict(zip(head.split(" | ")[1:], row.split(" | ")[1:]))
    assert {name: written[name].strip(" |") for name in found} == {name: f"{ap:g}" for name, ap in found.items()}


@pytest.mark.parametrize("case", evaluators.CASES)
def test_its_thresholds_explain_torchmetrics(case):
    (row,) = (line for line in TEXT.splitlines() if line.startswith(f"| {case} |"))
    (head,) = (line for line in TEXT.splitlines() if line.startswith("| case |"))
    written = float(row.split(" | ")[head.split(" | ").index("torchmetrics")])
    annotations, detections = copy.deepcopy(evaluators.CASES[case])
    for number, annotation in enumerate(annotations["annotations"], 1):
        annotation["id"] = number
    assert round(evaluators.pycocotools_ap(annotations, detections, float32=True), 4) == written


@pytest.mark.parametrize("case", targets.CASES)
def test_target(case):
    assert stands(case, targets.processed(case))


@pytest.mark.parametrize("case", sorted({*targets.CASES} - {"no `area`", "a category as text", "an area as text"}))
def test_coco_target_makes_what_the_processor_makes(case):
    ours = coco_target({"annotations": [targets.annotation(case)]}, targets.SIDE, targets.SIDE)
    assert len(ours["class_labels"]) == (targets.processed(case) != "dropped")
    if len(ours["class_labels"]):
        box = [round(value, 2) for value in (ours["boxes"][0] * targets.SIDE).tolist()]
        assert targets.processed(case) == f"label {int(ours['class_labels'][0])}, (cx, cy, w, h) {box}"


@pytest.mark.parametrize("case", not_finite.CASES)
def test_not_finite(case):
    assert stands(case, *not_finite.facts()[case].values())


@pytest.mark.parametrize("row", range(7))
def test_port(row, port_rows):
    assert stands(*port_rows[row])


@pytest.fixture(scope="module")
def port_rows():
    return tables.port_table().rows
