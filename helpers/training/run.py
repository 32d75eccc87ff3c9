"""Train mini-YOLOS from nothing: the ViT first as a classifier, then as a detector; `python -m helpers.training`."""

import argparse
import dataclasses
import os
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

from helpers.detector import detections, weights_folder
from helpers.evaluation import evaluate, summarize
from helpers.loss import SetCriterion
from helpers.matcher import HungarianMatcher
from helpers.scenes import NUM_CLASSES, running_example
from helpers.targets import validate_targets
from helpers.training import ablations
from helpers.training.arrays import SceneArrays
from helpers.training.plain_scenes import make_plain
from helpers.training.recipe import (
    PATCHES,
    Recipe,
    begin_as_class_token,
    build_image_processor,
    build_model,
    renew_detection_tokens,
)
from helpers.training.recording import MATCH_SCENES, Recorder, load_recording, recorded_steps, write_recording
from helpers.training.stage import Running, Stage, progress, readable

CURVE_EVERY = 50
CHECKPOINT_EVERY = 250  # a multiple of CURVE_EVERY: a resumed run has the same curves
EVALUATION_SCENES = 200
ABLATION_RECORD_EVERY, ABLATION_TEST_SCENES = 500, 1000
QUICK = {  # a few scenes by heart
    "classifier_steps": 0,
    "detection_scenes": 8,
    "batch_size": 8,
    "detection_steps": 600,
    "second_steps": 0,
}


class Classifier(nn.Module):
    """The detector's ViT with a linear layer on [CLS]: the first stage."""

    def __init__(self, vit, hidden_size):
        super().__init__()
        self.vit, self.head = vit, nn.Linear(hidden_size, NUM_CLASSES)

    def forward(self, pixel_values):
        return self.head(self.vit(pixel_values).last_hidden_state[:, 0])


def build_accelerator():
    """The processes of this run, of which there are as many as were started."""
    from accelerate import Accelerator

    started = int(os.environ.get("WORLD_SIZE", 1))
    # Without a GPU, accelerate takes each of several processes for a run of its own unless it is told.
    accelerator = Accelerator(cpu=started > 1 and not torch.cuda.is_available())
    if accelerator.num_processes != started:
        raise RuntimeError(f"{started} processes were started, but they see {accelerator.num_processes}")
    return accelerator


def train_classifier(recipe, model, folder, accelerator, data_folder):
    """Stage one: which digit is in the picture, read from [CLS]. Changes the model's ViT in place."""
    arrays = SceneArrays(
        recipe.build_scenes("train", recipe.classifier_scenes, recipe.seed, objects=(1, 1)), data_folder
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
        running.add({"loss": loss.detach(), "accuracy": (logits.argmax(-1) == labels).float().mean()})
        if stage.step % CHECKPOINT_EVERY == 0 or stage.step == stage.total:
            accelerator.print(stage.step, readable(running.means()), flush=True)
            stage.save()
    return accelerator.unwrap_model(stage.model)


def train_detector(recipe, model, folder, accelerator, data_folder, criterion, recorder):
    """Stage two: detection with the set-prediction loss, in one cycle of the learning rate or two."""
    held_out = held_out_scenes(recipe)
    plain = accelerator.unwrap_model(model)
    for name, start, part in recipe.cycles():
        train_cycle(name, start, part, model, folder, accelerator, data_folder, criterion, recorder, held_out)
    observe(start + part.detection_steps, plain, recorder, held_out, accelerator)


def train_cycle(name, start, recipe, model, folder, accelerator, data_folder, criterion, recorder, held_out):
    """One cycle of stage two, which `start` steps of detection came before."""
    arrays = SceneArrays(recipe.build_scenes("train", recipe.detection_scenes, recipe.seed), data_folder)
    validate_targets(arrays.targets(range(len(arrays))), NUM_CLASSES)
    stage = Stage(name, model, recipe, recipe.detection_steps, folder, accelerator)
    state = stage.resume()
    if state:
        recorder.restore(state["recording"])
    running = Running()
    plain = accelerator.unwrap_model(stage.model)
    for step in progress(stage):
        observe(start + step, plain, recorder, held_out, accelerator)
        criterion.eos_coef = recipe.eos_coef_at(step)
        indices = stage.batch(len(arrays))
        outputs = stage.model(arrays.pixel_values(indices, *recipe.normalization).to(accelerator.device))
        targets = [{k: v.to(accelerator.device) for k, v in t.items()} for t in arrays.targets(indices)]
        losses = criterion({"logits": outputs.logits, "pred_boxes": outputs.pred_boxes}, targets)
        total = criterion.total(losses)
        stage.update(total)
        recorder.add_loss(total.detach())
        running.add({"loss": total.detach(), **{name: value.detach() for name, value in losses.items()}})
        if stage.step % CURVE_EVERY == 0:
            recorder.add_losses(start + stage.step, {**running.means(accelerator), "eos_coef": criterion.eos_coef})
        if stage.step in recipe.keep_steps:  # before the checkpoint: a resumed run starts behind it
            keep_early_weights(stage, folder, with_optimizer=stage.step == recipe.keep_optimizer)
        if stage.step % CHECKPOINT_EVERY == 0 or stage.step == stage.total:
            accelerator.print(start + stage.step, readable(recorder.curves[-1] if recorder.curves else {}), flush=True)
            stage.save(recording=recorder.state())


def observe(step, model, recorder, held_out, accelerator):
    """Before step `step`: record the fixed scenes and measure on held-out ones, where the recording wants it."""
    if not accelerator.is_main_process or not recorder.wants(step):
        return
    model.eval()
    recorder.record(step, model)
    if step in recorder.steps:
        pixel_values, annotations = held_out
        side = pixel_values.shape[-1]
        measures = summarize(detections(model, pixel_values, [(side, side)] * len(annotations)), annotations)
        recorder.add_evaluation(step, measures)
        accelerator.print(step, readable(measures), flush=True)
    model.train()


def held_out_scenes(recipe):
    """Scenes of unseen digits for the curves: pixel values and annotations. (`make evaluate` uses others.)"""
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
    """Early weights in half precision, with the optimiser's two moments in bfloat16 where asked."""
    from safetensors.torch import save_file

    if not stage.accelerator.is_main_process:
        return
    model = stage.accelerator.unwrap_model(stage.model)
    weights = {name: value.half().contiguous() for name, value in model.state_dict().items()}
    save_file(weights, folder / f"step-{stage.step}.safetensors", metadata={"format": "pt", "step": str(stage.step)})
    if with_optimizer:
        adamw, *_ = stage.optimizers
        states = [adamw.state[parameter] for parameter in model.parameters()]
        moments = {
            key: torch.cat([state[key].flatten() for state in states]).bfloat16() for key in ("exp_avg", "exp_avg_sq")
        }
        path = folder / f"step-{stage.step}-optimizer.safetensors"
        save_file(moments, path, metadata={"format": "pt", "step": str(stage.step)})


def train(recipe, folder, data_folder, criterion=None, recorded=None, model=None):
    """Both stages, in `folder`; leaves `model/` with the final weights, and the recording. Returns the model.

    Args: criterion: another loss than `SetCriterion` with its `HungarianMatcher`; recorded: other steps to record;
    model: a model that has been through the first stage already.

    Several processes (`python -m torch.distributed.run --nproc-per-node 2 -m helpers.training`) share a batch of
    `batch_size` scenes each. If the criterion has the `global_class_normalizer`, they take the very steps that one
    process would take with the whole batch; else, as in the reference, each divides its cross-entropy by its own
    weights.
    """
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    accelerator = build_accelerator()
    steps = recorded or recorded_steps(recipe.detection_steps, recipe.second_steps)
    recorder = build_recorder(recipe, accelerator.device, steps)
    if model is None:
        model = build_model(recipe)
        if recipe.classifier_steps:
            classifier = train_classifier(recipe, model, folder, accelerator, data_folder)
            weights = {name: value.half().contiguous() for name, value in classifier.state_dict().items()}
            save_file(weights, folder / "classifier.safetensors", metadata={"format": "pt"})
            renew_detection_tokens(model)
    criterion = criterion or SetCriterion(HungarianMatcher(), NUM_CLASSES)
    train_detector(recipe, model, folder, accelerator, data_folder, criterion, recorder)
    model = accelerator.unwrap_model(model)
    if accelerator.is_main_process:
        model.save_pretrained(folder / "model")
        build_image_processor(recipe).save_pretrained(folder / "model")
        recorder.save(folder / "recording.npz", recipe=dataclasses.asdict(recipe))
        print(f"done in {recorder.minutes():.1f} minutes", flush=True)
    # A process that exits with its group open, or held by a wrapped model, may be aborted on the way.
    accelerator.free_memory()
    accelerator.end_training()
    return model


def train_ablation(name, folder, data_folder):
    """Train one run of `ablations` and leave its small recording in `folder`, `NAME.npz`, with its measures.

    It begins with the shipped classifier of its seed; where none is shipped, one is trained beside `folder`.
    """
    recipe = ablations.recipe_of(name)
    steps = range(0, recipe.detection_steps + 1, ABLATION_RECORD_EVERY)
    shipped, backbone = weights_folder("ablations"), f"backbone-{recipe.seed}"
    backbone_folder = shipped if (shipped / f"{backbone}.safetensors").exists() else folder.parent / backbone
    model = with_backbone(recipe, backbone_folder, data_folder)
    model = train(recipe, folder, data_folder, ablations.ABLATIONS[name].criterion(), steps, model).eval()
    recording = load_recording(folder / "recording.npz")
    asked = model, build_image_processor(recipe), recipe.build_scenes("test", ABLATION_TEST_SCENES, seed=0)
    measures = {"measures": evaluate(*asked), "measures_suppressed": evaluate(*asked, suppress=True)}
    about = recording.pop("about") | {"ablation": name} | measures
    for frames in ("step", "logits", "boxes", "owners", "owners_after"):
        recording[frames] = recording[frames][[0, -1]]  # the first and the last; the curves are whole
    write_recording(folder / f"{name}.npz", recording, about)


def with_backbone(recipe, folder, data_folder):
    """An ablation's model at the start of detection. All runs of a seed begin with one classifier, trained once."""
    from safetensors.torch import load_file, save_file

    model = build_model(recipe)
    if recipe.classifier_steps:
        path = folder / f"backbone-{recipe.seed}.safetensors"
        if not path.exists():
            classified = build_model(dataclasses.replace(ablations.BASELINE, seed=recipe.seed))
            folder.mkdir(parents=True, exist_ok=True)
            train_classifier(recipe, classified, folder, build_accelerator(), data_folder)
            state = classified.vit.state_dict()
            save_file({name: value.half().contiguous() for name, value in state.items()}, path)
        weights, name = load_file(path), "embeddings.position_embeddings"  # in half precision, as they are shipped
        places = model.vit.state_dict()[name]
        places[:, : 1 + PATCHES**2] = weights[name][:, : 1 + PATCHES**2]  # there may be fewer or more tokens
        weights |= {name: places, "embeddings.detection_tokens": model.vit.embeddings.detection_tokens.data}
        model.vit.load_state_dict(weights)
    begin_as_class_token(model, recipe.seed)
    return model


def main(arguments=None):
    """Read the command line and train."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, help="where the run lives; default runs/mini-yolos, or runs/quick")
    parser.add_argument("--data", type=Path, default=Path("runs/data"), help="where rendered scenes are kept")
    parser.add_argument("--quick", action="store_true", help="a minute of detection: eight scenes by heart")
    parser.add_argument("--ablation", help="a run of helpers.training.ablations, by name")
    parser.add_argument("--global-class-normalizer", action="store_true", help="several processes step as one would")
    for field in dataclasses.fields(Recipe):
        if field.type in (int, float):
            parser.add_argument("--" + field.name.replace("_", "-"), type=field.type, help=f"default {field.default}")
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
    train(Recipe(**{**(QUICK if quick else {}), **given}), folder, data, criterion)
