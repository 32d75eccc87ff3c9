"""Figures of notebook 07b: what no-object weighs, and how far a claim can be believed."""

import numpy as np

from helpers.figures import CLASS, GIOU, MATCH, NO_OBJECT, PREDICTION, QUIET, new_figure

FEWEST_CASES = 25  # a bin with fewer says nothing


def no_object_share(eos_coef, num_predictions, num_targets):
    """The part of the weight in the class term that guesses without a target carry."""
    unmatched = eos_coef * (num_predictions - num_targets)
    return unmatched / (num_targets + unmatched)


SHARE_LINES = ((100, 7, CLASS), (12, 5, PREDICTION))


def draw_no_object_share(axes, title, lines=SHARE_LINES, marked=(0.1, 1.0), chosen=None):
    """The share against eos_coef, one line for each (N, T, colour).

    `marked`: values of eos_coef at which each line shows its share; `chosen`: a value for each
    line, starred."""
    eos_coef = np.geomspace(0.01, 2, 200)
    for style, (num_predictions, num_targets, colour) in zip(("-", "--", ":"), lines):
        name = f"N = {num_predictions}, T = {num_targets}"
        axes.plot(
            eos_coef,
            100 * no_object_share(eos_coef, num_predictions, num_targets),
            style,
            color=colour,
            lw=3,
        )
        end = 100 * no_object_share(eos_coef[-1], num_predictions, num_targets)
        axes.text(2.15, end, name, color=colour, va="center", fontsize=12, fontweight="bold")
        for place in marked:
            share = 100 * no_object_share(place, num_predictions, num_targets)
            axes.plot(place, share, "o", ms=9, color=colour, mec="white", mew=1.5, zorder=3)
            axes.text(place * 1.1, share - 2, f"{share:.0f} %", va="top", fontsize=12, color=colour)
    for value, (num_predictions, num_targets, colour) in zip(chosen or (), lines):
        if not eos_coef[0] <= value <= eos_coef[-1]:
            continue
        share = 100 * no_object_share(value, num_predictions, num_targets)
        axes.plot(value, share, "*", ms=19, color=colour, mec="white", mew=1.2, zorder=4)
        said = f"yours {value:.2g}: {share:.0f} %"
        axes.text(
            value / 1.12, share + 3, said, ha="right", fontsize=12, fontweight="bold", color=colour
        )
    axes.axhline(50, color=NO_OBJECT, lw=1, ls="--", zorder=0)
    axes.set(
        xscale="log",
        xlim=(0.01, 2),
        ylim=(0, 104),
        xlabel="eos_coef",
        ylabel="weight of no-object, %",
    )
    axes.set_title(title)
    axes.set_xticks([0.01, 0.1, 1], ["0.01", "0.1", "1"])


def reliability(claimed, true, bins=10):
    """Mean claim, share that was true, and number of cases in each bin with enough of them."""
    claimed, true = np.ravel(claimed), np.ravel(true)
    place = np.minimum((claimed * bins).astype(int), bins - 1)
    counts = np.bincount(place, minlength=bins)
    full = counts >= FEWEST_CASES
    means = [
        np.bincount(place, weights=values, minlength=bins)[full] / counts[full]
        for values in (claimed, true)
    ]
    return *means, counts[full]


def _with_gaps(x, *values, bins=10):
    """The values with NaN between points that are not of neighbouring bins, to break a line."""
    gaps = np.flatnonzero(np.diff(np.minimum((x * bins).astype(int), bins - 1)) > 1) + 1
    return [np.insert(part, gaps, np.nan) for part in (x, *values)]


def reliability_figure(early, mended, final):
    """Claims before and after the correction, and those of the final detector; each is (claimed,
    true).
    """
    figure, (left, right) = new_figure(11, 5.6, columns=2)
    curves = [(*early, "as it says", GIOU, "o"), (*mended, "odds divided by ten", PREDICTION, "s")]
    draw_reliability(left, curves, "Step 9,000: trained at eos_coef 0.1")
    draw_reliability(right, [(*final, "as it says", MATCH, "o")], "Final: trained on at eos_coef 1")
    return figure


def draw_reliability(axes, curves, title):
    """How often a guess that says "object" has a target; `curves`: (claimed, true, name, colour,
    marker).
    """
    axes.plot([0, 100], [0, 100], color=NO_OBJECT, lw=1.5, ls="--")
    axes.text(34, 28, "honest", color=QUIET, rotation=45, rotation_mode="anchor", fontsize=11)
    for claimed, true, name, colour, marker in curves:
        x, y, _ = reliability(claimed, true)
        x, y = _with_gaps(x, y)
        axes.plot(
            100 * x, 100 * y, marker=marker, ms=9, lw=2.5, color=colour, mec="white", label=name
        )
    axes.set(
        xlim=(0, 101),
        ylim=(0, 101),
        title=title,
        xlabel='it says "object", %',
        ylabel="it is matched, %",
    )
    axes.set_aspect("equal")
    axes.legend(loc="upper left")
