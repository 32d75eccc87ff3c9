"""transformers' own tests of YOLOS, DETR and Table Transformer, as they are and with our loss plugged in.

    git clone --depth 1 --branch v5.23.0 <address of transformers> ~/transformers    # the installed version's tag
    pip install parameterized pytest-xdist datasets                                 # what these tests import besides
    HF_HUB_OFFLINE=1 python -m tools.reference_tests ~/transformers

The tests are no part of the installed package, so they need a checkout, whose `src` they import. Each runs twice;
printed is how many pass, how many call the loss at all, and which fail with our loss alone. What is given after the
checkout goes to pytest, such as `-k object_detection` or `-n 2`. Each way takes about ten minutes.
"""

import functools
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from xml.etree import ElementTree

import pytest

MODELS = ("yolos", "detr", "table_transformer")
PLUGGED_IN = "SET_PREDICTION_LOSS_PLUGGED_IN"
CALLS = "calls the loss of"
ROOT = Path(__file__).parents[1]
_calls = []  # a name for each call of the loss, in the process of the tests


def pytest_configure(config):
    """Called by pytest, which takes this file as a plugin: our loss becomes the one that models find."""
    from transformers.loss.loss_utils import LOSS_MAPPING

    if os.environ.get(PLUGGED_IN):
        from helpers import as_transformers_loss

        LOSS_MAPPING["ForObjectDetection"] = LOSS_MAPPING["ForSegmentation"] = as_transformers_loss()
    elif PLUGGED_IN in os.environ:
        for name in ("ForObjectDetection", "ForSegmentation"):
            LOSS_MAPPING[name] = _counted(LOSS_MAPPING[name])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    """Called by pytest around each test: note whether it calls transformers' loss."""
    before = len(_calls)
    try:
        return (yield)
    finally:
        if len(_calls) > before:
            from transformers import __version__

            item.user_properties.append((CALLS, __version__))


def outcomes(checkout, with_ours, arguments=()):
    """How each test of the three models ended: {name: "passed", "failed" or "skipped"}, and the versions of
    transformers whose loss they call: {name: version}; SystemExit with the reason if pytest gets to none.
    """
    folders = [f"tests/models/{model}" for model in MODELS]
    if not (Path(checkout) / folders[0]).is_dir():
        raise SystemExit(f"{checkout} holds no tests of {', '.join(MODELS)}; give a checkout of transformers.")
    paths = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    environment = os.environ | {"PYTHONPATH": paths, PLUGGED_IN: "1" if with_ours else ""}
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", "-q", "-p", "tools.reference_tests", f"--junitxml={report}"]
        command += ["--rootdir", str(checkout)]  # so that a test has one name, whatever lies around the checkout
        run = subprocess.run(
            [*command, *folders, *arguments], cwd=checkout, env=environment, capture_output=True, text=True
        )
        cases = list(ElementTree.parse(report).iter("testcase")) if report.exists() else []
    if run.returncode > 1:  # 0: all pass, 1: some fail; else pytest stopped before
        raise SystemExit(
            f"pytest ran no test of {checkout}: {cause(run.stdout + run.stderr)}\n"
            "Install what these tests import, and check out the version of transformers that is installed."
        )
    names = {f"{case.get('classname')}.{case.get('name')}": case for case in cases}
    callers = {name: _version(case) for name, case in names.items()}
    return (
        {name: _outcome(case) for name, case in names.items()},
        {name: version for name, version in callers.items() if version},
    )


def cause(output):
    """What pytest says of why it ran nothing: the errors of the files that it could not import, or its last words.

    >>> cause("E   ModuleNotFoundError: No module named 'parameterized'\\n3 errors during collection")
    "ModuleNotFoundError: No module named 'parameterized'"
    """
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line.removeprefix("E ").strip() for line in lines if line.startswith("E ") and "Error" in line]
    errors = errors or [line for line in lines if line.startswith("INTERNALERROR>")][-1:] or lines[-1:]
    return "; ".join(dict.fromkeys(errors))


def only_ours(theirs, ours):
    """The tests that pass with transformers' loss and not with ours.

    >>> only_ours({"a": "passed", "b": "failed"}, {"a": "failed", "b": "failed"})
    ['a']
    """
    return sorted(name for name, outcome in theirs.items() if outcome == "passed" and ours.get(name) != "passed")


def _counted(loss):
    @functools.wraps(loss)
    def counted(*arguments, **more):
        _calls.append(loss.__name__)
        return loss(*arguments, **more)

    return counted


def _outcome(case):
    kinds = {part.tag for part in case}
    return "failed" if kinds & {"failure", "error"} else "skipped" if "skipped" in kinds else "passed"


def _version(case):
    return next((part.get("value") for part in case.iter("property") if part.get("name") == CALLS), None)


def main():
    """Run both and say what differs; the exit code is 1 if anything does."""
    if len(sys.argv) < 2:
        raise SystemExit("usage: python -m tools.reference_tests CHECKOUT [arguments of pytest]")
    checkout, *arguments = sys.argv[1:]
    theirs, callers = outcomes(checkout, False, arguments)
    ours, _ = outcomes(checkout, True, arguments)
    for name, found in (("transformers' loss", theirs), ("our loss", ours)):
        counts = {kind: sum(outcome == kind for outcome in found.values()) for kind in ("passed", "failed", "skipped")}
        print(f"{name}: of {len(found)} tests", ", ".join(f"{count} {kind}" for kind, count in counts.items()))
    versions = " and ".join(sorted(set(callers.values()))) or "no version"
    print(f"{len(callers)} tests call the loss, of transformers {versions}")
    for name in only_ours(theirs, ours):
        print(f"fails with our loss only: {name}")
    sys.exit(bool(only_ours(theirs, ours)))


if __name__ == "__main__":
    main()
