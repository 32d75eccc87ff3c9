# %% [markdown]
# # Why does twice the batch take four times as long?
#
# A batch of 256 images should take 256 times as long as one. In the reference, the loss of `transformers`, it takes far
# longer. This notebook counts what is computed in vain, then walks through accidents that end a training at night: NaN,
# a crowd, half precision, a second process.

# %% [markdown]
# **You will be able to** say what a matcher must compute, choose a harmless stand-in for NaN, and get the large batch's
# loss from several processes or small batches.
#
# **Time** 25 minutes to read, 45 with the exercises. **You need** [06](06_matcher.ipynb) and [07](07_loss.ipynb).
#
# A guess that most readers arrive with: the solver is the slow part.

# %%
import time
import warnings

import numpy as np
import torch
from IPython.display import Markdown
from scipy.optimize import linear_sum_assignment
from transformers.loss.loss_for_object_detection import HungarianMatcher as ReferenceMatcher
from transformers.loss.loss_for_object_detection import ImageLoss

from helpers import HungarianMatcher, SetCriterion, figures
from helpers.assignment import brute_force, hungarian, lapx, total_cost
from helpers.checks.speed import check_accumulated_loss, check_trap_for_the_solver
from helpers.detector import load_detector
from helpers.figures import speed
from helpers.meters import HostReads, LargestTensor, outcome
from helpers.scenes import HandwrittenScenes
from helpers.training.processes import run_ranks

# %% [markdown]
# ## Measured
#
# One match of a batch, N = 100 guesses and about T = 7 targets an image. `make bench` has measured it on an idle
# machine; we draw what it keeps in `helpers/recordings/benchmark.json`.
#
# **Predict first.** The reference needs some time for 64 images. How many times as long for 128? Which
# part of it is the solver's?
#
# <details><summary>Predict, then open</summary>
#
# About six times. From 16 images on a doubling costs about four times as much, before that less: over all eight
# doublings, from 1 to 256, it is about three. The dotted [*floor*](glossary.md#floor) is what nobody can leave out: the solver's work,
# and one pass over the logits. At 256 images it is not even a hundredth of the reference.
#
# </details>

# %%
rows = speed.measured(predictions=100, targets=7)
caption = "Time and memory of one match against the batch size; ×: the factor whenever the batch doubles, from 16 on."
figures.show(speed.growth_figure(rows), caption)
Markdown(speed.growth_table(rows))

# %% [markdown]
# Both axes are logarithmic. Work that goes by images would at most double whenever the batch doubles. From 16 images on
# the reference's grows by about 4, and so does its memory. The slow part is not the solver. What is it? A single image
# has nothing to gain: see the last column.

# %% [markdown]
# ## Count
#
# A time depends on the machine, a count does not. **Predict first:** 64 images, 100 guesses and 7 targets each. How
# many pairs can be matched at all?
#
# <details><summary>Predict, then open</summary>
#
# A target can only get a guess of its own image: 64 · 100 · 7 = 44,800 pairs.
#
# </details>
#
# `LargestTensor` watches every tensor that torch makes during a match, and keeps the size of the largest.


# %%
def random_batch(B, N=100, T=7, seed=0):
    g = torch.Generator().manual_seed(seed)
    outputs = {"logits": torch.randn(B, N, 92, generator=g), "pred_boxes": 0.2 + 0.4 * torch.rand(B, N, 4, generator=g)}
    labels, boxes = torch.randint(91, (B, T), generator=g), 0.2 + 0.4 * torch.rand(B, T, 4, generator=g)
    return outputs, [{"class_labels": one, "boxes": other} for one, other in zip(labels, boxes)]


matcher, reference = HungarianMatcher(), ReferenceMatcher(class_cost=1, bbox_cost=5, giou_cost=2)
print("  B   pairs that exist   pairs in the huge matrix   used   largest tensor: helpers, reference")
for B in (1, 4, 16, 64):
    batch, sizes = random_batch(B), []
    pairs = sum(cost["total"].numel() for cost in matcher.cost_matrices(*batch))
    for match in (matcher, reference):
        with LargestTensor() as largest:
            match(*batch)
        sizes.append(f"{largest.bytes / 1e6:6.2f} MB")
    huge = (B * 100) * sum(len(target["boxes"]) for target in batch[1])
    print(f"{B:3} {pairs:18,} {huge:26,} {100 * pairs / huge:4.0f} %  {'':16}{sizes[0]}  {sizes[1]}")

# %% [markdown]
# The reference forgets which image is which (06) and computes every guess of the batch with every target of the batch:
#
# $$\underbrace{B \cdot N}_{\text{rows}} \;\times \sum_{\text{images}} T \quad \text{entries, of which } \tfrac{1}{B} \text{ is used}$$
#
# Twice the images are twice the rows *and* twice the columns. `helpers` fetches for each target the guesses of its own
# image. **Compute only the pairs that exist.**

# %% [markdown]
# ## Move the batch size
#
# Each square stands for the guesses of one image with the targets of one image; green ones are used. Drag the slider:
# from which batch size on would you notice the difference in training?

# %%
speed.batch_slider(rows, batch=16)

# %% [markdown]
# ## Copies to the host
#
# SciPy works on the [*host*](glossary.md#host), the machine around a GPU, so costs are copied there. `HostReads` counts this on a CPU, too.
#
# **Predict first.** Four images and six decoder layers, each matched by itself (08). How many copies, of how many numbers?
#
# <details><summary>Predict, then open</summary>
#
# The reference: one copy a layer, each the whole matrix, 400 · 28. Layers can stand in for more images, so `helpers`
# needs one copy of all, 100 · 7 for each image and layer.
#
# </details>

# %%
layers, targets = [random_batch(4, seed=seed)[0] for seed in range(6)], random_batch(4)[1]
ways = {
    "reference, layer by layer": lambda: [reference(outputs, targets) for outputs in layers],
    "helpers, layer by layer": lambda: [matcher(outputs, targets) for outputs in layers],
    "helpers, all together": lambda: matcher.match_layers(layers, targets),
}
for name, match in ways.items():
    with HostReads() as host:
        match()
    print(f"{name:26} copies: {host.copies}   numbers in them: {host.numbers:6,}   single values: {host.values:2}")

# %% [markdown]
# A single value is read for an `if`: are these labels in range? A GPU works through a queue while Python runs ahead ([torch's notes](https://docs.pytorch.org/docs/stable/notes/cuda.html#asynchronous-execution)).
# Each copy or value makes Python wait for the end of the queue: 18 times, or 3. We had no GPU to time. On a CPU, six
# layers together are faster in small batches only.

# %% [markdown]
# ## Does the solver matter?
#
# Real costs, of 12 scenes, after 1,000 steps of training and at its end. Four exact solvers: all matchings in turn;
# `hungarian` of the stepper (05); SciPy; [lapx](https://github.com/rathaROG/lapx), often recommended instead.
#
# **Predict first.** How much longer does brute force take with each further target? What would a much faster
# solver save at 64 images?
#
# <details><summary>Predict, then open</summary>
#
# With twelve guesses each further target multiplies the matchings by 12, 11, 10, ... SciPy takes some millionths of a
# second. lapx is slower here because of how it is called: `lapjv(extend_cost=True)` first fills the matrix up to a
# square. Its newer `lapjvh` leaves the rectangle as it is; in version 0.11.1 it needs about SciPy's time for twelve
# guesses, and a fifth of it for 300 guesses and 20 targets. All totals agree. The whole floor at 64 images is about one
# millisecond of the reference's 92, and the solver is only a part of it.
#
# </details>

# %%
scenes = [scene for T in range(1, 7) for scene in HandwrittenScenes("test", length=2, seed=1, objects=(T, T))]
batch = load_detector()[1](*map(list, zip(*scenes)), return_tensors="pt")
matrices = []  # (12, T) each, in float64
for step in (1000, None):
    with torch.no_grad():
        answer = load_detector(step=step)[0](batch["pixel_values"])
    matrices += [cost["total"].double().numpy() for cost in matcher.cost_matrices(answer, batch["labels"])]
solvers = {"SciPy": linear_sum_assignment, "lapx": lapx, "the stepper": hungarian, "brute force": brute_force}
seconds, totals = {name: {T: [] for T in range(1, 7)} for name in solvers}, {name: [] for name in solvers}
for name, solve in solvers.items():
    for cost in matrices:
        start = time.perf_counter()
        pairs = solve(cost)
        seconds[name][cost.shape[1]].append(time.perf_counter() - start)
        totals[name].append(total_cost(cost, pairs))
    print(f"{name:12} SciPy's total in {np.isclose(totals[name], totals['SciPy']).sum()} of {len(matrices)} matrices")
caption = "Time for one matrix of 12 guesses and T targets: brute force explodes, SciPy and lapx hardly notice."
figures.show(speed.solvers_figure(seconds), caption)

# %% [markdown]
# ## The price of a huge number
#
# SciPy refuses NaN. A guard writes a [sentinel](glossary.md#sentinel) in its place: so large that the pair is taken
# last. The reference takes the largest float32, 3.4 · 10³⁸.
#
# **Predict first.** In each of 200 matrices, 20 × 20, one guess is NaN. In how many are the others still matched best? And
# if one *target* is?
#
# <details><summary>Predict, then open</summary>
#
# With a guess, in all but about one of twenty. With a target, only in about one of twenty; but a target's box that is
# NaN stops the reference earlier, as you will see. The figure shows at which size a sentinel starts to do harm.
#
# </details>

# %%
crowds = [cost["total"].double().numpy() for cost in matcher.cost_matrices(*random_batch(200, N=20, T=20))]
invalid = {"a guess": np.s_[0], "a target": np.s_[:, 0]}  # a row, a column


def share_too_dear(sentinel, whose):
    """In how many crowds valid pairs cost more than needed when one guess or target costs `sentinel` everywhere."""
    dearer = 0
    for cost in crowds:
        valid, guarded = cost.copy(), cost.copy()
        valid[invalid[whose]], guarded[invalid[whose]] = 0, sentinel  # a constant changes no match: 0 tells the best
        dearer += valid[linear_sum_assignment(guarded)].sum() > valid[linear_sum_assignment(valid)].sum() + 1e-6
    return dearer / len(crowds)


sentinels, largest_float = np.logspace(1, 39, 39), float(torch.finfo(torch.float32).max)
caption = "Share of 200 matches in which valid pairs cost more than needed, against the sentinel that stands for NaN."
shares = {whose: [share_too_dear(sentinel, whose) for sentinel in sentinels] for whose in invalid}
figures.show(speed.sentinel_figure(sentinels, shares, largest_float, max(cost.max() for cost in crowds)), caption)

# %% [markdown]
# A float64 keeps about 16 digits. Beside 10³⁸ nothing of an ordinary cost is left. `helpers` takes a number in scale:
# just above anything that valid pairs can add up to. The harm is rare: with one spare guess, a NaN guess is left over.
#
# *Break it:* set `sentinel` below to `1e12`, `1e16`, then 0. Too small does harm, too.

# %%
sentinel = largest_float
print(f"{sentinel:.1e} + 0.3 - {sentinel:.1e} =", sentinel + 0.3 - sentinel)
for whose in invalid:
    print(f"needlessly dear with {sentinel:.1e} for {whose}: {100 * share_too_dear(sentinel, whose):.0f} %")

# %%
outputs_20, targets_20 = random_batch(200, N=20, T=20)
outputs_20["logits"][:, 0] = float("nan")
valid = [np.where(np.arange(20)[:, None] == 0, 0, cost) for cost in crowds]
for who, match in (("reference", reference), ("helpers", matcher)):
    with warnings.catch_warnings(record=True) as notes:
        warnings.simplefilter("always")
        # One image at a time: for 200 at once the reference would need most of a gibibyte.
        singles = ({name: value[i : i + 1] for name, value in outputs_20.items()} for i in range(200))
        pairs = [match(one, [target])[0] for one, target in zip(singles, targets_20)]
    dearer = sum(v[i, j].sum() > v[linear_sum_assignment(v)].sum() + 1e-6 for v, (i, j) in zip(valid, pairs))
    said = str(notes[0].message) if notes else "no note"
    print(f"NaN logits, {who}: {100 * dearer / 200:.0f} %, {said}")

# %% [markdown]
# ## Exercise: a trap for the solver
#
# Now backwards: two to six rows and columns, some cells NaN, no cost beyond 100, and a sentinel above all costs with
# which SciPy pairs the valid cells at least 0.5 too dearly. The check draws your matrix.
#
# <details><summary>A hint</summary>
#
# If the NaN can be avoided, it is. So no match may be able to avoid it.
#
# </details>
#
# [A solution](solutions/11.ipynb)


# %% tags=["exercise"]
def trap_for_the_solver():
    return None  # cost, sentinel: for example [[1.0, float("nan")], [2.0, 3.0]], 1e6


# %%
check_trap_for_the_solver(trap_for_the_solver)

# %% [markdown]
# ## Accidents
#
# **Predict first.** Which of these stop the reference, which pass in silence? NaN in a guess's box, or in its logits;
# three targets for two guesses; float16 or bfloat16 on a CPU; an image without objects; the same, written as
# `torch.tensor([])`.
#
# <details><summary>Predict, then open</summary>
#
# Four raise, and none of the messages names the image: a NaN box, float16, bfloat16, `torch.tensor([])`. Two pass in
# silence: NaN logits, and the crowded image, where some targets get no guess. A proper empty image is fine in both.
#
# </details>

# %%
outputs_2, targets_2 = random_batch(2, N=10, T=3)
nan_boxes, nan_logits = (outputs_2[name].clone() for name in ("pred_boxes", "logits"))
nan_boxes[0, 2] = nan_logits[0, 2] = float("nan")
no_objects = {"class_labels": torch.zeros(0, dtype=torch.int64), "boxes": torch.zeros(0, 4)}
accidents = {
    "NaN in a box": ({**outputs_2, "pred_boxes": nan_boxes}, targets_2),
    "NaN in logits": ({**outputs_2, "logits": nan_logits}, targets_2),
    "T = 3, N = 2": ({name: value[:, :2] for name, value in outputs_2.items()}, targets_2),
    "float16": ({name: value.half() for name, value in outputs_2.items()}, targets_2),
    "bfloat16": ({name: value.bfloat16() for name, value in outputs_2.items()}, targets_2),
    "an empty image": (outputs_2, [targets_2[0], no_objects]),
    "torch.tensor([])": (outputs_2, [targets_2[0], dict.fromkeys(no_objects, torch.tensor([]))]),
}
terms, said = ("labels", "boxes"), "class {loss_ce:.3f}, L1 {loss_bbox:.3f}"
losses = {"reference": ImageLoss(reference, 91, 0.1, terms), "helpers": SetCriterion(matcher, 91, losses=terms)}
for name, accident in accidents.items():
    print(name)
    for whose, loss in losses.items():
        print(f"   {whose:10} {outcome(lambda batch, loss=loss: said.format(**loss(*batch)), accident, width=90)}")

# %% [markdown]
# A NaN box stops the reference's GIoU before its guard. NaN logits reach the guard: it matches in silence, and the class
# term is NaN. `helpers` says so. It refuses a mistake in the data, and names image, field and cure. [Half
# precision](glossary.md#half-precision) is computed in float32. In the crowd, only `helpers` tells.

# %% [markdown]
# ## Two processes
#
# In [data-parallel training](glossary.md#data-parallel-training) each process, a *rank*, has part of the batch;
# gradients are **averaged**. One rank has 2 objects, the other 10.
#
# **Predict first.** By what must each rank divide?
#
# <details><summary>Predict, then open</summary>
#
# By 6. One process with all of them would divide by 12, and the average over two ranks halves again: 12 = 6 · 2.
#
# </details>
#
# `helpers/training/processes.py` starts two, which talk through *gloo*, torch's messenger between CPUs. The gradient is L1's; one
# process would have 1. A second batch has an empty rank.

# %%
batches = [2, 10], [0, 10]
for objects, ranks in zip(batches, run_ranks(*batches)):
    for name in ("ours", "reference"):
        divisor, gradient = (ranks[1][name][key] for key in ("num_boxes", "gradient"))
        print(f"objects {objects}, {name:9}  divided by {divisor:.1f}, mean gradient {gradient:.2f}")

# %% [markdown]
# Under accelerate, the reference calls `reduce`, a *mean* already, and divides by the number of ranks again: 3 for 6.
# Two ranks double the box terms, eight make them eightfold, unless the divisor meets its limit, 1: with 7 objects a
# rank, sevenfold. `helpers` divides once. A rank without objects stays in the graph.

# %% [markdown]
# ## Small batches for a large one
#
# If the large batch does not fit, people take the gradients of several small ones and average them: [gradient
# accumulation](glossary.md#gradient-accumulation).
#
# **Predict first.** Four images with 1, 1, 5 and 6 objects. Is the loss of all four the mean of the losses of the two
# halves?
#
# <details><summary>Predict, then open</summary>
#
# No. Each half divides by its own objects, 2 and 11: an object of the first half counts 5.5 times as much as one of
# the second.
#
# </details>

# %%
criterion, (outputs_4, full) = SetCriterion(matcher, num_classes=91), random_batch(4, N=10, T=6, seed=4)
targets_4 = [{name: value[:T] for name, value in target.items()} for target, T in zip(full, (1, 1, 5, 6))]
parts = [({name: value[i : i + 2] for name, value in outputs_4.items()}, targets_4[i : i + 2]) for i in (0, 2)]
whole, halves = criterion(outputs_4, targets_4), [criterion(*part) for part in parts]
for name in ("loss_ce", "loss_bbox", "loss_giou"):
    print(f"{name:10} whole {whole[name]:.4f}   mean of the halves {sum(half[name] for half in halves) / 2:.4f}")

# %% [markdown]
# ## Exercise: accumulate
#
# `parts` is a list of (outputs, targets). Return one scalar: the total loss of the whole batch. `criterion(outputs,
# targets, num_boxes, class_weight_sum)` takes the two divisors from you, and `criterion.total` weighs the terms. A
# guess without a target weighs `criterion.eos_coef`; every target has a guess here.
#
# [A solution](solutions/11.ipynb)


# %% tags=["exercise"]
def accumulated_loss(criterion, parts):
    return None  # a scalar with a gradient


# %%
check_accumulated_loss(accumulated_loss)

# %% [markdown]
# `criterion.normalizers` does this counting; it needs the targets of all parts, no outputs. Then each part can go
# through the network alone. Not only the numbers must agree, but the gradients:
#
# <details><summary>In the Trainer of transformers</summary>
#
# With `gradient_accumulation_steps` its `Trainer` counts what a whole batch holds for language models alone; it averages
# the losses of detectors. Mix in a class of `helpers`, and it counts targets, too:
#
# ```python
# from transformers import Trainer
# from helpers import as_transformers_loss
# from helpers.transformers_loss import AccumulatesWholeBatches
#
# class WholeBatches(AccumulatesWholeBatches, Trainer):
#     pass
#
# model.loss_function = as_transformers_loss()
# WholeBatches(model, arguments, train_dataset=scenes, data_collator=collate).train()
# ```
#
# </details>

# %%
divisors = criterion.normalizers(10, targets_4)
print("num_boxes {:.0f}, class_weight_sum {:.1f}".format(*divisors))
gradients = {}
for name, batches in (("whole", [(outputs_4, targets_4)]), ("parts", parts)):
    shift = torch.zeros(4, requires_grad=True)  # one weight that all boxes share
    for out, wanted in batches:
        losses = criterion({**out, "pred_boxes": out["pred_boxes"] + shift}, wanted, *divisors)
        criterion.total(losses).backward()  # adds to what is there
    gradients[name] = shift.grad
    print(f"{name}: gradient", " ".join(f"{value:.4f}" for value in shift.grad))
assert torch.allclose(*gradients.values(), rtol=1e-5)

# %% [markdown]
# ## What we learned
#
# - Of the reference's matrix one part in B is used; compute only the pairs that exist.
# - A stand-in for NaN belongs in scale with the costs: 16 digits are all that a solver has.
# - Divide by the objects of the whole batch, once, whether it is spread over processes or over time.

# %% [markdown]
# **Test yourself.** You train on eight processes with the reference and accelerate, 20 objects in each, then on one with
# the same total batch. Which term of the loss weighs differently, and by how much?
#
# <details><summary>Answer</summary>
#
# The box terms, L1 and GIoU: eight times as heavy on the eight, since `num_boxes` is divided by eight twice, 2.5 for 20.
# The class term is divided by its own weights; it has no such factor.
#
# </details>
#
# More solvers, and by what nine losses divide: [reference](reference.md).
#
# **Next:** [12, what later models changed](12_where_the_field_went.ipynb).
