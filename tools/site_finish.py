"""The last hand on the pages of the site: what Sphinx, MyST-NB and Furo leave undone for readers and screen readers."""

import re

NUMBER = re.compile(r"(?<=\d) (?=(?:%|×|·|x|[kMG]i?B|ms|µs|px)(?!\w))|(?<=[×·]) (?=\d)|(?<=\d x) (?=\d)")
EXPONENT = re.compile(r"(\d+e-\d+)")
UNTOUCHED = ["code", "script", "style"]
SHORT = 16  # letters of a table's cell that keep to one line


def finish(path):
    """Mend a page in its file."""
    from bs4 import BeautifulSoup  # Furo brings it

    page = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
    for mend in (name_regions, fold_plainly, name_columns, mark_printed_tables, keep_together):
        mend(page)
    path.write_text(str(page), encoding="utf-8", newline="\n")


def name_regions(page):
    """Furo's parts get names, and its headings in the navigation a level."""
    for drawer, name in (("sidebar-drawer", "All pages"), ("toc-drawer", "Headings of this page")):
        for region in page.select(f"aside.{drawer}"):
            region["aria-label"] = name
    for heading in page.select("p.caption[role=heading]"):
        heading["aria-level"] = "2"


def fold_plainly(page):
    """Folded code is a fold as any other; MyST-NB's looks like a warning and has two names."""
    for fold in page.select("details.hide"):
        fold["class"] = "code"
        fold.summary.attrs.clear()
        fold.summary.string = "The code"


def name_columns(page):
    """A heading of a table's column that is empty is no heading."""
    for heading in page.select("th"):
        if not heading.get_text(strip=True):
            heading.name = "td"


def mark_printed_tables(page):
    """Printed columns keep their places and may be wider than the page; other lines wrap."""
    for printed in page.select(".cell_output pre"):
        if is_table(printed.get_text()):
            printed["class"] = [*printed.get("class", []), "columns"]


def is_table(text):
    """Whether a printed text has columns: two lines or more with wide gaps inside.

    >>> is_table("a     1\\nb     2"), is_table("a text\\n    indented")
    (True, False)
    """
    return sum(bool(re.search(r"\S {3,}\S", line)) for line in text.splitlines()) > 1


def keep_together(page):
    """No line ends between a number and its unit, in a number such as 1e-5, or in a short cell of a table."""
    for text in page.select("article")[0].find_all(string=True) if page.select("article") else ():
        if text.find_parent(UNTOUCHED) or text.find_parent(class_=["math", "cell_input", "columns"]):
            continue
        if NUMBER.search(text) or EXPONENT.search(text):
            parts = EXPONENT.split(with_fixed_spaces(text))
            text.replace_with(*(whole(page, part) if EXPONENT.fullmatch(part) else part for part in parts))
    for cell in page.select("td, th"):
        if len(cell.get_text(strip=True)) <= SHORT:
            cell["class"] = [*cell.get("class", []), "short"]


def whole(page, text):
    """An element that keeps its text in one line."""
    element = page.new_tag("span", attrs={"class": "short"})
    element.string = text
    return element


def with_fixed_spaces(text):
    """The spaces between numbers and what belongs to them as spaces at which no line ends.

    >>> with_fixed_spaces("85 % of 10 × 10, 100 x 7 in 92 MiB").replace(chr(160), "_")
    '85_% of 10_×_10, 100_x_7 in 92_MiB'
    """
    return NUMBER.sub("\N{NO-BREAK SPACE}", text)
