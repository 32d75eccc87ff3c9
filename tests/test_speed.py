"""The figures and the checks of notebook 11, and its meters."""

import warnings

import numpy as np
import pytest
import torch
from batches import make_batch, reference_criterion, reference_still

from helpers import HungarianMatcher, SetCriterion
from helpers.checks import speed as checks
from helpers.figures import speed
from helpers.meters import HostReads, LargestTensor, outcome

ROWS = speed.measured()


def test_the_measured_rows_rise():
    batches = [row["B"] for row in ROWS]
    assert batches == sorted(set(batches))
    assert batches[0] == 1
    assert {(row["N"], row["T"]) for row in ROWS} == {(100, 7)}


def test_without_results_a_sentence_says_where_they_come_from(tmp_path):
    with pytest.raises(FileNotFoundError, match="make bench"):
        speed.measured(path=tmp_path / "benchmark.json")


def test_the_slider_has_a_page_for_each_batch():
    slider, stack = speed.batch_slider(ROWS, batches=(1, 4), batch=4).children
    assert slider.options == (1, 4)
    assert slider.index == stack.selected_index == slider.options.index(4)
    assert "4 images: 2,800 pairs can be matched; the huge matrix has 11,200." in stack.children[slider.index].value
    assert "1 image: 700 pairs" in stack.children[0].value


def test_the_largest_tensor_is_the_largest():
    with LargestTensor() as largest:
        torch.ones(7, dtype=torch.float64)
        torch.ones(2)
    assert largest.bytes == 56


def test_host_reads_are_counted_and_results_stay():
    with HostReads() as host:
        values = torch.arange(6).view(2, 3)
        answer = values.cpu().tolist(), values.sum().item(), "yes" if (values >= 0).all() else "no"
    assert answer == ([[0, 1, 2], [3, 4, 5]], 15, "yes")
    assert (host.copies, host.numbers, host.values) == (2, 12, 2)


def test_layers_are_copied_together():
    layers, targets = zip(*(make_batch([2, 3]) for _ in range(3)))
    with HostReads() as host:
        HungarianMatcher().match_layers(list(layers), targets[0])
    assert host.copies == 1


def test_an_outcome_is_one_line():
    def warn():
        warnings.warn("a note that is longer than\nthe width allows", stacklevel=1)
        return 2

    assert outcome(warn, width=20) == "2.000; a note that is ..."
    assert outcome(warn) == "2.000; a note that is longer than the width allows"
    assert outcome(str, 3) == "3"
    assert outcome(print, end="") == "no error"
    assert outcome(lambda: 1 / 0) == "ZeroDivisionError: division by zero"


def test_trap_pairs_avoids_what_can_be_avoided():
    nan = float("nan")
    _, best = checks.trap_pairs(np.array([[nan, -1.0, 4.0], [2.0, 3.0, nan], [1.0, 5.0, nan]]), 1e6)
    assert list(zip(*best)) == [(0, 2), (1, 1), (2, 0)]


def test_normalizers_are_an_answer():
    def by_normalizers(criterion, parts):
        targets = [target for _, targets in parts for target in targets]
        divisors = criterion.normalizers(parts[0][0]["logits"].shape[1], targets)
        return sum(criterion.total(criterion(*part, *divisors)) for part in parts)

    assert checks.judge_accumulated(by_normalizers).startswith("correct")


def test_an_empty_image_written_carelessly():
    outputs, targets = make_batch([2, 0])
    targets[1] = {"class_labels": torch.tensor([]), "boxes": torch.tensor([])}
    with reference_still("torch.tensor([]) raises without naming the image"):
        with pytest.raises(IndexError) as raised:
            reference_criterion()(outputs, targets)
        assert "class_labels" not in str(raised.value)
    with pytest.raises(TypeError, match=r'targets\[1\]\["class_labels"\] is torch.float32'):
        SetCriterion(HungarianMatcher(), 5)(outputs, targets)
