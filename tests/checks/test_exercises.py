"""Exercises: quiet when untouched, "correct" with the solution or an unusual answer, a hint with a typical mistake."""

import ast
import functools

import pytest
from exercise_runs import (
    UNUSUAL_ANSWERS,
    WRONG_ANSWERS,
    Classroom,
    answers,
    exercise_name,
    says_correct,
    says_not_attempted,
    says_wrong_with_a_hint,
    with_exercises,
)
from notebook_rules import code_cells

from tools.notebooks import number_of, read_source

SOURCES = {path.stem: path for path in with_exercises()}
each_notebook = pytest.mark.parametrize("name", SOURCES)


@functools.cache
def classroom(name):
    return Classroom(SOURCES[name])


def all_answers(folder):
    """One test for each file."""
    found = [(name, file) for name in SOURCES for file in answers(name, folder)]
    return pytest.mark.parametrize(
        ("name", "file"), found, ids=[f"{number_of(name)}-{file.stem}" for name, file in found]
    )


@each_notebook
def test_untouched_stubs_are_called_not_attempted(name):
    for exercise in classroom(name).exercises.values():
        said = classroom(name).try_answer(exercise.name, exercise.stub)
        assert says_not_attempted(said.text), exercise.name
        assert said.used is not said.function


@each_notebook
def test_solutions_are_correct(name):
    assert classroom(name).solved.keys() == classroom(name).exercises.keys()
    for exercise, text in classroom(name).solved.items():
        assert says_correct(text), f"{exercise}: {text}"


@all_answers(UNUSUAL_ANSWERS)
def test_unusual_right_answers_are_correct(name, file):
    said = classroom(name).try_answer(exercise_name(file), file.read_text(encoding="utf-8"))
    assert says_correct(said.text), said.text
    assert said.used in (None, said.function)


HINTS = {  # what the hint must speak of, where another one would mislead
    "gentlest_swap__counted_from_one": "count from 0",
    "pixels_of__last_pixel": "where the next patch begins",
    "slice_detection_states__of_the_images": "the first dimension is the images",
    "to_targets__floor_division": "drops the fraction",
    "unnoticed_box__just_too_narrow": "0.198 wide",
    "giou__no_gradient": "no gradient",
    "greedy_match__column_first": "(column, row)",
    "greedy_match__rows_and_columns": "a list of (row, column) pairs",
    "match_batch__plain_iou": "the plain IoU",
    "match_batch__softmax_without_no_object": "all K + 1 logits share the 1",
    "match_batch__weights_exchanged": "the weights 5, 1, 2",
    "match_batch__mean_l1": "the mean of the four",
    "classification_loss__eos_upside_down": "the weight of no-object",
    "fair_eos_coef__nan": "returns nan",
    "set_loss__without_default": "keep eos_coef=1.0",
    "set_loss__weights_exchanged": "two weights are exchanged",
    "dice_loss__all_pairs_together": "one overlap serves all pairs",
    "end_of_plateau__nan": "returns nan",
    "end_of_plateau__fixed_step": "no fixed step serves all",
    "crowd__fractions": "fractions of the picture",
    "who_reads__patches_read_tokens": "could pass on",
    "who_reads__transposed": "rows read columns",
    "who_reads__first_places": "the tokens are the last",
    "accumulated_loss__by_images": "weighted by their images",
    "focal_cost__with_epsilon": "logits of 50",
    "focal_cost__raises_on_one_guess": "any N and T",
    "four_answers__goals": "a row of zeros is a grade, too",
    "four_answers__divided_by_pairs": "the divisor counts targets",
}


@all_answers(WRONG_ANSWERS)
def test_wrong_answers_get_a_hint(name, file):
    said = classroom(name).try_answer(exercise_name(file), file.read_text(encoding="utf-8"))
    assert says_wrong_with_a_hint(said.text), said.text
    assert not says_correct(said.text), said.text
    assert HINTS.get(file.stem, "") in said.text
    assert said.used is not said.function


@each_notebook
def test_what_a_check_gives_back_in_place_of_a_wrong_answer_is_right(name):
    for exercise in classroom(name).exercises.values():
        ours = classroom(name).try_answer(exercise.name, exercise.stub).used
        if ours is not None:
            room = classroom(name)
            answer = f"from {ours.__module__} import {ours.__name__} as {exercise.name}"
            assert says_correct(room.try_answer(exercise.name, answer).text), ours


@each_notebook
@pytest.mark.parametrize("folder", [WRONG_ANSWERS, UNUSUAL_ANSWERS], ids=["wrong", "unusual"])
def test_every_exercise_has_answers_of_both_kinds(name, folder):
    assert {exercise_name(file) for file in answers(name, folder)} == set(classroom(name).exercises)


@each_notebook
def test_a_notebook_goes_on_without_the_readers_function(name):
    """Below its check, the code names what the check gave back: a reader who runs all gets to the end."""
    left = dict(classroom(name).exercises)
    for cell in code_cells(read_source(SOURCES[name])):
        named = {node.id for node in ast.walk(ast.parse(cell.source)) if isinstance(node, ast.Name)}
        checked = [exercise.name for exercise in classroom(name).exercises.values() if cell.source == exercise.check]
        for exercise in checked:
            left.pop(exercise)
        done = classroom(name).exercises.keys() - left.keys() - set(checked)
        assert not named & done, cell.source


@each_notebook
def test_the_text_above_an_exercise_leads_to_its_solution(name):
    link, text = f"](solutions/{number_of(name)}.ipynb)", ""
    for cell in read_source(SOURCES[name]).cells:
        text = cell.source if cell.cell_type == "markdown" else text
        if "exercise" in cell.metadata.get("tags", []):
            assert link in text, cell.source


def test_answers_belong_to_a_notebook():
    assert HINTS.keys() <= {file.stem for name in SOURCES for file in answers(name, WRONG_ANSWERS)}
    for folder in (WRONG_ANSWERS, UNUSUAL_ANSWERS):
        folders = {path.name for path in folder.glob("*") if path.is_dir() and path.name != "__pycache__"}
        assert folders <= set(SOURCES)


SAMPLE = """\
# %% tags=["exercise"]
def double(x):
    return None  # your code


# %%
used = check_double(double)
"""
SOLUTION = """\
# %%
def check_double(double):
    if double(3) is None:
        print("not attempted yet")
    else:
        print("correct" if double(3) == 6 else "not yet. Hint: add x to itself.")
    return double if double(3) == 6 else None


# %%
def double(x):
    return 2 * x


check_double(double)
"""


def test_the_machinery_itself(tmp_path):
    source = tmp_path / "source" / "90_sample.py"
    (source.parent / "solutions").mkdir(parents=True)
    source.write_text(SAMPLE)
    (source.parent / "solutions" / "90.py").write_text(SOLUTION)
    assert with_exercises(tmp_path) == [source]
    room = Classroom(source)
    assert room.solved == {"double": "correct\n"}
    wrong = room.try_answer("double", "def double(x):\n    return x * x\n")
    assert says_wrong_with_a_hint(wrong.text)
    assert wrong.used is None
    right = room.try_answer("double", "def double(x):\n    return x + x\n")
    assert right.used is right.function
