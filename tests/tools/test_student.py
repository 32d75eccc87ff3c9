"""What is handed out: no solution, no answer, no output; and it runs, with every exercise untouched."""

import re

import nbformat
import pytest
from notebook_rules import code_cells

from tools.notebooks import NOTEBOOKS, execute, read_built, sources, target_of
from tools.student import build, main, options_of, student, without_answers

BUILT = [target_of(source) for source in sources()]
each_notebook = pytest.mark.parametrize("path", BUILT, ids=lambda path: path.stem)


@each_notebook
def test_nothing_gives_an_answer_away(path):
    handed = student(read_built(path))
    texts = [cell.source for cell in handed.cells if cell.cell_type == "markdown"]
    assert not any("](solutions/" in text for text in texts)
    assert not any("<details>" in text for text in texts if "**Predict first" in text or "**Test yourself" in text)
    assert all(cell.outputs == [] and cell.execution_count is None for cell in code_cells(handed))
    assert "widgets" not in handed.metadata
    nbformat.validate(handed)


@each_notebook
def test_its_code_and_its_hints_are_those_of_the_notebook(path):
    """So it runs as the notebook does, which `tests/notebooks` runs."""
    built = read_built(path)
    assert [cell.source for cell in code_cells(student(built))] == [cell.source for cell in code_cells(built)]
    hints = [re.findall(r"<summary>(A hint.*?)<", str(notebook)) for notebook in (built, student(built))]
    assert hints[0] == hints[1]


def test_a_vote_keeps_its_options():
    fold = "<details><summary>{}</summary>\n\nYes.\n\n</details>\n"
    assert options_of(fold.format("Predict, then open")) == []
    vote = "**Predict first.** Up?\n\n" + fold.format("It *rises*") + fold.format("It falls") + "\nAnd then?"
    assert without_answers(vote).splitlines()[2:4] == ["- ☐ It *rises*", "- ☐ It falls"]
    assert without_answers(vote).endswith("And then?")
    cure = without_answers(fold.format("What cures ticket 6?"))
    assert cure.startswith("**What cures ticket 6?**\n\n*Your answer")
    assert "Yes." not in cure
    assert without_answers("A text.\n\n" + fold.format("More")) == "A text.\n\n" + fold.format("More")


def test_the_folder_has_all_pages_but_the_lecturers(tmp_path):
    build([NOTEBOOKS / "04_three_costs.ipynb"], tmp_path)
    assert {path.name for path in tmp_path.iterdir()} >= {"04_three_costs.ipynb", "glossary.md"}
    assert not {"teaching.md", "exam.md", "solutions"} & {path.name for path in tmp_path.iterdir()}
    assert main(["no such name"]) == 1


@pytest.mark.slow
def test_a_handed_out_notebook_runs_to_its_end(tmp_path):
    """04: what its exercises ask for is used further down."""
    (path,) = build([NOTEBOOKS / "04_three_costs.ipynb"], tmp_path)
    execute(nbformat.read(path, as_version=4), NOTEBOOKS)
