"""What a reader meets: the notebook, at once, alive, and nothing in front of it."""

from conftest import IDLE, open_notebook
from hand_and_eye import expect, rested
from pieces_in_lab import run_all, save

from tools.notebooks import build, read_built, target_of

POPUPS = ".jp-Dialog, .Toastify__toast, .jp-toast"


def test_the_first_thing_seen_is_the_notebook(lab, page):
    page.goto(f"{lab.url}/")
    page.wait_for_selector(".jp-Notebook h1")
    page.wait_for_selector(IDLE)  # a kernel is there although nobody chose one
    rested(page, 2000)  # popups come late
    assert page.locator(POPUPS).all_inner_texts() == []
    expect(page.locator(".lm-DockPanel-tabBar .lm-mod-current")).to_have_text("00_start_here.ipynb")
    assert page.outside == []


def test_the_shipped_notebook_is_trusted(lab, page):
    open_notebook(page, lab)
    page.wait_for_selector(".jp-StatusItem-trust[title*='Notebook trusted']")


def test_saving_what_was_only_opened_changes_nothing(lab, page):
    files = sorted((lab.root / "notebooks").rglob("00_start_here.*"))
    before = [path.read_bytes() for path in files]
    open_notebook(page, lab)
    page.wait_for_selector(".jp-mod-dirty")  # JupyterLab has noted the version of Python
    save(page)
    assert [path.read_bytes() for path in files] == before


def test_saving_an_edit_keeps_the_source_in_step(lab, page):
    source = lab.root / "notebooks" / "source" / "00_start_here.py"
    before = source.read_text(encoding="utf-8")
    open_notebook(page, lab)
    page.keyboard.press("b")  # a new cell below the first
    page.keyboard.press("Enter")
    page.keyboard.type("remember = 42")
    save(page)
    after = source.read_text(encoding="utf-8")
    assert after.replace("# %%\nremember = 42\n\n", "", 1) == before
    rested(page)
    assert page.locator(POPUPS).all_inner_texts() == []


def test_running_and_unfolding_leave_the_source_as_it_was(lab, page):
    source = lab.root / "notebooks" / "source" / "90_folded.py"
    folded = '# %% jupyter={"outputs_hidden": true, "source_hidden": true}\n'
    before = f'{folded}print(6 * 7)\n\n# %%\n"the end"\n'
    source.write_text(f"# %% [markdown]\n# # Folded\n\n{before}", encoding="utf-8")
    build(source, target_of(source))
    open_notebook(page, lab, "90_folded")
    run_all(page, 2)
    page.locator(".jp-Placeholder").first.click()  # the folded code
    page.wait_for_function("!document.querySelector('.jp-Placeholder')")
    save(page)
    assert source.read_text(encoding="utf-8").endswith(before)
    assert read_built(target_of(source)).cells[1].metadata.jupyter == {"outputs_hidden": True, "source_hidden": True}


def test_the_glossary_opens_rendered(lab, page):
    page.goto(f"{lab.url}/lab/tree/notebooks/glossary.md?reset")
    page.wait_for_selector(".jp-MarkdownViewer h1")
