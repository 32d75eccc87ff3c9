"""Measure all tables and write `notebooks/reference.md`: `make reference`."""

import textwrap
from pathlib import Path

from benchmarks.reference import evaluators, solvers
from benchmarks.reference.tables import TABLES

PAGE = Path(__file__).parents[2] / "notebooks" / "reference.md"
BEGIN = """# Where good guesses are wrong

What libraries of this field do where a guess from memory is often wrong. `make reference` measured every number on this
page with the versions named below each table; tests measure again what does not need further libraries, and say when a
row is no longer true. Beside it: [11](11_fast_and_safe.ipynb) for solvers, divisors and NaN,
[09](09_watch_it_learn.ipynb) for evaluators, [03](03_targets.ipynb) for targets,
[12](12_where_the_field_went.ipynb) for the ports.
"""


def page():
    """The whole page."""
    parts = [BEGIN]
    for make in TABLES:
        table = make()
        head = ["| " + " | ".join(table.columns) + " |", "|" + "---|" * len(table.columns)]
        parts.append(f"## {table.title}\n\n{wrapped(table.text)}\n")
        parts.append("\n".join([*head, *table.lines()]) + "\n")
        parts += [wrapped(table.after) + "\n"] if table.after else []
        parts.append(f"Measured with {table.versions()}.\n")
    return "\n".join([*parts, times(), ""])


def wrapped(text):
    """A paragraph in lines of at most 120 characters."""
    return textwrap.fill(text, 120, break_long_words=False, break_on_hyphens=False)


def times():
    """How long each solver takes, from one run: to compare, not to quote."""
    rows = [
        f"| `{name}` | {solvers.microseconds(solve, 100, 7):.0f} | {solvers.microseconds(solve, 300, 20):.0f} |"
        for name, solve in solvers.solvers().items()
    ]
    spread = evaluators.equal_scores()
    return "\n".join(
        [
            "## Times and order\n",
            wrapped(
                "Microseconds for one matrix of random costs, from one run. `lapjvh` and `lapjvr` work on the "
                "rectangle; the slow ones pad it to a square."
            )
            + "\n",
            "| solver | 100 x 7 | 300 x 20 |\n|---|---|---|",
            *rows,
            "",
            wrapped(
                "Detections of equal score are counted in the order in which they stand. Shuffled twenty times, AP "
                f"moved by {spread['float32']:.4f} with float32 scores and by {spread['bfloat16']:.4f} with scores "
                "rounded to bfloat16, where many are equal."
            ),
        ]
    )


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
