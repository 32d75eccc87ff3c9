# %% [markdown]
# # What does it learn first?
#
# You know the loss. Now watch it teach: a whole training, recorded, from twelve tokens that say the same to a detector.
# For a long time it looks stuck. What is it doing meanwhile?
#
# A guess that most readers arrive with: it first learns to find, then to name. Keep it in mind.

# %% [markdown]
# **You will be able to** read a training curve of a set loss, tell a [plateau](glossary.md#plateau) from a failure, say what [AP](glossary.md#average-precision) measures and
# what it hides, and train in a notebook.
#
# **Time** 25 minutes to read, 50 with the exercises. **You need** [05](05_assignment.ipynb) and
# [07](07_loss.ipynb).

# %%
import numpy as np
import torch

from helpers import HungarianMatcher, SetCriterion, figures
from helpers.checks.learning import check_end_of_plateau, check_hide_duplicates
from helpers.detector import decode, load_detector, weights_folder
from helpers.evaluation import average_precision, precision_table
from helpers.figures import learning
from helpers.scenes import HandwrittenScenes
from helpers.training.arrays import SceneArrays
from helpers.training.recipe import IMAGE_MEAN, IMAGE_STD
from helpers.training.recording import load_recording
from helpers.widgets import TrainingReplay, live

recording = load_recording(weights_folder() / "recording.npz")
steps = recording["step"]
print("boxes", recording["boxes"].shape, " owners", recording["owners"].shape)
print(f"recorded at {len(steps)} moments, from step {steps[0]} to step {steps[-1]:,}")

# %% [markdown]
# ## A training, kept
#
# At each recorded moment the file holds all guesses on 8 fixed scenes, the match on 64, and AP on 200 scenes, all of
# digits that training never sees. Between them it keeps the curves. `owners` says of each token which target it is
# matched with, or −1.

# %% [markdown]
# ## Five stops
#
# We let the recording choose where to look. **Standing**: the spread of the twelve tokens' places first reaches nine
# tenths of the most it reaches before detection begins. **Waiting**: the last moment with AP50 below 0.02. **Eyes
# open**: AP reaches half of its final value.

# %%
between, over_scenes = learning.spreads(recording)  # (R,) both, a number for each of R recorded moments
found_well, found_at_all = recording["evaluation_AP"], recording["evaluation_AP50"]
waiting = int(np.flatnonzero(found_at_all < 0.02)[-1])
standing = int(np.argmax(between > 0.9 * between[: waiting + 1].max()))
eyes_open = int(np.argmax(found_well > found_well[-1] / 2))
stops = {"untrained": 0, "standing": standing, "waiting": waiting, "eyes open": eyes_open, "settled": len(steps) - 1}
for name, index in stops.items():
    print(f"{name:10} step {steps[index]:6,}   AP {found_well[index]:.2f}")
figure = learning.curves_figure(recording, stops)
figures.show(figure, "Above the three weighted terms of the training loss, below average precision on unseen scenes.")
figure = learning.film_figure(recording, stops, scenes=(0, 1))
figures.show(
    figure, "Two scenes at five stops: targets in orange, the boxes that own them in blue, the match in green."
)

# %% [markdown]
# At first all twelve boxes lie on one another, so the match is a toss. Then they part. At the second and third stop
# each digit has a box nearby, though AP calls this nothing. Each taxi waits at a rank of its own, for now.

# %% [markdown]
# **Predict first.** Stop the training at *standing* and show the network another picture. Do its boxes move?
#
# <details><summary>Predict, then open</summary>
#
# Hardly. The tokens stand apart, but blind: a box depends on the token and almost not on the image. The matcher picks
# whoever happens to stand near, so the overlap is fair with any image.
#
# </details>
#
# The next figure measures it. *Own image*: IoU of a matched box with its target. *Another image*: the same token's box
# in another scene, against the same target.

# %%
figure = learning.standing_figure(recording, stops)
figures.show(
    figure, "Left: spread of centres between tokens and over images. Right: overlap with and without the image."
)

# %% [markdown]
# **First a place to stand, then eyes.** The blue curve rises first, with the loss's first fall. The green one waits
# for the second. Then the two lines on the right part: what a box says now belongs to its own picture.

# %% [markdown]
# ## Why it looks stuck
#
# For a token that does not look, the best box is a compromise between all passengers it ever gets. One scene pulls it
# left, the next right, and the pulls cancel. Only a token that reads *where* from the patches can do better, and
# attention has to find that first. Look closer at the wait:

# %%
figure = learning.waiting_figure(recording, steps[standing], steps[waiting])
figures.show(figure, "Class term and GIoU term between the stops standing and waiting, in percent of where they were.")
own, accuracy = learning.matched_overlap(recording)[0], learning.matched_accuracy(recording)  # (R,) both
for name, at in stops.items():
    print(f"{name:10} IoU of matched boxes {own[at]:.2f}, their best class is right in {100 * accuracy[at]:.0f} %")

# %% [markdown]
# Both terms lose about a tenth, now one in front, now the other. The names and boxes themselves tell more: when the wait
# ends, a third of the names are right, and IoU has hardly moved. The tokens know a little of *what* before they know
# *where*. Then both climb together. Neither "first boxes" nor "first classes" fits.

# %% [markdown]
# ## Exercise: find the end of the wait
#
# A program should notice the moment by itself. `step` and `curve` are arrays (M,), a point every 50 steps; return the
# step at which the plateau ends. It must work on curves that you have not seen.
#
# <details><summary>A hint</summary>
#
# For each point, how much will the smoothed curve fall within the next eight points? On a plateau: little, compared
# with the most it ever falls in that time.
#
# </details>
#
# [A solution](solutions/09.ipynb)


# %% tags=["exercise"]
def end_of_plateau(step, curve):
    return None  # a training step


# %%
check_end_of_plateau(end_of_plateau, recording)

# %% [markdown]
# ## Who owns whom
#
# How often does a target change hands in a single step? **Predict first:** does that share fall steadily?
#
# <details><summary>Predict, then open</summary>
#
# No. It starts near 6 %, while all boxes lie together, and sinks under 2 % as the first of them part. While they wait it
# is 3 to 5 %, and near 8 % when eyes open: several neighbours learn to reach the same digit, and quarrel. Only then does
# it die out.
#
# </details>
#
# *Move it:* below the curve is the recording itself. Play it, drag the step, follow a token. Which token keeps its
# target for longest?

# %%
figure = learning.flips_figure(recording)
figures.show(figure, "Share of the matched targets in 64 scenes that have another owner one step later.")
TrainingReplay(recording, scenes=1, step=int(steps[eyes_open]))

# %% [markdown]
# ## The switch
#
# The dashed line in the curves is a change of the recipe: `eos_coef` goes from 0.1 to 1 (07). **Predict first:** what
# happens to AP, and what to duplicates?
#
# <details><summary>Predict, then open</summary>
#
# Tenfold odds of "object" become honest ones, so a second taxi at a served fare falls silent: duplicates drop at once.
# AP rises, but it rose before: the switch falls into its steepest climb, so this recording cannot tell what AP owes to
# it. [10](10_break_it.ipynb) compares two whole trainings, with the switch and without. The right counts come later:
# silence is learned at once, finding is not.
#
# </details>

# %%
figure = learning.switch_figure(recording)
figures.show(figure, "Dashed, the switch of eos_coef; the dip at 36,000 is a second, lower cycle on fresh scenes.")
around = list(learning.around_switch(recording))  # two moments
for name in ("AP", "duplicates", "count_right"):
    before, after = recording[f"evaluation_{name}"][around]
    print(f"{name:11} at step {steps[around[0]]:,}: {before:.2f}   at step {steps[around[1]]:,}: {after:.2f}")

# %% [markdown]
# ## What AP measures
#
# All boxes are ranked by score. A box is a hit if its IoU with a free object of its class is high enough. Down the
# ranking, [**precision**](glossary.md#precision) is the share of hits so far, [**recall**](glossary.md#recall) the share of objects found. AP is the area below,
# averaged over classes and ten demands on IoU.

# %%
scenes = [*HandwrittenScenes("test", 600, seed=4)]
arrays, annotations = SceneArrays(scenes), [annotation["annotations"] for _, annotation in scenes]
targets = arrays.targets(range(600))


@torch.no_grad()
def answers(detector, count=600):
    """What a detector says of the first scenes, 50 at a time: all at once would take much memory."""
    batches = [range(first, min(first + 50, count)) for first in range(0, count, 50)]
    parts = [detector(arrays.pixel_values(batch, IMAGE_MEAN, IMAGE_STD)) for batch in batches]
    return {name: torch.cat([part[name] for part in parts]) for name in ("logits", "pred_boxes")}


outputs = answers(load_detector()[0])
found = decode(outputs, [(128, 128)] * 600)
precision = precision_table(found, annotations)  # (10, 101): IoU, recall
print(f"mean area {precision.mean():.2f}, AP {average_precision(found, annotations)['AP']:.2f}")
figure = learning.precision_recall_figure(precision)
figures.show(figure, "Precision over recall of the trained detector; each curve demands a higher IoU for a hit.")

# %% [markdown]
# ## Exercise: a flood that AP does not see
#
# *Break it.* You get what the detector found in one scene, a dict of `boxes` (M, 4), `scores` (M,) and `labels` (M,).
# Return another dict: at least 80 [duplicates](glossary.md#duplicate) per 100 objects, all with a score over 0.5, and an AP that falls by no
# more than 0.01.
#
# [A solution](solutions/09.ipynb)


# %% tags=["exercise"]
def hide_duplicates(found):
    return None  # {"boxes": ..., "scores": ..., "labels": ...}


# %%
check_hide_duplicates(hide_duplicates, found[:150], annotations[:150])

# %% [markdown]
# ## Where each token looks
#
# Grey, every centre that a token predicts; in colour, where it owned a target; dashed, the median box; in percent of
# the image, the spread. (DETR's figure 7 is like this.)
#
# **Predict first.** Does a target's box tell who owns it, if the nine most similar vote? And is that the owner in the end?
#
# <details><summary>Predict, then open</summary>
#
# At every age the box tells the owner in about three cases of four or more: each token has its place and size. But
# places are dealt anew when the eyes open: at step 1,000 few targets have the owner that they have in the end.
#
# </details>

# %%
owners = {}  # by age, the token of each target
for step in (1000, 5000, 9000, None):
    said = outputs if step is None else answers(load_detector(step=step)[0])
    pairs = HungarianMatcher()(said, targets)
    owners[f"step {step:,}" if step else "final"] = torch.cat([tokens[order.argsort()] for tokens, order in pairs])
boxes = torch.cat([target["boxes"] for target in targets])  # (all targets, 4)
for name, tokens in owners.items():
    told, same = learning.owner_from_box(boxes, tokens), (tokens == owners["final"]).float().mean()
    print(f"{name:11} the box tells the owner in {100 * told:.0f} %, and it is the final one in {100 * same:.0f} %")
owned = torch.zeros(600, 12, dtype=torch.bool)
for scene, (tokens, _) in enumerate(pairs):
    owned[scene, tokens] = True
figure = learning.stands_figure(outputs["pred_boxes"], owned)
figures.show(figure, "Twelve tokens, twelve territories: places and sizes of the boxes with which each owned a target.")

# %% [markdown]
# ## Failures, one by one
#
# A mean hides what goes wrong. Four kinds, at a score over 0.5: **missed**, no box with IoU 0.5; **misread**, found but
# misnamed; **twice**, a duplicate; [**ghost**](glossary.md#ghost), a box on nothing. Look at each before you change a recipe.

# %%
kinds = {"missed": [], "misread": [], "twice": [], "ghost": []}
for (image, annotation), one in zip(scenes, found):
    for failure in learning.find_failures(one, annotation["annotations"]):
        kinds[failure[0]].append((image, annotation["annotations"], one, failure))
objects = sum(len(things) for things in annotations)
print("per 100 objects:", ", ".join(f"{kind} {100 * len(cases) / objects:.1f}" for kind, cases in kinds.items()))
figure = learning.failures_figure([case for cases in kinds.values() for case in cases[:1]])
figures.show(figure, "One failure of each kind that occurs: the place lit up, targets in orange, guesses in blue.")

# %% [markdown]
# ## Live: eight scenes
#
# Before the real training, a check: can the network [learn eight scenes by heart](glossary.md#overfitting)? If not, something is broken, and no
# patience helps. It starts with the shipped classifier's eyes. Watch the [flips](glossary.md#flip); *Stop* ends it early (outside of
# JupyterLab: interrupt the kernel), calling `run` again goes on.
#
# **Predict first.** Will it wait here, too?
#
# <details><summary>Predict, then open</summary>
#
# Not long: eight scenes can be learned by heart. In forty thousand, a token that remembers instead of looking gains
# nothing.
#
# </details>

# %% tags=["live"]
eight = [*HandwrittenScenes("train", 8, seed=3, objects=(1, 6))]
eight_arrays = SceneArrays(eight)
training = live.overfit(eight_arrays.pixel_values(range(8), IMAGE_MEAN, IMAGE_STD), eight_arrays.targets(range(8)))
training.run(
    steps=240,
    draw=lambda training: learning.overfit_figure(training, [image for image, _ in eight]),
    caption="Overfitting eight scenes: the loss and the flips fall, and the right boxes and names appear.",
)

# %% [markdown]
# ## Live: the real recipe
#
# If you have ten minutes: the recorded training, continued on your machine from step 5,000 with the optimiser's state,
# the same scenes and the same learning rate. Set `steps` to 4,000 and watch your AP beside the recorded one; it is
# measured every 100 steps.

# %% tags=["live"]
training = live.continue_recipe(recording["about"]["recipe"], step=5000)
training.run(
    steps=5,
    draw=lambda training: learning.recipe_figure(training, recording),
    caption="The recorded loss and AP around step 5,000 in grey; in blue, what this machine adds.",
)

# %% [markdown]
# ## Outside of the notebook
#
# Hours belong into a terminal. At the root of the project:
#
# ```
# python -m helpers.training --quick
# python -m torch.distributed.run --standalone \
#     --nproc-per-node 2 -m helpers.training --quick
# ```
#
# The first line learns eight scenes by heart; without `--quick` it is the recorded training. The second starts two
# processes, each with a batch of eight.

# %% [markdown]
# **Predict first.** Two processes with a batch of 8, or one with `--batch-size 16`: the same training?
#
# <details><summary>Predict, then open</summary>
#
# Nearly. The box terms agree: `num_boxes` counts all processes' objects. The class term differs a little: each process
# divides by its own weights, as in the reference. With `--global-class-normalizer` the two runs agree to rounding
# (`tests/test_processes.py`). [11](11_fast_and_safe.ipynb) shows the arithmetic.
#
# A trap: `accelerate launch --cpu --num_processes 2` quietly starts one process.
#
# </details>

# %%
said, criterion = answers(load_detector(step=5000)[0], 16), SetCriterion(HungarianMatcher(), 10, eos_coef=0.1)
parts = [slice(16), slice(8), slice(8, 16)]  # one process, and the two
whole, *two = (criterion({name: said[name][part] for name in said}, targets[part]) for part in parts)
objects = [sum(len(target["boxes"]) for target in targets[part]) for part in parts]
boxes_of_two = sum(losses["loss_bbox"] * count for losses, count in zip(two, objects[1:])) / objects[0]
class_of_two = sum(losses["loss_ce"] for losses in two) / 2
print(f"L1    one process {whole['loss_bbox']:.4f}, two {boxes_of_two:.4f}")
print(f"class one process {whole['loss_ce']:.4f}, two {class_of_two:.4f}")

# %% [markdown]
# ## What we learned
#
# - First a place to stand, then eyes: tokens part before any box follows the image; then boxes and classes improve together.
# - A plateau of a set loss can be a search. Overfit eight scenes to tell it from a fault.
# - AP ranks boxes by score, and hides duplicates; count them, and look at failures one by one.

# %% [markdown]
# **Test yourself.** In a recording of your own training the matched boxes have IoU 0.4, and the boxes of another image
# do as well. AP is zero. What has been learned, and what not?
#
# <details><summary>Answer</summary>
#
# A place for each token, and a typical size. Nothing of the image yet: a swapped picture gives the same overlap.
#
# </details>
#
# One file, several evaluators, other APs: [reference](reference.md).
#
# **Next:** [10, what one-to-one buys](10_break_it.ipynb).
