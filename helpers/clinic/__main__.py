"""Examine a COCO file: what in it makes the set-prediction loss of DETR and YOLOS learn something
wrong, or stop.
"""

import argparse
import sys
from pathlib import Path

from helpers.clinic.data import examine
from helpers.clinic.reading import Unreadable


def main(arguments=None):
    """Read the command line; returns 0 (no error found), 1 (errors) or 2 (cannot be read)."""
    parser = argparse.ArgumentParser(
        prog="python -m helpers.clinic",
        description=__doc__,
        epilog="Exit status: 0 no error, 1 errors, 2 cannot be read.",
    )
    parser.add_argument("annotations", help="a COCO file: images, annotations, categories")
    parser.add_argument(
        "--images", metavar="FOLDER", help="the folder with the images, to look at them, too"
    )
    parser.add_argument(
        "--model", metavar="NAME", help="a folder or a name on the hub: what depends on the model"
    )
    parser.add_argument("--report", metavar="HTML", help="write a page with everything")
    parser.add_argument(
        "--json", action="store_true", help="print the findings as JSON, and nothing else"
    )
    options = parser.parse_args(arguments)
    try:
        report = examine(options.annotations, options.images, options.model)
        if options.report:
            Path(options.report).write_text(
                report.html(Path(options.annotations).name), encoding="utf-8"
            )
    except Unreadable as error:
        print(error, file=sys.stderr)
        return 2
    except OSError as error:
        print(f"{options.report} cannot be written: {error.strerror}.", file=sys.stderr)
        return 2
    print(report.json() if options.json else report.text())
    return report.status


if __name__ == "__main__":
    sys.exit(main())
