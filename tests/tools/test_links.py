"""`make links` rewrites what it should, and nothing else."""

import re
import shutil

import pytest
import yaml

from tools.links import ROW, USAGE, cite_repository, install_first, link_notebooks, main
from tools.notebooks import ROOT, read_source, sources

README = (ROOT / "README.md").read_text(encoding="utf-8")
CITATION = (ROOT / "CITATION.cff").read_text(encoding="utf-8")


def test_a_row_gets_both_links():
    row = "| [04 three costs](notebooks/04_three_costs.ipynb) | What makes a guess expensive? | 25 |"
    assert link_notebooks(row, "ada/sets") == (
        "| [04 three costs](notebooks/04_three_costs.ipynb)"
        "<br>[Binder](https://mybinder.org/v2/gh/ada/sets/HEAD?urlpath=lab/tree/notebooks/04_three_costs.ipynb)"
        " · [Colab](https://colab.research.google.com/github/ada/sets/blob/HEAD/notebooks/04_three_costs.ipynb)"
        " | What makes a guess expensive? | 25 |"
    )


def test_every_notebook_of_the_course_has_a_row():
    assert [name for _, name in ROW.findall(README)] == [path.stem for path in sources()]


def test_once_is_enough_and_a_new_name_replaces_the_old():
    once = link_notebooks(README, "ada/sets")
    assert once.count("mybinder.org/v2/gh/ada/sets") == len(sources())
    assert link_notebooks(once, "ada/sets") == once
    assert link_notebooks(once, "grace/boxes.2") == link_notebooks(README, "grace/boxes.2")


def test_only_the_rows_change():
    changed = set(link_notebooks(README, "ada/sets").splitlines()) - set(README.splitlines())
    assert len(changed) == len(sources())
    assert all(line.startswith("| [") for line in changed)


def test_the_citation_names_the_repository_once():
    once = cite_repository(CITATION, "ada/sets")
    assert yaml.safe_load(once)["repository-code"] == "https://github.com/ada/sets"
    assert cite_repository(once, "ada/sets") == once
    assert cite_repository(once, "grace/boxes") == cite_repository(CITATION, "grace/boxes")
    plain = yaml.safe_load(once)
    del plain["repository-code"]
    assert plain == {key: value for key, value in yaml.safe_load(CITATION).items() if key != "repository-code"}


@pytest.fixture
def copy(tmp_path):
    """The files that the command rewrites, elsewhere."""
    shutil.copytree(ROOT / "notebooks" / "source", tmp_path / "notebooks" / "source")
    for name, text in {"README.md": README, "CITATION.cff": CITATION}.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def test_the_command_writes_all_files_once(copy, capsys):
    main(["ada/sets"], copy)
    assert "up to date" not in capsys.readouterr().out
    main(["ada/sets"], copy)
    assert "ada/sets" in (copy / "README.md").read_text(encoding="utf-8")
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 + len(sources())
    assert all(line.endswith(": up to date") for line in lines)


@pytest.mark.parametrize("source", sources(), ids=lambda path: path.stem)
def test_a_notebook_installs_helpers_first_where_they_are_missing(source, copy, monkeypatch):
    main(["grace/boxes"], copy)
    main(["ada/sets"], copy)
    linked = read_source(copy / "notebooks" / "source" / source.name)
    plain = read_source(source)
    assert [cell.source for cell in linked.cells if cell.metadata.get("tags") != ["colab"]] == [
        cell.source for cell in plain.cells
    ]
    first = next(cell for cell in linked.cells if cell.cell_type == "code")
    assert first is linked.cells[1]
    called = []
    monkeypatch.setattr("subprocess.run", lambda command, check: called.append(command))
    exec(first.source, {})
    assert called == []  # helpers is here
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    exec(first.source, {})
    assert called[0][1:] == ["-m", "pip", "install", "-q", "git+https://github.com/ada/sets"]


def test_a_second_call_adds_no_second_cell():
    text = sources()[0].read_text(encoding="utf-8")
    assert install_first(install_first(text, "ada/sets"), "ada/sets") == install_first(text, "ada/sets")


@pytest.mark.parametrize("arguments", [[], [""], ["ada"], ["https://github.com/ada/sets"], ["ada/sets", "more"]])
def test_without_a_name_it_says_one_sentence_and_writes_nothing(arguments, tmp_path):
    with pytest.raises(SystemExit, match=re.escape(USAGE)):
        main(arguments, tmp_path)
