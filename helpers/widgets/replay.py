"""TrainingReplay: scrub and play through a recorded training. The widget carries what it shows."""

import base64
import io
from importlib.resources import files
from pathlib import Path
from string import ascii_uppercase as LETTERS

import numpy as np
import torch
import traitlets

from helpers.loss import TOTAL_WEIGHTS
from helpers.matcher import HungarianMatcher
from helpers.training.recording import flip_share, load_recording, recorded_scenes, scene_targets
from helpers.widgets.parts import Piece, page, small_picture

SHIPPED = files("helpers") / "weights" / "mini-yolos" / "recording.npz"
MOST_POINTS = 120  # of a curve
# Twelve calm colours, equally far apart in hue and clear of the targets' orange; a letter always
# stands beside them.
TOKEN_COLOURS = (
    "#3f82c4", "#9a5b2f", "#159c8f", "#a04a86", "#6f9a3e", "#6a5fb5", "#c9656b", "#0f7f9e",
    "#7d7a1f", "#b169b8",
    "#2a8a52", "#8b5a6b",
)  # fmt: skip


class TrainingReplay(Piece):
    """Play a recorded training: boxes move, matches flip, tokens find their places.

    Args:
        recording: the path of a recording, or what `load_recording` returned. Default: the shipped
            one.
        scenes: how many of the recorded scenes to carry, 1 to 8; each adds about 24 kB to the page.
        scene: which of them to show first; 0 is the running example.
        step: the training step to begin at; the nearest recorded one is taken. Default: the first.
        controls: which controls to offer, some of `CONTROLS`; default all. Reset is always there.
        large: for a projector.

    `index` counts recorded steps and `scene` scenes; both follow the page, and values outside are
    moved inside."""

    _esm, _css = page("replay", "axes", "names", "player")
    STATE = CHECKED = ("scene", "index")
    CONTROLS = ("play", "scrub", "scene", "idle", "tokens")
    data = traitlets.Dict().tag(sync=True)
    scene = traitlets.Int(0).tag(sync=True)
    index = traitlets.Int(0).tag(sync=True)

    def __init__(self, recording=None, scenes=8, scene=0, step=0, **options):
        if not isinstance(recording, dict):
            recording = load_recording(SHIPPED if recording is None else Path(recording))
        if not 1 <= scenes <= recording["boxes"].shape[1]:
            raise ValueError(
                f"scenes is {scenes}; the recording holds 1 to {recording['boxes'].shape[1]}."
            )
        index = int(np.abs(recording["step"].astype(float) - step).argmin())
        data = pack_recording(recording, recorded_scenes(scenes, recording))
        self._recording = recording
        super().__init__(data=data, scene=scene, index=index, **options)

    @traitlets.validate("scene", "index")
    def _clamp(self, proposal):
        if not self.data:
            return max(proposal["value"], 0)
        last = len(self.data["scenes" if proposal["trait"].name == "scene" else "steps"]) - 1
        return min(max(proposal["value"], 0), last)

    def recompute(self):
        recording, scene, index = self._recording, self.scene, self.index
        logits, boxes = (
            torch.tensor(recording[name][index, scene]) for name in ("logits", "boxes")
        )
        (prediction_index, target_index), *_ = HungarianMatcher()(
            {"logits": logits[None], "pred_boxes": boxes[None]}, [scene_targets(recording, scene)]
        )
        owners = torch.full((len(logits),), -1)
        owners[prediction_index] = target_index
        scores, guesses = 1 - logits.double().softmax(-1)[:, -1], logits[:, :-1].argmax(-1)
        return (
            torch.cat([boxes.double().clamp(0, 1).flatten(), scores, guesses, owners])
            .numpy()
            .round(7)
        )

    @property
    def step(self):
        """The training step that is shown."""
        return self.data["steps"][self.index]

    @property
    def frame(self):
        """What the shown step holds: `unpack_scene` of the shown scene, at this step."""
        return {
            name: values[self.index] for name, values in unpack_scene(self.data, self.scene).items()
        }

    @property
    def text(self):
        return describe_frame(self.data, self.scene, self.index)

    def figure(self):
        """The shown step as a static figure: the scene, and who owned which target over the
        training.
        """
        from helpers import figures

        scene, frame = self.data["scenes"][self.scene], self.frame
        fig, (left, right) = figures.new_figure(
            11, 4.6, columns=2, gridspec_kw={"width_ratios": [1, 1.6]}
        )
        image = _picture(scene["image"])
        figures.draw_image(left, image, f"Step {self.step:,}")
        targets = {
            "boxes": torch.tensor(scene["targets"]).reshape(-1, 4),
            "class_labels": scene["labels"],
        }
        figures.draw_targets(left, image, targets, names=False)
        owning = np.flatnonzero(frame["owners"] >= 0)
        colours = [self.data["colours"][token] for token in owning]
        boxes = torch.tensor(frame["boxes"][owning]).reshape(-1, 4)
        figures.draw_predictions(left, image, boxes, [LETTERS[token] for token in owning], colours)
        figures.draw_match_lines(
            left, image, boxes, targets["boxes"], (range(len(owning)), frame["owners"][owning])
        )
        self._draw_owners(right, scene)
        return fig

    def _draw_owners(self, axes, scene):
        owners = unpack_scene(self.data, self.scene)["owners"]
        for target in range(len(scene["labels"])):
            for token, start, end in ownership_runs(owners, target):
                colour = "#dddddd" if token < 0 else self.data["colours"][token]
                axes.barh(
                    target,
                    end - start,
                    left=start,
                    color=colour,
                    height=0.85,
                    edgecolor="white",
                    lw=0.3,
                )
                if token >= 0 and end - start > 2:
                    middle = (start + end) / 2
                    axes.text(
                        middle,
                        target,
                        LETTERS[token],
                        color="white",
                        fontweight="bold",
                        ha="center",
                        va="center",
                    )
        shown = [tick for tick in self.data["ticks"] if tick == 0 or tick >= 100]
        steps = self.data["steps"]
        places = np.interp(shown, steps, np.arange(len(steps))) + 0.5
        axes.set_xticks(
            places, [f"{tick / 1000:g}k" if tick >= 1000 else str(tick) for tick in shown]
        )
        axes.set_yticks(range(len(scene["labels"])), [f'"{label}"' for label in scene["labels"]])
        axes.axvline(self.index + 0.5, color="#222222", lw=1.5)
        axes.set(
            xlim=(0, len(steps)), xlabel="training step", title="Which token owns which target"
        )
        axes.invert_yaxis()


def pack_recording(recording, scenes, num_scenes=8):
    """What the page needs of a recording, in compact form: plain values and base64 text.

    Args:
        recording: the arrays of `helpers.training.recording.load_recording`.
        scenes: (PIL image, COCO annotation) of the recorded scenes, in their order.
        num_scenes: how many to carry, the first ones.

    Returns a dict: "steps" (R), "tokens" N, "colours" (N), "panels" of curves, "ticks", and
    "scenes", each with "name", "image" (a PNG as data URI), "targets" (T, 4), "labels" (T), and R x
    N "boxes" (16 bits a number), "scores" (1 - p(no object), 16 bits), "guesses" (likeliest class)
    and "owners" (target or -1)."""
    count = min(num_scenes, recording["boxes"].shape[1], len(scenes))
    num_tokens = recording["boxes"].shape[2]
    packed = []
    for scene, (image, _) in enumerate(scenes[:count]):
        targets = scene_targets(recording, scene)
        logits = recording["logits"][:, scene].astype(np.float64)  # (R, N, K + 1)
        odds = np.exp(logits - logits.max(-1, keepdims=True))
        scores = 1 - odds[..., -1] / odds.sum(-1)
        labels = targets["class_labels"].tolist()
        packed.append(
            {
                "name": f"{scene + 1}: " + (" ".join(map(str, labels)) or "empty"),
                "image": small_picture(image),
                "targets": targets["boxes"].double().numpy().round(4).tolist(),
                "labels": labels,
                "boxes": _text(
                    (recording["boxes"][:, scene].clip(0, 1) * 65535).round().astype("<u2")
                ),
                "scores": _text((scores * 65535).round().astype("<u2")),
                "guesses": _text(logits[..., :-1].argmax(-1).astype(np.uint8)),
                "owners": _text(recording["owners"][:, scene].astype(np.int8)),
            }
        )
    steps = [int(step) for step in recording["step"]]
    return {
        "steps": steps,
        "tokens": num_tokens,
        "colours": [TOKEN_COLOURS[token % len(TOKEN_COLOURS)] for token in range(num_tokens)],
        "ticks": ticks_up_to(steps[-1]),
        "panels": _panels(recording, steps),
        "scenes": packed,
    }


def unpack_scene(data, scene):
    """The arrays of a packed scene: boxes (R, N, 4) in 0..1, scores (R, N) in 0..1, guesses and
    owners (R, N).
    """
    packed, shape = data["scenes"][scene], (len(data["steps"]), data["tokens"])
    read = {
        name: base64.b64decode(packed[name]) for name in ("boxes", "scores", "guesses", "owners")
    }
    return {
        "boxes": np.frombuffer(read["boxes"], "<u2").reshape(*shape, 4) / 65535,
        "scores": np.frombuffer(read["scores"], "<u2").reshape(shape) / 65535,
        "guesses": np.frombuffer(read["guesses"], np.uint8).reshape(shape),
        "owners": np.frombuffer(read["owners"], np.int8).reshape(shape),
    }


def ticks_up_to(last):
    """Steps to write below the axis, on which every recorded step is equally wide: ever sparser
    ones, and the last.

    >>> ticks_up_to(36_000)
    [0, 30, 100, 300, 1000, 2000, 4000, 8000, 16000, 36000]
    """
    ticks = [0, 30, 100, 300, *(1000 * 2**power for power in range(20))]
    return [*(tick for tick in ticks if tick <= 0.75 * last), last]


def ownership_runs(owners, target):
    """For one target, which token owned it when: [(token or -1, start, end)] over recorded steps,
    end exclusive.

    Args: owners (R, N), the target of each token or -1.

    >>> ownership_runs(np.array([[0, -1], [0, -1], [-1, 0]]), 0)
    [(0, 0, 2), (1, 2, 3)]
    """
    runs = []
    for index, row in enumerate(np.asarray(owners)):
        token = int(np.flatnonzero(row == target)[0]) if (row == target).any() else -1
        start = runs.pop()[1] if runs and runs[-1][0] == token else index
        runs.append((token, start, index + 1))
    return runs


def describe_frame(data, scene, index):
    """The state at a recorded step as one sentence; the page says the same."""
    labels = data["scenes"][scene]["labels"]
    owners = unpack_scene(data, scene)["owners"][
        [max(index - 1, 0), index]
    ]  # the step before, and this one
    held = [
        [[*np.flatnonzero(row == target), -1][0] for row in owners] for target in range(len(labels))
    ]
    now = [
        f'{LETTERS[token]} has "{label}"' if token >= 0 else f'nobody has "{label}"'
        for (_, token), label in zip(held, labels)
    ]
    changed = sum(before != after for before, after in held)
    flips = (
        f" {changed} of {len(labels)} changed hands since the last recorded step." if index else ""
    )
    return f"Step {data['steps'][index]:,}: {', '.join(now) or 'nothing to find'}.{flips}"


def _picture(uri):
    from PIL import Image

    return Image.open(io.BytesIO(base64.b64decode(uri.split(",")[1]))).convert("RGB")


def _text(values):
    return base64.b64encode(np.ascontiguousarray(values).tobytes()).decode()


def _panels(recording, steps):
    from helpers.figures import TERM_COLOURS, TERM_NAMES

    terms = {name: recording[f"curve_{name}"] * TOTAL_WEIGHTS[name] for name in TERM_NAMES}
    total = sum(terms.values())
    at = recording["curve_step"]
    losses = [_curve("sum", at, total, "currentColor", "solid")]
    losses += [
        _curve(TERM_NAMES[name], at, terms[name], TERM_COLOURS[name], "solid") for name in terms
    ]
    measured = recording["evaluation_step"]
    precision = [
        _curve("AP", measured, recording["evaluation_AP"], "currentColor", "solid"),
        _curve("AP50", measured, recording["evaluation_AP50"], "currentColor", "dashed"),
    ]
    flips = flip_share(recording)
    return [
        {
            "title": "weighted loss",
            "height": 4.6,
            "high": float(np.ceil(total.max())),
            "unit": "",
            "curves": losses,
        },
        {"title": "average precision", "height": 3, "high": 1.0, "unit": "", "curves": precision},
        {
            "title": "matches that flip at the next step",
            "height": 2,
            "high": float(np.ceil(max(flips.max(), 0.1) * 10) / 10),
            "unit": "%",
            "curves": [_curve("flips", steps, flips, "currentColor", "solid")],
        },
    ]


def _curve(name, steps, values, colour, style):
    """A curve in at most MOST_POINTS points: means of neighbours, rounded."""
    stride = -(-len(values) // MOST_POINTS)
    groups = [slice(start, start + stride) for start in range(0, len(values), stride)]
    return {
        "name": name,
        "steps": [round(float(np.mean(steps[group])), 1) for group in groups],
        "values": [float(f"{np.mean(values[group]):.4g}") for group in groups],
        "colour": colour,
        "style": style,
    }
