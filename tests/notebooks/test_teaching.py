"""The lecturer's pages: their minutes add up, and agree with the notebooks."""

import re
from itertools import groupby

import pytest

from helpers.checks.marking.exercises import course
from tools.notebooks import NOTEBOOKS, number_of, sources
from tools.plan import clock, read_plan

TEXT = (NOTEBOOKS / "teaching.md").read_text(encoding="utf-8")
PAGES = dict(re.findall(r"^## (\d\d[a-z]?) · (.+?)(?=^## |\Z)", TEXT, re.MULTILINE | re.DOTALL))
PLAN = re.compile(r"^\*\*(?:(\d+) minutes|In the lecture \((\d+)\)):\*\* (.+?)\.(?=\s)", re.MULTILINE | re.DOTALL)
SLOTS = re.findall(r"^\| (\d+)–(\d+) \| \[(\d\d)\]", TEXT, re.MULTILINE)
LECTURE = {number: int(end) - int(start) for start, end, number in SLOTS}


def total(parts):
    """The minutes of a plan: the number before each comma and at its end."""
    return sum(int(minutes) for minutes in re.findall(r"(\d+)(?=,\s|$)", parts))


def test_every_notebook_has_its_page_and_links_lead_somewhere():
    names = {path.stem for path in sources()}
    assert sorted(PAGES) == sorted(number_of(name) for name in names)
    assert set(re.findall(r"\((\w+)\.ipynb\)", TEXT)) <= names


@pytest.mark.parametrize("number", PAGES)
def test_plans_add_up(number):
    for whole, lecture, parts in PLAN.findall(PAGES[number]):
        assert total(parts) == int(whole or lecture), parts


@pytest.mark.parametrize("path", sources(), ids=lambda path: path.stem)
def test_the_notebook_says_the_same_minutes(path):
    said = re.search(r"\*\*Time\*\* (\d+) minutes", path.read_text(encoding="utf-8"))[1]
    assert PAGES[number_of(path.stem)].split("**")[1] == f"{said} minutes:"


def test_the_lecture_fills_its_time():
    left = int(re.search(r"That leaves (\d+) minutes", TEXT)[1])
    assert sum(LECTURE.values()) + left == 90
    for number, minutes in LECTURE.items():
        assert f"**In the lecture ({minutes}):**" in PAGES[number]


def test_the_deck_of_the_lecture_takes_the_same_minutes():
    assert read_plan().parts() == [(number, LECTURE[number]) for _, _, number in SLOTS]


def test_every_exercise_has_its_points_and_a_kind():
    rows = re.findall(r"^\| (\d\d[a-z]?) `(\w+)` \| (\d) \| \S.+ \|$", TEXT, re.MULTILINE)
    assert [(number, name) for number, name, _ in rows] == [
        (n, e) for n, sheet in course().items() for e in sheet.exercises
    ]
    for number, sheet in course().items():
        homework = re.search(r"^\*\*Homework:\*\* (.+?)\.$", PAGES[number], re.MULTILINE | re.DOTALL)[1]
        assert len(re.findall(r"\(\*(?:write|design)\*, \d+\)", homework)) == len(sheet.exercises), number


def test_what_goes_first_when_late_is_what_the_deck_says():
    said = re.search(r"first to go: (.+?)\. Never", TEXT, re.DOTALL)[1]
    saved = re.findall(r"\((\d\d), (\d+:\d\d)\)", said)
    parts = groupby(read_plan().dropped(), key=lambda slide: slide.of)
    assert saved == [(number, clock(sum(slide.minutes for slide in slides))) for number, slides in parts]


def test_how_the_minutes_are_counted_is_how_they_are():
    plan = read_plan()
    words = sum(len(f"{slide.say} {slide.vote} {slide.answer}".split()) for slide in plan.slides)
    spoken = words / 130 + 0.5 * sum(bool(slide.vote) for slide in plan.slides)
    said, whole = re.search(r"that is (\d+) minutes of the (\d+)", TEXT).groups()
    assert abs(spoken - int(said)) <= 1
    assert int(whole) == plan.minutes - plan.questions


def test_a_page_is_a_page():
    assert all(len(page.splitlines()) <= 40 for page in PAGES.values())
