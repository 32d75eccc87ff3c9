"""Train mini-YOLOS from nothing: the ViT first as a classifier, then as a detector; `python -m helpers.training`.

A run is a folder with one checkpoint, written aside and renamed, so that a run killed at any moment goes on from its
last whole checkpoint. What step s sees follows from the seed and s alone; no generator state is kept.
"""

import argparse
import dataclasses
import os
import sys
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from helpers.evaluation import detections, summarize
from helpers.loss import SetCriterion
from helpers.matcher import HungarianMatcher
from helpers.recording import MATCH_SCENES, Recorder, recorded_steps
from helpers.scene_arrays import SceneArrays
from helpers.scenes import IMAGE_SIZE, NUM_CLASSES, HandwrittenScenes, running_example
from helpers.targets import validate_targets

CURVE_EVERY = 50
CHECKPOINT_EVERY = 250  # a multiple of CURVE_EVERY: a resumed run has the same curves
MOST_SKIPS = 10
EVALUATION_SCENES = 200
IMAGE_MEAN, IMAGE_STD = 0.8, 0.25


@dataclasses.dataclass
class Recipe:
    """Everything that decides a run."""

    hidden_size: int = 96
    layers: int = 5
    num_detection_tokens: int = 12
    classifier_steps: int = 3000
    classifier_scenes: int = 20_000
    detection_steps: int = 16_000
    detection_scenes: int = 40_000
    batch_size: int = 64  # per process
    learning_rate: float = 1e-3
    weight_decay: float = 1e-4
    warm_up: float = 0.15  # share of the steps
    clip: float = 1.0
    eos_coef: float = 0.1  # DETR's, until the network finds objects
    final_eos_coef: float = 1.0  # then 1: with 12 tokens there is no flood of no-object to hold back
    final_from: float = 0.6  # share of the steps
    seed: int = 0
    keep_steps: tuple = (1000, 5000)  # early weights to ship; the last of them with its optimiser

    def eos_coef_at(self, step):
        return self.final_eos_coef if step >= self.final_from * self.detection_steps else self.eos_coef


def build_model(recipe):
    """A `YolosForObjectDetection` with fresh weights (deterministic for a seed)."""
    from transformers import YolosConfig, YolosForObjectDetection

    torch.manual_seed(recipe.seed)
    config = YolosConfig(
        hidden_size=recipe.hidden_size,
        num_hidden_layers=recipe.layers,
        num_attention_heads=4,
        intermediate_size=2 * recipe.hidden_size,
        image_size=[IMAGE_SIZE, IMAGE_SIZE],
        patch_size=16,
        num_detection_tokens=recipe.num_detection_tokens,
        use_mid_position_embeddings=False,
        eos_coefficient=recipe.final_eos_coef,
        id2label={digit: str(digit) for digit in range(NUM_CLASSES)},
        label2id={str(digit): digit for digit in range(NUM_CLASSES)},
    )
    model = YolosForObjectDetection(config)
    embeddings = model.vit.embeddings
    for parameter in (embeddings.cls_token, embeddings.detection_tokens, embeddings.position_embeddings):
        # transformers leaves these at zero, and identical tokens can never part.
        nn.init.trunc_normal_(parameter, std=0.02)
    return model


@torch.no_grad()
def renew_detection_tokens(model):
    """Fresh detection tokens and positions for them: YOLOS adds these to a ViT that was trained without."""
    embeddings, count = model.vit.embeddings, model.config.num_detection_tokens
    nn.init.trunc_normal_(embeddings.detection_tokens, std=0.02)
    nn.init.trunc_normal_(embeddings.position_embeddings[:, -count:], std=0.02)


def build_image_processor():
    """The image processor of the scenes: 128 x 128, light paper becomes about 0."""
    from transformers import YolosImageProcessorPil

    size = {"height": IMAGE_SIZE, "width": IMAGE_SIZE}
    return YolosImageProcessorPil(size=size, image_mean=[IMAGE_MEAN] * 3, image_std=[IMAGE_STD] * 3)


class Classifier(nn.Module):
    """The detector's ViT with a linear layer on [CLS]: the first stage."""

    def __init__(self, vit, hidden_size):
        super().__init__()
        self.vit, self.head = vit, nn.Linear(hidden_size, NUM_CLASSES)

    def forward(self, pixel_values):
        return self.head(self.vit(pixel_values).last_hidden_state[:, 0])


class Stage:
    """One optimisation: batches, a one-cycle learning rate, skipped bad steps, a checkpoint."""

    def __init__(self, name, model, recipe, total, folder, accelerator):
        self.name, self.recipe, self.total, self.accelerator = name, recipe, total, accelerator
        self.path = folder / f"{name}.pt"
        optimizer = torch.optim.AdamW(model.parameters(), recipe.learning_rate, weight_decay=recipe.weight_decay, fused=True)
        self.model, self.optimizer = accelerator.prepare(model, optimizer)
        self.scheduler = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, recipe.learning_rate, total_steps=total, pct_start=recipe.warm_up
        )
        self.step, self.skipped, self.skipped_in_a_row = 0, 0, 0

    def batch(self, length):
        """The scenes of this step and this process: the same whatever happened before."""
        total = self.recipe.batch_size * self.accelerator.num_processes
        chosen = np.random.default_rng([self.recipe.seed, self.step]).integers(length, size=total)
        first = self.accelerator.process_index * self.recipe.batch_size
        return np.sort(chosen[first : first + self.recipe.batch_size])

    def update(self, loss):
        """One step down the loss; a step whose loss is not finite is skipped, ten in a row end the run."""
        self.optimizer.zero_grad()
        finite = torch.isfinite(loss.detach()).float()
        if self.accelerator.num_processes > 1:
            finite = self.accelerator.reduce(finite, "sum") / self.accelerator.num_processes
        if finite == 1:
            self.accelerator.backward(loss)
            self.accelerator.clip_grad_norm_(self.model.parameters(), self.recipe.clip)
            self.optimizer.step()
            self.skipped_in_a_row = 0
        else:
            self.skipped += 1
            self.skipped_in_a_row += 1
            if self.skipped_in_a_row == MOST_SKIPS:
                raise RuntimeError(
                    f"The loss was not finite {MOST_SKIPS} steps in a row, up to step {self.step}; "
                    "lower the learning rate, or run validate_targets on the data."
                )
        self.scheduler.step()
        self.step += 1

    def save(self, **more):
        """Write the checkpoint aside, then rename it: there is never half a file under the name."""
        if not self.accelerator.is_main_process:
            return
        state = {
            "step": self.step,
            "skipped": self.skipped,
            "model": self.accelerator.unwrap_model(self.model).state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scheduler": self.scheduler.state_dict(),
            **more,
        }
        aside = self.path.with_suffix(".part")
        torch.save(state, aside)
        os.replace(aside, self.path)

    def resume(self):
        """Go on from the checkpoint, if there is one; returns what it holds."""
        if not self.path.exists():
            return {}
        state = read_checkpoint(self.path)
        self.accelerator.unwrap_model(self.model).load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.scheduler.load_state_dict(state["scheduler"])
        self.step, self.skipped = state["step"], state["skipped"]
        return state


def read_checkpoint(path):
    """A checkpoint's state: tensors and plain values only. ValueError if the file is foreign or cut short."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        return state if "step" in state else {}["step"]
    except Exception as error:
        raise ValueError(
            f"{path} is no checkpoint of this training, or is cut short ({type(error).__name__}); delete it to start anew."
        ) from None


def train_classifier(recipe, model, folder, accelerator, data_folder):
    """Stage one: which digit is in the picture, read from [CLS]. Changes the model's ViT in place."""
    arrays = SceneArrays(HandwrittenScenes("train", recipe.classifier_scenes, recipe.seed, objects=(1, 1)), data_folder)
    torch.manual_seed(recipe.seed)
    classifier = Classifier(model.vit, recipe.hidden_size)
    stage = Stage("classifier", classifier, recipe, recipe.classifier_steps, folder, accelerator)
    stage.resume()
    running = Running()
    for step in progress(stage, "classifier"):
        indices = stage.batch(len(arrays))
        pixel_values = arrays.pixel_values(indices, IMAGE_MEAN, IMAGE_STD).to(accelerator.device)
        labels = torch.from_numpy(arrays.labels[indices, 0]).to(accelerator.device)
        logits = stage.model(pixel_values)
        loss = F.cross_entropy(logits, labels)
        stage.update(loss)
        running.add({"loss": loss.detach(), "accuracy": (logits.argmax(-1) == labels).float().mean()})
        if stage.step % CHECKPOINT_EVERY == 0 or stage.step == stage.total:
            log(accelerator, stage.step, running.means())
            stage.save()
    return accelerator.unwrap_model(stage.model)


def train_detector(recipe, model, folder, accelerator, data_folder):
    """Stage two: detection with the set-prediction loss. Returns the recorder."""
    arrays = SceneArrays(HandwrittenScenes("train", recipe.detection_scenes, recipe.seed), data_folder)
    validate_targets(arrays.targets(range(len(arrays))), NUM_CLASSES)
    stage = Stage("detector", model, recipe, recipe.detection_steps, folder, accelerator)
    recorder = build_recorder(recipe, accelerator.device)
    held_out = held_out_scenes()
    state = stage.resume()
    if state:
        recorder.restore(state["recording"])
    criterion = SetCriterion(HungarianMatcher(), NUM_CLASSES)
    running = Running()
    plain = accelerator.unwrap_model(stage.model)
    for step in progress(stage, "detector"):
        observe(step, plain, recorder, held_out, accelerator)
        criterion.eos_coef = recipe.eos_coef_at(step)
        indices = stage.batch(len(arrays))
        outputs = stage.model(arrays.pixel_values(indices, IMAGE_MEAN, IMAGE_STD).to(accelerator.device))
        targets = [{k: v.to(accelerator.device) for k, v in t.items()} for t in arrays.targets(indices)]
        losses = criterion({"logits": outputs.logits, "pred_boxes": outputs.pred_boxes}, targets)
        total = criterion.total(losses)
        stage.update(total)
        running.add({"loss": total.detach(), **{name: value.detach() for name, value in losses.items()}})
        if stage.step % CURVE_EVERY == 0:
            recorder.add_losses(stage.step, {**running.means(), "eos_coef": criterion.eos_coef})
        if stage.step % CHECKPOINT_EVERY == 0 or stage.step == stage.total:
            log(accelerator, stage.step, recorder.curves[-1] if recorder.curves else {})
            stage.save(recording=recorder.state())
        if stage.step in recipe.keep_steps:
            keep_early_weights(stage, folder, with_optimizer=stage.step == recipe.keep_steps[-1])
    observe(stage.step, plain, recorder, held_out, accelerator)
    return recorder


def observe(step, model, recorder, held_out, accelerator):
    """Before step `step`: record the fixed scenes and measure on held-out ones, where the recording wants it."""
    if not accelerator.is_main_process or not recorder.wants(step):
        return
    if any(frame["step"] == step for frame in recorder.frames):
        return  # resumed from a checkpoint taken right here
    model.eval()
    recorder.record(step, model)
    if step in recorder.steps:
        pixel_values, annotations = held_out
        measures = summarize(detections(model, pixel_values, [(IMAGE_SIZE, IMAGE_SIZE)] * len(annotations)), annotations)
        recorder.add_evaluation(step, measures)
        log(accelerator, step, measures)
    model.train()


def held_out_scenes():
    """Scenes of unseen digits for the curves: pixel values and annotations. (`make evaluate` uses others.)"""
    scenes = HandwrittenScenes("test", EVALUATION_SCENES, seed=1)
    arrays = SceneArrays(scenes)
    annotations = [scenes[i][1]["annotations"] for i in range(len(scenes))]
    return arrays.pixel_values(range(len(scenes)), IMAGE_MEAN, IMAGE_STD), annotations


def build_recorder(recipe, device):
    """A recorder of the running example and 63 other scenes of unseen digits."""
    example = running_example()
    scenes = HandwrittenScenes("test", MATCH_SCENES, seed=2)
    fixed = _Sequence([example, *(scenes[i] for i in range(1, MATCH_SCENES))], scenes)
    arrays = SceneArrays(fixed)
    pixel_values = arrays.pixel_values(range(MATCH_SCENES), IMAGE_MEAN, IMAGE_STD).to(device)
    targets = arrays.targets(range(MATCH_SCENES))
    return Recorder(recorded_steps(recipe.detection_steps), pixel_values, targets, HungarianMatcher())


class _Sequence(list):
    """A list of scenes that stands in for a `HandwrittenScenes`."""

    def __init__(self, items, scenes):
        super().__init__(items)
        self.split, self.seed, self.objects = scenes.split, scenes.seed, scenes.objects


class Running:
    """Means of scalars since the last look."""

    def __init__(self):
        self.sums, self.count = {}, 0

    def add(self, values):
        for name, value in values.items():
            self.sums[name] = self.sums.get(name, 0) + value
        self.count += 1

    def means(self):
        means = {name: float(value) / self.count for name, value in self.sums.items()}
        self.__init__()
        return means


def progress(stage, name):
    """Count the remaining steps, with a bar that stays quiet in a log file."""
    from tqdm import tqdm

    quiet = not sys.stderr.isatty()
    return tqdm(
        range(stage.step, stage.total),
        desc=name,
        initial=stage.step,
        total=stage.total,
        mininterval=60 if quiet else 0.5,
        disable=not stage.accelerator.is_main_process,
    )


def log(accelerator, step, values):
    if accelerator.is_main_process:
        print(step, " ".join(f"{name} {value:.4f}" for name, value in values.items()), flush=True)


def keep_early_weights(stage, folder, with_optimizer):
    """Early weights in half precision, with the optimiser's two moments in bfloat16 where asked."""
    from safetensors.torch import save_file

    if not stage.accelerator.is_main_process:
        return
    model = stage.accelerator.unwrap_model(stage.model)
    weights = {name: value.half().contiguous() for name, value in model.state_dict().items()}
    save_file(weights, folder / f"step-{stage.step}.safetensors", metadata={"format": "pt", "step": str(stage.step)})
    if with_optimizer:
        states = [stage.optimizer.state[parameter] for parameter in model.parameters()]
        moments = {
            key: torch.cat([state[key].flatten() for state in states]).bfloat16() for key in ("exp_avg", "exp_avg_sq")
        }
        path = folder / f"step-{stage.step}-optimizer.safetensors"
        save_file(moments, path, metadata={"format": "pt", "step": str(stage.step)})


def train(recipe, folder, data_folder):
    """Both stages, in `folder`; leaves `model/` with the final weights, and the recording."""
    from accelerate import Accelerator
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    accelerator = Accelerator()
    started = time.time()
    model = build_model(recipe)
    if recipe.classifier_steps:
        classifier = train_classifier(recipe, model, folder, accelerator, data_folder)
        weights = {name: value.half().contiguous() for name, value in classifier.state_dict().items()}
        save_file(weights, folder / "classifier.safetensors", metadata={"format": "pt"})
        renew_detection_tokens(model)
    recorder = train_detector(recipe, model, folder, accelerator, data_folder)
    if accelerator.is_main_process:
        minutes = (time.time() - started) / 60
        model = accelerator.unwrap_model(model)
        model.save_pretrained(folder / "model")
        build_image_processor().save_pretrained(folder / "model")
        recorder.save(folder / "recording.npz", recipe=dataclasses.asdict(recipe), minutes=round(minutes, 1))
        print(f"done in {minutes:.1f} minutes", flush=True)


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=Path("runs/mini-yolos"), help="where the run lives")
    parser.add_argument("--data", type=Path, default=Path("runs/data"), help="where rendered scenes are kept")
    for field in dataclasses.fields(Recipe):
        if field.type in (int, float):
            parser.add_argument("--" + field.name.replace("_", "-"), type=field.type, default=field.default)
    options = vars(parser.parse_args(arguments))
    folder, data_folder = options.pop("folder"), options.pop("data")
    train(Recipe(**options), folder, data_folder)


if __name__ == "__main__":
    main()
