"""A training watched: `MatchWatch` follows losses, matches and gradients, and says early what it
sees.

With `Trainer` it is a callback. In a loop of your own it is three lines:

    watch = MatchWatch().begin(model)
    watch.step()       # in the loop, between loss.backward() and optimizer.step()
    watch.save("recording.npz")
"""

import math
from pathlib import Path

import numpy as np
import torch
from transformers import TrainerCallback

from helpers.boxes import center_to_corners
from helpers.clinic import symptoms
from helpers.clinic.content import no_object_share
from helpers.detector import decode
from helpers.evaluation import count_duplicates, summarize
from helpers.later.transformers_loss import as_focal_transformers_loss
from helpers.training.recording import FIRST_STEPS, REPLAY_SCENES, write_recording
from helpers.transformers_loss import as_transformers_loss

BUDGET = 0.006  # of the training's work: what looking at the fixed images may take
EACH_NORM = 10  # first steps whose gradients are all measured, which is half of what a watch costs
NORM_EVERY = 8  # steps: one is measured later
GROWTH = 1.12  # looks are spaced like this in the long run
MOST_TOKENS = 26  # in a recording: as many as there are letters
MOST_CURVE = 2000  # points of a curve in a recording
INPUTS = ("pixel_values", "pixel_mask")
PICTURE = 256  # pixels of the longer side of a recorded picture


class MatchWatch(TrainerCallback):
    """Watches a detector of transformers with a set-prediction loss, YOLOS or DETR, as it trains.

    Args:
        folder: where `recording.npz` goes, and scalars for TensorBoard where that is installed;
            None: nowhere.
        images: how many images of the first batch to look at again and again, at most 8.
        batch: a dict with `pixel_values` and `labels`, to look at instead of the first batch.
        tell: called with each sentence; default print. None: keep quiet.

    Per step: `losses`, the terms of all layers by name, and `grad_norm`, which after the first 10
    steps is measured in every eighth and repeated in between: a gradient that is not finite shows
    in the loss of the next step. At each look: `looks`, a
    list of dicts of "step", "flips" (the share of matched targets that changed their owner since
    the last look), "duplicates" per 100 objects, "claimed" (guesses over 0.5 an image),
    "tokens_ever" (how many tokens were ever matched). `said` holds what
    was told. The recording is of the format of `helpers.training.recording`: `TrainingReplay(path)`
    plays it."""

    def __init__(self, folder=None, images=REPLAY_SCENES, batch=None, tell=print):
        self.folder, self.images, self.tell = (
            folder and Path(folder),
            min(images, REPLAY_SCENES),
            tell,
        )
        self.batch = batch and (
            {name: batch[name] for name in INPUTS if name in batch},
            batch["labels"],
        )
        self.steps, self.losses, self.grad_norm, self.looks, self.said = 0, {}, [], [], []
        self._heard, self._pending, self._frames = [], [], []
        self._next_look, self._interval, self._hook, self._writer = 0, None, None, None
        self._norm = None

    def begin(self, model):
        """Listen to a model. Returns the watch."""
        self.model = model
        self.criterion = criterion_of(model)
        self.num_labels = self.criterion.num_classes
        self.counts = torch.zeros(self.num_labels + 2, dtype=torch.int64)
        self._weights = [weight for weight in model.parameters() if weight.requires_grad]
        self._hook = model.register_forward_hook(self._hear, with_kwargs=True)
        if self.folder:
            self._writer = summary_writer(self.folder)
        return self

    def step(self):
        """To be called before each update, between `loss.backward()` and `optimizer.step()`."""
        if self.steps < EACH_NORM or self.steps % NORM_EVERY == 0:
            self._norm = gradient_norm(self._weights)
        self._pending.append((self.steps, self._heard, self._norm))
        self._heard = []
        if self.batch and (self.steps >= self._next_look or self._follows_a_look()):
            self._look()
        elif len(self._pending) >= 50:
            self._flush()
        self.steps += 1

    def save(self, path=None):
        """Look once more and write the recording; returns its path."""
        if self._hook:
            self._hook.remove()
        self._flush()
        if self.batch and not (self._frames and self._frames[-1]["step"] == self.steps):
            self._look(last=True)
        path = Path(path) if path else self.folder and self.folder / "recording.npz"
        if path and self._frames:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_recording(path, *self.recording())
        return path

    # What Trainer calls.

    def on_train_begin(self, args, state, control, model=None, **kwargs):
        self._main = state.is_world_process_zero
        if self._main:
            self.begin(model)

    def on_pre_optimizer_step(self, args, state, control, **kwargs):
        if self._main:
            self.step()

    def on_train_end(self, args, state, control, **kwargs):
        if self._main:
            self.save()

    # What happens inside.

    def _hear(self, model, arguments, keywords, output):
        """Keep the terms of a training step's loss.

        No value is read here: that would make a GPU wait.
        """
        losses, labels = getattr(output, "loss_dict", None), keywords.get("labels")
        if losses is None or labels is None or not torch.is_grad_enabled():
            return
        given = {name: keywords[name] for name in INPUTS if keywords.get(name) is not None}
        if arguments:
            given["pixel_values"] = arguments[0]
        if self.batch is None:
            kept = [
                {name: target[name] for name in ("class_labels", "boxes")}
                for target in labels[: self.images]
            ]
            self.batch = (
                {name: value[: self.images].detach().clone() for name, value in given.items()},
                kept,
            )
        if self._interval is None:
            # Two looks at a time; a look costs a forward pass of its images, a step three of the
            # batch.
            work = 2 * len(self.batch[1]) / (3 * len(labels))
            self._interval = max(2, math.ceil(work / BUDGET))
        boxes = torch.cat([target["boxes"] for target in labels])
        parts = (given["pixel_values"], boxes, output.logits, output.pred_boxes, output.loss)
        flags = torch.stack(
            [part.detach().float().mean() if part.numel() else part.new_zeros(()) for part in parts]
        )
        terms = {
            "loss": output.loss.detach(),
            **{name: value.detach() for name, value in losses.items()},
        }
        names, values = zip(*terms.items())
        values = torch.stack([value.float().to(flags.device) for value in values])
        self._heard.append(
            (names, values, flags, torch.cat([target["class_labels"] for target in labels]))
        )

    def _flush(self):
        """Read what was kept since the last time, and look for symptoms in it."""
        for step, heard, norm in self._pending:
            rows = [dict(zip(names, values.tolist())) for names, values, _, _ in heard]
            for name in rows[0] if rows else ():
                self.losses.setdefault(name, []).append(sum(row[name] for row in rows) / len(rows))
            self.grad_norm.append(float(norm))
            self._check_step(step, [flags.tolist() for _, _, flags, _ in heard])
            for *_, labels in heard:
                self.counts += torch.bincount(
                    labels.cpu().clamp(0, self.num_labels + 1), minlength=len(self.counts)
                )
            if self._writer:
                for name, value in (rows[0] if rows else {}).items():
                    self._writer.add_scalar(f"loss/{name}", value, step)
                self._writer.add_scalar("grad_norm", self.grad_norm[-1], step)
        self._pending = []
        self._say("labels", symptoms.labels_seen(self.counts, self.num_labels))

    def _check_step(self, step, flags):
        norm, before = (
            self.grad_norm[-1],
            [value for value in self.grad_norm[:-1] if math.isfinite(value)],
        )
        names = ("pixel_values", "boxes", "logits", "pred_boxes", "loss")
        for name, values in zip(names, zip(*flags)):
            if not all(map(math.isfinite, values)):
                return self._say(
                    "finite", symptoms.not_finite(step, name, before[-1] if before else 0.0)
                )
        if not math.isfinite(norm):
            return self._say("finite", symptoms.not_finite(step, "gradient", 0.0))
        if len(before) >= 20:
            self._say("burst", symptoms.burst(step, norm, float(np.median(before[-200:]))))
        return None

    def _follows_a_look(self):
        return bool(self._frames) and self._frames[-1]["step"] == self.steps - 1

    @torch.no_grad()
    def _look(self, last=False):
        """Match the fixed images anew."""
        self._flush()
        outputs, targets = self._outputs(), self._targets()
        owners = _owners(self.criterion.matcher(outputs, targets), outputs)
        if self._follows_a_look():
            self._frames[-1]["owners_after"] = owners
            if self.steps < self._next_look and not last:
                return
        self._measure(outputs, targets, owners)
        frame = {
            "step": self.steps,
            "logits": outputs["logits"].half(),
            "boxes": outputs["pred_boxes"],
        }
        self._frames.append({**frame, "owners": owners})
        self._next_look = max(self.steps + self._interval, math.ceil(self.steps * GROWTH))

    def _targets(self):
        """The fixed images' targets on the CPU, without labels that no class has: no match takes
        these.
        """
        found = []
        for target in self.batch[1]:
            labels, boxes = target["class_labels"].cpu(), target["boxes"].cpu()
            known = (labels >= 0) & (labels < self.num_labels)
            found.append({"class_labels": labels[known], "boxes": boxes[known]})
        return found

    def _outputs(self):
        """What the model says of the fixed images, on the CPU.

        Its modules are left in the modes they are in.
        """
        modes = [(module, module.training) for module in self.model.modules()]
        self.model.eval()
        said = self.model(**self.batch[0])
        for module, mode in modes:
            module.training = mode
        return {"logits": said.logits.float().cpu(), "pred_boxes": said.pred_boxes.float().cpu()}

    def _measure(self, outputs, targets, owners):
        found = decode(
            {**outputs, "logits": self._softmax(outputs["logits"])}, [(1, 1)] * len(targets), 0.5
        )
        claimed = sum(len(one["boxes"]) for one in found)
        objects = sum(len(target["boxes"]) for target in targets)
        corners = [center_to_corners(target["boxes"]) for target in targets]
        double = sum(count_duplicates(one["boxes"], truth) for one, truth in zip(found, corners))
        before = self._frames[-1]["owners"] if self._frames else owners
        flips = int(((owners >= 0) & (owners != before)).sum()) / max(objects, 1)
        ever = (
            torch.stack([frame["owners"] >= 0 for frame in self._frames] + [owners >= 0])
            .flatten(0, 1)
            .any(0)
        )
        look = {"step": self.steps, "flips": flips, "duplicates": 100 * double / max(objects, 1)}
        look |= {"claimed": claimed / max(len(targets), 1), "tokens_ever": int(ever.sum())}
        self.looks.append(look)
        if self._writer:
            for name, value in look.items():
                self._writer.add_scalar(f"match/{name}", value, self.steps)
        counts = np.array([len(target["boxes"]) for target in targets])
        share = no_object_share(counts, owners.shape[1], self.criterion.eos_coef)
        if self._has_no_object and objects:
            self._say("silence", symptoms.silence(self.steps, claimed, share))
        self._say("one box", symptoms.one_box(self.steps, outputs["pred_boxes"]))
        if not self._frames and objects:
            size = self.batch[0]["pixel_values"].shape[-2:]
            self._say("format", symptoms.other_format(outputs, targets, self.criterion, size))

    @property
    def _has_no_object(self):
        return not hasattr(self.model.config, "focal_alpha")

    def _softmax(self, logits):
        """Logits with a no-object column, for what reads a softmax: a sigmoid's become log p and
        log(1 - max p).
        """
        if self._has_no_object:
            return logits
        none = torch.nn.functional.logsigmoid(-logits.amax(-1, keepdim=True))
        return torch.cat([torch.nn.functional.logsigmoid(logits), none], -1)

    def _say(self, kind, sentence):
        """Tell a sentence, once for each kind."""
        if sentence and kind not in (kind for kind, _ in self.said):
            self.said.append((kind, sentence))
            if self.tell:
                self.tell(f"MatchWatch, step {self.steps}: {sentence}")

    def recording(self):
        """What `write_recording` takes: arrays by name, and a dict of plain values.

        At most 26 tokens are kept, those that own most; the recorded matches are those among them.
        """
        targets = self._targets()
        stacked = {
            name: torch.stack([frame[name] for frame in self._frames])
            for name in ("logits", "boxes", "owners")
        }
        owned = (stacked["owners"] >= 0).sum((0, 1))  # (N,)
        tokens = owned.argsort(descending=True, stable=True)[:MOST_TOKENS].sort().values
        logits, boxes = (
            self._softmax(stacked["logits"][:, :, tokens].float()),
            stacked["boxes"][:, :, tokens],
        )
        owners = [self._owners_among(tokens, frame, targets) for frame in self._frames]
        # The last look has none after it.
        after = [frame.get("owners_after", frame["owners"])[:, tokens] for frame in self._frames]
        arrays = {
            "step": np.array([frame["step"] for frame in self._frames]),
            "logits": logits.numpy(),
            "boxes": boxes.numpy(),
            "owners": torch.stack(owners).numpy().astype(np.int8),
            "owners_after": torch.stack(after).numpy().astype(np.int8),
            "target_counts": np.array([len(target["boxes"]) for target in targets], np.int8),
            "target_labels": torch.cat([target["class_labels"] for target in targets]).numpy(),
            "target_boxes": torch.cat([target["boxes"] for target in targets]).numpy(),
            "pictures": pictures(self.batch[0]["pixel_values"]),
            "first_losses": np.array(self.losses.get("loss", [])[:FIRST_STEPS]),
        }
        arrays |= self._curves() | self._evaluations(logits, boxes, targets)
        names = {int(key): str(value) for key, value in self.model.config.id2label.items()}
        return arrays, {
            "tokens": tokens.tolist(),
            "labels": names,
            "said": [sentence for _, sentence in self.said],
        }

    def _owners_among(self, tokens, frame, targets):
        """The owners of one look, matched again if a token that is not kept had a target."""
        owners = frame["owners"][:, tokens]
        if (owners >= 0).sum() == (frame["owners"] >= 0).sum():
            return owners
        outputs = {
            "logits": frame["logits"][:, tokens].float(),
            "pred_boxes": frame["boxes"][:, tokens],
        }
        return _owners(self.criterion.matcher(outputs, targets), outputs)

    def _curves(self):
        """Means of the terms over a few steps each."""
        width = max(1, math.ceil(self.steps / MOST_CURVE))
        rows = {**self.losses, "grad_norm": self.grad_norm}
        rows = {name: np.array(values, np.float32) for name, values in rows.items()}
        count = min(len(values) for values in rows.values()) // width * width
        curves = {
            f"curve_{name}": values[:count].reshape(-1, width).mean(1)
            for name, values in rows.items()
        }
        curves["curve_step"] = np.arange(width, count + 1, width, dtype=np.float32)
        curves["curve_eos_coef"] = np.full(
            len(curves["curve_step"]), self.criterion.eos_coef, np.float32
        )
        return curves

    def _evaluations(self, logits, boxes, targets):
        """AP and set quality on the fixed images, at each look."""
        height, width = self.batch[0]["pixel_values"].shape[-2:]
        annotations = [_annotations(target, width, height) for target in targets]
        rows = []
        for frame, *said in zip(self._frames, logits, boxes):
            found = decode(
                dict(zip(("logits", "pred_boxes"), said)), [(width, height)] * len(targets)
            )
            rows.append({"step": frame["step"], **summarize(found, annotations)})
        return {
            f"evaluation_{name}": np.array([row[name] for row in rows], np.float32)
            for name in rows[0]
        }


def criterion_of(model):
    """The `SetCriterion` that a model's loss is, or would be if ours replaced it.

    ValueError for another model.
    """
    config = model.config
    loss = getattr(model, "loss_function", None)
    if not hasattr(loss, "criterion"):
        loss = (
            as_focal_transformers_loss()
            if hasattr(config, "focal_alpha")
            else as_transformers_loss()
        )
        columns = config.num_labels + (not hasattr(config, "focal_alpha"))
        loss.refuse(config, torch.zeros(1, 1, columns), None)
    return loss.criterion(config)


def gradient_norm(weights):
    """The length of the whole gradient, a tensor: no value is read."""
    gradients = [weight.grad for weight in weights if weight.grad is not None]
    return torch.stack(torch._foreach_norm(gradients)).norm() if gradients else torch.zeros(())


def pictures(pixel_values):
    """Normalised images (B, 3, H, W) as small pictures to look at, (B, h, w, 3) uint8, each
    stretched to its range.
    """
    shrink = max(1, math.ceil(max(pixel_values.shape[-2:]) / PICTURE))
    small = torch.nn.functional.avg_pool2d(pixel_values.detach().float().cpu(), shrink)
    low, high = small.amin((1, 2, 3), keepdim=True), small.amax((1, 2, 3), keepdim=True)
    return (
        ((small - low) / (high - low).clamp(min=1e-6) * 255)
        .round()
        .byte()
        .permute(0, 2, 3, 1)
        .numpy()
    )


def summary_writer(folder):
    """TensorBoard's writer, or None where it is not installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(folder))


def _owners(pairs, outputs):
    """The target of each guess, or -1: (B, N)."""
    owners = torch.full(outputs["logits"].shape[:2], -1)
    for image, (prediction, target) in enumerate(pairs):
        owners[image, prediction] = target
    return owners


def _annotations(target, width, height):
    boxes = target["boxes"] * torch.tensor([width, height] * 2)
    boxes[:, :2] -= boxes[:, 2:] / 2
    things = zip(boxes.tolist(), target["class_labels"].tolist())
    return [
        {"id": n, "bbox": box, "category_id": label, "iscrowd": 0, "area": box[2] * box[3]}
        for n, (box, label) in enumerate(things, start=1)
    ]
