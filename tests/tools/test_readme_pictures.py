"""The README shows what the notebooks show."""

import re

import pytest

from tools.notebooks import NOTEBOOKS, ROOT
from tools.pictures import IMAGES, PICTURES, stored_figure, take_pictures

OTHERS = {"benchmark.png", "course-map.svg"}  # drawn by `make bench` and by `python -m tools.course_map`


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_the_stored_figure(name):
    notebook, beginning = PICTURES[name]
    stored = stored_figure(NOTEBOOKS / f"{notebook}.ipynb", beginning)
    assert (IMAGES / name).read_bytes() == stored, "run `make notebooks`"


def test_the_readme_shows_these_and_no_other():
    shown = re.findall(r"!\[[^\]]+\]\(docs/images/([^)]+)\)", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert set(shown) == PICTURES.keys() | OTHERS == {path.name for path in IMAGES.iterdir()}


def test_pictures_are_taken_out(tmp_path):
    take_pictures(NOTEBOOKS, tmp_path / "images")
    assert {path.name for path in (tmp_path / "images").iterdir()} == PICTURES.keys()


def test_a_figure_that_is_not_there():
    with pytest.raises(ValueError, match=r"00_start_here.ipynb stores no figure whose caption begins with 'A map'"):
        stored_figure(NOTEBOOKS / "00_start_here.ipynb", "A map")
