"""transformers' own tests of YOLOS, DETR and Table Transformer, as they are and with our loss plugged in.

    git clone --depth 1 --branch v5.23.0 <address of transformers> ~/transformers    # the installed version's tag
    python -m tools.reference_tests ~/transformers

The tests are no part of the installed package, so they need a checkout. Each runs twice; printed is how many pass, and
which fail with our loss alone. What is given after the checkout goes to pytest, such as `-k object_detection`.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from xml.etree import ElementTree

MODELS = ("yolos", "detr", "table_transformer")
PLUGGED_IN = "SET_PREDICTION_LOSS_PLUGGED_IN"
ROOT = Path(__file__).parents[1]


def pytest_configure(config):
    """Called by pytest, which takes this file as a plugin: our loss becomes the one that models find."""
    if os.environ.get(PLUGGED_IN):
        from transformers.loss.loss_utils import LOSS_MAPPING

        from helpers import as_transformers_loss

        LOSS_MAPPING["ForObjectDetection"] = LOSS_MAPPING["ForSegmentation"] = as_transformers_loss()


def outcomes(checkout, with_ours, arguments=()):
    """How each test of the three models ended: {name: "passed", "failed" or "skipped"}."""
    folders = [f"tests/models/{model}" for model in MODELS]
    paths = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    environment = os.environ | {"PYTHONPATH": paths, PLUGGED_IN: "1" if with_ours else ""}
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", "-q", "-p", "tools.reference_tests", f"--junitxml={report}"]
        command += ["--rootdir", str(checkout)]  # so that a test has one name, whatever lies around the checkout
        subprocess.run([*command, *folders, *arguments], cwd=checkout, env=environment, capture_output=True)
        cases = list(ElementTree.parse(report).iter("testcase")) if report.exists() else []
    if not cases:
        raise SystemExit(f"{checkout} holds no tests of {', '.join(MODELS)}; give a checkout of transformers.")
    return {f"{case.get('classname')}.{case.get('name')}": _outcome(case) for case in cases}


def only_ours(theirs, ours):
    """The tests that pass with transformers' loss and not with ours.

    >>> only_ours({"a": "passed", "b": "failed"}, {"a": "failed", "b": "failed"})
    ['a']
    """
    return sorted(name for name, outcome in theirs.items() if outcome == "passed" and ours.get(name) != "passed")


def _outcome(case):
    kinds = {part.tag for part in case}
    return "failed" if kinds & {"failure", "error"} else "skipped" if "skipped" in kinds else "passed"


def main():
    """Run both and say what differs; the exit code is 1 if anything does."""
    if len(sys.argv) < 2:
        raise SystemExit("usage: python -m tools.reference_tests CHECKOUT [arguments of pytest]")
    checkout, *arguments = sys.argv[1:]
    theirs, ours = (outcomes(checkout, with_ours, arguments) for with_ours in (False, True))
    for name, found in (("transformers' loss", theirs), ("our loss", ours)):
        print(f"{name}: {sum(outcome == 'passed' for outcome in found.values())} of {len(found)} pass")
    for name in only_ours(theirs, ours):
        print(f"fails with our loss only: {name}")
    sys.exit(bool(only_ours(theirs, ours)))


if __name__ == "__main__":
    main()
