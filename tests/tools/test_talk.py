"""The lecture: every cell that its list names is there, its time adds up, and its one file works anywhere."""

import importlib.util
import re
import shutil
from itertools import pairwise
from subprocess import CalledProcessError

import nbformat
import pytest
from hand_and_eye import PATIENCE, drawn, expect, rested
from missing import skip_without
from notebook_rules import code_cells
from slide_pictures import pictures

from tools import handout, lecture, plan, talk
from tools.notebooks import execute, number_of, read_source, sources
from tools.served import browser_path, served
from tools.slides import ROOM, total
from tools.student import options_of
from tools.vendor import scripts

PLAN = plan.read_plan()
BUILT = talk.built_notebooks(PLAN)
VOTES = [(slide, pairs) for slide, pairs in zip(PLAN.slides, plan.named(PLAN, BUILT)) if slide.vote]


def test_every_cell_of_the_list_is_there():
    assert plan.lost(PLAN, BUILT) == []
    written = {number_of(path.stem): read_source(path) for path in sources()}
    assert plan.lost(PLAN, written) == [], "a cell was rewritten: mend notebooks/lecture.toml"


def test_a_cell_that_is_gone_or_stands_twice_is_named():
    gone = plan.Slide("04", ["results: no such phrase", "print("], 1, "")
    said = plan.lost(plan.Plan("", 1, 0, [], [], [gone]), BUILT)
    assert said[0] == "04: no cells hold 'no such phrase'"
    assert re.match(r"04: \d+ cells hold 'print\('", said[1])


def test_minutes_add_up():
    assert sum(slide.minutes for slide in PLAN.slides) + PLAN.questions == PLAN.minutes == 90
    assert PLAN.left()[-1] == PLAN.questions
    assert 40 <= len(PLAN.slides) <= 55


def test_what_is_to_be_said_fits_into_its_minutes():
    """At 130 words a minute; a vote wants ten seconds of silence, hands, and a count besides."""
    for slide in PLAN.slides:
        words = len(f"{slide.say} {slide.vote} {slide.answer}".split())
        assert words / 130 + (0.5 if slide.vote else 0) <= slide.minutes, slide.cells


def test_ten_minutes_can_be_saved_and_what_must_stay_stays():
    dropped = PLAN.dropped()
    assert [slide.drop for slide in dropped] == list(range(1, len(dropped) + 1))
    assert sum(slide.minutes for slide in dropped) >= 10
    assert {slide.of for slide in dropped} & {"10"} == set()
    assert not any("For any match" in name for slide in dropped for name in slide.cells)


def test_every_slide_says_something_and_shows_something():
    for slide, pairs in zip(PLAN.slides, plan.named(PLAN, BUILT)):
        blocks = [block for cell, part in pairs for block in talk.part_of(cell, part)]
        assert blocks, slide.cells
        assert len(blocks) == 1 or total(blocks) <= ROOM + 60, slide.cells  # one more line than a slide that is cut
        assert len(slide.say) > 30, slide.cells


def test_a_vote_has_options_and_an_answer_and_a_list_of_its_own_only_where_it_must():
    assert len(VOTES) >= 10
    for slide, pairs in VOTES:
        cell = plan.vote_cell(slide, pairs)
        assert cell is not None, slide.cells
        assert len(plan.options(slide, cell)) >= 2, slide.cells
        assert slide.answer, slide.cells
        assert not (slide.options and options_of(cell.source)), f"the notebook has options now: {slide.cells}"


def test_a_vote_shows_its_options_above_its_fold():
    cell = nbformat.v4.new_markdown_cell("**Predict first.** Up?\n\n<details><summary>Open</summary>Yes.</details>")
    text = talk.with_options(cell, ["Up", "Down"]).source
    assert text.index("<li>Up</li>") < text.index("<details>")
    own = nbformat.v4.new_markdown_cell(
        text.replace("<summary>Open", "<summary>Up</summary></details><details><summary>Down")
    )
    assert talk.with_options(own, ["Up"]) is own


def test_notes_tell_the_time():
    cells = talk.talk(PLAN, BUILT).cells
    notes = [cell.source for cell in cells if cell.metadata.slideshow.slide_type == "notes"]
    assert len(notes) == len(PLAN.slides)
    assert notes[0].startswith("<p><b>88:00 left after this slide</b> (2:00 for it, 1 of")
    assert notes[-1].startswith("<p><b>3:00 left")
    assert any("Ten minutes late?" in text for text in notes)
    kinds = [cell.metadata.slideshow.slide_type for cell in cells]
    assert ("fragment", "notes") not in pairwise(kinds)  # they would wait for it
    assert all("<b>Answer:</b>" in text for text, slide in zip(notes, PLAN.slides) if slide.vote)


def test_no_link_leads_to_a_page_that_is_not_there():
    texts = [cell.source for cell in talk.talk(PLAN, BUILT).cells if cell.cell_type == "markdown"]
    targets = re.findall(r"\]\(([^)]+)\)", "\n".join(texts))
    assert [target for target in targets if not target.startswith("https://")] == []


def test_pieces_of_different_notebooks_keep_apart():
    stored = [
        set(notebook.metadata.get("widgets", {}).get(talk.WIDGET_STATE, {}).get("state", ()))
        for notebook in BUILT.values()
    ]
    assert sum(map(len, stored)) == len(set().union(*stored)) > 3
    metadata = talk.pieces_of(BUILT)["widgets"][talk.WIDGET_STATE]
    assert set(metadata["state"]) == set().union(*stored)


def test_what_a_cell_needs_comes_from_the_cells_above_it():
    cells = [
        nbformat.v4.new_code_cell(text)
        for text in ("import math", "a = 1", "a = 2", "b = a", "c = 9", "def f(x):\n    return x * b + math.pi", "f(3)")
    ]
    assert talk.needed(cells, cells[6:]).splitlines() == [
        talk.SILENT, "import math", "", "a = 2", "", "b = a", "", "def f(x):", "    return x * b + math.pi",
    ]  # fmt: skip
    assert talk.needed(cells, [cells[1]]) == ""
    assert "a = 1" not in talk.needed(cells, [cells[3]])
    assert talk.names_in("n = 0\nn += m") == ({"n"}, {"m", "n"})
    assert talk.names_in("g = [i for i in r]\nclass A: y = z") == ({"g", "A"}, {"r", "z"})


def test_the_live_lecture_shows_each_cell_once_and_its_notes_last():
    slides = lecture.whole_lecture(PLAN, BUILT)
    shown = [cell.source for cell in code_cells(slides)]
    assert len(shown) == len(set(shown))
    kinds = [cell.metadata.slideshow.slide_type for cell in slides.cells]
    for before, kind in pairwise(kinds):
        assert (before == "notes") == (kind in ("slide", "subslide"))
    nbformat.validate(slides)


@pytest.mark.slow
def test_the_live_lecture_runs_from_top_to_bottom(tmp_path):
    """But for what trains: its cells are run with all others of their notebook, in `tests/notebooks`."""
    slides = lecture.whole_lecture(PLAN, BUILT)
    live = {
        cell.source for notebook in BUILT.values() for cell in notebook.cells if "live" in cell.metadata.get("tags", [])
    }
    rest = plan.named(plan.Plan("", 0, 0, [], [], [s for s in PLAN.slides if s.of != "10"]), BUILT)
    wanted = {cell.source: cell for pairs in rest for cell, _ in pairs if cell.cell_type == "code"}
    first_of_10 = next(k for k, cell in enumerate(slides.cells) if "What does one-to-one buy" in cell.source)
    slides.cells = slides.cells[:first_of_10]
    execute(slides, tmp_path)
    for cell in code_cells(slides):
        if cell.source in wanted and cell.source not in live:
            printed = [
                [o.text for o in one.outputs if o.output_type == "stream"] for one in (cell, wanted[cell.source])
            ]
            assert len(printed[0]) == len(printed[1])
            assert [re.sub(r"[\d.,]+", "#", t) for t in printed[0]] == [re.sub(r"[\d.,]+", "#", t) for t in printed[1]]


@pytest.fixture(scope="module")
def one_file(tmp_path_factory):
    """The lecture, alone in a folder. Skipped where its scripts are not here and cannot be fetched."""
    try:
        assets = scripts()
    except (SystemExit, CalledProcessError):
        skip_without("the scripts from npm")
    folder = tmp_path_factory.mktemp("lecture")
    shutil.copytree(assets, folder / "assets")
    for name in ("deck.css", "deck.js"):
        shutil.copy(talk.DESIGN / name, folder / "assets")
    html = talk.in_one_file(talk.page(talk.talk(PLAN, BUILT)), folder / "assets")
    shutil.rmtree(folder / "assets")
    (folder / "lecture.html").write_text(html, encoding="utf-8")
    return folder / "lecture.html"


# What of a slide is cut off, or is written in letters of less than 18 of its 720 pixels; pictures are not looked into.
COMPLAINTS = """() => {
  const slide = Reveal.getCurrentSlide(), page = slide.firstElementChild, found = [];
  const { bottom, right } = page.getBoundingClientRect();
  if (bottom > innerHeight || right > innerWidth || slide.classList.contains("scrolls")) found.push("cut off");
  const texts = document.createTreeWalker(page, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    if (!element.getClientRects().length || !texts.currentNode.data.trim()) continue;
    if (element.closest("aside, svg, script, style")) continue;
    const size = parseFloat(getComputedStyle(element).fontSize) * (element.currentCSSZoom ?? 1);
    if (size < 17.9) found.push(`${size}: ${texts.currentNode.data.trim().slice(0, 30)}`);
  }
  return found;
}"""


@pytest.mark.parametrize("screen", [(1280, 720), (1366, 768)], ids=["1280", "1366"])
def test_nothing_is_cut_off_or_small_and_nothing_is_asked_for(browser, one_file, screen):
    context = browser.new_context(viewport=dict(zip(("width", "height"), screen)), offline=True)
    page = context.new_page()
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(one_file.as_uri())
    page.wait_for_function("window.Reveal?.isReady() && document.querySelector('.scenelab')")
    page.wait_for_function("document.querySelector('mjx-container')")
    seen, found = 1, {}
    while True:
        page.evaluate("while (Reveal.availableFragments().next) Reveal.nextFragment()")
        page.wait_for_timeout(80)
        if said := page.evaluate(COMPLAINTS):
            found[seen] = said
        if page.evaluate("Reveal.isLastSlide()"):
            break
        page.evaluate("Reveal.next()")
        seen += 1
    assert found == {}
    assert seen == len(PLAN.slides)
    assert page.locator("mjx-merror").count() == 0
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
    context.close()


@pytest.fixture
def at_the_desk(browser, one_file):
    """The page of the offline lecture, opened at 1280 x 720."""
    context = browser.new_context(viewport={"width": 1280, "height": 720}, offline=True)
    page = context.new_page()
    page.goto(one_file.as_uri())
    page.wait_for_function("window.Reveal?.isReady()")
    yield page
    context.close()


def test_the_speakers_window_has_the_notes(at_the_desk):
    with at_the_desk.context.expect_page() as opened:
        at_the_desk.keyboard.press("s")
    notes = opened.value.locator(".speaker-controls-notes .value")
    notes.get_by_text("88:00 left after this slide").wait_for(timeout=60_000)


def test_the_speakers_window_of_the_live_lecture_has_the_notes_and_not_their_source(browser, tmp_path):
    if not importlib.util.find_spec("jupyterlab_rise"):
        skip_without("jupyterlab_rise")
    context = browser.new_context(viewport={"width": 1280, "height": 720})
    page = context.new_page()
    with served(tmp_path, "tools.lecture") as lab:
        page.goto(f"{lab.url}/rise/lecture.ipynb")
        page.wait_for_selector("section.present > section.present h1", timeout=PATIENCE)
        page.wait_for_selector("#rise-custom-css", state="attached", timeout=PATIENCE)
        rested(page, 1000)  # jupyterlab-rise goes to the first slide a moment later
        with context.expect_page() as opened:
            page.keyboard.press("s")
        said = opened.value.locator(".speaker-controls-notes .value")
        expect(said.locator("p", has_text="88:00 left after this slide")).to_be_visible()
        assert "<p>" not in said.inner_text()
        assert said.inner_text().count("88:00") == 1
    context.close()


def test_without_scripts_the_file_can_be_read_from_top_to_bottom(browser, one_file):
    context = browser.new_context(viewport={"width": 1280, "height": 720}, java_script_enabled=False)
    page = context.new_page()
    page.goto(one_file.as_uri())
    for sentence in ("88:00 left after this slide", f"{len(PLAN.slides)} of {len(PLAN.slides)})"):
        expect(page.get_by_text(sentence)).to_be_visible()
    said = page.locator("noscript p")  # its words are hidden from Playwright's search
    expect(said.first).to_be_visible()
    assert "SavedAgain: the file lists" in said.first.text_content()
    context.close()


# Go to the slide of an image, all of its fragments shown.
TURN_TO = "image => { const { h, v } = Reveal.getIndices(image.closest('section')); Reveal.slide(h, v, 99); }"


def test_a_figure_without_words_beside_it_is_as_large_as_its_slide(at_the_desk):
    """Its letters were drawn for a notebook; on a slide they need all the room there is."""
    page = at_the_desk
    figures = page.locator("section.figure img")
    assert figures.count() >= 15
    for place in range(figures.count()):
        figures.nth(place).evaluate(TURN_TO)
        drawn(page)
        shown = figures.nth(place).evaluate(
            "({ width, height, naturalWidth: w, naturalHeight: h }) =>"
            " Math.min(width / w, height / h) * Math.max(w / 1264, h / 720)"
        )
        assert shown > 0.85, figures.nth(place).get_attribute("alt")


def test_a_picture_has_the_room_that_its_letters_were_drawn_for(at_the_desk):
    page, room = at_the_desk, pictures(PLAN, BUILT)
    shown = page.locator("section .picture img")
    assert shown.count() == len(room)
    for place, reckoned in enumerate(room):
        shown.nth(place).evaluate(TURN_TO)
        rested(page, 100)
        width, height, *size = shown.nth(place).evaluate(
            "({ width, height, naturalWidth, naturalHeight }) => [width, height, naturalWidth, naturalHeight]"
        )
        seen = min(width / size[0], height / size[1])
        assert seen >= reckoned.scale(*size) * 0.995, reckoned.phrase


def test_the_sheet_has_every_vote_two_pictures_and_ten_terms():
    html = handout.sheet(PLAN, BUILT)
    assert html.count('class="vote"') == len(VOTES)
    assert html.count("☐") == sum(len(plan.options(slide, plan.vote_cell(slide, pairs))) for slide, pairs in VOTES)
    assert html.count("<img") == 2
    found = list(handout.terms(PLAN))
    assert len(found) == 10
    assert all(re.search("[\u4e00-\u9fff]", term) for term in found)


@pytest.mark.slow
def test_the_sheet_is_two_pages_of_a4(tmp_path):
    if not browser_path():
        skip_without("Chromium")
    handout.print_pdf(handout.sheet(PLAN, BUILT), tmp_path / "handout.pdf")
    pdf = (tmp_path / "handout.pdf").read_bytes()
    assert re.findall(rb"/Count (\d+)", pdf) == [b"2"]
    width, height = map(float, re.search(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", pdf).groups())
    assert abs(width - 595) < 2
    assert abs(height - 842) < 2
    assert [path.name for path in tmp_path.iterdir()] == ["handout.pdf"]


def test_without_a_browser_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(SystemExit, match="needs Chromium"):
        handout.print_pdf("", tmp_path / "handout.pdf")
