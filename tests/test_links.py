"""`make links` rewrites what it should, and nothing else."""

import re

import pytest
import yaml

from tools.links import ROW, USAGE, cite_repository, link_notebooks, main
from tools.notebooks import ROOT, sources

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


def test_the_command_writes_both_files(tmp_path, capsys):
    for name, text in {"README.md": README, "CITATION.cff": CITATION}.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    main(["ada/sets"], tmp_path)
    main(["ada/sets"], tmp_path)
    assert "ada/sets" in (tmp_path / "README.md").read_text(encoding="utf-8")
    assert capsys.readouterr().out.splitlines()[2:] == ["README.md: up to date", "CITATION.cff: up to date"]


@pytest.mark.parametrize("arguments", [[], [""], ["ada"], ["https://github.com/ada/sets"], ["ada/sets", "more"]])
def test_without_a_name_it_says_one_sentence_and_writes_nothing(arguments, tmp_path):
    with pytest.raises(SystemExit, match=re.escape(USAGE)):
        main(arguments, tmp_path)
