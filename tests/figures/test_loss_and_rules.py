"""The figures of 07 and 10 that count: claims of an answer, and where free guesses end under each rule."""

import torch
from matplotlib import pyplot as plt
from PIL import Image

from helpers.figures.breaking import rules_figure
from helpers.figures.loss_terms import claims_figure
from helpers.widgets.setplay import running_targets


def titles(figure):
    plt.close(figure)
    return [axes.get_title(loc="left") or axes.get_title() for axes in figure.axes]


def test_claims_are_guesses_that_find_a_class_likelier_than_none():
    logits = torch.tensor([[[2.0, 0, 1], [0, 2, 1], [1, 1, 1.2], [0, 1, 2]]])  # C: any digit is likelier, no single one
    outputs = {"logits": logits, "pred_boxes": torch.full((1, 4, 4), 0.4)}
    figure = claims_figure({"two": (Image.new("RGB", (32, 32)), outputs)})
    drawn = [text.get_text() for text in figure.axes[0].texts]
    assert drawn == ['A "0"', 'B "1"']
    assert titles(figure) == ["two: 2 claims"]


def test_each_rule_has_its_panel():
    rules = {"optimal": {}, "many": {"rule": "one-to-many"}}
    first, second = titles(rules_figure(running_targets(), rules, start=2, steps=150))
    assert first == "optimal\n5 claims"
    assert second == "many\n10 claims"
