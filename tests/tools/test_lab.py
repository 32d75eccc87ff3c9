"""What `make lab` does before JupyterLab starts, and what saving leaves of a reader's clicks."""

from types import SimpleNamespace

from nbformat.v4 import new_code_cell, new_notebook

from tools import lab
from tools.notebooks import source_of, sources, target_of

SOURCE = """# %%
1 + 1

# %% jupyter={"outputs_hidden": true, "source_hidden": true}
6 * 7

# %%
"the end"
"""


def saved(folder, *cells):
    """The folding of cells that JupyterLab saves, given as (text, folding), beside a source."""
    (folder / "notebooks" / "source").mkdir(parents=True, exist_ok=True)
    (folder / "notebooks" / "source" / "90_folded.py").write_text(SOURCE)
    cells = [new_code_cell(text, metadata={"jupyter": folding} if folding else {}) for text, folding in cells]
    model = {"type": "notebook", "content": new_notebook(cells=cells)}
    lab.tidy_before_saving(model, "notebooks/90_folded.ipynb", SimpleNamespace(root_dir=str(folder)))
    return [cell.metadata.get("jupyter", {}) for cell in cells]


FOLDED = {"outputs_hidden": True, "source_hidden": True}


def test_a_cell_that_was_run_or_opened_is_saved_folded_as_in_its_source(tmp_path):
    assert saved(tmp_path, ("1 + 1", {}), ("6 * 7", {"source_hidden": False}), ('"the end"', FOLDED)) == [
        {},
        FOLDED,
        {},
    ]


def test_also_beside_cells_that_were_rewritten_or_added(tmp_path):
    cells = ("2 + 2", {}), ("6 * 8", {}), ("new", {"source_hidden": True}), ('"the end"', {})
    assert saved(tmp_path, *cells)[-1] == {}
    assert saved(tmp_path, ("new", {"source_hidden": True}), ("1 + 1", {}), ("6 * 7", {}), ('"the end"', {})) == [
        {"source_hidden": True},
        {},
        FOLDED,
        {},
    ]
    assert saved(tmp_path, ("1 + 1", {}), ("6 * 8", {}), ('"the end"', {})) == [{}, FOLDED, {}]


def test_a_notebook_of_the_readers_own_is_left_alone(tmp_path):
    cell = new_code_cell("1", metadata={"jupyter": {"source_hidden": True}, "collapsed": True})
    model = {"type": "notebook", "content": new_notebook(cells=[cell])}
    lab.tidy_before_saving(model, "mine.ipynb", SimpleNamespace(root_dir=str(tmp_path)))
    assert cell.metadata == {"jupyter": {"source_hidden": True}}


def test_every_notebook_knows_its_source():
    assert [source_of(target_of(source)) for source in sources()] == sources()


def test_stale_notebooks_are_named_in_one_line(monkeypatch):
    monkeypatch.setattr(lab, "stale_reason", lambda source, target: "why" if target.name[:2] in ("01", "04") else None)
    line = lab.stale_line()
    assert line.endswith("`make notebooks` has run: 01, 04, solutions/01, solutions/04")
    monkeypatch.setattr(lab, "stale_reason", lambda source, target: None)
    assert lab.stale_line() is None
