"""MatchingPlayground: boxes to drag while costs, match and loss follow."""

import math
import warnings
from functools import cache

import numpy as np
import torch
import traitlets
from scipy.optimize import linear_sum_assignment

from helpers.assignment import argmin, greedy
from helpers.loss import TOTAL_WEIGHTS, SetCriterion
from helpers.matcher import HungarianMatcher
from helpers.widgets.matched_scene import MatchedScene, prediction_name
from helpers.widgets.parts import clean_box, page, refuse, small_picture
from helpers.widgets.playground_presets import PRESETS, STANDARD_EOS_COEF, preset_state

MATCHINGS = {"optimal": linear_sum_assignment, "greedy": greedy, "argmin": argmin}
WEIGHTS = ("class_cost", "bbox_cost", "giou_cost")
LOSSES = ("loss_ce", "loss_bbox", "loss_giou")
PARTS = ["geometry", "names", "scene", "scene_hands", "lossbar", "grid"]  # of the page's code
PARTS += [f"playground_{part}" for part in ("matrix", "side", "controls")]
VIEWS = ("class", "l1", "giou", "total", "all")
CONTROLS = ("preset", "weights", "matching", "probabilities", "labels", "view", "sort", "hold")
MOST_PREDICTIONS, MOST_TARGETS, MOST_CLASSES = 100, 40, 400
LARGEST_LOGIT = 60.0
LARGEST_WEIGHT = 20.0
LARGEST_IMAGE = 320  # pixels that are stored of the longer side
NO_PICTURE = {"image": "", "size": [1, 1]}


class MatchingPlayground(MatchedScene):
    """Predictions (blue) and targets (orange) to drag; beside them the costs, the match and the
    loss.

    Args:
        image: a PIL image below the boxes, or None.
        outputs: "logits" (1, N, K + 1) and "pred_boxes" (1, N, 4) of one image; at most 100
            predictions.
        targets: one dict (or a list of one) with "class_labels" (T,) and "boxes" (T, 4); at most
            40.
        preset: what to begin with if outputs and targets are not given: one of
            `playground_presets.PRESETS`. The page offers them all.
        class_cost, bbox_cost, giou_cost: the weights of the match, 0 to 20, not all 0.
        matching: "optimal", "greedy" or "argmin".
        eos_coef: the weight of no-object in the loss. Default: the preset's own, otherwise 0.1.
        show_match: False leaves out the match and the loss, for when only the costs are the
            subject.
        hold: begin with the match hidden, until somebody reveals it.
        view: the matrix to begin with: "class", "l1", "giou", "total" or "all".
        sort: begin with the rows sorted by match.
        controls: which controls to offer, some of `CONTROLS`; default all. Reset is always there.
        large: for a projector.

    ValueError or TraitError for shapes and names that do not fit and for numbers that are not
    finite; boxes, logits and weights outside their limits are moved to the nearest allowed value.

    `outputs`, `targets`, `match` and `numbers` say what the page shows now, as `helpers` computes
    it.

    >>> playground = MatchingPlayground(preset="greedy loses")
    >>> playground.match
    (tensor([0, 1]), tensor([0, 1]))
    >>> playground.matching = "greedy"
    >>> playground.match
    (tensor([0, 1]), tensor([1, 0]))
    """

    _esm, _css = page("playground", *PARTS)
    SCENE = (
        "boxes",
        "logits",
        "target_boxes",
        "labels",
        "eos_coef",
        "picture",
    )  # what a preset changes
    STATE = (*SCENE, "preset", *WEIGHTS, "matching", "hold", "view", "sort")
    CONTROLS = CONTROLS
    _from_page = (
        True  # whether a change comes from the page, or from the constructor, and is counted there
    )
    class_cost = traitlets.Float(1.0).tag(sync=True)
    bbox_cost = traitlets.Float(5.0).tag(sync=True)
    giou_cost = traitlets.Float(2.0).tag(sync=True)
    matching = traitlets.Enum(list(MATCHINGS), "optimal").tag(sync=True)
    eos_coef = traitlets.Float(STANDARD_EOS_COEF, min=0, max=1).tag(sync=True)
    show_match = traitlets.Bool(True).tag(sync=True)
    hold = traitlets.Bool(False).tag(sync=True)
    view = traitlets.Enum(VIEWS, "total").tag(sync=True)
    sort = traitlets.Bool(False).tag(sync=True)
    preset = traitlets.Enum(("", *PRESETS), "").tag(
        sync=True
    )  # the one chosen last; "" for what was given
    presets = traitlets.List().tag(
        sync=True
    )  # all of them, so that the page can offer them without a kernel
    pictures = traitlets.List().tag(
        sync=True
    )  # of all scenes: {"image": data URI, "size": [width, height]}
    picture = traitlets.Int(-1).tag(sync=True)  # which of them lies below the boxes; -1 for none
    version = traitlets.Int(0).tag(
        sync=True
    )  # counts changes, so that an answer finds its question

    def __init__(self, image=None, outputs=None, targets=None, preset="running example", **options):
        if (outputs is None) != (targets is None):
            raise ValueError("outputs and targets belong together; give both, or a preset.")
        options = {name: value for name, value in options.items() if value is not None}
        pictures = [] if image is None else [stored_image(image)]
        if outputs is None:
            state = {**packed_preset(preset, pictures), "preset": preset}
            state["picture"] = 0 if pictures else -1
        else:
            state = {**read_state(outputs, targets), "picture": 0 if pictures else -1}
        offered = "preset" in options.get("controls", CONTROLS)
        presets = (
            [{"name": name, **packed_preset(name, pictures)} for name in PRESETS] if offered else []
        )
        super().__init__(pictures=pictures, presets=presets, **{**state, **options})
        self._from_page = False
        self.observe(self._count_change, self.STATE)
        self.observe(lambda change: self.answer(), "version")
        self.on_msg(lambda widget, content, buffers: self.hear(content))

    @traitlets.validate("boxes", "target_boxes")
    def _clean_boxes(self, proposal):
        other = {"boxes": self.logits, "target_boxes": self.labels}[proposal["trait"].name]
        return refuse(clean_boxes, proposal["value"], len(other))

    @traitlets.validate("logits")
    def _clean_logits(self, proposal):
        logits = refuse(clean_logits, proposal["value"], len(self.boxes))
        refuse(clean_labels, self.labels, len(logits[0]) - 1)  # they must still be classes
        return logits

    @traitlets.validate("labels")
    def _clean_labels(self, proposal):
        labels = refuse(clean_labels, proposal["value"], len(self.logits[0]) - 1)
        if len(labels) != len(self.target_boxes):
            raise traitlets.TraitError(
                f"there are {len(labels)} labels and {len(self.target_boxes)} targets."
            )
        return labels

    @traitlets.validate("picture")
    def _clean_picture(self, proposal):
        return min(max(proposal["value"], -1), len(self.pictures) - 1)

    @traitlets.observe("preset")
    def _load_preset(self, change):
        if not self._from_page and change["new"]:
            self.put(packed_preset(change["new"], list(self.pictures)))

    @traitlets.validate(*WEIGHTS)
    def _clean_weight(self, proposal):
        name, value = proposal["trait"].name, proposal["value"]
        if not math.isfinite(value):
            raise traitlets.TraitError(
                f"{name} is {value}; give a number from 0 to {LARGEST_WEIGHT:g}."
            )
        value = min(max(value, 0.0), LARGEST_WEIGHT)
        if value == 0 and not any(getattr(self, other) for other in WEIGHTS if other != name):
            raise traitlets.TraitError(
                "the three weights are all 0; give at least one of them a weight."
            )
        return value

    @property
    def matcher(self):
        """The `HungarianMatcher` with the chosen weights and the chosen way to assign."""
        return HungarianMatcher(
            self.class_cost, self.bbox_cost, self.giou_cost, assign=MATCHINGS[self.matching]
        )

    @property
    def match(self):
        """(prediction_index, target_index) of the chosen matching."""
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore"
            )  # targets without a prediction are there to be looked at
            return self.matcher(self.outputs, self.targets)[0]

    @property
    def numbers(self):
        """A dict: the three cost matrices and "total", (N, T) each; "cost" of the match; the loss
        terms and "loss".
        """
        return self._compute()[0]

    def _compute(self):
        """The numbers and the match they belong to, found once."""
        outputs, targets, match = self.outputs, self.targets, self.match
        matrices = self.matcher.cost_matrices(outputs, targets)[0]
        criterion = SetCriterion(
            lambda *_: [match], len(self.logits[0]) - 1, self.eos_coef, ("labels", "boxes")
        )
        losses = criterion(outputs, targets)
        loss = float(criterion.total(losses))
        cost = float(matrices["total"][match].sum())
        return {
            **matrices,
            "cost": cost,
            **{name: float(losses[name]) for name in LOSSES},
            "loss": loss,
        }, match

    def reset(self):
        self._from_page = True
        super().reset()
        self._from_page = False
        self.version += 1

    def set_state(self, sync_data):
        """Take over what the page says. Its own count of changes comes with it."""
        before, self._from_page = self._from_page, True
        try:
            super().set_state(sync_data)
        finally:
            self._from_page = before

    def hear(self, content):
        self.answer()

    def answer(self):
        """Send the page what `helpers` computes for the present state, so that it can compare."""
        numbers, match = self._compute()
        values = [numbers[name].flatten().numpy() for name in (*WEIGHTS, "total")]
        values.append(np.array([numbers[name] for name in ("cost", *LOSSES, "loss")]))
        pairs = torch.stack(match, 1).tolist()
        content = {"version": self.version, "pairs": pairs}
        self.send(content, [np.concatenate(values).astype("<f8").tobytes()])

    def _count_change(self, change):
        if not self._from_page:
            self.version += 1

    @property
    def text(self):
        numbers, names = self.numbers, [f'"{label}"' for label in self.labels]
        counts = f"{len(self.boxes)} predictions and {len(names)} targets"
        if not self.show_match:
            return f"{counts}; the match is left out."
        if self.hold:
            return f"{counts}; the match is hidden."
        pairs = ", ".join(
            f"{prediction_name(n)} with {names[t]}" for n, t in torch.stack(self.match, 1).tolist()
        )
        return (
            f"{counts}. The {self.matching} matching pairs {pairs or 'nothing'}. "
            f"Cost {numbers['cost']:.2f}, loss {numbers['loss']:.2f}."
        )

    def figure(self):
        """The present state as a static figure: the scene with its match, the shown matrix, the
        loss.
        """
        from helpers import figures

        shown = self.show_match and not self.hold
        match = self.match
        numbers, names = self.numbers, [figures.label_name(label) for label in self.labels]
        height = 1.9 + 0.34 * max(len(self.boxes), 8)
        ratios = {"width_ratios": [1, 1], "height_ratios": [height, 0.9 if shown else 0.01]}
        fig, ((left, right), (bar, spare)) = figures.new_figure(
            11, height + 1, rows=2, columns=2, gridspec_kw=ratios
        )
        grid = bar.get_gridspec()
        bar.remove()
        spare.remove()
        image = read_image(**self.pictures[self.picture] if self.picture >= 0 else NO_PICTURE)
        self.draw_scene(left, image, match if shown else None)
        matrix = numbers[
            {"class": "class_cost", "l1": "bbox_cost", "giou": "giou_cost"}.get(self.view, "total")
        ]
        title = (
            f"The {self.matching} matching costs {numbers['cost']:.2f}"
            if shown
            else "What each pair costs"
        )
        figures.draw_matrix(right, matrix, title, names, self.names, rings=match if shown else None)
        if shown:
            figures.draw_loss_bar(
                fig.add_subplot(grid[1, :]), numbers, TOTAL_WEIGHTS, "The loss of this match"
            )
        return fig


def read_state(outputs, targets):
    """Outputs and targets of one image as plain lists: a dict of "logits", "boxes", "labels",
    "target_boxes".

    ValueError where they hold several images, or where a shape or a number does not fit.
    """
    logits, boxes = (
        torch.as_tensor(outputs[name]).detach().cpu() for name in ("logits", "pred_boxes")
    )
    if logits.ndim == 3 and len(logits) == len(boxes) == 1:
        logits, boxes = logits[0], boxes[0]
    if logits.ndim != 2 or boxes.ndim != 2:
        raise ValueError(f"logits has shape {tuple(logits.shape)}; give one image, (1, N, K + 1).")
    target = targets if isinstance(targets, dict) else targets[0]
    if not isinstance(targets, dict) and len(targets) != 1:
        raise ValueError(f"targets holds {len(targets)} images; give one.")
    logits = clean_logits(plain(logits))
    labels = clean_labels(torch.as_tensor(target["class_labels"]).tolist(), len(logits[0]) - 1)
    return {
        "logits": logits,
        "boxes": clean_boxes(plain(boxes), len(logits)),
        "labels": labels,
        "target_boxes": clean_boxes(
            plain(torch.as_tensor(target["boxes"]).reshape(-1, 4)), len(labels)
        ),
    }


@cache
def _read_preset(name):
    image, outputs, targets, eos_coef = preset_state(name)
    return read_state(outputs, targets) | {"eos_coef": eos_coef}, image and stored_image(image)


def packed_preset(name, pictures):
    """What a preset makes of a playground's `SCENE`.

    Its picture joins the list of pictures, if it is new there.

    ValueError for a name that is none.
    """
    state, picture = _read_preset(name)
    if picture and picture not in pictures:
        pictures.append(picture)
    return {**state, "picture": pictures.index(picture) if picture else -1}


def plain(rows):
    """A tensor (M, C) as nested lists, each number with the digits that its own type needs.

    >>> plain(torch.tensor([[0.1, 2.0]]))
    [[0.1, 2.0]]
    """
    return [[float(str(value)) for value in row] for row in rows.detach().cpu().numpy()]


def clean_boxes(boxes, count):
    """Centre boxes as nested lists, centres moved into the image and sides into 0.01 to 1.

    ValueError unless there are `count` boxes of four finite numbers.

    >>> clean_boxes([[0.5, 1.5, -0.2, 0.3]], 1)
    [[0.5, 1.0, 0.01, 0.3]]
    """
    values = _finite(boxes, "boxes", 4)
    if len(values) != count:
        raise ValueError(f"there are {len(values)} boxes; {count} are expected.")
    return [clean_box(box) for box in values]


def clean_logits(logits, count=None):
    """Logits as nested lists, moved into -60 to 60.

    ValueError unless (N, K + 1) and finite, and N is `count`.
    """
    values = _finite(logits, "logits")
    if not (1 <= len(values) <= MOST_PREDICTIONS and 2 <= values.shape[1] <= MOST_CLASSES):
        limits = f"({MOST_PREDICTIONS}, {MOST_CLASSES})"
        raise ValueError(f"logits has shape {values.shape}; give (N, K + 1), at most {limits}.")
    if count is not None and len(values) != count:
        raise ValueError(f"there are {len(values)} rows of logits; {count} are expected.")
    return values.clip(-LARGEST_LOGIT, LARGEST_LOGIT).tolist()


def clean_labels(labels, num_classes):
    """Class labels as a list.

    ValueError unless they are whole numbers from 0 to K - 1, at most 40.
    """
    wrong = [label for label in labels if isinstance(label, bool) or not isinstance(label, int)]
    if wrong or len(labels) > MOST_TARGETS or any(not 0 <= label < num_classes for label in labels):
        raise ValueError(
            f"labels must be at most {MOST_TARGETS} whole numbers from 0 to {num_classes - 1}."
        )
    return list(labels)


def _finite(rows, name, width=None):
    if not isinstance(rows, (list, tuple)) or len({len(row) for row in rows}) > 1:
        raise ValueError(f"{name} must be rows of equal length.")
    values = np.array([[float(value) for value in row] for row in rows], dtype=np.float64)
    values = values.reshape(len(rows), -1 if len(rows) else (width or 0))
    if width is not None and values.shape[1] != width:
        raise ValueError(f"{name} has shape {values.shape}; give ({len(rows)}, {width}).")
    if not np.isfinite(values).all():
        raise ValueError(f"{(~np.isfinite(values)).sum()} numbers in {name} are NaN or infinite.")
    return values


def stored_image(image):
    """A PIL image or an (H, W, 3) array of bytes as {"image": a small data URI, "size": [width,
    height]}.
    """
    import base64
    import io

    from PIL import Image

    image = image if isinstance(image, Image.Image) else Image.fromarray(np.asarray(image))
    size = [image.width, image.height]
    if max(size) <= 128:
        return {"image": small_picture(image), "size": size}
    image = image.convert("RGB")
    image.thumbnail((LARGEST_IMAGE, LARGEST_IMAGE))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=80)
    return {
        "image": "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode(),
        "size": size,
    }


def read_image(image, size):
    """The PIL image of a data URI; a blank sheet of the given shape without one."""
    import base64
    import io

    from PIL import Image

    if not image:
        return Image.new("RGB", (128, max(1, round(128 * size[1] / size[0]))), "#f6f6f6")
    return Image.open(io.BytesIO(base64.b64decode(image.split(",")[1]))).convert("RGB")
