"""The house: three floors, and no arrow that runs back up."""

import re
from pathlib import Path

import pytest

import helpers
from tools.inputs import imported_files

PACKAGE = Path(helpers.__file__).parent
CLASSROOM = ("checks", "figures", "widgets")  # what draws, moves and grades
DATA = ("recordings", "weights")
READING_ORDER = re.findall(r"`(\w+)`: ", helpers.__doc__)  # the loss itself
FILES = sorted(path for path in PACKAGE.rglob("*") if path.suffix in (".py", ".js", ".css"))


def room(path):
    """The first part of a module's name below `helpers`: `matcher`, `training`, `figures`."""
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def floor(path):
    """0 for the loss, 1 for what it is shown on, 2 for the classroom."""
    return 0 if room(path) in READING_ORDER else 2 if room(path) in CLASSROOM else 1


def arrows():
    for path in FILES:
        if path.suffix == ".py" and path != PACKAGE / "__init__.py":
            for other in imported_files(path.read_text(encoding="utf-8"), PACKAGE, path.parent):
                if other != PACKAGE / "__init__.py":
                    yield path, other


def test_there_are_floors_to_speak_of():
    assert READING_ORDER[:3] == ["boxes", "costs", "assignment"]
    assert {floor(path) for path in FILES} == {0, 1, 2}
    assert sum(1 for _ in arrows()) > 60


def test_no_arrow_runs_back_up():
    assert [f"{path.name} -> {other.name}" for path, other in arrows() if floor(other) > floor(path)] == []


def test_the_loss_is_read_in_the_order_of_its_imports():
    inside = {(room(path), room(other)) for path, other in arrows() if floor(path) == floor(other) == 0}
    wrong = [(one, other) for one, other in inside if READING_ORDER.index(one) < READING_ORDER.index(other)]
    assert wrong == []
    assert {name for name in READING_ORDER if not (PACKAGE / f"{name}.py").exists()} == set()


def test_every_room_is_named_where_a_newcomer_looks():
    named = set(re.findall(r"`(\w+)`", helpers.__doc__))
    rooms = {room(path) for path in FILES if not room(path).startswith("_")}
    assert rooms - named == set()
    picture = (PACKAGE.parent / "CONTRIBUTING.md").read_text(encoding="utf-8").split("```mermaid")[1].split("```")[0]
    assert {name for name in rooms | set(DATA) if not re.search(rf"\b{name}\b", picture)} == set()


@pytest.mark.parametrize(
    "path", [path for path in FILES if room(path) not in ("checks", "figures")], ids=lambda p: p.name
)
def test_only_checks_and_figures_speak_of_notebooks(path):
    assert re.findall(r"(?i)\bnotebooks?\b", path.read_text(encoding="utf-8")) == []
