"""The notebooks of solutions: built from sources of their own, and true from top to bottom."""

import nbformat
import pytest
from exercise_runs import exercises, says_correct, solutions_of, with_exercises
from notebook_rules import code_cells, output_complaints, picture_complaints, texts

from tools.canonical import canonical
from tools.inputs import cell_inputs
from tools.notebooks import counts_in_order, main, read_built, read_source, solutions, target_of

each_notebook = pytest.mark.parametrize("source", solutions(), ids=lambda source: source.stem)


def test_every_notebook_with_exercises_has_one_and_no_other():
    assert [solutions_of(source) for source in with_exercises()] == solutions()


@each_notebook
def test_it_is_stored_as_built(source):
    built = read_built(target_of(source))
    assert cell_inputs(built) == cell_inputs(read_source(source)), "run `make notebooks`"
    assert canonical(built) == built, "run `make notebooks`"
    assert counts_in_order(built), "run `make notebooks`"
    assert output_complaints(built) + picture_complaints(built) == []


@each_notebook
def test_what_it_shows_is_correct_and_it_leads_back(source):
    (path,) = (path for path in with_exercises() if solutions_of(path) == source)
    built = read_built(target_of(source))
    said = {cell.source: "\n".join(text for _, text in texts(cell)) for cell in code_cells(built)}
    for exercise in exercises(read_source(path), built):
        assert says_correct(said[exercise.solution]), exercise.name
    assert f"](../{path.stem}.ipynb)" in built.cells[0].source


def test_a_notebook_of_solutions_is_built_into_its_folder(tmp_path):
    source = tmp_path / "source" / "solutions" / "90.py"
    source.parent.mkdir(parents=True)
    source.write_text("# %%\nprint(6 * 7)\n")
    assert solutions(tmp_path) == [source]
    assert target_of(source) == tmp_path / "solutions" / "90.ipynb"
    assert main(["--folder", str(tmp_path), "90"]) == 0
    assert "42" in nbformat.read(target_of(source), as_version=4).cells[0].outputs[0].text
