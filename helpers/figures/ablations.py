"""What the recorded ablations came to: curves beside the spread of the baseline's seeds, a table,
and pictures.
"""

import json

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
    "duplicates": "duplicates per 100",
    "count_right": "scenes counted right",
    "suppressed": "AP after NMS",
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


def measured(runs, name, measure):
    """A measure of a run: one of `MEASURES`."""
    about = runs[name]["about"]
    if measure == "suppressed":
        return about["measures_suppressed"]["AP"]
    return about["measures"][measure]


def shown(runs, name, measure):
    """A measure of a run, rounded as the table shows it."""
    return round(measured(runs, name, measure), 1 if measure == "duplicates" else 2)


def mean(runs, name, measure):
    """The mean of a measure over a run's seeds."""
    return np.mean([measured(runs, seed, measure) for seed in seeds_of(runs, name)])


def spread(runs, measure, name=None):
    """The least and the greatest value of a measure among a run's seeds, by default those of what
    the others are compared with.
    """
    values = [shown(runs, seed, measure) for seed in seeds_of(runs, name)]
    return min(values), max(values)


def beside(runs, name, measure):
    """Whether all seeds of a run lie on one side of the baseline's, as far as is shown."""
    low, high = spread(runs, measure)
    least, most = spread(runs, measure, name)
    return least > high or most < low


def span(measure, values):
    """The least and the greatest of some values, as a table shows them.

    >>> span("AP", [0.5, 0.431, 0.47]), span("duplicates", [2.0])
    ('0.43 to 0.50', '2.0')
    """
    low, high = number(measure, min(values)), number(measure, max(values))
    return low if low == high else f"{low} to {high}"


def step_costs(names):
    """A step's processor time in runs of the small DETR, as measured; that of `decoder` is 1.

    >>> step_costs(["decoder", "decoder-groups"])
    'decoder 1.0, decoder-groups 2.4'
    """
    from helpers.training.small_measurements import STORED

    costs = json.loads(STORED.read_text(encoding="utf-8"))["costs"]
    return ", ".join(f"{name} {costs[name]:.1f}" for name in names)


def curves_figure(runs, names):
    """AP and duplicates over the training of some runs, each the mean of its seeds in a band from
    the least to the greatest; in grey, the band of what they are compared with.
    """
    baseline = next(iter(runs))
    figure, panels = figures.new_figure(10, 3.6, columns=2)
    for axes, measure in zip(panels, ("AP", "duplicates")):
        step, seeds = _curves(runs, baseline, measure)
        label = f"{baseline}, {len(seeds)} seeds"
        axes.fill_between(step, seeds.min(0), seeds.max(0), color="#d5d5d5", label=label)
        for name, (colour, style) in zip(names, LINES):
            step, seeds = _curves(runs, name, measure)
            axes.plot(step, seeds.mean(0), ls=style, color=colour, lw=2.4, label=name)
            axes.fill_between(step, seeds.min(0), seeds.max(0), color=colour, alpha=0.15, lw=0)
        axes.set(title=MEASURES[measure], xlabel="training step", ylim=(0, None))
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    panels[0].legend(loc="lower right")
    return figure


def _curves(runs, name, measure):
    """The steps of a run's measurements, and a measure there: a row for each seed."""
    seeds = seeds_of(runs, name)
    values = np.stack([runs[seed][f"evaluation_{measure}"] for seed in seeds])
    return runs[seeds[0]]["evaluation_step"], values


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
    """One row for each run as Markdown, with the range over its seeds; bold where all of them lie
    on one side of the baseline's.
    """
    head = ["run", "changed", "seeds", *MEASURES.values()]
    lines = [head, [":--", ":--", *["--:"] * (len(head) - 2)]]
    for name in names:
        seeds, cells = seeds_of(runs, name), []
        for measure in MEASURES:
            text = short(span(measure, [measured(runs, seed, measure) for seed in seeds]))
            cells.append(f"**{text}**" if beside(runs, name, measure) else text)
        lines.append([f"`{name}`", RUNS[name].changed, str(len(seeds)), *cells])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def short(text):
    """A range as narrow as a column wants it."""
    return text.replace(" % to ", " to ").replace(" to ", "–")


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
