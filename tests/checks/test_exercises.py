"""Exercises: quiet when untouched, "correct" with the solution, a hint with a typical mistake."""

import nbformat
import pytest
from exercise_runs import (
    WRONG_ANSWERS,
    exercise_name,
    exercises,
    says_correct,
    says_not_attempted,
    says_wrong_with_a_hint,
    wrong_answers,
)
from notebook_rules import tagged, texts
from notebook_runs import SHIPPED, run, run_fresh

from tools.notebooks import read_built

WITH_EXERCISES = [path for path in SHIPPED if any(tagged(cell, "exercise") for cell in read_built(path).cells)]
each_notebook = pytest.mark.parametrize("path", WITH_EXERCISES, ids=lambda path: path.stem)


@each_notebook
@pytest.mark.timeout(600)
def test_untouched_stubs_are_called_not_attempted(path):
    cells = run(path).notebook.cells
    for exercise in exercises(read_built(path)):
        assert says_not_attempted("\n".join(text for _, text in texts(cells[exercise.check]))), exercise.name


@each_notebook
@pytest.mark.timeout(600)
def test_solutions_are_correct(path):
    for name, text in run(path).answers.solved.items():
        assert says_correct(text), f"{name}: {text}"


@each_notebook
@pytest.mark.timeout(600)
def test_wrong_answers_get_a_hint(path):
    for file, text in run(path).answers.wrong.items():
        assert says_wrong_with_a_hint(text), f"{file.name}: {text}"
        assert not says_correct(text), f"{file.name}: {text}"


@each_notebook
def test_every_exercise_has_a_typical_wrong_answer(path):
    names = {exercise.name for exercise in exercises(read_built(path))}
    assert {exercise_name(file) for file in wrong_answers(path.stem)} == names


@each_notebook
def test_solutions_are_folded(path):
    for cell in read_built(path).cells:
        if tagged(cell, "solution"):
            assert cell.metadata.get("jupyter", {}).get("source_hidden"), cell.source


def test_wrong_answers_belong_to_a_notebook():
    folders = {path.name for path in WRONG_ANSWERS.glob("*") if path.is_dir() and path.name != "__pycache__"}
    assert folders <= {path.stem for path in WITH_EXERCISES}


SAMPLE = {
    "exercise": "def double(x):\n    return None  # your code",
    "check": "check_double(double)",
    "solution": "def double(x):\n    return 2 * x\n\n\ncheck_double(double)",
}
CHECK = """
def check_double(double):
    if double(3) is None:
        return print("not attempted yet")
    print("correct" if double(3) == 6 else "not yet. Hint: add x to itself.")
"""


@pytest.fixture
def sample(tmp_path):
    """A notebook with one exercise and one wrong answer."""
    cells = [nbformat.v4.new_code_cell(CHECK)]
    cells += [nbformat.v4.new_code_cell(source, metadata={"tags": [tag]}) for tag, source in SAMPLE.items()]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "90_sample.ipynb")
    folder = tmp_path / "wrong_answers" / "90_sample"
    folder.mkdir(parents=True)
    (folder / "double__squares.py").write_text("def double(x):\n    return x * x\n")
    return tmp_path / "90_sample.ipynb"


def test_the_machinery_itself(sample):
    answers = run_fresh(sample, sample.parent / "wrong_answers").answers
    assert answers.solved == {"double": "correct\n"}
    assert [says_wrong_with_a_hint(text) for text in answers.wrong.values()] == [True]
