"""Mark a folder of submissions: `python -m helpers.checks submissions/`.

    python -m helpers.checks submissions/                    all notebooks of which there is something
    python -m helpers.checks submissions/ --only 04 05       these, for every student
    python -m helpers.checks submissions/ --out marks.csv    the table: student, exercise, verdict, ...

A student is a folder in it with notebooks or .py files, or a single file. What is and what is not
protected from the code in them stands in `helpers.checks.marking`.
"""  # noqa: E501

import argparse
import importlib.util
import sys
from collections import Counter
from pathlib import Path

from helpers.checks.marking import marks


def main(arguments=None):
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m helpers.checks",
        description="Run the checks over a folder of submissions and write a table of marks.",
        epilog="Python is no cage: mark what strangers send in a container without a network.",
    )
    parser.add_argument(
        "folder", type=Path, help="a folder, with a folder or a file for each student"
    )
    parser.add_argument("--only", nargs="+", default=(), metavar="NN", help="numbers of notebooks")
    parser.add_argument("--out", type=Path, default=Path("marks.csv"), help="default: marks.csv")
    parser.add_argument("--seconds", type=float, default=marks.SECONDS, help="for one answer")
    parser.add_argument("--memory", type=int, default=marks.MEMORY, help="MiB for one answer")
    options = parser.parse_args(arguments)
    complaint = _complaint(options)
    if complaint:
        print(complaint, file=sys.stderr)
        return 2
    table = marks.mark(options.folder, options.only, options.seconds, options.memory)
    table = marks.write(table, options.out)
    counts = Counter(row.verdict for row in table)
    for verdict, meaning in marks.VERDICTS.items():
        if counts[verdict]:
            print(f"{counts[verdict]:5}  {verdict}: {meaning}")
    students = len({row.student for row in table})
    print(f"{students} students, {len(table)} rows in {options.out}")
    return 0


def _complaint(options):
    if not importlib.util.find_spec("resource"):
        return "Marking sets limits that this system does not have: use Linux or macOS."
    if not options.folder.is_dir():
        return f"{options.folder} is no folder."
    unknown = sorted(set(options.only) - marks.course().keys())
    return f"No notebook with exercises has the number {', '.join(unknown)}." if unknown else ""


if __name__ == "__main__":
    sys.exit(main())
