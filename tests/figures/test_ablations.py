import numpy as np

from helpers.figures import ablations, small_png


def fake_run(ap, duplicates):
    rng = np.random.default_rng(0)
    measures = {"AP": ap, "AP50": ap + 0.2, "duplicates": duplicates, "count_right": 0.5}
    return {
        "about": {"measures": measures, "measures_suppressed": {**measures, "AP": ap + 0.1}},
        "evaluation_step": np.array([0, 500, 1000]),
        "evaluation_AP": np.array([0, ap / 2, ap]),
        "evaluation_duplicates": np.array([0, duplicates, duplicates]),
        "logits": rng.normal(size=(2, 8, 12, 11)),
        "boxes": rng.uniform(0.2, 0.4, size=(2, 8, 12, 4)),
    }


RUNS = {
    "baseline": fake_run(0.50, 10.0),
    "baseline-seed-1": fake_run(0.54, 14.0),
    "baseline-seed-2": fake_run(0.52, 12.0),
    "argmin": fake_run(0.53, 2.0),
    "one-to-many": fake_run(0.2, 200.0),
}


def test_a_difference_counts_only_outside_the_spread():
    assert ablations.spread(RUNS, "AP") == (0.5, 0.54)
    assert not ablations.beside(RUNS, "argmin", "AP")
    assert ablations.beside(RUNS, "argmin", "duplicates")
    rows = ablations.table(RUNS, ["baseline", "argmin", "one-to-many"]).splitlines()
    assert rows[2].endswith("| 3 | 0.50–0.54 | 10.0–14.0 | 50 % | 0.60–0.64 |")
    assert rows[3].endswith("| 1 | 0.53 | **2.0** | 50 % | 0.63 |")
    assert "| **0.20** |" in rows[4]
    assert rows[4].endswith("| **0.30** |")  # after suppression, too


def test_a_run_differs_only_with_all_its_seeds():
    runs = {**RUNS, "argmin-seed-1": fake_run(0.55, 11.0), "one-to-many-seed-1": fake_run(0.3, 150.0)}
    assert not ablations.beside(runs, "argmin", "AP")
    assert not ablations.beside(runs, "argmin", "duplicates")
    assert ablations.beside(runs, "one-to-many", "AP")
    *_, row = ablations.table(runs, ["one-to-many"]).splitlines()
    assert "| 2 | **0.20–0.30** |" in row
    assert ablations.mean(runs, "one-to-many", "AP") == 0.25
    assert ablations.mean(runs, "baseline", "AP") == 0.52
    assert ablations.measured(runs, "argmin", "suppressed") == 0.63


def test_the_figures_are_drawn():
    for figure in (
        ablations.curves_figure(RUNS, ["argmin", "one-to-many"]),
        ablations.answers_figure(RUNS, ["argmin"], 1),
    ):
        assert len(small_png(figure)) > 5000


def test_without_shipped_runs_there_are_none(tmp_path):
    assert ablations.load_ablations(tmp_path) == ablations.load_decoders(tmp_path) == {}


def test_seeds_of_one_run_stand_together():
    names = dict.fromkeys(("decoder", "decoder-seed-1", "decoder-focal", "decoder-focal-seed-2"))
    assert ablations.seeds_of(names) == ["decoder", "decoder-seed-1"]
    assert ablations.seeds_of(names, "decoder-focal-seed-2") == ["decoder-focal", "decoder-focal-seed-2"]
