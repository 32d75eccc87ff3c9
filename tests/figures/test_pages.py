"""The chooser of pages, beside its stand-in where ipywidgets is older."""

import ipywidgets
import pytest

from helpers.figures.pages import page_chooser


@pytest.mark.parametrize("older", [False, True], ids=["ipywidgets 8", "ipywidgets 7"])
def test_the_chosen_page_is_in_front(older, monkeypatch):
    if older:  # as on Colab, where a kernel runs with 7.7.1
        monkeypatch.delattr(ipywidgets, "Stack")
    control, pages = page_chooser({"a": "<p>A</p>", "b": "<p>B</p>"}, "Choose:", "b").children
    assert control.index == pages.selected_index == 1
    assert "<p>B</p>" in pages.children[pages.selected_index].value
