"""What a machine lacks is said below the closing line of a run."""

from types import SimpleNamespace

import pytest
from conftest import pytest_unconfigure
from missing import CURES, skip_without


def last_line(*reasons):
    written = []
    reporter = SimpleNamespace(
        getreports=lambda kind: [SimpleNamespace(longrepr=("a file", 1, f"Skipped: {reason}")) for reason in reasons],
        write_line=lambda line, **_: written.append(line),
    )
    pytest_unconfigure(SimpleNamespace(pluginmanager=SimpleNamespace(get_plugin=lambda name: reporter)))
    return written


def reason_of(what):
    with pytest.raises(pytest.skip.Exception) as skipped:
        skip_without(what)
    return skipped.value.msg


def test_all_that_is_missing_is_counted_in_one_line_with_its_cure():
    (line,) = last_line(reason_of("Chromium"), reason_of("Node"), reason_of("Chromium"), "gloo wants a Unix here")
    assert line == (
        "Not tested: 2 tests need Chromium (install the package `chromium`), 1 test needs Node (install the package "
        "`nodejs`)."
    )


def test_where_nothing_is_missing_nothing_is_said():
    assert last_line("gloo wants a Unix here") == last_line() == []


@pytest.mark.parametrize("what", CURES)
def test_every_reason_is_found_again(what):
    (line,) = last_line(reason_of(what))
    assert f"needs {what} (" in line
