# %% [markdown]
# # What do the images of a batch do to each other?
#
# Until now one image's loss, now a batch on a machine. Each image is matched by itself: neighbours should change nothing,
# twice the batch take twice as long. Neither always holds.
#
# Here is the match by `helpers`, and by `transformers`, the *reference*; dotted, the [*floor*](glossary.md#floor), which no
# matcher avoids.

# %%
from helpers import figures
from helpers.figures import speed

rows = speed.measured(predictions=100, targets=7)
caption = "Time of one match on a CPU, and its memory, on logarithmic axes; ×: the factor whenever the batch doubles, from 16 on."
figures.show(speed.growth_figure(rows), caption)

# %% [markdown]
# **You will be able to** say what a matcher must compute and what one NaN does to it, and get a large batch's loss from
# several processes or small batches.
#
# **Time** 25 minutes to read, 45 with the exercises. **You need** [06](06_matcher.ipynb) and [07](07_loss.ipynb).
#
# **One click about 10.** Fifty one-to-many steps left three boxes on most digits. What was lost?
#
# <details><summary>The good boxes</summary>
#
# No: the best box of each pile was as good as before. Silence was lost: several tokens answered for one digit.
#
# </details>
#
# <details><summary>The silence of the other tokens</summary>
#
# Yes. The boxes were as good as before, but several tokens answered for one digit, and one-to-one steps healed it.
#
# </details>

# %%
import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from transformers.loss.loss_for_object_detection import HungarianMatcher as ReferenceMatcher
from transformers.loss.loss_for_object_detection import ImageLoss

from helpers import HungarianMatcher, SetCriterion
from helpers.checks.speed import check_accumulated_loss, check_trap_for_the_solver
from helpers.meters import HostReads, LargestTensor, outcome
from helpers.training import processes

# %% [markdown]
# ## Images cost each other time
#
# The floor is the solver's work and one pass over the logits, timed apart; noise can lift it. From 16 images on, a doubling
# takes the reference on average four times as long, as it computes all guesses with all targets (06).
#
# **Predict first.** Which share of these pairs can be matched, at 64 images?
#
# <details><summary>One in 64</summary>
#
# Yes: of the 64 images that a guess is compared with, one is its own. Twice the images are four times the pairs, but only
# twice the pairs that can be matched.
#
# </details>
#
# <details><summary>One in 4,096, since 64 · 64 is 4,096</summary>
#
# So many pairs of images there are, but 64 of them are an image with itself. So it is one in 64.
#
# </details>
#
# <details><summary>Nearly all: the solver needs something to choose from</summary>
#
# It never sees a pair of two images, and is not what takes the time: all of its work lies below the dotted floor. One in 64
# can be matched.
#
# </details>


# %%
def random_batch(B, N=100, T=7, seed=0):
    """Random guesses and targets, as many as DETR has for COCO: 91 classes and no object."""
    g = torch.Generator().manual_seed(seed)
    outputs = {"logits": torch.randn(B, N, 92, generator=g), "pred_boxes": 0.2 + 0.4 * torch.rand(B, N, 4, generator=g)}
    labels, boxes = torch.randint(91, (B, T), generator=g), 0.2 + 0.4 * torch.rand(B, T, 4, generator=g)
    return outputs, [{"class_labels": one, "boxes": other} for one, other in zip(labels, boxes)]


matcher, reference = HungarianMatcher(), ReferenceMatcher(class_cost=1, bbox_cost=5, giou_cost=2)
print("  B   pairs that can be matched   all pairs   share   largest tensor: helpers, reference")
for B in (1, 4, 16, 64):
    batch, sizes = random_batch(B), []
    own = sum(cost["total"].numel() for cost in matcher.cost_matrices(*batch))
    for match in (matcher, reference):
        with LargestTensor() as largest:  # watches every tensor that torch makes
            match(*batch)
        sizes.append(f"{largest.bytes / 1e6:6.2f} MB")
    every = (B * 100) * sum(len(target["boxes"]) for target in batch[1])
    print(f"{B:3} {own:27,} {every:11,} {100 * own / every:5.0f} %  {'':16}{sizes[0]}  {sizes[1]}")

# %% [markdown]
# The reference puts all guesses of the batch into one list, all targets into another, and computes one huge matrix:
#
# $$\underbrace{B \cdot N}_{\text{rows}} \;\times \sum_{\text{images}} T \quad \text{entries, of which } \tfrac{1}{B} \text{ is used}$$
#
# Twice the images are twice the rows *and* twice the columns. What crosses images is thrown away before the solver sees
# it. (The figure above counts all memory, the table only the largest tensor.)

# %%
speed.batch_slider(rows, batch=16)

# %% [markdown]
# *Move it:* each square stands for the guesses of one image with the targets of one image; green ones are used.
#
# `helpers` computes only pairs that can be matched. `image_index` says to which image each target belongs, so that each
# target fetches the guesses of its own image. For the class cost that takes three lines, from `image_index` on:

# %%
outputs, targets = random_batch(4, N=10, T=3)
labels = torch.cat([target["class_labels"] for target in targets])  # (12,), one image after another
image_index = torch.arange(4).repeat_interleave(3)
p = outputs["logits"].softmax(-1)  # (4, 10, 92)
own_pairs = -p[image_index, :, labels]  # (12 targets, 10 guesses): each target with its own image
huge = -outputs["logits"].flatten(0, 1).softmax(-1)[:, labels]  # (40 guesses, 12 targets), as in the reference
print("image_index", image_index.tolist())
print(f"{own_pairs.numel()} pairs that can be matched, of {huge.numel()} in the huge matrix")
torch.testing.assert_close(own_pairs[:3], huge[:10, :3].T)  # the first image

# %% [markdown]
# ## Every copy makes Python wait
#
# Python hands its work to the GPU and runs ahead ([torch's
# notes](https://docs.pytorch.org/docs/stable/notes/cuda.html#asynchronous-execution)). But SciPy needs the costs on the
# [*host*](glossary.md#host), the machine around the GPU. For this copy, and for each value that an `if` reads, Python must
# wait until all work is done. How often, for six decoder layers (08)?

# %%
layers, targets = [random_batch(4, seed=seed)[0] for seed in range(6)], random_batch(4)[1]
ways = {
    "reference, layer by layer": lambda: [reference(outputs, targets) for outputs in layers],
    "helpers, layer by layer": lambda: [matcher(outputs, targets) for outputs in layers],
    "helpers, all together": lambda: matcher.match_layers(layers, targets),
}
for name, match in ways.items():
    with HostReads() as host:  # counts the calls for which Python would wait; on a CPU nothing moves
        match()
    print(f"{name:26} copies: {host.copies}   numbers in them: {host.numbers:6,}   single values: {host.values:2}")

# %% [markdown]
# Six layers together wait three times, not eighteen.
#
# ## One NaN spoils other matches
#
# If training diverges, guesses become NaN, which SciPy refuses. The reference puts a
# [sentinel](glossary.md#sentinel) in its place: 3.4 · 10³⁸, to be taken last.
#
# **Predict first.** In 200 cost matrices, 20 × 20, one target's column is NaN. How often are the others still matched as
# cheaply as possible?
#
# <details><summary>Always: a huge number is only there to be avoided</summary>
#
# Here it cannot be avoided: one of the 20 guesses must take this target, and which one does so matters to all others. SciPy
# compares sums that all hold the huge number. A float64 keeps 16 digits, so none is left for the other costs. About one
# matrix in twenty comes out right, by luck.
#
# </details>
#
# <details><summary>In about half of them</summary>
#
# In far fewer: about one in twenty. Some guess must take this target. SciPy looks for the best one among sums that all hold
# the huge number; a float64 keeps 16 digits, and none is left for the other costs.
#
# </details>
#
# <details><summary>In about one in twenty</summary>
#
# Yes. Some guess must take this target, and SciPy compares sums that all hold the huge number. A float64 keeps 16 digits;
# none is left for the other costs, so chance decides which guess it is.
#
# </details>

# %%
matrices = [cost["total"].double().numpy() for cost in matcher.cost_matrices(*random_batch(200, N=20, T=20))]
invalid = {"a guess": np.s_[0], "a target": np.s_[:, 0]}  # the first row, the first column


def share_too_dear(sentinel, whose):
    """The share of matrices whose valid pairs cost too much if one guess or target costs `sentinel` everywhere."""
    dearer = 0
    for cost in matrices:
        guarded, right = cost.copy(), cost.copy()
        guarded[invalid[whose]] = sentinel
        right[invalid[whose]] = 0  # a row or column of zeros leaves the best match of all others as it is
        dearer += right[linear_sum_assignment(guarded)].sum() > right[linear_sum_assignment(right)].sum() + 1e-6
    return dearer / len(matrices)


sentinels, largest_float = np.logspace(1, 39, 39), float(torch.finfo(torch.float32).max)
caption = "Share of 200 matches in which valid pairs cost more than needed, against the sentinel that stands for NaN."
shares = {whose: [share_too_dear(sentinel, whose) for sentinel in sentinels] for whose in invalid}
figures.show(speed.sentinel_figure(sentinels, shares, largest_float, max(cost.max() for cost in matrices)), caption)

# %% [markdown]
# In the reference, NaN logits make such a row, an infinite target box such a column. (A NaN box stops it earlier.) Where
# this spoils a match, the loss is NaN or infinite, too: nothing is taught unseen. The sentinel of `helpers` is just above all
# that valid pairs can cost.
#
# *Break it:* set `sentinel` to `1e12`, then to `1e16`.

# %%
sentinel = largest_float
print(f"{sentinel:.1e} + 0.3 - {sentinel:.1e} =", sentinel + 0.3 - sentinel)
for whose in invalid:
    print(f"needlessly dear with {sentinel:.1e} for {whose}: {100 * share_too_dear(sentinel, whose):.0f} %")

# %% [markdown]
# <details><summary>Why does one NaN guess harm so few matches?</summary>
#
# SciPy adds one guess after the other to the match. For a NaN guess all targets cost the same, so it can take any that the
# others leave; decimals are lost only where another guess takes its target away and it has to move on. Where there are more
# guesses than targets, it is left out, and does no harm at all.
#
# It does most harm at 10¹⁶. There float64 still keeps something of the other costs, rounded to even numbers.
#
# </details>
#
# ## Exercise: a trap for the solver
#
# Return a cost matrix with two to six rows and columns, some cells NaN, others at most 100; and a sentinel above them
# all. With the sentinel in the NaN cells, the valid pairs that SciPy takes must cost at least 0.5 more than in the best
# match with as few NaN.
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
# ## One image stops the whole batch
#
# Two images make a batch, and one thing is unusual: a NaN box; NaN logits; three targets for two guesses; a model cast to
# bfloat16; an image without objects; or such an image with `torch.tensor([])` for both tensors. Decide for each before you
# look: does the reference stop, or does it go on?

# %%
outputs_2, targets_2 = random_batch(2, N=10, T=3)
nan_boxes, nan_logits = (outputs_2[name].clone() for name in ("pred_boxes", "logits"))
nan_boxes[0, 2] = nan_logits[0, 2] = float("nan")
no_objects = {"class_labels": torch.zeros(0, dtype=torch.int64), "boxes": torch.zeros(0, 4)}
accidents = {
    "NaN in a box": ({**outputs_2, "pred_boxes": nan_boxes}, targets_2),
    "NaN in logits": ({**outputs_2, "logits": nan_logits}, targets_2),
    "three targets, two guesses": ({name: value[:, :2] for name, value in outputs_2.items()}, targets_2),
    "bfloat16, no autocast": ({name: value.bfloat16() for name, value in outputs_2.items()}, targets_2),
    "an empty image": (outputs_2, [no_objects, targets_2[1]]),
    "torch.tensor([])": (outputs_2, [dict.fromkeys(no_objects, torch.tensor([])), targets_2[1]]),
}
terms, said = ("labels", "boxes"), "class {loss_ce:.3f}, L1 {loss_bbox:.3f}"
losses = {"reference": ImageLoss(reference, 91, 0.1, terms), "helpers": SetCriterion(matcher, 91, losses=terms)}
for name, accident in accidents.items():
    print(name)
    for whose, loss in losses.items():
        line = outcome(lambda batch, loss=loss: said.format(**loss(*batch)), accident, width=200)
        print(f"   {whose:10} {line.partition(', but')[0]}")

# %% [markdown]
# Three stop the reference. None of its three messages names the image, and that for the NaN box blames its format. Two pass
# in silence: NaN logits, which make the loss NaN, and too few guesses, so that each image loses a target. `helpers` computes
# [half precision](glossary.md#half-precision) in float32, as autocast does; it warns, or refuses and names the cure.

# %% [markdown]
# ## Images change each other's weight
#
# In [data-parallel training](glossary.md#data-parallel-training) each process, a *rank*, holds a part of the batch, and
# gradients are averaged. Say one rank has 2 objects, whose L1 add up to *a*, the other 10, with *b*. One process would
# compute (*a* + *b*) / 12. So both must divide by 6, though neither has 6 objects:
#
# $$\tfrac12 \left(\frac a6 + \frac b6\right) = \frac{a + b}{12}$$

# %% [markdown]
# Two real processes shall show their divisors. `run_ranks` starts them by accelerate, the library below transformers'
# `Trainer`. In each, all guesses move with one weight, and each pair's L1 grows as it does, so one process with all objects
# would have the gradient 1. In a second batch one rank is empty.

# %%
batches = [2, 10], [0, 10]
for objects, ranks in zip(batches, processes.run_ranks(*batches)):
    for name in ("ours", "reference"):
        divisor, gradient = (ranks[1][name][key] for key in ("num_boxes", "gradient"))
        print(f"objects {objects}, {name:9}  divided by {divisor:.1f}, mean gradient {gradient:.2f}")

# %% [markdown]
# The reference takes a *mean* over ranks and then divides by their number once more: 3 in place of 6. With
# eight ranks box terms are up to eight times too heavy. Without accelerate each rank divides by its own objects, RT-DETR's
# always ([table](reference.md#by-what-the-box-terms-are-divided)). `helpers` divides once.
#
# [Gradient accumulation](glossary.md#gradient-accumulation), small batches one after the other, meets the same question:

# %%
criterion, (outputs_4, full) = SetCriterion(matcher, num_classes=91), random_batch(4, N=10, T=6, seed=4)
targets_4 = [{name: value[:T] for name, value in target.items()} for target, T in zip(full, (1, 1, 5, 6))]
parts = [({name: value[i : i + 2] for name, value in outputs_4.items()}, targets_4[i : i + 2]) for i in (0, 2)]
whole, halves = criterion(outputs_4, targets_4), [criterion(*part) for part in parts]
for name in ("loss_ce", "loss_bbox", "loss_giou"):
    print(f"{name:10} whole {whole[name]:.4f}   mean of the halves {sum(half[name] for half in halves) / 2:.4f}")
print("divisors of the whole: num_boxes {:.0f}, class_weight_sum {:.1f}".format(*criterion.normalizers(10, targets_4)))

# %% [markdown]
# The halves divide by their own objects, 2 and 11, so an object of the first counts 5.5 times as much. `normalizers` counts
# both divisors beforehand, from the targets alone: 13 objects, and for the class term 13 targets that weigh 1 and 27 other
# guesses that weigh 0.1.
#
# <details><summary>In the Trainer of transformers</summary>
#
# With `gradient_accumulation_steps` its `Trainer` counts the items of the whole batch only where labels are one tensor, as in
# classification; the losses of detectors, whose labels are a list of dicts, it averages. Mix in a class of `helpers`, and it counts targets, too:
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
# ## What we learned
#
# - Images cost each other time: of the reference's matrix one part in B is used. Compute own pairs only.
# - One NaN can spoil other matches (the loss shows it), or stop the batch. Keep sentinels near the costs.
# - Images change each other's weight. Divide by the objects of the whole batch, once, over processes and over time.

# %% [markdown]
# **Test yourself.** Eight processes with the reference and accelerate, 20 objects in each; then one process with the same
# batch. Which terms of the loss differ?
#
# <details><summary>The box terms</summary>
#
# Yes: L1 and GIoU are eight times as heavy on the eight, since `num_boxes` is divided by eight twice, 2.5 for 20.
#
# </details>
#
# <details><summary>All of them</summary>
#
# The box terms alone: they are eight times as heavy on the eight. The class term is divided by the class weights of its
# process. With 20 objects in each, all eight have the same, so their mean is that of the whole batch.
#
# </details>
#
# More solvers, and by what nine losses divide: [reference.md](reference.md).
#
# **Next:** [12, what later detectors did](12_where_the_field_went.ipynb).
