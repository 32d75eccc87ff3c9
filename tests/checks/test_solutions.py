"""The notebooks of solutions: built from sources of their own, true from top to bottom."""

from tools.notebooks import main, solutions, target_of


def test_a_notebook_of_solutions_is_built_into_its_folder(tmp_path):
    source = tmp_path / "source" / "solutions" / "90.py"
    source.parent.mkdir(parents=True)
    source.write_text("# %%\nprint(6 * 7)\n")
    assert solutions(tmp_path) == [source]
    assert target_of(source) == tmp_path / "solutions" / "90.ipynb"
    assert main(["--folder", str(tmp_path), "90"]) == 0
    assert "42" in target_of(source).read_text()
