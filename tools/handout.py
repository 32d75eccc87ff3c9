"""Print the lecture's sheet of votes: `python -m tools.handout` writes `build/handout.pdf`, two pages of A4.

It holds every vote of the lecture with boxes to tick, the two pictures that they ask about, and ten terms, English and
Chinese, all from `notebooks/lecture.toml`, the notebooks and the glossary. Chromium makes the PDF.
"""

import re
import subprocess
import sys
from html import escape

from tools.notebooks import NOTEBOOKS, ROOT
from tools.plan import find, named, options, read_plan, vote_cell
from tools.served import browser_path
from tools.talk import built_notebooks

TARGET = ROOT / "build" / "handout.pdf"
ENTRY = re.compile(r'<a id="([^"]+)"></a>\*\*(.+?)\*\* · (.+?) · \[.*?<br>\n(.+?)(?:<br>)?\n')
NO_BROWSER = "A PDF needs Chromium: install the system's package, for example `chromium`."
STYLE = """
@page { size: A4; margin: 13mm 15mm; }
body { margin: 0; color: #222; font: 10pt/1.3 "Noto Sans", "DejaVu Sans", "Noto Sans CJK SC", sans-serif; }
h1 { margin: 0 0 2mm; font-size: 17pt; }
h2 { margin: 3mm 0 1.5mm; border-bottom: 0.6mm solid #e69f00; font-size: 12.5pt; }
p { margin: 0 0 2mm; }
.vote { margin: 0 0 3mm; break-inside: avoid; }
.vote b { margin-right: 1mm; }
.options { display: flex; flex-wrap: wrap; gap: 0.5mm 7mm; margin: 1mm 0 1mm 6mm; }
.why { margin: 2.2mm 0 0 6mm; border-bottom: 0.2mm solid #999; color: #6b6b6b; font-size: 9pt; }
.picture { display: block; max-width: 100%; margin: 1mm auto; }
.first { max-height: 60mm; }
.second { max-height: 74mm; }
.terms { display: grid; grid-template-columns: 1fr 1fr; gap: 1.5mm 6mm; font-size: 9.5pt; line-height: 1.28; }
.page { break-before: page; }
"""


def sheet(plan, notebooks):
    """The sheet as a page of HTML."""
    votes, turn = ballots(plan, notebooks), plan.pictures[1][0]  # the second page begins where its picture is needed
    first, second = (picture(notebooks[number], phrase, kind) for (number, phrase), kind in pictures(plan))
    half = sum(bool(slide.vote) for slide in plan.slides if slide.of < turn)
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{escape(plan.title)}</title><style>{STYLE}</style></head><body>
<h1>{escape(plan.title)}</h1>
<p>Name ______________________________ &nbsp; Decide first, write why in a few words, then look.</p>
{first}
{"".join(votes[:half])}
<h2>Ten terms</h2>
<div class="terms">{"".join(terms(plan))}</div>
<div class="page"></div>
{second}
{"".join(votes[half:])}
</body></html>"""


def pictures(plan):
    """The pictures of a plan, and how tall each may be."""
    return zip(plan.pictures, ("first", "second"))


def ballots(plan, notebooks):
    """The votes of a plan: a question, boxes to tick, and a line for a reason."""
    result = []
    for slide, pairs in zip(plan.slides, named(plan, notebooks)):
        if slide.vote:
            boxes = "".join(f"<span>☐ {plain(option)}</span>" for option in options(slide, vote_cell(slide, pairs)))
            number = len(result) + 1
            result.append(
                f'<div class="vote"><b>{number}</b>{escape(slide.vote)}'
                f'<div class="options">{boxes}</div><div class="why">why</div></div>\n'
            )
    return result


def plain(option):
    """An option without Markdown's marks, for a page."""
    return escape(re.sub(r"[*_`$]|<[^>]+>", "", option))


def picture(notebook, phrase, kind):
    """The first picture that a cell stored, as an element of a page."""
    outputs = find(notebook.cells, phrase).outputs
    output = next(output for output in outputs if "image/png" in output.get("data", {}))
    alt = escape(output.metadata["image/png"]["alt"])
    return f'<img class="picture {kind}" src="data:image/png;base64,{output.data["image/png"]}" alt="{alt}">'


def terms(plan):
    """The terms of a plan with their Chinese names, as the glossary has them."""
    glossary = {found[0]: found[1:] for found in ENTRY.findall((NOTEBOOKS / "glossary.md").read_text(encoding="utf-8"))}
    for term in plan.terms:
        name, chinese, meaning = glossary[term]
        yield f"<div><b>{escape(name)}</b> {escape(chinese)}<br>{plain(meaning)}</div>"


def print_pdf(html, target):
    """Let Chromium print a page of HTML into a PDF."""
    browser = browser_path()
    if browser is None:
        sys.exit(NO_BROWSER)
    target.parent.mkdir(parents=True, exist_ok=True)
    page = target.with_suffix(".html")
    page.write_text(html, encoding="utf-8")
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer", f"--print-to-pdf={target}"]
    subprocess.run([browser, *flags, page.as_uri()], check=True, stderr=subprocess.DEVNULL)
    page.unlink()


def main():
    """Write the PDF."""
    plan = read_plan()
    print_pdf(sheet(plan, built_notebooks(plan)), TARGET)
    print(f"The sheet of votes: {TARGET.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
