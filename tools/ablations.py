"""Train all runs that differ in one thing, and write `notebooks/ablations.md`: `python -m tools.ablations`.

`--page` writes the page alone, from the recordings that are shipped; `--train NAME...` trains these runs alone. What is
there already is not trained again: a run that was stopped goes on, and one that is finished is only copied.
"""

import argparse
import json
import re
import shutil
import textwrap
from pathlib import Path

import numpy as np

from helpers.detector import weights_folder
from helpers.figures import ablations
from helpers.training.ablations import bases
from helpers.training.decoders import RUNS
from helpers.training.run import train_ablation
from helpers.training.small_measurements import STORED

PAGE = Path(__file__).parents[1] / "notebooks" / "ablations.md"
SHIPPED = weights_folder("ablations")
STEPS = (800, 1200, 1600, 2400)  # measured in all runs, whatever their length


def train(names, runs=Path("runs")):
    """Train runs one after another, and ship their recordings."""
    for name in names:
        if not (runs / name / f"{name}.npz").exists():
            train_ablation(name, runs / name, runs / "data")
        shutil.copyfile(runs / name / f"{name}.npz", SHIPPED / f"{name}.npz")


def page():
    """The whole page."""
    detectors, decoders = ablations.load_ablations(), ablations.load_decoders()
    text = (Path(__file__).with_name("ablations.md")).read_text(encoding="utf-8")
    rest = [name for name in RUNS if name not in detectors | decoders]
    tables = {
        "detectors": ablations.table(detectors, bases(detectors)),
        "decoders": ablations.table(decoders, bases(decoders)),
        "curves": curves_table(decoders),
        "layers": layers_table(decoders),
        "missing": wrapped(", ".join(f"`{name}`" for name in rest) + "."),
        **{name: rows(table) for name, table in measured().items()},
    }
    for name, table in tables.items():
        text = text.replace(f"<!-- {name} -->", table)
    text = re.sub(r"<!-- (\S+) (\w+) -->", lambda found: quoted(*found.groups()), text)
    return re.sub(r"^- .*?\n(?=\n)", lambda point: wrapped(point[0], "  ") + "\n", text, flags=re.DOTALL | re.MULTILINE)


def quoted(name, measure):
    """A run's measure as a sentence of the page quotes it, its range over the seeds: `<!-- muted AP -->`. `after` is AP
    after suppression, `nms` what suppression adds.
    """
    runs = ablations.load_ablations() | ablations.load_decoders()

    def of_seeds(measure):
        return [ablations.measured(runs, seed, measure) for seed in ablations.seeds_of(runs, name)]

    if measure == "after":
        return ablations.span("AP", of_seeds("suppressed"))
    if measure == "nms":
        added = sorted(np.subtract(of_seeds("suppressed"), of_seeds("AP")))
        return " to ".join(dict.fromkeys(f"{value:.3f}" for value in (added[0], added[-1])))
    return ablations.span(measure, of_seeds(measure))


def curves_table(runs):
    """AP and duplicates on the way, on 200 scenes: ranges over the seeds."""
    lines = [["run", *(f"AP at {step:,}" for step in STEPS), *(f"duplicates at {step:,}" for step in STEPS)]]
    for name in bases(runs):
        seeds, cells = ablations.seeds_of(runs, name), []
        for measure in ("AP", "duplicates"):
            for step in STEPS:
                at = [list(runs[seed]["evaluation_step"]).index(step) for seed in seeds]
                values = [float(runs[seed][f"evaluation_{measure}"][place]) for seed, place in zip(seeds, at)]
                cells.append(ablations.short(ablations.span(measure, values)))
        lines.append([f"`{name}`", *cells])
    return rows(lines)


def layers_table(runs):
    """What each layer would answer: duplicates, AP, and what suppression adds to it."""
    lines = [["run", "layer", "AP", "duplicates per 100", "AP after NMS"]]
    for name in bases(runs):
        seeds = ablations.seeds_of(runs, name)
        for depth in range(len(runs[name]["about"]["layers"])):
            layers = [runs[seed]["about"]["layers"][depth] for seed in seeds]
            cells = [ablations.span(m, [layer["measures"][m] for layer in layers]) for m in ("AP", "duplicates")]
            cells.append(ablations.span("AP", [layer["measures_suppressed"]["AP"] for layer in layers]))
            lines.append([f"`{name}`", str(depth + 1), *map(ablations.short, cells)])
    return rows(lines)


def measured():
    """The tables of the small measurements."""
    found = json.loads(STORED.read_text(encoding="utf-8"))
    half = [["step", "targets", "owner changed", "AP", "AP rounded"]]
    for row in found["rounded"]:
        ap = [f"{value:.4f}" for value in row["AP"]]
        half.append([f"{row['step']:,}", str(row["targets"]), str(row["changed"]), *ap])
    names = list(found["stepped"][0])
    steps = [names, *([f"{row[name]:,}" for name in names] for row in found["stepped"])]
    names = list(found["skewed"][0])[1:]
    skewed = [["step", *(f"{name}, {kind} divisors" for name in names for kind in ("own", "global"))]]
    for row in found["skewed"]:
        skewed.append([f"{row['step']:,}", *(f"{value:.3f}" for name in names for value in row[name])])
    costs = [["run", "time of a step"], *([f"`{name}`", f"{cost:.2f}"] for name, cost in found["costs"].items())]
    return {"rounded": half, "stepped": steps, "skewed": skewed, "costs": costs}


def rows(lines):
    """Markdown of a table whose first line is its head."""
    head, *others = (f"| {' | '.join(line)} |" for line in lines)
    return "\n".join([head, "|" + "---|" * len(lines[0]), *others])


def wrapped(text, indent=""):
    """A paragraph in lines of at most 120 characters, `indent` before all but the first."""
    return textwrap.fill(
        " ".join(text.split()), 120, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


def main():
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--page", action="store_true", help="write the page alone")
    parser.add_argument("--train", nargs="*", choices=RUNS, default=list(RUNS), metavar="NAME", help="only these runs")
    asked = parser.parse_args()
    if not asked.page:
        train(asked.train)
    PAGE.write_text(page(), encoding="utf-8")
    print(page())


if __name__ == "__main__":
    main()
