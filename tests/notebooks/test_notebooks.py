"""The shipped notebooks: in step with their sources, true to their stored outputs, light, and in style."""

import sys

import jupytext
import pytest
from jupytext.config import load_jupytext_configuration_file
from nbformat.v4 import new_markdown_cell, new_notebook
from notebook_rules import (
    budget_complaints,
    budget_of,
    code_cells,
    differences,
    heading_complaints,
    output_complaints,
    picture_complaints,
    size_complaints,
    tagged,
    texts,
    vote_complaints,
)
from notebook_runs import run

from tools.canonical import canonical
from tools.inputs import cell_inputs
from tools.notebooks import NOTEBOOKS, ROOT, counts_in_order, number_of, read_built, read_source, sources, target_of

GIB = 2**30
SHIPPED = sorted(NOTEBOOKS.glob("*.ipynb"))
each_notebook = pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
each_source = pytest.mark.parametrize("source", sources(), ids=lambda source: source.stem)


def must_be_empty(complaints):
    assert not complaints, "\n" + "\n".join(complaints)


def test_every_source_has_its_notebook_and_no_other():
    assert [target_of(source) for source in sources()] == SHIPPED


@each_notebook
def test_source_and_notebook_agree(path):
    source = read_source(NOTEBOOKS / "source" / f"{path.stem}.py")
    assert cell_inputs(read_built(path)) == cell_inputs(source), "run `make notebooks`"


@each_notebook
def test_source_is_as_jupyterlab_saves_it(path):
    source = NOTEBOOKS / "source" / path.with_suffix(".py").name
    settings = load_jupytext_configuration_file(str(ROOT / "jupytext.toml"))
    saved = jupytext.writes(read_source(source), fmt="py:percent", config=settings)
    assert source.read_text(encoding="utf-8") == saved, "saving in JupyterLab would change this file"


@each_notebook
def test_is_stored_as_built(path):
    built = read_built(path)
    assert canonical(built) == built, "run `make notebooks`"
    assert counts_in_order(built), "run `make notebooks`"


@each_notebook
def test_runs_in_one_gibibyte_and_gives_the_stored_outputs(path):
    ran = run(path)
    assert ran.error is None
    fresh = canonical(ran.notebook)
    complaints = []
    for stored_cell, fresh_cell in zip(code_cells(read_built(path)), code_cells(fresh), strict=True):
        stored, again = list(texts(stored_cell)), list(texts(fresh_cell))
        assert [kind for kind, _ in stored] == [kind for kind, _ in again], stored_cell.source
        for (_, old), (_, new) in zip(stored, again, strict=True):
            complaints += differences(old, new, compare_numbers=not tagged(stored_cell, "live"))
    must_be_empty(complaints)
    if sys.platform == "linux":  # only Linux tells how pages are shared
        assert 0 < ran.peak_bytes < GIB


@each_source
def test_sizes(source):
    must_be_empty(size_complaints(read_source(source)))


@each_source
def test_a_notebook_keeps_to_its_budget(source):
    must_be_empty(budget_complaints(read_source(source), budget_of(number_of(source.stem))))


@each_source
def test_a_click_is_a_vote(source):
    must_be_empty(vote_complaints(read_source(source)))


def a_vote(*folds):
    folds = "".join(f"<details><summary>{option}</summary>\n\n{answer}\n\n</details>\n" for option, answer in folds)
    return new_notebook(cells=[new_markdown_cell(f"**Predict first.** How many?\n\n{folds}")])


def test_the_form_of_a_vote():
    assert vote_complaints(a_vote(("One", "No."), ("Two", "Yes."))) == []
    assert len(vote_complaints(a_vote(("Predict, then open", "Two.")))) == 2
    assert vote_complaints(a_vote(("One", "Two."), ("Two", "Two.")))
    assert vote_complaints(a_vote(("One", ""), ("Two", "Yes.")))
    assert vote_complaints(a_vote(("One", "No."), ("Two " * 13, "Yes.")))
    assert vote_complaints(a_vote())


@each_source
def test_headings(source):
    must_be_empty(heading_complaints(read_source(source)))


@each_notebook
def test_pictures_have_words(path):
    must_be_empty(picture_complaints(read_built(path)))


@each_notebook
def test_outputs_are_clean(path):
    must_be_empty(output_complaints(read_built(path)))


@each_notebook
def test_is_a_small_file(path):
    assert path.stat().st_size < 600_000


def test_the_collection_is_small():
    assert sum(path.stat().st_size for path in SHIPPED) < 6_000_000
