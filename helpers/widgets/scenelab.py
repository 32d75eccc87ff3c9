"""SceneLab: the picture itself in the reader's hands; the page runs the detector on it."""

import base64
import json
import warnings
from contextlib import nullcontext
from functools import cache

import numpy as np
import torch
import traitlets

from helpers.loss import TOTAL_WEIGHTS, SetCriterion
from helpers.matcher import HungarianMatcher
from helpers.scenes import (
    IMAGE_SIZE,
    NUM_CLASSES,
    cut_out,
    digit_images,
    ink_colour,
    running_example_pieces,
)
from helpers.widgets.matched_scene import prediction_name
from helpers.widgets.parts import Piece, page, refuse, small_picture
from helpers.widgets.playground import plain
from helpers.widgets.scenelab_network import STEPS, page_network, page_weights, unread

MOST_DIGITS = 20
PALETTE_SIDE, PALETTE_SEED = 44, 0
CLAIM = 0.5  # of object probability: a token that has more says that there is something


class SceneLab(Piece):
    """A picture of handwritten digits to change: drag, exchange, add, remove them; tokens, match
    and loss follow.

    Args:
        moment: what to begin with, one of `MOMENTS`; the page offers them all.
        digits: instead of the moment's: a list of [sprite, left, top, drawn, labelled], at most 20.
            `sprite` is a place in `palette()`, left and top are pixels of 128, `drawn` says whether
            the picture has it, `labelled` whether the targets have it.
        step: which weights look at it: None for the trained detector, or an earlier step, one of
            `STEPS`.
        tokens_are_read: False hides the detection tokens' states from all places, from the second
            layer on.
        controls: which controls to offer, some of `CONTROLS`; default all. Reset is always there.
        large: for a projector.

    ValueError or TraitError for what is none of these; places outside of the picture are moved
    inside. The detector's weights are rounded to half precision, here and in the page.

    `image`, `outputs`, `targets`, `match` and `numbers` say what the page shows now, as `helpers`
    computes it.

    >>> lab = SceneLab()
    >>> [prediction_name(n) for n in lab.match[0]], round(lab.numbers["loss"], 2)
    (['A', 'B', 'F', 'G', 'J'], 0.52)
    """

    PARTS = (
        "geometry",
        "names",
        "scene",
        "lossbar",
        "grid",
        "matmul",
        "tensors",
        "yolos",
        "scenelab_picture",
        "scenelab_view",
    )
    _esm, _css = page("scenelab", *PARTS)
    STATE = ("digits", "step", "tokens_are_read", "moment")
    CHECKED = ("digits", "step", "tokens_are_read")
    CONTROLS = ("moment", "digits", "step", "tokens_are_read", "matrix")
    digits = traitlets.List().tag(sync=True)
    step = traitlets.Enum((None, *STEPS), None).tag(sync=True)
    tokens_are_read = traitlets.Bool(True).tag(sync=True)
    moment = traitlets.Unicode().tag(sync=True)
    moments = traitlets.List().tag(sync=True)  # all of them, for the page to offer
    sprites = traitlets.List().tag(sync=True)  # label, width and height of each
    steps = traitlets.List(list(STEPS)).tag(sync=True)
    eos_coef = traitlets.Float(1.0).tag(sync=True)  # of the loss, as the detector was trained
    stored = traitlets.Dict().tag(sync=True)  # the first state's picture and outputs, for a page
    # that no kernel gives weights to

    def __init__(self, moment="the running example", digits=None, **options):
        if moment not in MOMENTS:
            raise ValueError(f"moment is {moment!r}; choose one of {', '.join(MOMENTS)}.")
        state = {**moment_state(moment), "moment": moment}
        if digits is not None:
            state["digits"] = digits
        super().__init__(
            sprites=[[label, ink.shape[1], ink.shape[0]] for label, ink, _ in palette()],
            moments=[
                {**moment_state(name), "moment": name, "say": MOMENTS[name][0]} for name in MOMENTS
            ],
            eos_coef=eos_coef(),
            **{**state, **options},
        )
        outputs = self.outputs
        self.stored = {
            "picture": small_picture(self.image),
            "logits": plain(outputs["logits"][0]),
            "boxes": plain(outputs["pred_boxes"][0]),
        }

    @traitlets.validate("digits")
    def _clean_digits(self, proposal):
        return refuse(clean_digits, proposal["value"])

    def hear(self, content):
        """The page asks for what it has to draw with, for the weights of a step, or for a check."""
        if content.get("kind") == "scenery":
            self.send({"kind": "scenery"}, [scenery()])
        elif content.get("kind") == "weights" and content.get("step") in (None, *STEPS):
            step = content["step"]
            self.send({"kind": "weights", "step": step}, [page_weights(step)])
        else:
            super().hear(content)

    @property
    def image(self):
        """The picture, a PIL image of 128 x 128 pixels."""
        return compose([digit[:3] for digit in self.digits if digit[3]])

    @property
    def targets(self):
        """The targets: a list with one dict of "class_labels" (T,) and "boxes" (T, 4)."""
        kept = [digit for digit in self.digits if digit[4]]
        labels = torch.tensor([palette()[digit[0]][0] for digit in kept], dtype=torch.int64)
        boxes = torch.tensor([box_of(*digit[:3]) for digit in kept], dtype=torch.float64)
        return [{"class_labels": labels, "boxes": boxes.reshape(-1, 4)}]

    @property
    def outputs(self):
        """What the detector says: "logits" (1, N, K + 1) and "pred_boxes" (1, N, 4), float64."""
        model, image_processor = page_network(self.step)
        pixel_values = image_processor(images=[self.image], return_tensors="pt")["pixel_values"]
        with torch.no_grad(), nullcontext() if self.tokens_are_read else unread(model):
            run = model(pixel_values)
        return {"logits": run.logits.double(), "pred_boxes": run.pred_boxes.double()}

    @property
    def match(self):
        """(prediction_index, target_index) of the optimal matching."""
        return matched(self.outputs, self.targets)

    @property
    def numbers(self):
        """A dict: the loss terms and "loss"; "claims": how many tokens claim something."""
        return self._numbers(self.outputs)

    def _numbers(self, outputs):
        targets = self.targets
        match = matched(outputs, targets)
        criterion = SetCriterion(
            lambda *_: [match], NUM_CLASSES, self.eos_coef, ("labels", "boxes")
        )
        losses = criterion(outputs, targets)
        terms = {name: float(losses[name]) for name in ("loss_ce", "loss_bbox", "loss_giou")}
        claims = int((claimed(outputs) > CLAIM).sum())
        return {**terms, "loss": float(criterion.total(losses)), "claims": claims}

    def recompute(self):
        outputs = self.outputs
        numbers = self._numbers(outputs)
        values = [*outputs["logits"].flatten().tolist(), *outputs["pred_boxes"].flatten().tolist()]
        return values + [numbers[name] for name in ("loss_ce", "loss_bbox", "loss_giou", "loss")]

    @property
    def text(self):
        numbers, targets = self.numbers, self.targets[0]["class_labels"].tolist()
        pairs = ", ".join(
            f'{prediction_name(n)} with "{targets[t]}"'
            for n, t in torch.stack(self.match, 1).tolist()
        )
        drawn = sum(digit[3] for digit in self.digits)
        counts = (
            f"Digits in the picture: {drawn}, targets: {len(targets)}, claims: {numbers['claims']}."
        )
        return f"{counts} The match pairs {pairs or 'nothing'}. Loss {numbers['loss']:.2f}."

    def figure(self):
        """The present state as a static figure: the picture with claims, targets and match, and the
        loss.
        """
        from helpers import figures
        from helpers.figures.learning import calm
        from helpers.figures.slots import draw_slots

        outputs, targets, match = self.outputs, self.targets[0], self.match
        boxes, probabilities = outputs["pred_boxes"][0], outputs["logits"][0].softmax(-1)
        ratios = {"width_ratios": [1, 1.1], "height_ratios": [5.2, 0.9]}
        fig, ((left, right), (bar, spare)) = figures.new_figure(
            11, 6.4, rows=2, columns=2, gridspec_kw=ratios
        )
        grid = bar.get_gridspec()
        bar.remove()
        spare.remove()
        shown = sorted(
            {*(claimed(outputs)[0] > CLAIM).nonzero()[:, 0].tolist(), *match[0].tolist()}
        )
        figures.draw_image(left, calm(self.image))
        figures.draw_targets(left, self.image, targets)
        names = [prediction_name(n) for n in shown]
        figures.draw_predictions(left, self.image, boxes[shown], names)
        figures.draw_match_lines(left, self.image, boxes, targets["boxes"], match)
        draw_slots(right, probabilities, "What each token says")
        below = fig.add_subplot(grid[1, :])
        figures.draw_loss_bar(below, self.numbers, TOTAL_WEIGHTS, "The loss of this match")
        return fig


def matched(outputs, targets):
    """The optimal match of one image; more targets than tokens are there to be looked at."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return HungarianMatcher()(outputs, targets)[0]


def claimed(outputs):
    """How sure each token is that it has an object: (B, N)."""
    return 1 - outputs["logits"].softmax(-1)[..., -1]


def eos_coef():
    """The weight of no-object that the detector was trained with at the end."""
    return page_network(None)[0].config.eos_coefficient


@cache
def palette():
    """What digits can be laid down: for each its label, ink (height, width) and colour (3,), bytes.

    First the five of the running example, then one of each class, from images that training never
    saw.

    >>> [label for label, _, _ in palette()]
    [3, 1, 4, 1, 5, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
    """
    pieces = [(label, ink, colour) for label, ink, _, _, colour in running_example_pieces()[1]]
    rng = np.random.default_rng(PALETTE_SEED)
    glyphs, labels = digit_images("test")
    for label in range(NUM_CLASSES):
        glyph = glyphs[np.flatnonzero(labels == label)[0]]
        pieces.append((label, cut_out(glyph, PALETTE_SIDE, 0), ink_colour(rng)))
    return [
        (label, *((255 * part).round().astype(np.uint8) for part in parts))
        for label, *parts in pieces
    ]


@cache
def running_ground():
    """The bare ground of the running example: (128, 128, 3) bytes."""
    return (255 * running_example_pieces()[0]).round().astype(np.uint8)


def scenery():
    """What the page lays pictures out of, as the bytes of a safetensors file: the ground, the ink
    of all sprites one after another, and their colours.
    """
    from safetensors.numpy import save

    inks = np.concatenate([ink.ravel() for _, ink, _ in palette()])
    colours = np.stack([colour for *_, colour in palette()])
    return save({"ground": running_ground(), "inks": inks, "colours": colours})


def data_script():
    """A script for pages without a kernel: it leaves scenery and the trained weights where the page
    of a SceneLab looks for them. Such a page names it in `data-detector` of its root element.
    """
    parts = {"scenery": scenery(), "weights": page_weights()}
    encoded = {name: base64.b64encode(part).decode() for name, part in parts.items()}
    return f"globalThis.sceneLabData = {json.dumps(encoded)};\n"


def compose(placed):
    """The ground of the running example with sprites laid on it, in order: a PIL image.

    Args: placed: a list of [sprite, left, top].

    >>> compose([[0, 5, 37]]).size
    (128, 128)
    """
    from PIL import Image

    canvas = running_ground().astype(np.float64)
    for sprite, left, top in placed:
        _, ink, colour = palette()[sprite]
        height, width = ink.shape
        part = canvas[top : top + height, left : left + width]
        part += ink[..., None] / 255 * (colour - part)
    return Image.fromarray(np.floor(canvas + 0.5).astype(np.uint8))


def box_of(sprite, left, top):
    """The target box of a sprite that lies there, [cx, cy, w, h] as fractions of the picture."""
    height, width = palette()[sprite][1].shape
    return [value / IMAGE_SIZE for value in (left + width / 2, top + height / 2, width, height)]


def clean_digits(digits):
    """Digits as [sprite, left, top, drawn, labelled], moved into the picture.

    ValueError for more than 20, for a sprite that is none, and for what is no list of five.

    >>> clean_digits([[0, -3, 500, True, False]])
    [[0, 0, 95, True, False]]
    """
    if not isinstance(digits, (list, tuple)) or len(digits) > MOST_DIGITS:
        raise ValueError(f"digits must be a list of at most {MOST_DIGITS}.")
    return [_clean_digit(digit) for digit in digits]


def _clean_digit(digit):
    if not isinstance(digit, (list, tuple)) or len(digit) != 5:
        raise ValueError(f"a digit is [sprite, left, top, drawn, labelled], not {digit!r}.")
    sprite, left, top, drawn, labelled = digit
    if not all(isinstance(value, (int, float)) and abs(value) < 1e6 for value in digit[:3]):
        raise ValueError(f"sprite, left and top must be whole numbers, not {digit[:3]!r}.")
    if int(sprite) not in range(len(palette())):
        raise ValueError(f"sprite is {sprite!r}; there are {len(palette())}, counted from 0.")
    height, width = palette()[int(sprite)][1].shape
    places = [(left, IMAGE_SIZE - width), (top, IMAGE_SIZE - height)]
    inside = [min(max(round(place), 0), most) for place, most in places]
    return [int(sprite), *inside, bool(drawn), bool(labelled)]


def _running_digits():
    places = [(left, top) for _, _, top, left, _ in running_example_pieces()[1]]
    return [[sprite, left, top, True, True] for sprite, (left, top) in enumerate(places)]


def _three():
    return _running_digits()[:1]


def _twins():
    return [[2, 24, 12, True, True], [2, 68, 12, True, True]]


# What the piece begins with, by name: the question, how the digits lie, and the weights' step.
MOMENTS = {
    "the running example": (
        "Remove the “3”. Which other digit is lost? Then Reset, and remove the lower “1”.",
        _running_digits,
        None,
    ),
    "a digit to slide": (
        "Slide the “3” slowly from left to right. Who answers, and what does the loss say?",
        _three,
        None,
    ),
    "a covered digit": (
        "Take the “4” out of the picture, but keep its label. Then take the label, too.",
        _running_digits,
        None,
    ),
    "twins": ("Pull the two “4”s together. How many claims are left?", _twins, None),
    "childhood": (
        "The weights of step 1,000. Drag the “3” and watch the digits that do not move.",
        _running_digits,
        STEPS[0],
    ),
}


def moment_state(name):
    """The digits, the step and the switch that a moment begins with."""
    _, digits, step = MOMENTS[name]
    return {"digits": digits(), "step": step, "tokens_are_read": True}
