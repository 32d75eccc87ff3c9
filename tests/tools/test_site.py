"""The site: its pages lead to one another, can be read by all on any screen, and are alive without a network."""

import base64
import importlib.util
import re
from subprocess import CalledProcessError

import pytest
from axe import violations
from hand_and_eye import drag, drawn, expect, middle
from missing import skip_without
from nbformat.v4 import new_code_cell, new_notebook, new_output

from tools import course_map, site, site_figures
from tools.notebooks import NOTEBOOKS, read_built
from tools.vendor import scripts

BUILT = sorted(NOTEBOOKS.glob("*.ipynb"))
PAGES = ["index", *site.OTHERS, "search", "solutions/05", *(path.stem for path in BUILT)]
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
    """The site. Skipped where Sphinx or the scripts are not here."""
    if not all(map(importlib.util.find_spec, ("sphinx", "myst_nb", "furo"))):
        skip_without("Sphinx")
    try:
        scripts()
    except (SystemExit, CalledProcessError):
        skip_without("the scripts from npm")
    folder = tmp_path_factory.mktemp("site")
    site.build(BUILT, folder / "built", folder / "source")
    return folder / "built"


@pytest.fixture
def show(new_page, built):
    """Open a page of the site from its folder, with the network off and in a width and a scheme of colours."""

    def open_page(name, width=1280, scheme="light", place="", scripts=True):
        page = new_page(
            viewport={"width": width, "height": 800}, color_scheme=scheme, offline=True, java_script_enabled=scripts
        )
        page.goto((built / f"{name}.html").as_uri() + place)
        if name in NAMES and scripts:
            page.wait_for_selector(".spl")
            page.wait_for_selector("mjx-container", state="attached")
        return page

    return open_page


# What must be scrolled sideways to be read, and is no table.
SCROLLS = """() => [...document.querySelectorAll("article *")].filter((element) =>
  /auto|scroll/.test(getComputedStyle(element).overflowX) && element.scrollWidth > element.clientWidth + 1
  && !element.matches(".table-wrapper, pre.columns")).map((element) => element.outerHTML.slice(0, 200))"""


@pytest.mark.parametrize("width", [1366, 390])
@pytest.mark.parametrize("name", ["index", "glossary", "teaching", *NAMES, TABLES])
def test_a_page_needs_no_network_and_any_screen_can_show_it(show, name, width):
    page = show(name, width)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    page.wait_for_function(f"!({SCROLLS})().length")
    assert page.evaluate("document.querySelector('article').clientWidth") >= (800 if width == 1366 else 350)
    expect(page.locator("mjx-merror")).to_have_count(0)
    assert page.errors == []
    assert page.outside == []


@pytest.mark.parametrize("place", range(len(PAGES)), ids=PAGES)
def test_nothing_keeps_people_from_reading_a_page(show, place):
    """Each page in one of four forms, but for the handle of ipywidgets' slider, which has no name."""
    page = show(PAGES[place], 1366 if place % 2 else 390, "dark" if place // 2 % 2 else "light")
    drawn(page)
    assert violations(page, but=[".noUi-handle"]) == []


def test_every_picture_has_words_and_a_size(built):
    for path in BUILT:
        html = (built / f"{path.stem}.html").read_text(encoding="utf-8")
        pictures = re.findall(r"<img[^>]*>", html.partition("<article")[2].partition("</article>")[0])
        stored = [output for cell in read_built(path).cells for output in cell.get("outputs", [])]
        assert len(pictures) >= sum("image/png" in output.get("data", {}) for output in stored) - 1  # but the map
        for picture in pictures:
            assert re.search(r"""alt=(["'])(?!_images).{20,}?\1""", picture), (path.stem, picture[:200])
            assert re.search(r'width="\d+"', picture), (path.stem, picture[:200])


@pytest.mark.parametrize("name", [NAMES[0], TABLES])
@pytest.mark.parametrize("width", [1366, 390])
def test_a_link_lands_at_its_heading_although_pieces_come_later(show, built, name, width):
    html = (built / f"{name}.html").read_text(encoding="utf-8")
    heading = re.findall(r'<section id="([^"]+)">', html)[-3]  # below the pieces, above the end
    page = show(name, width, place=f"#{heading}")
    expect(page.locator(".spl").first).to_be_attached()
    page.wait_for_function("id => Math.abs(document.getElementById(id).getBoundingClientRect().top) < 120", arg=heading)


def test_without_scripts_a_sentence_stands_where_a_piece_would(show):
    page = show(PLAYGROUND, scripts=False)
    expect(page.locator(".stand-in", has_text="The optimal matching pairs")).to_be_visible()
    expect(page.locator("details:has(pre)").first).to_be_visible()
    alive = show(PLAYGROUND)
    alive.locator(".spl").first.wait_for()
    expect(alive.locator(".stand-in").first).to_be_hidden()


def test_a_stored_picture_of_a_piece_stands_above_its_sentence(tmp_path):
    png = base64.b64encode(b"\x89PNG" + bytes(12) + (640).to_bytes(4, "big") + (480).to_bytes(4, "big")).decode()
    piece = {site_figures.WIDGET_VIEW: {"model_id": "0"}, "image/png": png, "text/plain": "Dial: 7 of 100 say <1>."}
    notebook = new_notebook(cells=[new_code_cell("piece", outputs=[new_output("display_data", piece)])])
    stands, moves = site_figures.as_figures(notebook, "07", tmp_path, up="../").cells[0].outputs
    assert set(moves.data) == {site_figures.WIDGET_VIEW, "text/plain"}
    html = stands.data["text/html"]
    assert '<img src="../_static/figures/07-1.png" alt="7 of 100 say &lt;1&gt;." width="640" height="480">' in html
    assert html.endswith("7 of 100 say &lt;1&gt;.</p></div>")
    assert (tmp_path / "_static" / "figures" / "07-1.png").exists()


def test_a_figure_fills_the_screen_and_goes_back(show):
    page = show("05_assignment", scheme="dark")
    figure = page.get_by_role("link", name="The cost matrix of the running example")
    figure.focus()
    page.keyboard.press("Enter")
    large = page.get_by_role("dialog").get_by_role("img")
    expect(large).to_be_visible()
    assert large.bounding_box()["width"] >= 700
    page.keyboard.press("Escape")
    expect(large).to_be_hidden()
    figure.click()
    large.click()
    expect(large).to_be_hidden()


def test_code_that_draws_is_folded_and_an_exercise_is_not(show):
    page = show("05_assignment")
    expect(page.locator("details.code", has_text="matrix_figure").locator("pre")).to_be_hidden()
    page.locator("details.code", has_text="matrix_figure").locator("summary").click()
    expect(page.locator("details.code", has_text="matrix_figure").locator("pre")).to_be_visible()
    expect(page.locator("pre", has_text="def greedy_match")).to_be_visible()
    solutions = show("solutions/05")
    expect(solutions.locator("pre", has_text="check_trap_for_greedy(trap").first).to_be_visible()
    expect(solutions.locator("details.code")).to_have_count(0)


@pytest.mark.parametrize("width", [1366, 390])
def test_the_map_leads_to_a_notebook(show, width):
    page = show("index", width)
    page.locator(".course-map").get_by_role("link", name="05").locator("visible=true").click()
    page.wait_for_selector(".stepper")


def test_the_map_of_the_readme_is_the_one_that_is_made():
    drawn_now = course_map.course_map("../../notebooks/{}.ipynb".format)
    assert course_map.PICTURE.read_text(encoding="utf-8") == drawn_now + "\n", "run `python -m tools.course_map`"
    assert f"![{course_map.SENTENCE}](docs/images/course-map.svg)" in (site.ROOT / "README.md").read_text()


def test_pieces_of_two_notebooks_keep_apart_on_the_first_page():
    numbered = {name[:2]: read_built(NOTEBOOKS / f"{name}.ipynb") for name in ("02_detection_tokens", TABLES)}
    page = site.with_pieces("a\n## b", numbered)
    asked = re.findall(r'"model_id": "(\w+)"', str(page).replace("'", '"'))
    assert len(set(asked)) == len(site.PIECES) == len(asked)


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
    expect(page.locator(".scenelab")).to_have_count(1)
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
