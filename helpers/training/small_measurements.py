"""Four questions that need no whole training: `python -m helpers.training.small_measurements`
writes `helpers/recordings/measurements.json`.

Does half precision change the match? Does a step down the loss also lower it once the match is made
anew? What does a skewed split between two processes do to a step? And what does a step of each kind
cost?"""

import json
import time
from pathlib import Path

import torch

import helpers
from helpers.detector import decode, load_detector
from helpers.evaluation import average_precision
from helpers.loss import SetCriterion
from helpers.matcher import HungarianMatcher
from helpers.scenes import NUM_CLASSES, HandwrittenScenes
from helpers.training.ablations import bases
from helpers.training.arrays import SceneArrays
from helpers.training.decoders import DECODERS
from helpers.training.recipe import IMAGE_MEAN, IMAGE_STD
from helpers.training.run import Run, build_accelerator, finished, set_losses
from helpers.training.stage import Stage

STEPS = (1000, 5000, 9000, 36_000)  # of the recorded training, whose weights are shipped
STORED = Path(helpers.__file__).parent / "recordings" / "measurements.json"
COMPARED = bases(DECODERS)
EOS_COEF, LENGTH = 0.1, 0.02  # the length of a step down the gradient


def some_scenes(count, seed):
    """Arrays of unseen scenes, and their annotations."""
    scenes = [*HandwrittenScenes("test", count, seed)]
    return SceneArrays(scenes), [annotation["annotations"] for _, annotation in scenes]


def answers(model, arrays, indices):
    """`logits` and `pred_boxes` of some scenes, and their targets."""
    said = model(arrays.pixel_values(indices, IMAGE_MEAN, IMAGE_STD))
    return {"logits": said.logits, "pred_boxes": said.pred_boxes}, arrays.targets(indices)


def owners_of(pairs):
    """The guess of each target, image after image."""
    return torch.cat([guess[target.argsort()] for guess, target in pairs])


@torch.no_grad()
def rounded(step, seed, count=300):
    """What bfloat16 changes: of all targets, how many have another owner; and AP as it is and
    rounded.
    """
    model, (arrays, annotations) = load_detector(step=step)[0], some_scenes(count, seed)
    outputs, targets = answers(model, arrays, range(count))
    half = {name: value.bfloat16() for name, value in outputs.items()}
    owners, others = (owners_of(HungarianMatcher()(each, targets)) for each in (outputs, half))
    changed = int((owners != others).sum())
    sizes = [(128, 128)] * count
    found = (decode(each, sizes) for each in (outputs, half))
    ap = [average_precision(each, annotations)["AP"] for each in found]
    objects = sum(len(target["boxes"]) for target in targets)
    return {"step": step, "seed": seed, "targets": objects, "changed": changed, "AP": ap}


def stepped(step, batches=40, batch_size=16):
    """One step down the gradient from the same weights, for each batch: how often the loss falls
    under the old match, how often the match changes, and what the new match makes of the loss.
    """
    model, matcher = load_detector(step=step)[0], HungarianMatcher()
    arrays, _ = some_scenes(batches * batch_size, seed=5)
    weights = [*model.parameters()]
    counted = dict.fromkeys(("batches", "fell", "changed", "raised by the match", "rose"), 0)
    for batch in range(batches):
        indices = range(batch * batch_size, (batch + 1) * batch_size)
        outputs, targets = answers(model, arrays, indices)
        before = total_loss(outputs, targets, old := matcher(outputs, targets))
        gradients = torch.autograd.grad(before, weights, allow_unused=True)
        norm = torch.stack([g.norm() for g in gradients if g is not None]).norm()
        with torch.no_grad():
            for sign in (-1, 1):  # there and back again
                for weight, gradient in zip(weights, gradients):
                    if gradient is not None:
                        weight += sign * LENGTH / norm * gradient
                if sign < 0:
                    outputs, _ = answers(model, arrays, indices)
                    new = matcher(outputs, targets)
                    same, anew = (total_loss(outputs, targets, pairs) for pairs in (old, new))
        changed = any(not torch.equal(a, b) for one, two in zip(old, new) for a, b in zip(one, two))
        found = (True, same < before, changed, changed and anew > same, same < before < anew)
        counted = {name: count + int(yes) for (name, count), yes in zip(counted.items(), found)}
    return {"step": step, **counted}


def total_loss(outputs, targets, pairs, **divisors):
    """The loss of a given match."""
    criterion = SetCriterion(lambda *_: pairs, NUM_CLASSES, EOS_COEF)
    return criterion.total(criterion(outputs, targets, **divisors))


def skewed(step, batch_size=32):
    """How far the gradient of two processes, each with half of a batch, is from that of one: its
    distance as a share of the length, where the halves are as they come, and where one has the full
    scenes and the other the empty ones; with divisors of their own and with global ones.
    """
    model, (arrays, _) = load_detector(step=step)[0], some_scenes(batch_size, seed=6)
    weights = [*model.parameters()]
    criterion = SetCriterion(HungarianMatcher(), NUM_CLASSES, EOS_COEF)

    def gradient(parts, shared):
        mean = 0
        for part in parts:
            outputs, targets = answers(model, arrays, part)
            boxes, weight = criterion.normalizers(outputs["logits"].shape[1], everything)
            divisors = {"num_boxes": boxes / len(parts)}
            divisors |= {"class_weight_sum": weight / len(parts)} if shared else {}
            loss = total_loss(outputs, targets, criterion.matcher(outputs, targets), **divisors)
            found = torch.autograd.grad(loss, weights, allow_unused=True)
            mean = mean + torch.cat([g.flatten() for g in found if g is not None]) / len(parts)
        return mean

    half, everything = batch_size // 2, arrays.targets(range(batch_size))
    one = gradient([range(batch_size)], shared=True)
    by_count = arrays.counts.argsort(kind="stable")
    splits = {"as they come": range(batch_size), "by their number of objects": by_count}
    return {"step": step} | {
        name: [
            float((gradient([order[:half], order[half:]], shared) - one).norm() / one.norm())
            for shared in (False, True)
        ]
        for name, order in splits.items()
    }


def step_costs(names=COMPARED, rounds=12):
    """Processor time of a step of the runs of a small DETR, as multiples of the first.

    All take turns, so that whatever else the machine does meets them alike.
    """
    lender, spent = finished("muted", None, None), dict.fromkeys(names, 0.0)
    scenes = [*DECODERS[names[0]].whole_recipe().build_scenes("train", 64, 0)]
    steps = {name: one_step(DECODERS[name], SceneArrays(scenes), lender) for name in names}
    for turn in range(rounds + 2):
        for name, step in steps.items():
            began = time.process_time()
            step()
            spent[name] += time.process_time() - began if turn > 1 else 0.0
    return {name: round(value / spent[names[0]], 2) for name, value in spent.items()}


def one_step(ablation, arrays, lender):
    """A function that takes the next step of a run."""
    recipe, accelerator = ablation.whole_recipe(), build_accelerator()
    model, nowhere = ablation.model(lender, recipe).train(), Path()
    stage = Stage("costs", model, recipe, recipe.detection_steps, nowhere, accelerator)
    run = Run(nowhere, nowhere, accelerator, ablation.criterion(), None)
    run.losses = ablation.losses or run.losses
    scenes = ablation.view(arrays, lender, recipe)
    return lambda: set_losses(run, stage, scenes)


def main():
    """Measure everything and write it down."""
    found = {
        "rounded": [rounded(step, seed) for step in STEPS for seed in range(3)],
        "stepped": [stepped(step) for step in STEPS],
        "skewed": [skewed(step) for step in STEPS],
        "costs": step_costs(),
    }
    STORED.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
