"""What the recorded ablations came to: curves beside the spread of the baseline's seeds, a table,
and pictures.
"""

import numpy as np

from helpers import figures
from helpers.detector import weights_folder
from helpers.evaluation import OBJECT_SCORE
from helpers.figures import GIOU, INK, MATCH, PREDICTION, TARGET
from helpers.training.ablations import ABLATIONS, base_of
from helpers.training.decoders import DECODERS, RUNS
from helpers.training.recording import load_recording

LINES = ((PREDICTION, "-"), (GIOU, "--"), (MATCH, "-."), (TARGET, ":"), (INK, (0, (1, 1))))
MEASURES = {
    "AP": "AP",
    "AP50": "AP50",
    "duplicates": "duplicates per 100",
    "count_right": "scenes counted right",
}


def load_ablations(folder=None):
    """The shipped runs by name, in the order of `helpers.training.ablations.ABLATIONS`."""
    return _load(ABLATIONS, folder)


def load_decoders(folder=None):
    """Those of the small DETR, in the order of `helpers.training.decoders.DECODERS`."""
    return _load(DECODERS, folder)


def _load(names, folder):
    folder = weights_folder("ablations") if folder is None else folder
    paths = {name: folder / f"{name}.npz" for name in names}
    return {name: load_recording(path) for name, path in paths.items() if path.exists()}


def seeds_of(runs, name=None):
    """The names of a run's seeds among `runs`, by default of what the others are compared with."""
    name = name or next(iter(runs))
    return [each for each in runs if base_of(each) == base_of(name)]


def shown(runs, name, measure):
    """A measure of a run, rounded as the table shows it."""
    return round(runs[name]["about"]["measures"][measure], 1 if measure == "duplicates" else 2)


def spread(runs, measure):
    """The least and the greatest value of a measure among the baseline's seeds."""
    values = [shown(runs, name, measure) for name in seeds_of(runs)]
    return min(values), max(values)


def outside(runs, name, measure):
    """Whether a run differs from the baseline by more than its seeds differ from each other, as far
    as is shown.
    """
    low, high = spread(runs, measure)
    return not low <= shown(runs, name, measure) <= high


def curves_figure(runs, names):
    """AP and duplicates over the training of some runs; in grey, the range of the seeds of the
    first.
    """
    baseline = seeds_of(runs)
    label = f"{baseline[0]}, {['', 'one seed', 'two seeds', 'three seeds'][len(baseline)]}"
    figure, panels = figures.new_figure(10, 3.6, columns=2)
    for axes, measure in zip(panels, ("AP", "duplicates")):
        step = runs[baseline[0]]["evaluation_step"]
        seeds = np.stack([runs[name][f"evaluation_{measure}"] for name in baseline])
        axes.fill_between(step, seeds.min(0), seeds.max(0), color="#d5d5d5", label=label)
        for name, (colour, style) in zip(names, LINES):
            values = runs[name][f"evaluation_{measure}"]
            axes.plot(
                runs[name]["evaluation_step"], values, ls=style, color=colour, lw=2.4, label=name
            )
        axes.set(title=MEASURES[measure], xlabel="training step", ylim=(0, None))
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    panels[0].legend(loc="lower right")
    return figure


def answers_figure(runs, names, scene=0):
    """What some runs find in one scene at the end, all boxes with a score over 0.5."""
    import torch

    from helpers.detector import decode
    from helpers.figures.breaking import draw_found
    from helpers.scenes import HandwrittenScenes, running_example
    from helpers.training.plain_scenes import make_plain

    image, _ = make_plain(
        *(running_example() if scene == 0 else HandwrittenScenes("test", 64, seed=2)[scene])
    )
    columns = len(names) if len(names) < 5 else 3
    rows = -(-len(names) // columns)
    figure, panels = figures.new_figure(2.6 * columns, 3.1 * rows, columns, rows)
    for axes in np.ravel(panels)[len(names) :]:
        axes.set_axis_off()
    for axes, name in zip(np.ravel(panels), names):
        last = {"logits": torch.from_numpy(runs[name]["logits"][-1, scene : scene + 1]).float()}
        last["pred_boxes"] = torch.from_numpy(runs[name]["boxes"][-1, scene : scene + 1]).float()
        found = decode(last, [image.size])[0]
        figures.draw_image(axes, image)
        draw_found(axes, found)
        axes.set_title(
            f"{name}\n{int((found['scores'] > OBJECT_SCORE).sum())} boxes", fontsize=12, color=INK
        )
    return figure


def table(runs, names):
    """One row for each run as Markdown; what lies outside the spread of the baseline's seeds is
    bold.
    """
    lines = [
        "| run | changed | " + " | ".join(MEASURES.values()) + " | AP after NMS |",
        "|:--|:--|" + "--:|" * 5,
    ]
    for name in names:
        about = runs[name]["about"]
        cells = [number(measure, about["measures"][measure]) for measure in MEASURES]
        marked = [
            f"**{cell}**" if outside(runs, name, m) else cell for cell, m in zip(cells, MEASURES)
        ]
        marked.append(number("AP", about["measures_suppressed"]["AP"]))
        lines.append(f"| {name} | {RUNS[name].changed} | " + " | ".join(marked) + " |")
    return "\n".join(lines)


def show_table(runs, names):
    """Put the table into the notebook."""
    from IPython.display import display

    text = table(runs, names)
    display({"text/markdown": text, "text/plain": text}, raw=True)


def number(measure, value):
    """A measure as a table shows it.

    >>> number("AP", 0.5), number("count_right", 0.5), number("duplicates", 0.5)
    ('0.50', '50 %', '0.5')
    """
    if measure == "duplicates":
        return f"{value:.1f}"
    return f"{100 * value:.0f} %" if measure == "count_right" else f"{value:.2f}"
