import sys
from pathlib import Path

import pytest
import torch

from benchmarks import course, pieces
from benchmarks.__main__ import measure
from benchmarks.before import build
from benchmarks.clinic import main as clinic_benchmark
from benchmarks.contenders import floor, losses, matchers, random_batch, six_layers, with_gradient
from benchmarks.page import page, promises, ratio, readable, slope
from benchmarks.timing import wait_until_idle
from benchmarks.watch import main as watch_benchmark
from helpers import HungarianMatcher, SetCriterion
from helpers.widgets import PIECES


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
    assert readable(row).count("|") == 16


@pytest.mark.skipif(not Path(".git").exists(), reason="needs the history of a clone")
def test_an_earlier_build_stands_beside_this_one():
    matcher, criterion = build("HEAD")
    assert (matcher, criterion) != (HungarianMatcher, SetCriterion)
    assert sys.modules["helpers.matcher"].HungarianMatcher is HungarianMatcher
    batch = random_batch(2, 10, 3)
    both = matchers((matcher, criterion))
    assert str(both["before"](*batch)) == str(both["helpers"](*batch))
    totals = losses((matcher, criterion))
    assert float(totals["before"](*batch)) == pytest.approx(float(totals["helpers"](*batch)))


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
    missed = [(name, bar) for (name, bar), yes in met.items() if not yes]
    assert [bar for _, bar in missed] == [60, 160, 1.7, 30, 3.3]
    assert not any("before" in name for name, _ in met), "what was not measured is not promised"
    about = {"threads": 2, "torch": "2", "machine": "x", "slope": {"helpers": 0.0}, "gpu": "a GPU"}
    assert "| matcher, B = 64: times faster, at least | 60 | 39 | no |" in page(rows, about)
    on_gpu = [rows[0] | {"host copies": {"helpers": 1, "transformers": 3}}]
    assert "| - | - | 1 | 3 |" in page(rows, about, on_gpu).partition("a GPU")[2]


def test_a_notebook_is_run_and_measured(tmp_path, capsys):
    source = tmp_path / "source" / "90_short.py"
    source.parent.mkdir()
    kept = "import time\nkept = b'1' * 10**8\ntime.sleep(1)\n"  # zeros would take no memory
    source.write_text("# %%\nimport matplotlib.pyplot as plt\nplt.plot([1, 2]);\n\n# %%\n" + kept)
    (row,) = course.measure_notebooks([source])
    assert row["name"] == "90_short"
    assert 0 < row["first figure"] < row["seconds"]
    assert row["processor"] > 0
    assert sys.platform != "linux" or row["megabytes"] > 150  # zeros would not be kept in memory
    assert "| 90_short | 0." in capsys.readouterr().out


def test_what_was_measured_is_kept_beside_what_was_before(tmp_path, monkeypatch):
    for name in ("RESULTS", "PAGE"):
        monkeypatch.setattr(course, name, tmp_path / name)
    row = {"name": "90", "seconds": 90.0, "processor": 60.0, "first figure": None, "megabytes": 800.0, "others": 3}
    course.keep(notebooks=[row])
    course.keep(install={"seconds": 240.0, "megabytes": 1500.0, "others": 2})
    course.keep(pieces=[{"name": "BoxLab", "first": 40.0, "moves": 200, "mean": 4.0, "late": 9.0}])
    course.keep(passes={"page, SIMD": 5.04})
    page = course.PAGE.read_text()
    assert "| page, SIMD | 5.0 |" in page
    assert "| 90 | 1.5 | 1.0 | 800 | - | 3 |" in page
    assert "| 4.0 | 1500 | 2 |" in page
    assert "| BoxLab | 40 | 200 | 4.0 | 9.0 |" in page


def test_each_piece_has_something_to_drag():
    assert pieces.DRAGGED.keys() == PIECES.keys() - {"ReportCards"}  # which are filled in


def test_a_drag_is_measured(browser, tmp_path):
    first, times = pieces.drag(browser, pieces.made("NoObjectDial"), "input[type=range]", tmp_path / "dial.html")
    assert len(times) == pieces.MOVES
    assert min(first, *times) > 0
    with pytest.raises(RuntimeError, match="NoObjectDial: nothing follows when p is dragged"):
        pieces.drag(browser, pieces.made("NoObjectDial"), "p", tmp_path / "dial.html")


def test_a_busy_machine_is_refused(monkeypatch):
    monkeypatch.setattr("benchmarks.timing.others_percent", lambda: 80)
    with pytest.raises(SystemExit, match="80 % of the processors"):
        wait_until_idle(tries=2)


def test_the_clinic_is_measured_on_a_healthy_file(capsys):
    clinic_benchmark(["2000"])
    said = capsys.readouterr().out
    assert "2,000 annotations" in said
    assert "exit status 0" in said


def test_the_watch_is_measured(capsys):
    watch_benchmark(["--steps", "2", "--batch", "1"])
    assert "batch 1, 2 steps: a step" in capsys.readouterr().out
