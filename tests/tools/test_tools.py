"""The notebook builder: deterministic, and honest about what is stale."""

import nbformat
import pytest
from jupytext.combine import combine_inputs_with_outputs
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from notebook_rules import differences, output_complaints, size_complaints

from tools.canonical import WIDGET_STATE, WIDGET_VIEW, canonical, cell_ids, joined, to_text
from tools.inputs import fingerprint, plain_python, reached_modules
from tools.notebooks import build, main, read_built, read_source, stale_reason, target_of

SOURCE = """# %% [markdown]
# # A title

# %%
import tiny.used

print(tiny.used.value())
"""


@pytest.fixture
def course(tmp_path):
    """A folder with one notebook source and a small package that it uses."""
    package = tmp_path / "notebooks" / "tiny"  # the kernel works in notebooks/, so it can import from there
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "used.py").write_text("from tiny import deeper\n\n\ndef value():\n    return deeper.ONE\n")
    (package / "deeper.py").write_text("ONE = 1\n")
    (package / "unused.py").write_text("")
    source = tmp_path / "notebooks" / "source" / "00_try.py"
    source.parent.mkdir()
    source.write_text(SOURCE)
    return source, target_of(source), package


def test_building_twice_gives_the_same_bytes_and_editing_makes_stale(course):
    source, target, package = course
    assert stale_reason(source, target, package) == "not built yet"
    build(source, target, package)
    first = target.read_bytes()
    assert stale_reason(source, target, package) is None
    build(source, target, package)
    assert target.read_bytes() == first

    (package / "deeper.py").write_text('"""Prose does not count."""\n\nONE = 1  # nor does this\n')
    assert stale_reason(source, target, package) is None
    (package / "deeper.py").write_text("ONE = 2\n")
    assert stale_reason(source, target, package) == "helpers or a cell changed"
    source.write_text(SOURCE + "\n# %%\n1 + 1\n")
    assert stale_reason(source, target, package) == "its source changed"


def test_a_notebook_saved_by_hand_is_stale(course):
    source, target, package = course
    build(source, target, package)
    notebook = read_built(target)
    notebook.metadata.language_info["version"] = "3.99"
    nbformat.write(notebook, target)
    assert stale_reason(source, target, package) == "it was saved by hand"


def test_a_rewritten_cell_above_its_old_output_is_stale(course):
    source, target, package = course
    source.write_text("# %%\nprint('old')\n\n# %%\nprint('kept')\n")
    build(source, target, package)
    source.write_text(source.read_text().replace("'old'", "'new'"))
    # What JupyterLab opens for the pair: jupytext keeps outputs by the cell's place where its text is another.
    paired = combine_inputs_with_outputs(read_source(source), read_built(target), fmt="py:percent")
    assert [cell.source for cell in paired.cells] == ["print('new')", "print('kept')"]
    assert [cell.outputs[0].text for cell in paired.cells] == ["old\n", "kept\n"]
    assert stale_reason(source, target, package) == "its source changed"
    # Saved without running it, both files agree, and the output is still that of another cell.
    target.write_text(to_text(canonical(paired)), encoding="utf-8")
    assert stale_reason(source, target, package) == "helpers or a cell changed"
    build(source, target, package)
    assert read_built(target).cells[0].outputs[0].text == "new\n"


def test_what_is_printed_in_pieces_is_stored_as_one_stream(course):
    source, target, package = course
    pieces = "# %%\nimport time\n\nfor step in range(3):\n    print(step, flush=True)\n    time.sleep(0.3)\n"
    source.write_text(pieces)
    raw = NotebookClient(read_source(source), kernel_name="python3").execute()
    assert len(raw.cells[0].outputs) > 1  # as nbconvert and other programs store it
    build(source, target, package)
    (output,) = read_built(target).cells[0].outputs
    assert output.text == "0\n1\n2\n"
    # Saved by such a program, it is no longer as built, and `make notebooks` mends it.
    stored = read_built(target)
    stored.cells[0].outputs = raw.cells[0].outputs
    nbformat.write(stored, target)
    assert stale_reason(source, target, package) == "it was saved by hand"


def test_only_neighbouring_streams_of_one_name_are_joined():
    said = [new_output("stream", text=text, name=name) for name, text in zip(("out", "err", "out", "out"), "abcd")]
    shown = new_output("display_data", {"text/plain": "picture"})
    assert [output.get("text") for output in joined([*said, shown, said[0]])] == ["a", "b", "cd", None, "a"]
    assert said[2].text == "c"


def test_each_heading_begins_a_slide():
    tags = {"metadata": {"tags": ["colab"]}}
    cells = [new_markdown_cell("## A"), new_markdown_cell("words"), new_code_cell("1"), new_code_cell("2", **tags)]
    built = canonical(new_notebook(cells=cells))
    assert [cell.metadata.slideshow.slide_type for cell in built.cells] == ["slide", "subslide", "-", "skip"]


def test_a_failing_notebook_is_reported_and_left_alone(course, capsys):
    source, target, _ = course
    source.write_text("# %%\n1 / 0\n")
    assert main(["--folder", str(source.parents[1])]) == 1
    assert "ZeroDivisionError" in capsys.readouterr().err
    assert not target.exists()


def test_a_typo_in_a_source_stops_no_other_and_is_told_at_the_end(course, capsys):
    source, target, _ = course
    source.with_name("01_next.py").write_text("# %%\nprint(6 * 7)\n")
    source.write_text("# %%\nprint(1\n")
    assert main(["--folder", str(source.parents[1])]) == 1
    assert "00_try.ipynb was not built. SyntaxError" in capsys.readouterr().err.splitlines()[1]
    assert not target.exists()
    assert "42" in read_built(target.with_name("01_next.ipynb")).cells[0].outputs[0].text


def test_a_typo_in_the_package_is_a_reason(course):
    source, target, package = course
    build(source, target, package)
    (package / "deeper.py").write_text("ONE = (\n")
    assert stale_reason(source, target, package).endswith("in helpers")


def test_what_ipython_allows_can_be_built(course):
    source, target, package = course
    lines = (
        "!echo shell",
        "%%bash\necho bash if then",
        "%time import tiny.used",
        "%%time\nimport tiny.used",
        "x = 3\nx?",
    )
    source.write_text("".join(f"# %%\n{line}\n\n" for line in lines))
    build(source, target, package)
    said = ["".join(output.get("text", "") for output in cell.outputs) for cell in read_built(target).cells]
    assert said[0].strip() == "shell"
    assert said[1].strip() == "bash if then"
    assert stale_reason(source, target, package) is None
    (package / "deeper.py").write_text("ONE = 2\n")
    assert stale_reason(source, target, package) == "helpers or a cell changed"


@pytest.mark.parametrize("cell", ["%%time\nimport tiny.used", "%%bash\nls if\nimport tiny.used"])
def test_imports_below_a_magic_count_where_they_are_python(course, cell):
    _, _, package = course
    reached = {path.name for path in reached_modules(plain_python(cell), package)}
    assert ("deeper.py" in reached) is ("bash" not in cell)


def test_only_reached_modules_count(course):
    _, _, package = course
    names = [path.name for path in reached_modules("import tiny.used", package)]
    assert sorted(names) == ["__init__.py", "deeper.py", "used.py"]
    notebook = new_notebook(cells=[new_code_cell("%matplotlib inline\nimport tiny.used")])
    before = fingerprint(notebook, package)
    (package / "unused.py").write_text("anything = 1\n")
    assert fingerprint(notebook, package) == before


def test_canonical_renumbers_widgets_by_appearance():
    first, second = "a" * 32, "b" * 32
    state = {
        first: {"model_name": "Inner", "state": {"msg_id": "xyz"}},
        second: {"model_name": "Outer", "state": {"children": [f"IPY_MODEL_{first}"]}},
    }
    view = {WIDGET_VIEW: {"model_id": second}, "text/plain": "<W object at 0x7f12>"}
    cell = new_code_cell("W()", outputs=[new_output("display_data", view)])
    notebook = new_notebook(cells=[cell], metadata={"widgets": {WIDGET_STATE: {"state": state}}})
    built = canonical(notebook)
    stored = built.metadata.widgets[WIDGET_STATE]["state"]
    outer, inner = f"{1:032x}", f"{2:032x}"
    assert stored[outer]["state"]["children"] == [f"IPY_MODEL_{inner}"]
    assert stored[inner]["state"]["msg_id"] == ""
    assert built.cells[0].outputs[0].data == {WIDGET_VIEW: {"model_id": outer}, "text/plain": "<W object>"}
    assert to_text(canonical(built)) == to_text(built)


def test_cell_ids_are_unique_and_stay_when_a_cell_is_inserted():
    cells = [new_markdown_cell("a"), new_code_cell("a"), new_code_cell("a")]
    ids = cell_ids(cells)
    assert len(set(ids)) == 3
    assert cell_ids([cells[0], new_markdown_cell("new"), *cells[1:]])[2:] == ids[1:]


@pytest.mark.parametrize(
    ("stored", "fresh", "same"),
    [
        ("loss 0.4060", "loss 0.4062", True),
        ("loss 0.4060", "loss 0.4063", False),
        ("loss 0.4060", "cost 0.4060", False),
        ("shape (12, 5)", "shape (12, 6)", False),
        ("[ 0.00, 1.5]", "[-0.00, 1.5]", True),
        ("63 % right", "65 % right", True),
        ("63 % right", "66 % right", False),
        ("1.2e-05", "1.4e-05", True),
        ("1.2e-05", "1.5e-05", False),
        ("conv2d", "conv3d", False),
    ],
)
def test_texts_are_compared_word_by_word_and_numbers_by_their_last_digit(stored, fresh, same):
    assert (differences(stored, fresh) == []) is same


def test_rules_notice_what_must_not_be_stored():
    def complaints(text, name="stdout", tags=()):
        cell = new_code_cell("f()", outputs=[new_output("stream", text=text, name=name)], metadata={"tags": list(tags)})
        return output_complaints(new_notebook(cells=[cell]))

    assert complaints("a loss of 0.4") == []
    assert complaints("anything", name="stderr")
    assert complaints("saved to /home/someone/x")
    assert complaints("<object at 0x7f0123456789>")
    assert complaints("FutureWarning: mind")
    assert complaints("a loss of 0.4", tags=["live"])
    assert complaints("step 3 of 5", tags=["live"]) == []


def test_rules_notice_long_cells():
    cells = [new_markdown_cell("word " * 61), new_code_cell("x = 1\n" * 21)]
    complaints = size_complaints(new_notebook(cells=cells))
    assert any("61 words" in complaint for complaint in complaints)
    assert any("21 lines" in complaint for complaint in complaints)
