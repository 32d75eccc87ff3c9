import pytest
import torch

from benchmarks.__main__ import measure, page, ratio, readable, slope
from benchmarks.contenders import floor, losses, matchers, random_batch, six_layers


def test_the_contenders_do_the_same_work():
    batch = random_batch(3, 10, 4)
    ours, theirs = (match(*batch) for match in matchers().values())
    assert [list(map(torch.Tensor.tolist, pair)) for pair in ours] == [
        list(map(torch.Tensor.tolist, p)) for p in theirs
    ]
    ours, theirs = (float(loss(*batch)) for loss in losses().values())
    assert ours == pytest.approx(theirs, rel=1e-5)
    layers = [random_batch(3, 10, 4, seed=seed)[0] for seed in range(6)]
    together, one_by_one = (match(layers, batch[1]) for match in six_layers().values())
    assert str(together) == str(one_by_one)
    floor(*batch)(*batch)


def test_a_measured_case(monkeypatch):
    monkeypatch.setattr("benchmarks.timing.SECONDS", 0)
    (row,) = measure(batches=(2,), sizes=((5, 3),))
    assert row["B"] == 2
    assert ratio(row) > 0
    assert row["matcher"].keys() == {"helpers", "transformers", "floor"}
    assert readable(row).count("|") == 13


def test_ratios_and_slope():
    rows = [
        {"B": b, "N": 100, "T": 7, "matcher": {"helpers": b * 1.0, "transformers": b**2.0}} for b in (8, 16, 64, 256)
    ]
    assert ratio(rows[1]) == 16
    assert slope(rows) == pytest.approx(1)
    assert slope(rows, "transformers") == pytest.approx(2)
    assert ratio({"matcher": {"helpers": 1.0}}) is None
    for row in rows:
        row["matcher"]["floor"] = 1.0
    about = {"threads": 2, "torch": "2", "machine": "x", "slope": {"helpers": slope(rows)}}
    assert "| 64 | 100 | 7 |" in page(rows, about)
