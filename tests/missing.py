"""What a test needs and this machine may lack: the test is skipped, and the run's last line says how to get it."""

from collections import Counter

import pytest

CURES = {
    "Chromium": "install the package `chromium`",
    "Node": "install the package `nodejs`",
    "playwright": "`make test` installs it",
    "wabt": "a network, from which npx fetches it once",
    "axe-core": "npm and a network, from which it is fetched once",
    "repo2docker": "`make test` installs it",
    "jupyterlab_rise": "`make test-slow` installs it",
    "Sphinx": "`make test-slow` installs it, with MyST-NB and Furo",
    "the scripts from npm": "install npm and call `make slides` once, with a network",
}
REASON = "{what} is not here: {cure}"


def skip_without(what):
    """Skip the test that runs, for want of one of `CURES`."""
    pytest.skip(REASON.format(what=what, cure=CURES[what]))


def not_tested(reasons):
    """One line on the tests that were skipped for want of something, from the reasons of all that were; or None.

    >>> not_tested(["Skipped: Node is not here: ...", "Skipped: Node is not here: ...", "Skipped: Windows"])
    'Not tested: 2 tests need Node (install the package `nodejs`).'
    """
    counts = Counter(what for reason in reasons for what in CURES if f"{what} is not here" in reason)
    said = [f"{_tests(count)} {what} ({CURES[what]})" for what, count in counts.items()]
    return f"Not tested: {', '.join(said)}." if said else None


def _tests(count):
    return "1 test needs" if count == 1 else f"{count} tests need"
