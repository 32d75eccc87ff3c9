"""The recorded training: what the network said of a few fixed scenes, and how it matched them, as
it learned.
"""

import json
import time

import numpy as np
import torch

REPLAY_SCENES = 8  # scenes whose logits and boxes are kept; the first is the running example
MATCH_SCENES = 64  # scenes whose match is kept at each recorded step and the step after it
RECORDED_STEPS = 60
FIRST_STEPS = 20  # whose losses are kept one by one


def recorded_steps(total, more=0):
    """About 60 steps from 0 to `total`, evenly spaced in their logarithm, and every 1,000th up to
    `total + more`.
    """
    spaced = np.geomspace(10, total, RECORDED_STEPS).round().astype(int)
    return sorted({0, *spaced.tolist(), *range(1000, total + more + 1, 1000), total, total + more})


class Recorder:
    """Collects a training run.

    `state()` and `restore()` carry it through a checkpoint; `save` writes an npz file.

    Args:
        steps: the steps to record.
        pixel_values: (64, 3, H, W), the fixed scenes; the first 8 are kept in full.
        targets: their targets.
        matcher: which prediction owns which target.
    """

    def __init__(self, steps, pixel_values, targets, matcher):
        self.steps, self.pixel_values, self.targets, self.matcher = (
            set(steps),
            pixel_values,
            targets,
            matcher,
        )
        self.frames, self.curves, self.evaluations, self.first_losses = [], [], [], []
        self.began = time.time()  # earlier by what a run took before it was taken up again

    def wants(self, step):
        return step in self.steps or step - 1 in self.steps

    @torch.no_grad()
    def record(self, step, model):
        """Keep what the model says after `step` updates."""
        said = model(self.pixel_values)
        outputs = {"logits": said.logits.cpu(), "pred_boxes": said.pred_boxes.cpu()}
        owners = self._owners(outputs)
        if step - 1 in self.steps:
            previous = next(frame for frame in self.frames if frame["step"] == step - 1)
            previous["owners_after"] = owners
        if step in self.steps:
            full = {
                "logits": outputs["logits"][:REPLAY_SCENES],
                "boxes": outputs["pred_boxes"][:REPLAY_SCENES],
            }
            self.frames.append(
                {"step": step, "owners": owners, **{k: v.clone() for k, v in full.items()}}
            )

    def _owners(self, outputs):
        """For each scene and detection token the target it is matched with, or -1: (64, N) int8."""
        owners = torch.full(outputs["logits"].shape[:2], -1, dtype=torch.int8)
        for scene, (prediction, target) in enumerate(self.matcher(outputs, self.targets)):
            owners[scene, prediction] = target.to(torch.int8)
        return owners

    def add_loss(self, loss):
        """Keep the loss of one of the first steps, so that a run made again can be told from
        another one.
        """
        if len(self.first_losses) < FIRST_STEPS:
            self.first_losses.append(float(loss))

    def add_losses(self, step, losses):
        self.curves.append({"step": step, **losses})

    def add_evaluation(self, step, measures):
        self.evaluations.append({"step": step, **measures})

    def minutes(self):
        """How long the run has taken, without the time in which it lay still."""
        return (time.time() - self.began) / 60

    def state(self):
        kept = {"frames": self.frames, "curves": self.curves, "evaluations": self.evaluations}
        return {**kept, "first_losses": self.first_losses, "minutes": self.minutes()}

    def restore(self, state):
        self.frames, self.curves, self.evaluations = (
            state["frames"],
            state["curves"],
            state["evaluations"],
        )
        self.first_losses = state["first_losses"]
        self.began = time.time() - 60 * state["minutes"]

    def save(self, path, **about):
        """Write everything as arrays; `about` (plain values) and the minutes taken are kept as one
        JSON string.
        """
        arrays = {
            name: np.stack([np.asarray(frame[name]) for frame in self.frames])
            for name in ("step", "logits", "boxes")
        }
        arrays["owners"] = np.stack([frame["owners"].numpy() for frame in self.frames])
        # The last step has no step after it.
        arrays["owners_after"] = np.stack(
            [frame.get("owners_after", frame["owners"]).numpy() for frame in self.frames]
        )
        counts = [len(target["class_labels"]) for target in self.targets]
        arrays["target_counts"] = np.array(counts, dtype=np.int8)
        replayed = self.targets[:REPLAY_SCENES]
        arrays["target_labels"] = torch.cat([target["class_labels"] for target in replayed]).numpy()
        arrays["target_boxes"] = torch.cat([target["boxes"] for target in replayed]).numpy()
        arrays["first_losses"] = np.array(self.first_losses)
        for group, rows in (("curve", self.curves), ("evaluation", self.evaluations)):
            for name in rows[0] if rows else ():
                arrays[f"{group}_{name}"] = np.array([row[name] for row in rows], dtype=np.float32)
        write_recording(path, arrays, about | {"minutes": round(self.minutes(), 1)})


def write_recording(path, arrays, about):
    """Write what `load_recording` reads: arrays by name, and a dict of plain values."""
    np.savez_compressed(path, about=np.array(json.dumps(about)), **arrays)


def load_recording(path):
    """The arrays of a recorded training by name, and `about` as a dict.

    Data only: nothing in the file is run.

    "step" (R,); "logits" (R, 8, N, K + 1); "boxes" (R, 8, N, 4); "owners" and "owners_after" (R,
    64, N), the target of each token or -1; "target_counts" (64,), and "target_labels",
    "target_boxes" of the first 8 scenes in a row; "curve_*" and "evaluation_*" with their own
    "..._step"; "first_losses" (20,), one for each of the first steps."""
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        arrays["about"] = json.loads(str(arrays["about"]))
    except FileNotFoundError:
        raise FileNotFoundError(f"{path} is not there; give the path of a recording.npz.") from None
    except Exception as error:
        raise ValueError(
            f"{path} is not a recording, or is cut short ({type(error).__name__}); fetch it again."
        ) from None
    return arrays


def recorded_scenes(count, recording=None):
    """The first scenes of a recording, as (PIL image, COCO annotation): the running example, then
    unseen digits.

    A `recording` of another training carries its own "pictures" (scenes, H, W, 3) uint8, and no
    annotations.

    >>> [len(annotation["annotations"]) for _, annotation in recorded_scenes(2)]
    [5, 2]
    """
    from PIL import Image

    from helpers.scenes import HandwrittenScenes, running_example

    if recording and "pictures" in recording:
        return [(Image.fromarray(picture), None) for picture in recording["pictures"][:count]]
    scenes = HandwrittenScenes("test", MATCH_SCENES, seed=2)
    return [running_example(), *(scenes[i] for i in range(1, count))]


def scene_targets(recording, scene):
    """The targets of one recorded scene, one of the first 8: `class_labels` (T,) and `boxes` (T, 4)
    float32.
    """
    ends = np.cumsum(recording["target_counts"].astype(int))
    own = slice(ends[scene] - int(recording["target_counts"][scene]), ends[scene])
    return {
        "class_labels": torch.from_numpy(recording["target_labels"][own]),
        "boxes": torch.from_numpy(recording["target_boxes"][own]).float(),
    }


def flip_share(recording):
    """The share of all matched targets that have another owner one step later, at each recorded
    step: (R,).

    Needs "owners" and "owners_after", (R, scenes, N) with the target of each token or -1.

    >>> owners = np.array([[[0, -1, 1]], [[0, 1, -1]]])  # two steps, one scene, three tokens
    >>> flip_share({"owners": owners, "owners_after": owners[[1, 1]]})
    array([0.5, 0. ])
    """
    owned = recording["owners"] >= 0
    changed = owned & (recording["owners"] != recording["owners_after"])
    return changed.sum((1, 2)) / np.maximum(owned.sum((1, 2)), 1)
