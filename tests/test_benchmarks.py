import pytest
import torch

from benchmarks.__main__ import measure
from benchmarks.clinic import main as clinic_benchmark
from benchmarks.contenders import floor, losses, matchers, random_batch, six_layers, with_gradient
from benchmarks.page import BARS, page, promises, ratio, readable, slope
from benchmarks.timing import wait_until_idle


def test_the_contenders_do_the_same_work():
    batch = random_batch(3, 10, 4)
    ours, theirs = (match(*batch) for match in matchers().values())
    assert [list(map(torch.Tensor.tolist, pair)) for pair in ours] == [
        list(map(torch.Tensor.tolist, p)) for p in theirs
    ]
    ours, theirs = (float(loss(*batch)) for loss in losses().values())
    assert ours == pytest.approx(theirs, rel=1e-5)
    assert [float(with_gradient(loss)(*batch)) for loss in losses().values()] == [ours, theirs]
    layers = [random_batch(3, 10, 4, seed=seed)[0] for seed in range(6)]
    together, one_by_one = (match(layers, batch[1]) for match in six_layers().values())
    assert str(together) == str(one_by_one)
    floor(*batch)(*batch)


def test_a_measured_case(monkeypatch):
    monkeypatch.setattr("benchmarks.timing.SECONDS", 0)
    (row,) = measure(batches=(2,), sizes=((5, 3),), before_each=lambda: None)
    assert row["B"] == 2
    assert ratio(row) > 0
    assert row["matcher"].keys() == {"helpers", "transformers", "floor"}
    assert readable(row).count("|") == 14


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


def test_the_page_says_which_promises_are_kept():
    rows = [
        {"B": b, "N": 100, "T": 7, "matcher": {"helpers": 1.0, "transformers": 39.0, "floor": 0.5}}
        | {"loss": {"helpers": 1.0, "transformers": 20.0}, "six layers": {"together": 1.0, "one by one": 1.4}}
        for b in (1, 2, 4, 16, 64, 128)
    ]
    met = {(name, bar): yes for name, bar, _, yes in promises(rows)}
    assert len(met) == len(BARS) + 1
    missed = [bar for (_, bar), yes in met.items() if not yes]
    assert missed == [40, 120, 1.5]
    about = {"threads": 2, "torch": "2", "machine": "x", "slope": {"helpers": 0.0}, "gpu": "a GPU"}
    assert "| matcher, B = 64: times faster, at least | 40 | 39 | no |" in page(rows, about)
    on_gpu = [rows[0] | {"host copies": {"helpers": 1, "transformers": 3}}]
    assert "| - | - | 1 | 3 |" in page(rows, about, on_gpu).partition("a GPU")[2]


def test_a_busy_machine_is_refused(monkeypatch):
    monkeypatch.setattr("benchmarks.timing.others_percent", lambda: 80)
    with pytest.raises(SystemExit, match="80 % of the processors"):
        wait_until_idle(tries=2)


def test_the_clinic_is_measured_on_a_healthy_file(capsys):
    clinic_benchmark(["2000"])
    said = capsys.readouterr().out
    assert "2,000 annotations" in said
    assert "exit status 0" in said
