"""The page of runs says what the recordings hold."""

import json

import pytest

from helpers.training import small_measurements
from helpers.training.run import RUNS
from tools import ablations


def test_the_page_is_what_the_recordings_and_the_measurements_make_of_it():
    page = ablations.page()
    assert ablations.PAGE.read_text(encoding="utf-8") == page, "call python -m tools.ablations --page"
    assert "<!--" not in page
    unnamed = [name for name in RUNS if f"`{name.split('-seed-')[0]}`" not in page and f"`{name}`" not in page]
    assert not unnamed, unnamed


def test_a_run_that_is_there_is_copied_and_not_trained_again(tmp_path, monkeypatch):
    monkeypatch.setattr(ablations, "SHIPPED", tmp_path / "shipped")
    monkeypatch.setattr(ablations, "train_ablation", lambda name, folder, data: pytest.fail("it was there"))
    (tmp_path / "shipped").mkdir()
    (tmp_path / "decoder").mkdir()
    (tmp_path / "decoder" / "decoder.npz").write_bytes(b"a recording")
    ablations.train(["decoder"], tmp_path)
    assert (tmp_path / "shipped" / "decoder.npz").read_bytes() == b"a recording"


@pytest.mark.slow
def test_a_small_measurement_comes_out_again():
    stored = json.loads(small_measurements.STORED.read_text(encoding="utf-8"))
    again, (kept, *_) = small_measurements.rounded(1000, 0), stored["rounded"]
    assert again["targets"] == kept["targets"]
    assert abs(again["changed"] - kept["changed"]) <= 3  # a near tie may fall otherwise on other machines
    assert again["AP"] == pytest.approx(kept["AP"], abs=2e-3)
    first, *_ = stored["skewed"]
    skewed = small_measurements.skewed(first["step"])
    for name in ("as they come", "by their number of objects"):
        own, shared = skewed[name]
        assert own == pytest.approx(first[name][0], rel=0.05)
        assert shared < 1e-4 < own
