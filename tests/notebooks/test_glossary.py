"""The glossary: sorted, without gaps, and in step with the notebooks and the code that it names."""

import functools
import importlib
import inspect
import re
from collections import namedtuple

import pytest

from helpers import HungarianMatcher, SetCriterion
from helpers.detector import detection_outputs, load_detector
from helpers.scenes import running_example
from tools.notebooks import NOTEBOOKS, number_of, sources

ENTRY = re.compile(
    r'<a id="(?P<anchor>[^"]+)"></a>\*\*(?P<term>[^*]+)\*\* · (?P<chinese>[^\n]+) · '
    r"\[(?P<number>\d\d[a-z]?)\]\((?P<notebook>\w+)\.ipynb\)<br>\n(?P<sentence>[^\n]+?)(?:<br>\n(?P<more>[^\n]+))?\n"
)
Entry = namedtuple("Entry", "anchor term chinese number notebook sentence more")
TEXT = (NOTEBOOKS / "glossary.md").read_text(encoding="utf-8")
ENTRIES = [Entry(**match.groupdict()) for match in ENTRY.finditer(TEXT)]
CODE = sorted({code for entry in ENTRIES for code in re.findall(r"`([^`]+)`", entry.more or "")})
CHINESE_AS_IT_IS = {"YOLOS"}  # written in Latin letters there, too


def plain(term):
    """A term as it is sorted: `[CLS] token -> cls token`."""
    return re.sub(r"[^a-z0-9 ]", "", re.sub(r"[-–_]", " ", term.casefold()))


def test_every_paragraph_is_an_entry():
    assert len(ENTRIES) == TEXT.count("<a id=") > 100


def test_entries_are_sorted_below_their_letters():
    terms = [plain(entry.term) for entry in ENTRIES]
    assert terms == sorted(set(terms))
    letters = re.findall(r"^## (.)$", TEXT, re.MULTILINE)
    assert letters == sorted({term[0].upper() for term in terms})
    for letter, part in zip(letters, re.split(r"^## .$", TEXT, flags=re.MULTILINE)[1:]):
        assert {plain(match["term"])[0] for match in ENTRY.finditer(part)} == {letter.lower()}


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.anchor)
def test_entry(entry):
    assert entry.anchor == re.sub(r"[^a-z0-9]+", "-", entry.term.casefold()).strip("-")
    assert number_of(entry.notebook) == entry.number
    assert entry.notebook in {path.stem for path in sources()}
    assert re.search(r"[\u4e00-\u9fff]", entry.chinese) or entry.chinese in CHINESE_AS_IT_IS
    assert entry.sentence.endswith(".")
    assert len(entry.sentence.split()) <= 30


@pytest.mark.parametrize("code", CODE)
def test_code_name_exists(code):
    key = re.fullmatch(r'(outputs|targets|losses)\["(\w+)"\]', code)
    if key:
        assert key[2] in one_loss()[key[1]]
        return
    path, _, argument = code.rstrip(")").partition("(")
    found = resolve(path)
    if argument:
        assert argument in inspect.signature(found).parameters


def resolve(path):
    """What a dotted name stands for: a module, and attributes or fields of a dataclass below it."""
    parts = path.split(".")
    assert parts[0] in ("helpers", "transformers", "scipy"), path
    found, rest = importlib.import_module(parts[0]), parts[1:]
    for place, name in enumerate(rest, start=2):
        if name in getattr(found, "__dataclass_fields__", {}):
            assert place == len(parts)
            return found.__dataclass_fields__[name]
        if inspect.ismodule(found) and not hasattr(found, name):
            found = importlib.import_module(".".join(parts[:place]))
        else:
            found = getattr(found, name)
    return found


@functools.cache
def one_loss():
    """The keys of the model's outputs, of a target, and of the losses, on the running example."""
    image, annotation = running_example()
    model, image_processor = load_detector()
    inputs = image_processor(image, annotation, return_segmentation_masks=True, return_tensors="pt")
    pixel_values, target = inputs["pixel_values"], inputs["labels"][0]
    outputs = {**model(pixel_values), **detection_outputs(model, pixel_values)}
    masks = outputs["logits"].new_zeros(1, 12, 8, 8)
    criterion = SetCriterion(HungarianMatcher(), 10, losses=("labels", "boxes", "cardinality", "masks"))
    losses = criterion({**outputs, "pred_masks": masks}, [target])
    return {"outputs": set(outputs), "targets": set(target), "losses": set(losses)}


@pytest.mark.parametrize("path", sources(), ids=lambda path: path.stem)
def test_links_of_the_notebooks_lead_to_an_entry(path):
    links = re.findall(r"\]\(glossary\.md#?([^)]*)\)", path.read_text(encoding="utf-8"))
    assert set(links) <= {entry.anchor for entry in ENTRIES} | {""}
    assert 1 <= len(links) <= 8, "first uses of central terms only"
