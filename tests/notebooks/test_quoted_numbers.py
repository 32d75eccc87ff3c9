"""Numbers quoted in prose are those that the notebooks print: in the README, the guide, the glossary, and in folds.

Each `Quote` pairs a phrase with the output that it repeats. In both, `#` stands for a number and `...` for some text,
so that no measured number is written down here a second time. A decimal or a percentage of the prose that stands in no
quote must stand in a phrase of `GIVEN`: it was chosen, is defined, or comes from a paper.
"""

import functools
import json
import math
import re
from typing import NamedTuple

import pytest
from notebook_rules import code_cells, plain, texts

from helpers.detector import weights_folder
from tools.notebooks import NOTEBOOKS, ROOT, number_of, read_built, read_source, sources

WORDS = {"a third": 1 / 3, "half": 1 / 2, "two thirds": 2 / 3, "nine in ten": 9 / 10, "one in five": 1 / 5}
WORDS |= {"three": 3, "four": 4, "five": 5, "ten": 10, "seventeen": 17}
DIGITS = r"[−-]?\d[\d,]*(?:\.\d+)?(?:\s?%)?"
MEASURED = re.compile(r"(?<![\w.])[−-]?\d[\d,]*(?:\.\d+(?!\.?\d)(?:\s?%)?|\s?%)")  # decimals and percentages
FOLD = re.compile(r"<details>.*?</details>", re.DOTALL)


class Quote(NamedTuple):
    """A phrase in a text, the output that it repeats, and what the phrase makes of the output's numbers."""

    where: str  # README, teaching, glossary, or a notebook, for its folds
    phrase: str
    source: str  # a notebook, a key of OTHER_SOURCES, or nothing for a number that follows from others in the phrase
    output: str = ""
    made: object = lambda *numbers: numbers


def of_hundred(*percents):
    return [percent / 100 for percent in percents]


def one_of(percent):
    return (100 / percent,)


# A row of the runs' table, from its number of seeds on: AP, duplicates, scenes counted right, AP after NMS.
def its_ap(*row):
    return row[1:2]


def its_duplicates(*row):
    return row[2:3]


def its_ap_and_after_nms(*row):
    return row[1], row[-1]


# The paper-sized case of 04 to 07, by hand: class, L1, 1 - GIoU, and the loss with the weights 1, 5, 2.
PAPER = (5 * math.log(2) / 3, 0.4 / 2, 1 / 2, 5 * math.log(2) / 3 + 5 * 0.4 / 2 + 2 * 1 / 2)

QUOTES = [
    Quote("README", "an AP of # (AP50 #), makes # duplicates", "card",
          "0.95) | # | | AP50 | # |... per 100 objects...| # |"),
    Quote("README", "number of objects right in # of the scenes", "card", "the right number of objects | # |"),
    Quote("README", "one match of a single image | # ms | | # ms", "benchmark", "B 1: match # and # ms"),
    Quote("README", "its loss, the match included | # ms | | # ms", "benchmark", "B 1: ... loss # and # ms"),
    Quote("README", "on two cores | # ms | | # ms", "benchmark", "B 64: match # and # ms"),
    Quote("README", "one match of 128 images | # ms | | # ms", "benchmark", "B 128: match # and # ms"),
    Quote("teaching", "It jumps about, between # and #, and", "00", "least #, mean #, most #",
          lambda least, _, most: (least, most)),
    Quote("teaching", "The cost of the match is about #, the loss #:", "00", "as a set, #. ... cost of the match #",
          lambda loss, cost: (cost, loss)),
    Quote("teaching", "A box covers # of the image.", "01", "the box covers # of the image"),
    Quote("teaching", "About #, in the last layer", "01", "gets # of the patch attention", of_hundred),
    Quote("teaching", "next cheapest cell, #, and the lowest price, #:", "05", 'B-"3" cell # price #'),
    Quote("teaching", "In the crowd # guesses are wanted by # targets", "05", "argmin uses # guesses for # targets"),
    Quote("teaching", "unless both box costs go (#). Late, the class (#).", "06",
          "early # without ... late # without class", of_hundred),
    Quote("teaching", "N = 100, T = 7? For 12 and 5? | #; 12 %.", "", made=lambda: (100 * 9.3 / (7 + 9.3),)),
    Quote("teaching", "For 12 and 5? | 57 %; #.", "07b", "are matched and carry # of the weight",
          lambda matched: (100 - matched,)),
    Quote("teaching", "such cases is it matched? | #, in theory", "07b", "rests at 85% is matched in # of cases"),
    Quote("teaching", "is it matched? | #, in theory and in the measurement", "07b", "of 80 to 90 %: matched in #"),
    Quote("teaching", "Three guesses, two targets on paper: what is the loss? | #,", "", made=lambda: PAPER[-1:]),
    Quote("teaching", "Beside six digits it is pulled # times as hard", "07",
          "beside six digits: pulled by # at eos_coef 1, # at", lambda one, tenth: (one / tenth,)),
    Quote("teaching", "In about one scene of #, half way,", "07b", "has a lower loss in # of", one_of),
    Quote("teaching", "fall from about # to # per 100", "09", "duplicates at step 9,000: # at step 10,000: #"),
    Quote("teaching", "or # of the ink gone: which", "solutions/08", "dice # and #.", lambda _, d: (2 * d / (1 + d),)),
    Quote("teaching", "how many boxes on a digit? | About #.", "10", "one-to-many boxes on a digit #, names"),
    Quote("teaching", "the best of a pile has IoU #, as before", "10", "one-to-many boxes ... IoU of the best #"),
    Quote("teaching", "And from the middle on? | # in this run, the", "10", "| eos-1 |...| # | # |", its_ap),
    Quote("teaching", "the baseline has # to #. Late", "10", "| baseline |...| # | #–# |",
          lambda _, *range_of_seeds: range_of_seeds),
    Quote("07", "over three guesses, #. L1: 0.4 over two targets, #.", "", made=lambda: PAPER[:2]),
    Quote("07", "so 1 over two targets, #. In all", "", made=lambda: PAPER[2:3]),
    Quote("07", "In all 1 · # + 5 · # + 2 · # = #.", "", made=lambda: PAPER),
    Quote("07b", "beside 7 for the objects. That is #.", "", made=lambda: (100 * 9.3 / (7 + 9.3),)),
    Quote("07b", "weigh # together, beside 7", "", made=lambda: (9.3,)),
    Quote("07b", "the same 0.1 makes it #.", "07b", "are matched and carry # of the weight",
          lambda matched: (100 - matched,)),
    Quote("07b", "85 % is odds of # to 1; a tenth of that, # to 1, is #.", "",
          made=lambda: (85 / 15, 8.5 / 15, 100 * 8.5 / 23.5)),
    Quote("07b", "At #, with a target for # of 100 guesses, they do: # · # is nearly # · #.", "",
          made=lambda: (85, 100 * 8.5 / 23.5, 36, 0.15 / 5.7, 64, 0.1 * 0.85 / 5.7)),  # the dial: 5 + 7 · 0.1 weigh 5.7
    Quote("10", "**eos-late-1**: #, and AP #.", "10", "| eos-late-1 |...| # | # | # |",
          lambda _, ap, twice: (twice, ap)),
    Quote("10", "few duplicates, and AP #:", "10", "| eos-1 |...| # | # |", its_ap),
    Quote("10", "**no-class-cost**: # to # duplicates per 100", "10",
          "| no-class-cost |...| # | #–# | #–# |", lambda *row: row[3:5]),
    Quote("10", "**eos-0**: # duplicates.", "10", "| eos-0 |...| # | # | # |", its_duplicates),
    Quote("10", "**one-to-many**: # duplicates", "10", "| one-to-many |...| # | # | # |", its_duplicates),
    Quote("10", "NMS lifts AP from # to #.", "10", "| one-to-many |...| # | # | # | # | # |",
          its_ap_and_after_nms),
    Quote("10", "AP is # below the lowest baseline", "10",
          "| baseline |...| #–# |...| log-p |...| # | # |", lambda least, _, __, run: (least - run,)),
    Quote("10", "ends at AP #. To learn", "10", "| no-classifier |...| # | # |", its_ap),
]  # fmt: skip

GIVEN = {  # chosen, defined, from a paper, or a consequence of what stands beside it
    "README": ["Python #", "CC BY #", "beside transformers #:", "clone of transformers #."],
    "teaching": ["15 minutes:** # with", "`eos_coef` #:", "no object at #",
                 "A guess says # object", "goes from # to 1"],
    "glossary": ["IoU 阈值取 #", "from IoU # on", "a claim of # is true in #", "class term, # in DETR", "an IoU of #",
                 "to 1: # is odds"],
    "05": ["DETR's paper (#)"],
    "07": ["| ¼ | 2 log 2 | # | 1 |", "L1: # over two targets", "mean of two, at # the full picture"],
    "07b": ["At `eos_coef` #", "What that makes of #", "> # is odds", "About #", "a tenth of #.", "weighs only #, but",
            "them: # together", "# is what each", "93 of them make #,", "the same # makes", "ten at #, and two at #."],
    "10": ["AP was #, # without L1, # without GIoU", "DETR's [paper] (#)", "DETR from AP # to #"],  # of DETR
    "11": ["twice, # for 20"],
    "12": ["DETR-DC5, 50 epochs | # | # |", "DAB-DETR, 50 epochs | # | # |", "12 epochs | # | # |"],  # of the papers
}  # fmt: skip


def prose(where):
    """What is said, on one line: all of a page, the folds of a notebook; without code and without addresses."""
    pages = {"README": ROOT / "README.md", "teaching": NOTEBOOKS / "teaching.md", "glossary": NOTEBOOKS / "glossary.md"}
    if where in pages:
        text = pages[where].read_text(encoding="utf-8")
    else:
        cells = read_source(notebook(where)).cells
        text = "\n".join(fold for cell in cells if cell.cell_type == "markdown" for fold in FOLD.findall(cell.source))
    text = re.sub(r"```.*?```", " ", text, flags=re.DOTALL)
    return " ".join(re.sub(r"\]\([^)]*\)", "]", text).split())


def notebook(number):
    """The source of a notebook by its number."""
    return next(source for source in sources() if number_of(source.stem) == number)


@functools.cache
def outputs(source):
    """What a notebook printed, or another place where numbers come from, on one line, without bold type and code."""
    if source in OTHER_SOURCES:
        return " ".join(OTHER_SOURCES[source]().split())
    built = read_built(NOTEBOOKS / f"{source if '/' in source else notebook(source).stem}.ipynb")
    said = (plain(text) if kind == "text/html" else text for cell in code_cells(built) for kind, text in texts(cell))
    return " ".join(" ".join(said).replace("**", "").replace("`", "").split())


def benchmark():
    """One line for each batch size: milliseconds of helpers and of transformers."""
    rows = json.loads((ROOT / "helpers" / "recordings" / "benchmark.json").read_text(encoding="utf-8"))["rows"]
    rows = [row for row in rows if (row["N"], row["T"]) == (100, 7)]
    timed = [(part, who) for part in ("matcher", "loss") for who in ("helpers", "transformers")]
    form = "B {}: match {:.2f} and {:.2f} ms, loss {:.2f} and {:.2f} ms"
    return "\n".join(form.format(row["B"], *(1000 * row[part][who] for part, who in timed)) for row in rows)


def card():
    return (weights_folder() / "README.md").read_text(encoding="utf-8")


OTHER_SOURCES = {"benchmark": benchmark, "card": card}


def pattern(phrase):
    """A phrase as an expression: `#` is a number in digits or in words, `...` the shortest text that will do."""
    number = "|".join([DIGITS, *sorted(WORDS, key=len, reverse=True)])
    parts = (re.escape(part).replace(r"\#", f"({number})") for part in " ".join(phrase.split()).split("..."))
    return re.compile(".*?".join(parts))


def value(said):
    """A number as it is said.

    >>> value("−2,900.5"), value("36 %"), value("half")
    (-2900.5, 36.0, 0.5)
    """
    return WORDS[said] if said in WORDS else float(said.replace("−", "-").replace(",", "").rstrip("% "))


def agrees(said, number):
    """Whether what is said is the number: to one unit of the last digit, a word to an eighth, a count exactly."""
    if said in WORDS:
        return abs(value(said) - number) <= abs(number) / 8
    decimals = len(said.rstrip("% ").partition(".")[2])
    unit = 10.0**-decimals if decimals or said.endswith("%") else 0.5
    return abs(value(said) - number) <= unit * (1 + 1e-9)


@pytest.mark.parametrize("quote", QUOTES, ids=lambda quote: f"{quote.where}: {quote.phrase}")
def test_a_quoted_number_is_the_printed_one(quote):
    found = pattern(quote.phrase).search(prose(quote.where))
    assert found, f"{quote.where} no longer says this; mend the quote here, or drop it"
    numbers = []
    if quote.source:
        printed = pattern(quote.output).search(outputs(quote.source))
        assert printed, f"{quote.source} no longer prints {quote.output!r}; mend the quote here, or the prose"
        numbers = [value(number) for number in printed.groups()]
    expected = list(quote.made(*numbers))
    assert len(expected) == len(found.groups())
    wrong = [f"{said} is {number:.4g}" for said, number in zip(found.groups(), expected) if not agrees(said, number)]
    assert not wrong, f"{quote.where} quotes a number that has changed: {wrong}"


@pytest.mark.parametrize("where", ["README", "teaching", "glossary", *(number_of(source.stem) for source in sources())])
def test_every_measured_number_is_tied(where):
    text = prose(where)
    phrases = [quote.phrase for quote in QUOTES if quote.where == where] + GIVEN.get(where, [])
    tied = set()
    for phrase in phrases:
        for found in pattern(phrase).finditer(text):
            tied |= {found.start(group) for group in range(1, len(found.groups()) + 1)}
    loose = [text[max(0, n.start() - 40) : n.end() + 20] for n in MEASURED.finditer(text) if n.start() not in tied]
    assert not loose, f"{where} quotes numbers without an output; give each a Quote, or a phrase in GIVEN: {loose}"


def test_a_number_that_has_drifted_is_found():
    assert agrees("0.61", 0.606)
    assert agrees("four", 4.15)
    assert agrees("20", 20.21)
    assert not agrees("0.61", 0.63)
    assert not agrees("three", 4.15)
    assert not agrees("10", 11)
