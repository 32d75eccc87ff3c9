"""Train mini-YOLOS from nothing: the ViT first as a classifier, then as a detector; `python -m
helpers.training`.
"""

import argparse
import dataclasses
import functools
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from helpers.detector import decode, detections, look_at, weights_folder
from helpers.evaluation import summarize, suppress_duplicates
from helpers.loss import SetCriterion
from helpers.matcher import HungarianMatcher
from helpers.scenes import NUM_CLASSES, running_example
from helpers.targets import validate_targets
from helpers.training import ablations
from helpers.training.arrays import SceneArrays
from helpers.training.decoders import RUNS
from helpers.training.plain_scenes import make_plain
from helpers.training.recipe import (
    PATCHES,
    Recipe,
    begin_as_class_token,
    build_image_processor,
    build_model,
    renew_detection_tokens,
)
from helpers.training.recording import (
    MATCH_SCENES,
    Recorder,
    load_recording,
    recorded_steps,
    write_recording,
)
from helpers.training.stage import (
    Running,
    Stage,
    keep_recipe,
    keep_weights,
    progress,
    readable,
    replace_whole,
)

CURVE_EVERY = 50
CHECKPOINT_EVERY = 250  # a multiple of CURVE_EVERY: a resumed run has the same curves
EVALUATION_SCENES = 200
ABLATION_RECORDS, ABLATION_TEST_SCENES = 12, 1000
AT_ONCE = 100  # scenes that a finished run is measured on together
QUICK = {  # a few scenes by heart
    "classifier_steps": 0,
    "detection_scenes": 8,
    "batch_size": 8,
    "detection_steps": 600,
    "second_steps": 0,
}


class Classifier(nn.Module):
    """The detector's ViT with a linear layer on [CLS], for the first stage."""

    def __init__(self, vit, hidden_size):
        super().__init__()
        self.vit, self.head = vit, nn.Linear(hidden_size, NUM_CLASSES)

    def forward(self, pixel_values):
        return self.head(self.vit(pixel_values).last_hidden_state[:, 0])


def build_accelerator():
    """The processes of this run, of which there are as many as were started."""
    from accelerate import Accelerator

    started = int(os.environ.get("WORLD_SIZE", 1))
    # Without a GPU, accelerate takes each of several processes for a run of its own unless it is
    # told.
    accelerator = Accelerator(cpu=started > 1 and not torch.cuda.is_available())
    if accelerator.num_processes != started:
        raise RuntimeError(
            f"{started} processes were started, but they see {accelerator.num_processes}"
        )
    return accelerator


def train_classifier(recipe, model, folder, accelerator, data_folder):
    """The first stage: which digit is in the picture, read from [CLS].

    Changes the model's ViT in place.
    """
    arrays = SceneArrays(
        recipe.build_scenes("train", recipe.classifier_scenes, recipe.seed, objects=(1, 1)),
        data_folder,
    )
    torch.manual_seed(recipe.seed)
    classifier = Classifier(model.vit, recipe.hidden_size)
    stage = Stage("classifier", classifier, recipe, recipe.classifier_steps, folder, accelerator)
    stage.resume()
    running = Running()
    for _ in progress(stage):
        indices = stage.batch(len(arrays))
        pixel_values = arrays.pixel_values(indices, *recipe.normalization).to(accelerator.device)
        labels = torch.from_numpy(arrays.labels[indices, 0]).to(accelerator.device)
        logits = stage.model(pixel_values)
        loss = F.cross_entropy(logits, labels)
        stage.update(loss)
        running.add(
            {"loss": loss.detach(), "accuracy": (logits.argmax(-1) == labels).float().mean()}
        )
        if stage.step % CHECKPOINT_EVERY == 0 or stage.step == stage.total:
            accelerator.print(stage.step, readable(running.means()), flush=True)
            stage.save()
    return accelerator.unwrap_model(stage.model)


def step_losses(stage, criterion, pixel_values, targets):
    """What a step goes down: the weighted sum, and the terms by name."""
    said = stage.model(pixel_values)
    outputs = {"logits": said.logits, "pred_boxes": said.pred_boxes}
    if said.auxiliary_outputs:
        outputs["auxiliary_outputs"] = said.auxiliary_outputs
    losses = criterion(outputs, targets)
    return criterion.total(losses), losses


@dataclasses.dataclass
class Run:
    """What all stages of detection share: where files lie, who computes, the loss, and who looks
    on.

    `held_out` are pixel values and annotations of unseen scenes, or None where nothing is measured.
    `view` makes of the scenes what is trained on; `losses` is what a step goes down: `step_losses`
    or another of its kind.
    """

    folder: Path
    data_folder: Path
    accelerator: object
    criterion: object
    recorder: Recorder
    held_out: tuple | None = None
    view: Callable = lambda arrays: arrays
    losses: Callable = step_losses


def train_detector(run, recipe, model):
    """Detection with the set-prediction loss, in one stage or two."""
    plain = run.accelerator.unwrap_model(model)
    for name, start, part in recipe.detection_stages():
        train_stage(run, part, model, name, start)
    observe(run, start + part.detection_steps, plain)


def train_stage(run, recipe, model, name, start):
    """One stage of detection, which `start` steps came before."""
    accelerator, recorder = run.accelerator, run.recorder
    arrays = SceneArrays(
        recipe.build_scenes("train", recipe.detection_scenes, recipe.seed), run.data_folder
    )
    validate_targets(arrays.targets(range(len(arrays))), NUM_CLASSES)
    arrays = run.view(arrays)
    stage = Stage(name, model, recipe, recipe.detection_steps, run.folder, accelerator)
    if state := stage.resume():
        recorder.restore(state["recording"])
    running = Running()
    plain = accelerator.unwrap_model(stage.model)
    for step in progress(stage):
        observe(run, start + step, plain)
        run.criterion.eos_coef = recipe.eos_coef_at(step)
        losses = set_losses(run, stage, arrays)
        recorder.add_loss(losses["loss"])
        running.add(losses)
        if stage.step % CURVE_EVERY == 0:
            means = {**running.means(accelerator), "eos_coef": run.criterion.eos_coef}
            recorder.add_losses(start + stage.step, means)
        if stage.step in recipe.keep_steps:  # before the checkpoint: a resumed run starts behind it
            keep_early_weights(
                stage, run.folder, with_optimizer=stage.step == recipe.keep_optimizer
            )
        if stage.step % CHECKPOINT_EVERY == 0 or stage.step == stage.total:
            accelerator.print(
                start + stage.step,
                readable(recorder.curves[-1] if recorder.curves else {}),
                flush=True,
            )
            stage.save(recording=recorder.state())


def set_losses(run, stage, arrays):
    """One step down the set-prediction loss: the weighted sum, "loss", and its terms, without
    gradients.
    """
    indices, device = stage.batch(len(arrays)), run.accelerator.device
    pixel_values = arrays.pixel_values(indices, *stage.recipe.normalization).to(device)
    targets = [
        {name: value.to(device) for name, value in target.items()}
        for target in arrays.targets(indices)
    ]
    total, losses = run.losses(stage, run.criterion, pixel_values, targets)
    stage.update(total)
    return {"loss": total.detach(), **{name: value.detach() for name, value in losses.items()}}


def observe(run, step, model):
    """Before step `step`: record the fixed scenes and measure on held-out ones, where the recording
    wants it.
    """
    if not run.accelerator.is_main_process or not run.recorder.wants(step):
        return
    model.eval()
    run.recorder.record(step, model)
    if step in run.recorder.steps:
        pixel_values, annotations = run.held_out
        side = pixel_values.shape[-1]
        measures = summarize(
            detections(model, pixel_values, [(side, side)] * len(annotations)), annotations
        )
        run.recorder.add_evaluation(step, measures)
        run.accelerator.print(step, readable(measures), flush=True)
    model.train()


def held_out_scenes(recipe):
    """Scenes of unseen digits for the curves: pixel values and annotations.

    (`make evaluate` uses others.)
    """
    scenes = recipe.build_scenes("test", EVALUATION_SCENES, seed=1)
    arrays = SceneArrays(scenes)
    annotations = [scenes[i][1]["annotations"] for i in range(len(scenes))]
    return arrays.pixel_values(range(len(scenes)), *recipe.normalization), annotations


def build_recorder(recipe, device, steps):
    """A recorder of the running example and 63 other scenes of unseen digits."""
    scenes = recipe.build_scenes("test", MATCH_SCENES, seed=2)
    first = make_plain(*running_example()) if recipe.plain else running_example()
    arrays = SceneArrays([first, *(scenes[i] for i in range(1, MATCH_SCENES))])
    pixel_values = arrays.pixel_values(range(MATCH_SCENES), *recipe.normalization).to(device)
    targets = arrays.targets(range(MATCH_SCENES))
    return Recorder(steps, pixel_values, targets, HungarianMatcher())


def keep_early_weights(stage, folder, with_optimizer):
    """Early weights in half precision, with the two moments of AdamW's parameters in bfloat16 where
    asked.
    """
    from safetensors.torch import save_file

    model, about = stage.accelerator.unwrap_model(stage.model), {"step": str(stage.step)}
    keep_weights(folder / f"step-{stage.step}.safetensors", model, stage.accelerator, **about)
    if with_optimizer and stage.accelerator.is_main_process:
        adamw, *_ = stage.optimizers
        states = [
            adamw.state[parameter] for parameter in model.parameters() if parameter in adamw.state
        ]
        moments = {
            key: torch.cat([state[key].flatten() for state in states]).bfloat16()
            for key in ("exp_avg", "exp_avg_sq")
        }
        path = folder / f"step-{stage.step}-optimizer.safetensors"
        replace_whole(
            path, lambda aside: save_file(moments, aside, metadata={"format": "pt", **about})
        )


def facts_of(recipe, criterion, recorder, accelerator):
    """All that decides a run, as plain values by name: the recipe, the processes, the steps
    recorded and the loss.
    """
    matcher = getattr(criterion, "matcher", None)
    facts = {
        "processes": accelerator.num_processes,
        "recorded_steps": [int(step) for step in sorted(recorder.steps)],
    }
    for part, names in (
        (criterion, ("losses", "weights", "terms", "global_class_normalizer")),
        (matcher, ("class_cost", "bbox_cost", "giou_cost", "costs", "assign")),
    ):
        facts |= {name: _plain(getattr(part, name)) for name in names if hasattr(part, name)}
    return {
        **_plain(dataclasses.asdict(recipe)),
        **facts,
        "loss": _plain(criterion),
        "matcher": _plain(matcher),
    }


def _plain(value):
    """Numbers, strings and lists as they are; a dict, or the fields of a dataclass, by name; all
    else by its name.
    """
    if isinstance(value, (np.ndarray, np.generic, torch.Tensor)):
        value = value.tolist()
    if isinstance(value, dict):
        return {str(name): _plain(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, functools.partial):
        return [_plain(part) for part in (value.func, value.args, value.keywords)]
    name = getattr(value, "__qualname__", type(value).__qualname__)
    if (
        dataclasses.is_dataclass(value)
        and not isinstance(value, type)
        and (fields := dataclasses.fields(value))
    ):
        return {"name": name} | {field.name: _plain(getattr(value, field.name)) for field in fields}
    return name


def train(recipe, folder, data_folder, criterion=None, recorded=None, model=None, **more):
    """All stages, in `folder`; leaves `model/` with the final weights, and the recording.

    Returns the model.

    Args: criterion: another loss than `SetCriterion` with its `HungarianMatcher`; recorded: other
    steps to record;
    model: a model that has been a classifier already; more: `view` and `losses` of a `Run`.
        ValueError where the folder holds a run of another recipe.

    Several processes (`python -m torch.distributed.run --nproc-per-node 2 -m helpers.training`)
    share a batch of `batch_size` scenes each. If the criterion has the `global_class_normalizer`,
    they take the very steps that one process would take with the whole batch; else, as in the
    reference, each divides its cross-entropy by its own weights."""
    folder.mkdir(parents=True, exist_ok=True)
    accelerator = build_accelerator()
    criterion = criterion or SetCriterion(HungarianMatcher(), NUM_CLASSES)
    steps = recorded or recorded_steps(recipe.detection_steps, recipe.second_steps)
    recorder = build_recorder(recipe, accelerator.device, steps)
    keep_recipe(folder, facts_of(recipe, criterion, recorder, accelerator), accelerator)
    if model is None:
        model = build_model(recipe)
        if recipe.classifier_steps:
            classifier = train_classifier(recipe, model, folder, accelerator, data_folder)
            keep_weights(folder / "classifier.safetensors", classifier, accelerator)
            renew_detection_tokens(model)
    held_out = held_out_scenes(recipe)
    run = Run(folder, data_folder, accelerator, criterion, recorder, held_out, **more)
    train_detector(run, recipe, model)
    model = accelerator.unwrap_model(model)
    if accelerator.is_main_process:
        model.save_pretrained(folder / "model")
        build_image_processor(recipe).save_pretrained(folder / "model")
        recorder.save(folder / "recording.npz", recipe=dataclasses.asdict(recipe))
        print(f"done in {recorder.minutes():.1f} minutes", flush=True)
    # A process that exits with its group open, or held by a wrapped model, may be aborted on the
    # way.
    accelerator.free_memory()
    accelerator.end_training()
    return model


def train_ablation(name, folder, data_folder):
    """Train one run of `ablations` or `decoders` and leave its small recording in `folder`,
    `NAME.npz`, with its measures, and its weights in half precision, `NAME.safetensors`.

    It begins with the shipped classifier of its seed; where none is shipped, one is trained beside
    `folder`. So it is with the finished detector of another run that it may need."""
    ablation = RUNS[name]
    recipe = ablation.whole_recipe()
    every = max(recipe.detection_steps // ABLATION_RECORDS, 1)
    steps = range(0, recipe.detection_steps + 1, every)
    lender = ablation.lender and finished(ablation.lender, folder.parent, data_folder)
    model = beginner(name, folder.parent, data_folder, lender)
    more = ablation.task(lender, recipe)
    model = train(recipe, folder, data_folder, ablation.criterion(), steps, model, **more).eval()
    keep_weights(folder / f"{name}.safetensors", model, build_accelerator())
    recording = load_recording(folder / "recording.npz")
    scenes = [*recipe.build_scenes("test", ABLATION_TEST_SCENES, seed=0)]
    measures = measured(model, build_image_processor(recipe), scenes)
    about = recording.pop("about") | {"ablation": name} | measures
    for frames in ("step", "logits", "boxes", "owners", "owners_after"):
        # the first and the last; the curves are whole
        recording[frames] = recording[frames][[0, -1]]
    write_recording(folder / f"{name}.npz", recording, about)


def beginner(name, folder, data_folder, lender=None):
    """The model of a run before its first step; `folder` is where other runs lie."""
    ablation = RUNS[name]
    recipe = ablation.whole_recipe()
    if ablation.model:
        return ablation.model(lender, recipe)
    shipped, backbone = weights_folder("ablations"), f"backbone-{recipe.seed}"
    is_shipped = (shipped / f"{backbone}.safetensors").exists()
    model = with_backbone(recipe, shipped if is_shipped else folder / backbone, data_folder)
    ablation.prepare(model)
    return model


def finished(name, folder, data_folder):
    """The detector that a run ended with, as it is shipped; else trained in `folder`, if it is not
    there yet.
    """
    from safetensors.torch import load_file

    path = weights_folder("ablations") / f"{name}.safetensors"
    if not path.exists():
        path = folder / name / f"{name}.safetensors"
        if not path.exists():
            train_ablation(name, folder / name, data_folder)
    model = build_model(RUNS[name].whole_recipe())
    model.load_state_dict(load_file(path))
    RUNS[name].prepare(model)
    return model.eval()


def measured(model, image_processor, scenes):
    """The measures of a finished run on scenes, with and without suppression; of a `SmallDetr`
    those of each layer, too.
    """
    layers = len(model.decoder.layers) if hasattr(model, "decoder") else 1
    images, annotations = zip(*scenes)
    things = [annotation["annotations"] for annotation in annotations]
    by_layer = []
    for model.depth in range(layers):
        found = []
        for start in range(0, len(images), AT_ONCE):
            some = images[start : start + AT_ONCE]
            outputs = look_at(model, image_processor, some)
            found += decode(outputs, [image.size for image in some])
        left = [suppress_duplicates(one) for one in found]
        measures = {"measures": found, "measures_suppressed": left}
        by_layer.append({name: summarize(each, things) for name, each in measures.items()})
    return by_layer[-1] | ({"layers": by_layer} if layers > 1 else {})


def with_backbone(recipe, folder, data_folder):
    """An ablation's model at the start of detection.

    All runs of a seed begin with one classifier, trained once.
    """
    from safetensors.torch import load_file

    model = build_model(recipe)
    if recipe.classifier_steps:
        path = folder / f"backbone-{recipe.seed}.safetensors"
        train_backbone(dataclasses.replace(ablations.BASELINE, seed=recipe.seed), path, data_folder)
        # in half precision, as they are shipped
        weights, name = load_file(path), "embeddings.position_embeddings"
        places = model.vit.state_dict()[name]
        # there may be fewer or more tokens
        places[:, : 1 + PATCHES**2] = weights[name][:, : 1 + PATCHES**2]
        weights |= {
            name: places,
            "embeddings.detection_tokens": model.vit.embeddings.detection_tokens.data,
        }
        model.vit.load_state_dict(weights)
    begin_as_class_token(model, recipe.seed)
    return model


def train_backbone(recipe, path, data_folder):
    """Train the classifier of a recipe and leave its ViT in a file, unless it is there (of this
    recipe, or shipped).
    """
    if path.exists() and not path.with_name("recipe.json").exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    accelerator = build_accelerator()
    keep_recipe(path.parent, dataclasses.asdict(recipe), accelerator)
    if not path.exists():
        classifier = train_classifier(
            recipe, build_model(recipe), path.parent, accelerator, data_folder
        )
        keep_weights(path, classifier.vit, accelerator)


def main(arguments=None):
    """Read the command line and train."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--folder", type=Path, help="where the run lives; default runs/mini-yolos, or runs/quick"
    )
    parser.add_argument(
        "--data", type=Path, default=Path("runs/data"), help="where rendered scenes are kept"
    )
    parser.add_argument(
        "--quick", action="store_true", help="a minute of detection: eight scenes by heart"
    )
    parser.add_argument(
        "--ablation",
        choices=RUNS,
        help="a run of helpers.training.ablations or decoders, by name",
    )
    parser.add_argument(
        "--global-class-normalizer", action="store_true", help="several processes step as one would"
    )
    for field in dataclasses.fields(Recipe):
        if field.type in (int, float):
            parser.add_argument(
                "--" + field.name.replace("_", "-"),
                type=field.type,
                help=f"default {field.default}",
            )
    options = vars(parser.parse_args(arguments))
    quick, name, data, is_global = (
        options.pop(key) for key in ("quick", "ablation", "data", "global_class_normalizer")
    )
    folder = options.pop("folder") or Path("runs", name or ("quick" if quick else "mini-yolos"))
    given = {key: value for key, value in options.items() if value is not None}
    if name:
        if given or quick or is_global:
            parser.error("--ablation takes --folder and --data only: its recipe is fixed")
        return train_ablation(name, folder, data)
    criterion = SetCriterion(HungarianMatcher(), NUM_CLASSES, global_class_normalizer=is_global)
    try:
        recipe = Recipe(**{**(QUICK if quick else {}), **given})
    except (TypeError, ValueError) as error:
        parser.error(str(error))
    train(recipe, folder, data, criterion)
