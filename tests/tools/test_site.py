"""The site: its pages lead to one another, and two of them, built, are alive without a network."""

import importlib.util
from subprocess import CalledProcessError

import pytest
from hand_and_eye import drag, expect, middle
from missing import skip_without
from nbformat.v4 import new_code_cell, new_notebook, new_output

from tools import site
from tools.notebooks import NOTEBOOKS
from tools.vendor import scripts

NAMES = ["04_three_costs", "05_assignment"]  # with pieces and formulas
PLAYGROUND = "06_matcher"
TABLES = "10_break_it"


def test_the_first_page_is_the_readme_with_links_to_pages_and_a_list_of_them():
    readme = (
        "[04](notebooks/04_costs.ipynb) [words](notebooks/a.md) [times](benchmarks/README.md) ![A](docs/images/a.png)"
    )
    text = site.home(readme, {"04_costs": "What is dear?"})
    assert text.startswith("[04](04_costs.ipynb) [words](a.md) times ![A](docs/images/a.png)\n")
    assert "\n04 · What is dear? <04_costs>\n" in text
    assert "\nglossary\nteaching\n" in text


def test_what_is_for_colab_is_left_out_and_outputs_lead_to_pages():
    output = new_output("display_data", {"text/markdown": "see [07](07_loss.ipynb)"})
    cells = [new_code_cell("a", outputs=[output]), new_code_cell("b", metadata={"tags": ["colab"]})]
    plain, install = site.as_page(new_notebook(cells=cells)).cells
    assert install.metadata.tags == ["colab", "remove-cell"]
    assert "tags" not in plain.metadata
    assert plain.outputs[0].data["text/markdown"] == "see [07](07_loss.html)"


def test_without_sphinx_it_says_one_sentence(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SystemExit, match="The site needs more packages"):
        site.main()


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A site of two notebooks. Skipped where Sphinx or the scripts are not here."""
    if not all(map(importlib.util.find_spec, ("sphinx", "myst_nb", "furo"))):
        skip_without("Sphinx")
    try:
        scripts()
    except (SystemExit, CalledProcessError):
        skip_without("the scripts from npm")
    folder = tmp_path_factory.mktemp("site")
    site.build(
        [NOTEBOOKS / f"{name}.ipynb" for name in [*NAMES, PLAYGROUND, TABLES]], folder / "built", folder / "source"
    )
    return folder / "built"


@pytest.fixture
def show(new_page, built):
    """Open a page of the site from its folder, with the network off and in a width and a scheme of colours."""

    def open_page(name, width=1280, scheme="light"):
        page = new_page(viewport={"width": width, "height": 800}, color_scheme=scheme, offline=True)
        page.goto((built / f"{name}.html").as_uri())
        if name in NAMES:
            page.wait_for_selector(".spl")
            page.wait_for_selector("mjx-container", state="attached")
        return page

    return open_page


@pytest.mark.parametrize("name", ["index", "glossary", "teaching", *NAMES, TABLES])
def test_a_page_needs_no_network_and_a_telephone_can_show_it(show, name):
    page = show(name, width=390)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    expect(page.locator("mjx-merror")).to_have_count(0)
    assert page.errors == []
    assert page.outside == []


def test_a_piece_can_be_moved_and_goes_dark_with_the_page(show):
    page = show(PLAYGROUND, scheme="dark")
    piece = page.locator(".playground").first
    piece.locator(".board svg").first.scroll_into_view_if_needed()
    guess = piece.get_by_role("button", name="Prediction A")
    said = guess.get_attribute("aria-label")
    drag(page, middle(piece.locator(".chip.prediction[data-index='0']")), (40, 60))
    expect(guess).not_to_have_attribute("aria-label", said)
    expect(page.locator("body[data-jp-theme-light='false']")).to_have_count(1)


def test_the_first_page_plays_the_loss(show):
    page = show("index")
    play = page.locator(".setplay")
    expect(play.locator("h3")).to_have_text("Step 0")
    play.get_by_label("One step on").click()
    expect(play.locator("h3")).to_have_text("Step 1")


def test_a_table_that_a_cell_made_is_a_table(show):
    table = show(TABLES).locator("table", has_text="eos-late-1").first
    expect(table.locator("th").first).to_have_text("run")
    expect(table.locator("strong").first).to_be_visible()


def test_an_exercise_leads_to_its_solution_on_a_page_of_its_own(show):
    page = show("05_assignment")
    solution = page.locator("pre", has_text="cost.copy()")
    assert solution.count() == 0
    page.get_by_text("A solution").first.click()
    solution.first.wait_for()
    page.get_by_role("link", name="05").first.click()
    page.wait_for_selector(".stepper")


def test_the_search_finds_a_word_of_a_notebook(show):
    page = show("index")
    page.locator(".sidebar-search").fill("understudy")
    page.keyboard.press("Enter")
    expect(page.locator("#search-results a[href^='05_assignment.html']").first).to_be_visible()
