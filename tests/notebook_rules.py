"""What a stored notebook must look like, as functions that return a list of complaints."""

import html
import re
from statistics import median
from typing import NamedTuple

from tools.canonical import WIDGET_VIEW

TEXT_TYPES = ("text/plain", "text/html", "text/markdown", "text/latex")
MARKDOWN_PER_CODE = 2.0
CODE_LINES_MEDIAN, CODE_LINES_MOST = 6, 20
MARKDOWN_WORDS = 60
OPTION_WORDS = 12


class Budget(NamedTuple):
    """The most that a notebook may hold; words are those outside of folds, lines those of a code cell, blank or not."""

    cells: int
    words: int
    votes: int
    exercises: int
    lines: int = 20


CORE = Budget(cells=28, words=1000, votes=2, exercises=2)
BESIDE = Budget(cells=34, words=1200, votes=2, exercises=4)
CLINIC = BESIDE._replace(votes=9)  # a complaint is for betting on its cause: one vote for each of nine tickets
BUDGETS = dict.fromkeys(("00", "02", "04", "05", "07", "10"), CORE) | {"13": CLINIC}  # all others: BESIDE

# A number: not part of a name (`conv2`), with its sign, perhaps with an exponent or a percent sign behind it.
NUMBER = re.compile(r"(?<![\w.])[-+]?\d+(?:\.\d*)?(?:e[-+]?\d+)?(?![\w.]*\w)(?:\s?%)?", re.IGNORECASE)
VOLATILE = {
    "an absolute path": re.compile(r"(?<![\w.:/])/(?:home|root|work|tmp|usr|opt|srv|mnt|Users)/\w|\b[A-Z]:\\\w"),
    "a memory address": re.compile(r"\b0x[0-9a-fA-F]{6,}"),
    "a progress bar": re.compile(r"it/s\]|s/it\]|\d+%\|"),
    "a warning": re.compile(r"\w*Warning\b:?"),
}


def tagged(cell, tag):
    return tag in cell.metadata.get("tags", [])


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def texts(cell):
    """The text outputs of a cell, as pairs (kind, text), in order. Pictures and widgets give no text here."""
    for output in cell.get("outputs", []):
        if output.output_type == "stream":
            yield output.name, output.text
        elif output.output_type in ("display_data", "execute_result"):
            for kind in TEXT_TYPES:
                if kind in output.data:
                    yield kind, output.data[kind]


def differences(stored, fresh, compare_numbers=True):
    """Where two texts differ: words must be equal, numbers may differ by two units of the last printed digit.

    Whole numbers (shapes, counts, labels) must be equal, unless a percent sign follows.

    >>> differences("loss 0.406, shape (12, 5)", "loss 0.405, shape (12, 5)")
    []
    >>> differences("loss 0.406", "loss 0.409")
    ['0.406 became 0.409']
    """
    words, fresh_words = (_words(text) for text in (stored, fresh))
    if words != fresh_words:
        return [f"{stored!r} became {fresh!r}"]
    if not compare_numbers:
        return []
    pairs = zip(NUMBER.findall(stored), NUMBER.findall(fresh), strict=True)
    return [f"{old} became {new}" for old, new in pairs if not close(old, new)]


def _words(text):
    return [" ".join(part.split()) for part in NUMBER.split(text)]


def close(old, new):
    """Whether two printed numbers agree within two units of the last digit that either of them shows."""
    allowed = max(2 * last_digit(old), 2 * last_digit(new))
    old, new = (float(number.rstrip("% ")) for number in (old, new))
    return abs(old - new) <= allowed * (1 + 1e-9)


def last_digit(number):
    """The value of one unit of the last printed digit; 0 for a whole number, which has to be exact.

    >>> last_digit("0.25"), last_digit("1.5e-03"), last_digit("12"), last_digit("63 %")
    (0.01, 0.0001, 0, 1.0)
    """
    mantissa, _, exponent = number.rstrip("% ").lower().partition("e")
    decimals = len(mantissa.partition(".")[2])
    if decimals == 0 and not exponent and not number.endswith("%"):
        return 0
    return 10.0 ** (int(exponent or 0) - decimals)


def size_complaints(notebook):
    """The limits on the length of cells, and on text beside code."""
    cells = [cell for cell in notebook.cells if not tagged(cell, "colab")]  # `make links` adds one
    markdown = [cell for cell in cells if cell.cell_type == "markdown"]
    code = [cell for cell in cells if cell.cell_type == "code"]
    lines = [sum(bool(line.strip()) for line in cell.source.splitlines()) for cell in code]
    complaints = []
    if len(markdown) / len(code) > MARKDOWN_PER_CODE:
        complaints.append(f"{len(markdown)} markdown cells for {len(code)} code cells")
    if median(lines) > CODE_LINES_MEDIAN:
        complaints.append(f"the median code cell has {median(lines)} lines")
    complaints += [f"{n} lines: {_start(cell)}" for cell, n in zip(code, lines, strict=True) if n > CODE_LINES_MOST]
    counts = [(cell, count_words(cell.source)) for cell in markdown]
    complaints += [f"{n} words: {_start(cell)}" for cell, n in counts if n > MARKDOWN_WORDS]
    return complaints


def budget_of(number):
    """The budget of a notebook, by the number that its name begins with."""
    return BUDGETS.get(number, BESIDE)


def holds(notebook):
    """What a notebook holds of each thing that a budget limits."""
    cells = [cell for cell in notebook.cells if not tagged(cell, "colab")]
    words = sum(count_words(cell.source) for cell in cells if cell.cell_type == "markdown")
    exercises = sum(tagged(cell, "exercise") for cell in cells)
    lines = max((len(cell.source.splitlines()) for cell in cells if cell.cell_type == "code"), default=0)
    return Budget(len(cells), words, len(votes(notebook)), exercises, lines)


def budget_complaints(notebook, budget):
    """Where a notebook holds more than it may."""
    pairs = zip(Budget._fields, holds(notebook), budget, strict=True)
    return [f"{has} {name}, at most {most} here" for name, has, most in pairs if has > most]


def votes(notebook):
    """The cells that ask the reader to predict."""
    return [cell for cell in notebook.cells if cell.cell_type == "markdown" and "**Predict first" in cell.source]


FOLD = re.compile(r"<details>\s*<summary>(.*?)</summary>(.*?)</details>", re.DOTALL)


def vote_complaints(notebook):
    """A vote is a question and a fold for each option: the click is the vote, and the fold answers that option."""
    complaints = []
    for cell in votes(notebook):
        options, answers = ([plain(part) for part in parts] for parts in zip(*FOLD.findall(cell.source) or [("", "")]))
        start = _start(cell)
        if len(options) < 2:
            complaints.append(f"a vote needs a fold for each option: {start}")
        if len(set(options)) < len(options) or len(set(answers)) < len(answers):
            complaints.append(f"two options or two answers are the same: {start}")
        complaints += [f"an option of {len(o.split())} words: {o!r}" for o in options if len(o.split()) > OPTION_WORDS]
        complaints += [f"an option without an answer: {o!r}" for o, a in zip(options, answers, strict=True) if not a]
    for cell in notebook.cells:
        opened = [summary for summary, _ in FOLD.findall(cell.source) if re.match(r"predict\b", summary, re.IGNORECASE)]
        complaints += [f"one answer for everybody: {summary!r}" for summary in opened]
    return complaints


def heading_complaints(notebook):
    """One H1, in the first cell; sections are H2."""
    levels = [
        (index, len(marks))
        for index, cell in enumerate(notebook.cells)
        if cell.cell_type == "markdown"
        for marks in re.findall(r"^(#+) ", _without_fences(cell.source), re.MULTILINE)
    ]
    first = [index for index, level in levels if level == 1]
    return [] if first == [0] else [f"H1 headings in cells {first}, should be in cell 0 alone"]


def picture_complaints(notebook):
    """Every picture has a text alternative, and the same sentence where a reader sees it."""
    complaints = []
    for cell in code_cells(notebook):
        seen = plain(" ".join(text for _, text in texts(cell)))
        for output in cell.outputs:
            if "image/png" not in output.get("data", {}):
                continue
            alt = output.metadata.get("image/png", {}).get("alt", "")
            if not alt:
                complaints.append(f"a picture without alt text: {_start(cell)}")
            elif plain(alt) not in seen:
                complaints.append(f"a picture without visible caption: {_start(cell)}")
    return complaints


def output_complaints(notebook):
    """No errors, no stderr, nothing that changes from run to run or from machine to machine."""
    complaints = []
    for cell in code_cells(notebook):
        kinds = {output.output_type for output in cell.outputs} | {kind for kind, _ in texts(cell)}
        complaints += [f"{kind}: {_start(cell)}" for kind in ("error", "stderr") if kind in kinds]
        for output in cell.outputs:
            said = output.get("data", {}).get("text/plain", "")
            if WIDGET_VIEW in output.get("data", {}) and not said.endswith("."):
                complaints.append(f"a widget without a sentence in its place: {said[:60]!r}")
        for _, text in texts(cell):
            complaints += [f"{name}: {text[:80]!r}" for name, form in VOLATILE.items() if form.search(text)]
            if tagged(cell, "live") and any(last_digit(number) for number in NUMBER.findall(text)):
                complaints.append(f"a live cell prints a measured number: {text[:80]!r}")
    return complaints


def count_words(markdown):
    """Words that a reader sees at once: what is folded does not count, a formula counts as one word.

    >>> count_words("Two words <details><summary>Open</summary> more and more </details>")
    2
    """
    text = re.sub(r"<details.*?</details>", " ", markdown, flags=re.DOTALL)
    text = re.sub(r"\$\$.*?\$\$|\$[^$\n]+\$", " formula ", text, flags=re.DOTALL)
    text = re.sub(r"\]\([^)]*\)", "]", text)
    return sum(any(c.isalnum() for c in word) for word in plain(text).split())


def plain(text):
    """Text without HTML tags and entities, on one line."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text)).split())


def _without_fences(markdown):
    return re.sub(r"^```.*?^```", "", markdown, flags=re.DOTALL | re.MULTILINE)


def _start(cell):
    return repr(cell.source.strip().splitlines()[0][:60]) if cell.source.strip() else "an empty cell"
