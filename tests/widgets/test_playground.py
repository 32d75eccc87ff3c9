"""The playground without a browser: state, hostile values, and the page's numbers beside those of `helpers`."""

import json
import warnings

import numpy as np
import pytest
import torch
from page_code import call_page, scene_state
from PIL import Image
from traitlets import TraitError

from helpers import HungarianMatcher, SetCriterion
from helpers.assignment import argmin, greedy, total_cost
from helpers.boxes import box_iou, center_to_corners, generalized_box_iou
from helpers.detector import load_detector
from helpers.widgets.playground import CONTROLS, MATCHINGS, MatchingPlayground, clean_boxes
from helpers.widgets.playground_presets import PRESETS, SKETCHES, preset_state

NAN, INF = float("nan"), float("inf")
WEIGHTS = {"class": "class_cost", "l1": "bbox_cost", "giou": "giou_cost", "total": "total"}
LOSSES = {"class": "loss_ce", "l1": "loss_bbox", "giou": "loss_giou", "total": "loss"}


def random_playground(seed, N, T, K=5, **options):
    generator = torch.Generator().manual_seed(seed)
    boxes = torch.rand(2, N + T, 4, generator=generator, dtype=torch.float64) * 0.6 + 0.05
    outputs = {"logits": 3 * torch.randn(1, N, K + 1, generator=generator).double(), "pred_boxes": boxes[:1, :N]}
    labels = torch.randint(0, K, (T,), generator=generator)
    return MatchingPlayground(outputs=outputs, targets=[{"class_labels": labels, "boxes": boxes[1, :T]}], **options)


def page_state(playground):
    return {
        **scene_state(playground),
        "weights": [playground.class_cost, playground.bbox_cost, playground.giou_cost],
        "eosCoef": playground.eos_coef,
    }


SHAPES = [(1, 1), (12, 5), (5, 12), (3, 3), (30, 7), (100, 20), (4, 0), (1, 6)]


def every_playground():
    for preset in PRESETS:
        for matching in MATCHINGS:
            yield MatchingPlayground(preset=preset, matching=matching)
    for seed, (N, T) in enumerate(SHAPES * 4):
        weights = dict(zip(("class_cost", "bbox_cost", "giou_cost"), np.random.default_rng(seed).uniform(0, 9, 3)))
        matching = list(MATCHINGS)[seed % 3]
        yield random_playground(seed, N, T, matching=matching, eos_coef=seed % 11 / 10, **weights)


def test_the_page_has_the_numbers_of_helpers():
    playgrounds = list(every_playground())
    arguments = [[page_state(playground), playground.matching] for playground in playgrounds]
    for playground, page in zip(playgrounds, call_page(MatchingPlayground, "playgroundNumbers", arguments)):
        numbers = playground.numbers
        N, T = len(playground.boxes), len(playground.labels)
        for name, key in WEIGHTS.items():
            assert np.allclose(np.array(page["matrices"][name]).reshape(N, T), numbers[key], atol=1e-9), name
        assert page["cost"] == pytest.approx(numbers["cost"], abs=1e-9)
        assert page["pairs"] == torch.stack(playground.match, 1).tolist()
        for name, key in LOSSES.items():
            assert page["losses"][name] == pytest.approx(numbers[key], abs=1e-5), name


def test_whole_costs_with_ties_are_matched_as_scipy_matches_them():
    rng = np.random.default_rng(1)
    costs = [rng.integers(0, 4, shape).astype(float) for shape in [(5, 5), (12, 5), (5, 12), (8, 8), (2, 9)] * 20]
    for name, assign in MATCHINGS.items():
        pages = call_page(MatchingPlayground, "assign", [[cost.tolist(), name] for cost in costs])
        for cost, page in zip(costs, pages):
            pairs = np.stack(assign(cost), 1).tolist()
            assert page == sorted(pairs), name


def test_boxes_without_area_have_the_same_measures():
    cases = [[0.5, 0.5, 0, 0], [0.5, 0.5, 0.2, 0], [0.1, 0.9, 1e-7, 0.3], [0.5, 0.5, 0.4, 0.4], [0.9, 0.5, 0.4, 1.0]]
    pairs = [[first, second] for first in cases for second in cases]
    for (first, second), page in zip(pairs, call_page(MatchingPlayground, "overlap", pairs)):
        corners = [center_to_corners(torch.tensor(box, dtype=torch.float64)) for box in (first, second)]
        assert page["iou"] == pytest.approx(float(box_iou(*corners)), abs=1e-9)
        assert page["giou"] == pytest.approx(float(generalized_box_iou(*corners)), abs=1e-9)


@pytest.mark.parametrize("name", ["l1", "iou", "giou"])
def test_the_gradient_on_a_box_is_autograds(name):
    rng = np.random.default_rng(2)
    boxes = rng.uniform(0.1, 0.6, (60, 2, 4))
    boxes[50:] = boxes[50:].round(1)  # edges that meet
    pages = call_page(MatchingPlayground, "boxGradient", [[name, *pair] for pair in boxes.tolist()])
    measures = {"iou": box_iou, "giou": generalized_box_iou}
    for pair, page in zip(boxes, pages):
        box, target = (torch.tensor(part, dtype=torch.float64) for part in pair)
        box.requires_grad_()
        if name == "l1":
            loss = (box - target).abs().sum()
        else:
            loss = 1 - measures[name](center_to_corners(box), center_to_corners(target))
        assert page == pytest.approx(torch.autograd.grad(loss, box)[0].tolist(), abs=1e-9)


def test_a_moved_slider_keeps_the_others_in_proportion():
    rows = [[0.0, 1.0, 2.0, -1.0], [50.0, 0.0, 0.0, 0.0], [0.3, 0.2]]
    arguments = [[row, k, p] for row in rows for k in range(len(row)) for p in (-1, 0, 0.3, 0.999, 2)]
    for (row, k, p), page in zip(arguments, call_page(MatchingPlayground, "withProbability", arguments)):
        before, after = torch.tensor(row).double().softmax(0), torch.tensor(page).double().softmax(0)
        assert float(after[k]) == pytest.approx(min(max(p, 0.001), 0.999), abs=1e-5)
        others = [i for i in range(len(row)) if i != k]
        if before[others].sum() > 1e-9 and before[others].min() > 1e-6:
            ratio = after[others] / before[others]
            assert torch.allclose(ratio, ratio[0].expand_as(ratio), rtol=1e-3)


def test_the_sentence_names_who_goes_without_and_who_is_taken_twice():
    def sentence(playground):
        arguments = [[page_state(playground), playground.matching]]
        return call_page(MatchingPlayground, "describeMatch", arguments)[0]["text"]

    assert sentence(MatchingPlayground(preset="two fight over one")) == "A has “3” and C has “8”."
    assert "“9” and “0” go without." in sentence(MatchingPlayground(preset="more objects than predictions"))
    assert "more than the best match" in sentence(MatchingPlayground(preset="greedy loses", matching="greedy"))
    collision = MatchingPlayground(preset="more objects than predictions", matching="argmin")
    assert "B and C are taken more than once: this is no assignment." in sentence(collision)
    assert sentence(random_playground(0, 3, 0)) == "Nothing is matched."


def test_the_running_example_is_what_the_detector_says():
    _, outputs, targets, eos_coef = preset_state("running example")
    playground = MatchingPlayground()
    assert torch.equal(playground.outputs["logits"].float(), outputs["logits"])
    assert torch.equal(playground.outputs["pred_boxes"].float(), outputs["pred_boxes"])
    losses = SetCriterion(HungarianMatcher(), 10, eos_coef)(outputs, targets)
    assert playground.numbers["loss_ce"] == pytest.approx(float(losses["loss_ce"]), abs=1e-6)
    assert playground.labels == [3, 1, 4, 1, 5]
    assert playground.pictures[playground.picture]["image"].startswith("data:image/png;base64,")


@pytest.mark.parametrize(("preset", "step"), [("early training", 1000), ("half trained", 9000)])
def test_an_age_of_the_detector_is_what_its_weights_say(preset, step):
    image, outputs, targets, eos_coef = preset_state(preset)
    model, image_processor = load_detector(step=step)
    with torch.no_grad():
        answer = model(**image_processor(images=image, return_tensors="pt"))
    assert torch.allclose(outputs["pred_boxes"], answer.pred_boxes, atol=2e-3)
    assert torch.allclose(outputs["logits"].softmax(-1), answer.logits.softmax(-1), atol=5e-3)
    assert eos_coef == 0.1  # until it is raised, later on
    assert targets[0]["class_labels"].tolist() == [3, 1, 4, 1, 5]


def test_presets_do_not_show_the_same_picture_twice():
    states = [torch.cat([part.flatten() for part in preset_state(name)[1].values()]) for name in PRESETS]
    for place, state in enumerate(states):
        for other in states[:place]:
            assert state.shape != other.shape or (state - other).abs().max() > 0.1


def test_half_trained_the_5_goes_from_j_to_i_by_weights_alone():
    playground = MatchingPlayground(preset="half trained")
    assert 'J with "5"' in playground.text
    playground.put({"class_cost": 10.0})
    assert 'J with "5"' in playground.text
    playground.put({"bbox_cost": 0.0, "giou_cost": 1.0})
    assert 'I with "5"' in playground.text


def test_greedy_loses_where_it_should():
    playground = MatchingPlayground(preset="greedy loses")
    cost = playground.numbers["total"].numpy()
    assert total_cost(cost, greedy(cost)) - playground.numbers["cost"] > 2.5


@pytest.mark.parametrize("preset", SKETCHES)
def test_presets_show_what_their_names_say(preset):
    playground = MatchingPlayground(preset=preset)
    N, T = len(playground.boxes), len(playground.labels)
    cost = playground.numbers["total"].numpy()
    if preset == "two fight over one":
        assert (cost.argsort(0)[:2, 0] < 2).all()
        assert playground.match[0].tolist() == [0, 2]
    if preset == "a target nobody wants":
        assert cost[:, 2].min() > 3 > cost[:, :2].min(0).max()
    if preset == "more objects than predictions":
        assert N < T
        assert len(playground.match[0]) == N


def test_a_match_without_enough_predictions_warns_nobody():
    playground = MatchingPlayground(preset="more objects than predictions")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert playground.text.endswith("loss 1.95.")


def test_the_weights_and_the_way_to_match_are_pythons_too():
    playground = MatchingPlayground(preset="a target nobody wants", class_cost=0, matching="argmin")
    playground.set_state({"bbox_cost": 0.0, "giou_cost": 3.0, "version": 7})
    matrices = HungarianMatcher(0, 0, 3).cost_matrices(playground.outputs, playground.targets)[0]
    assert torch.equal(playground.numbers["total"], matrices["total"])
    assert [index.tolist() for index in playground.match] == [index.tolist() for index in argmin(matrices["total"])]
    assert playground.version == 7


def test_each_change_is_answered_with_what_helpers_computes():
    playground = MatchingPlayground(preset="two fight over one")
    sent = []
    playground.send = lambda content, buffers=None: sent.append((content, buffers))
    playground.set_state({"boxes": playground.boxes, "hold": True, "version": 3})
    playground.bbox_cost = 2.0
    playground.reset()
    playground._handle_custom_msg({"kind": "ask"}, [])
    assert [content["version"] for content, _ in sent] == [3, 4, 5, 5]
    content, (buffer,) = sent[-1]
    values, numbers = np.frombuffer(buffer), playground.numbers
    assert len(values) == 4 * 4 * 2 + 5
    assert values[-1] == numbers["loss"]
    assert values[-5] == numbers["cost"]
    assert content["pairs"] == [[0, 0], [2, 1]]


NO_BOXES = [[[NAN, 0.5, 0.2, 0.2]], [[INF, 0.5, 0.2, 0.2]], [[0.5, 0.5, 0.2]], [["x", 0, 0, 0]], [[None] * 4]]
NO_BOXES += [[[0.5] * 4] * 3, [1, 2, 3, 4], [], None, "boxes", {"a": 1}]


@pytest.mark.parametrize("value", NO_BOXES)
def test_boxes_that_are_none_are_refused(value):
    playground = random_playground(0, 1, 1)
    before = playground.boxes, playground.target_boxes
    for name in ("boxes", "target_boxes"):
        with pytest.raises(TraitError):
            playground.set_state({name: value, "version": 9})
    assert (playground.boxes, playground.target_boxes) == before
    assert np.isfinite(playground.numbers["loss"])


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ([0.5, 0.5, -0.2, 0.2], [0.5, 0.5, 0.01, 0.2]),
        ([7.0, -7.0, 0.2, 1e300], [1.0, 0.0, 0.2, 1.0]),
        ([0, 1, 0, 1], [0.0, 1.0, 0.01, 1.0]),
    ],
)
def test_boxes_outside_are_moved_inside(given, kept):
    assert clean_boxes([given], 1) == [kept]
    playground = random_playground(0, 1, 1)
    playground.set_state({"boxes": [given], "version": 1})
    assert playground.boxes == [kept]
    assert np.isfinite(list(map(float, playground.numbers["total"].flatten()))).all()


@pytest.mark.parametrize(
    "state",
    [
        {"logits": [[NAN] * 6]},
        {"logits": [[0.0] * 6] * 2},
        {"logits": [[]]},
        {"logits": None},
        {"labels": [99]},
        {"labels": [-1]},
        {"labels": [0.5]},
        {"labels": []},
        {"labels": ["1"]},
        {"preset": "nothing"},
        {"picture": "none"},
        {"class_cost": NAN},
        {"giou_cost": INF},
        {"bbox_cost": "5"},
        {"matching": "best"},
        {"view": "everything"},
        {"hold": "yes"},
        {"class_cost": 0.0, "bbox_cost": 0.0, "giou_cost": 0.0},
    ],
)
def test_other_values_that_are_none_are_refused(state):
    playground = random_playground(0, 1, 1)
    before = playground.get_state(playground.STATE)
    with pytest.raises(TraitError):
        playground.set_state(state)
    assert playground.get_state(playground.STATE) == before


def test_huge_logits_and_weights_are_moved_inside():
    playground = random_playground(0, 1, 1)
    playground.set_state({"logits": [[1e300, -1e300, 0, 0, 0, 0]], "class_cost": 1e9, "giou_cost": -3.0})
    assert playground.logits == [[60.0, -60.0, 0, 0, 0, 0]]
    assert (playground.class_cost, playground.giou_cost) == (20.0, 0.0)
    assert np.isfinite(playground.numbers["loss"])


def of_shape(*shape, targets=()):
    outputs = {"logits": torch.zeros(*shape), "pred_boxes": torch.zeros(*shape[:-1], 4)}
    return {"outputs": outputs, "targets": targets or [{"class_labels": [], "boxes": []}]}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"preset": "nothing"}, "running example"),
        ({"outputs": {}}, "belong together"),
        (of_shape(2, 3, 4), "one image"),
        (of_shape(1, 3, 4, targets=[{}, {}]), "2 images"),
        (of_shape(1, 101, 4), "at most"),
        (of_shape(1, 2, 1), "at most"),
        (of_shape(1, 2, 4, targets=[{"class_labels": [3], "boxes": [[0.5] * 4]}]), "whole numbers from 0 to 2"),
        (of_shape(1, 2, 4, targets=[{"class_labels": [0], "boxes": []}]), "1 are expected"),
    ],
)
def test_the_constructor_says_what_it_needs(options, words):
    with pytest.raises(ValueError, match=words):
        MatchingPlayground(**options)


@pytest.mark.parametrize("options", [{"controls": ["everything"]}, {"matching": "best"}, {"class_cost": NAN}])
def test_the_constructor_refuses_names_and_numbers(options):
    with pytest.raises(ValueError if "controls" in options else TraitError):
        MatchingPlayground(preset="greedy loses", **options)


def test_reset_leads_back():
    playground = MatchingPlayground(preset="two fight over one", hold=True)
    first = playground.get_state(playground.STATE)
    playground.set_state({"boxes": [[0.5] * 4] * 4, "matching": "greedy", "hold": False, "giou_cost": 0.0})
    assert playground.get_state(playground.STATE) != first
    playground.reset()
    assert playground.get_state(playground.STATE) == first


def test_a_preset_chosen_in_the_page_is_pythons_too():
    playground = MatchingPlayground(preset="two fight over one", giou_cost=3.0)
    first = playground.get_state(playground.STATE)
    chosen = {entry["name"]: entry for entry in playground.presets}
    assert list(chosen) == list(PRESETS)
    for name, entry in chosen.items():
        state = {key: value for key, value in entry.items() if key != "name"}
        playground.set_state({**state, "preset": name, "version": playground.version + 1})  # as the page does
        alone = MatchingPlayground(preset=name, giou_cost=3.0)
        assert playground.numbers["loss"] == alone.numbers["loss"]
        assert (playground.preset, playground.labels, playground.eos_coef) == (name, alone.labels, alone.eos_coef)
        assert (playground.picture >= 0) == (name not in SKETCHES)
    playground.reset()
    assert playground.get_state(playground.STATE) == first
    playground.preset = "more objects than predictions"  # as Python does
    assert (len(playground.boxes), len(playground.labels)) == (3, 5)


def test_labels_are_edited_one_by_one():
    playground = random_playground(0, 3, 2)
    playground.set_state({"labels": [3, 0], "version": 1})
    before = playground.numbers["class_cost"]
    playground.set_state({"labels": [4, 0], "version": 2})
    assert playground.targets[0]["class_labels"].tolist() == [4, 0]
    with pytest.raises(TraitError):
        playground.set_state({"logits": [[0.0] * 5] * 3})  # no class 4 any more
    assert not torch.equal(playground.numbers["class_cost"][:, 0], before[:, 0])
    assert torch.equal(playground.numbers["class_cost"][:, 1], before[:, 1])


def test_text_and_options():
    playground = MatchingPlayground(preset="two fight over one", controls=["weights"], large=True)
    assert repr(playground) == (
        'MatchingPlayground: 4 predictions and 2 targets. The optimal matching pairs A with "3", C with "8". '
        "Cost -3.54, loss 1.30."
    )
    assert playground._repr_mimebundle_()[0]["text/plain"] == repr(playground)
    playground.hold = True
    assert repr(playground).endswith("the match is hidden.")
    playground.show_match = False
    assert repr(playground).endswith("the match is left out.")
    assert MatchingPlayground(preset="greedy loses", controls=None).controls == list(CONTROLS)


def test_the_stored_state_is_small():
    state = MatchingPlayground().get_state()
    size = len(json.dumps({name: value for name, value in state.items() if name not in ("_esm", "_css")}))
    assert size < 30_000  # with all presets
    photograph = Image.fromarray(np.random.default_rng(0).integers(0, 255, (900, 1200, 3), np.uint8))
    large = random_playground(0, 2, 1, image=photograph)
    assert large.pictures[0]["size"] == [1200, 900]
    assert len(large.pictures[0]["image"]) < 120_000


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"preset": "early training", "matching": "argmin", "view": "l1"},
        {"preset": "more objects than predictions", "view": "all"},
        {"preset": "greedy loses", "hold": True, "image": Image.new("RGB", (60, 30))},
    ],
)
def test_a_static_figure_shows_the_same_state(options):
    from matplotlib import pyplot

    figure = MatchingPlayground(**options).figure()
    figure.canvas.draw()
    pyplot.close(figure)


def test_the_page_code_stands_alone():
    code = MatchingPlayground._esm
    assert "import " not in code.split("export default")[0].split("// ")[0]
    assert "http" not in code.replace("http://www.w3.org/2000/svg", "")
    assert "http" not in MatchingPlayground._css
