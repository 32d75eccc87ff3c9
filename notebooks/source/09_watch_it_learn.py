# %% [markdown]
# # What does it learn first?
#
# You know the loss. Here is a whole training, with the same room for each recorded step. Twelve tokens begin by all saying
# the same.
#
# **Your move:** press play. A digit stands beside a letter while its guess claims an object. Does the network first learn to
# find the digits, or to name them? Decide.

# %%
from helpers.detector import weights_folder
from helpers.training.recording import load_recording
from helpers.widgets import TrainingReplay

recording = load_recording(weights_folder() / "recording.npz")
TrainingReplay(recording, scenes=1, step=0)

# %% [markdown]
# **You will be able to** read the training curve of a set loss, tell a [plateau](glossary.md#plateau) from a failure, and say
# what [AP](glossary.md#average-precision) measures and what it hides.
#
# **Time** 25 minutes to read, 50 with the exercises. **You need** [05](05_assignment.ipynb) and [07](07_loss.ipynb).
#
# **One click about 08.** Which match is an early layer graded with?
#
# <details><summary>With that of the last layer</summary>
#
# No: that would silence a token that stands best in its own layer. Each layer's guesses are matched anew. So a target can
# change hands from layer to layer, and, as you will see here, from step to step.
#
# </details>
#
# <details><summary>With one of its own</summary>
#
# Yes, each layer's guesses are matched anew. So a target can change hands from layer to layer, and, as you will see here, from
# step to step.
#
# </details>

# %%
import numpy as np
import torch

from helpers import HungarianMatcher, figures
from helpers.checks.learning import check_end_of_plateau, check_hide_duplicates
from helpers.detector import decode, load_detector
from helpers.evaluation import average_precision, precision_table
from helpers.figures import learning
from helpers.scenes import HandwrittenScenes
from helpers.training.arrays import SceneArrays
from helpers.training.recipe import IMAGE_MEAN, IMAGE_STD
from helpers.widgets import live

# %% [markdown]
# ## Five stops
#
# The recording follows 64 unseen scenes. AP, from 0 to 1, says how well boxes find objects (more below); AP50 is content with
# IoU 0.5. We stop at
#
# - **untrained**
# - **standing**: the twelve boxes have moved apart
# - **waiting**: AP50 is under 0.02 for the last time
# - **eyes open**: AP is half of what it will be
# - **settled**, the end

# %%
steps, ap, ap50 = recording["step"], recording["evaluation_AP"], recording["evaluation_AP50"]
between, _ = learning.spreads(recording)  # (R,) for R recorded moments: how far apart the tokens' places are
waiting = int(np.flatnonzero(ap50 < 0.02)[-1])
standing = int(np.argmax(between > 0.9 * between[: waiting + 1].max()))  # first at 90 % of the widest spread
eyes_open = int(np.argmax(ap > ap[-1] / 2))
stops = {"untrained": 0, "standing": standing, "waiting": waiting, "eyes open": eyes_open, "settled": len(steps) - 1}
for name, index in stops.items():
    print(f"{name:10} step {steps[index]:6,}   AP {ap[index]:.2f}")
figure = learning.curves_figure(recording, stops)
figures.show(
    figure, "The training loss and, on unseen scenes, AP. Dashed, a switch of eos_coef: it has a section below."
)
figure = learning.film_figure(recording, stops, scenes=(0, 1))
caption = "Two scenes at five stops: targets in orange, the boxes matched with them in blue, the match in green."
figures.show(figure, caption)

# %% [markdown]
# At first all boxes lie on one another, and the match is nearly random. At *standing* each digit has a box nearby, though AP
# is 0.
#
# **Predict first.** Stop the training there and show the network another picture. Do its boxes move?
#
# <details><summary>Yes, they go where the digits are</summary>
#
# They hardly move. A box depends on its token and almost not on the picture. Each digit has a box nearby because twelve boxes
# are spread over the sheet, and the matcher picks the one that happens to stand there.
#
# </details>
#
# <details><summary>Hardly</summary>
#
# Right. The tokens stand apart, but blind: a box depends on its token and almost not on the picture. The matcher picks
# whichever happens to stand near, so the overlap is about the same with any picture.
#
# </details>

# %%
figure = learning.standing_figure(recording, stops)
caption = "Left, how far apart the tokens stand and how far each moves between pictures. Dotted: standing, waiting, eyes open."
figures.show(figure, caption)

# %% [markdown]
# **First a place to stand, then eyes**, in this training. First the tokens take different places (blue), then their boxes
# follow the picture (green). From then on the same token's box in another picture overlaps the target less (right).
#
# ## Why it looks stuck
#
# Between the two falls lie six thousand steps. Is nothing learned in them?

# %%
figure = learning.waiting_figure(recording, steps[standing], steps[waiting])
figures.show(figure, "Class term and GIoU term between the stops standing and waiting, in percent of where they were.")

# %% [markdown]
# Both terms lose a tenth, and the match settles, as a table below shows. A likely reason why it takes so long: as long as a
# token ignores the picture, its best box is a compromise between all targets it ever gets. To do better it must read from the
# patches, and attention has to find out where.

# %% [markdown]
# ## Find or name?
#
# Do boxes or names use the picture first? A name is right if the likeliest digit is, "no object" left out. The control is
# *the next scene*: what is said of it, matched anew with this scene's targets.
#
# **Predict first.** What is ahead of its control first, the boxes or the names?
#
# <details><summary>The boxes: it finds, then it names</summary>
#
# Most people say so. At step 5,000 it is the other way round: names are right twice as often as with the next scene, and
# boxes overlap hardly better.
#
# </details>
#
# <details><summary>The names</summary>
#
# Yes, by a little: at step 5,000 names are right twice as often as with the next scene, and boxes overlap hardly better.
# Before this training, all of the network but its heads learned to classify single digits, which may be why; no run here
# tells.
#
# </details>
#
# <details><summary>Neither: both at the same step</summary>
#
# Nearly. From step 9,000 on both are far ahead. But at step 5,000 names are right twice as often as with the next scene,
# while boxes overlap hardly better.
#
# </details>

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


# %%
for step in (1000, 5000, 9000, None):
    outputs = answers(load_detector(step=step)[0])
    for picture, shift in (("own scene", 0), ("next scene", 1)):
        shown = {name: part.roll(shift, 0) for name, part in outputs.items()}
        names, overlap = learning.names_and_boxes(shown, targets, HungarianMatcher()(shown, targets))
        print(f"{f'step {step:,}' if step else 'end':11}{picture:12} names {names:4.0%}  IoU {overlap:.2f}")

# %% [markdown]
# At step 1,000 next to nothing depends on the picture: each token only has its place. Then the picture is used, for names
# slightly earlier than for boxes. (One training, one seed.)
#
# ## Who owns whom
#
# The owner of a target is the token it is matched with. A [flip](glossary.md#flip) is a target that has another owner one step
# later.

# %%
figure = learning.flips_figure(recording)
figures.show(figure, "Share of the matched targets in 64 scenes that have another owner one step later.")
# Flips are means over seven recorded moments.
flips, final = learning.running_mean(learning.flip_share(recording), 7), recording["owners"][-1]
print("  step   flips  with their final owner")
for step in (0, steps[standing], steps[waiting], 10_000, steps[eyes_open], 20_000, 25_000, 30_000):
    at = int(np.flatnonzero(steps == step)[0])
    same = ((recording["owners"][at] == final) & (final >= 0)).sum() / (final >= 0).sum()
    print(f"{step:6,}{flips[at]:8.1%}{same:8.0%}")

# %% [markdown]
# Flips do not die out steadily. Most come near step 10,000: the eyes open, and perhaps several neighbours learn to reach the
# same digit. The switch of the next section falls into this time, too. By step 30,000 flips are nearly gone.
#
# **Your move:** at the top, from which step on does the "3" keep its token?
#
# <details><summary>The answer</summary>
#
# From about 23,700 on it stays with B. The lower "1" stays with A from 2,600 on.
#
# </details>

# %% [markdown]
# ## The switch
#
# At step 9,000 `eos_coef` goes from 0.1, where guesses claim too much ([07b](07b_honest_scores.ipynb)), to 1. Duplicates,
# second boxes on an object, drop at once. The share of scenes with as many boxes as objects rises later. AP rises, but it rose before, so this
# recording cannot tell what AP owes to the switch. [10](10_break_it.ipynb) compares whole trainings.

# %%
figure = learning.switch_figure(recording)
figures.show(
    figure,
    "Dashed, the switch. AP dips at 36,000, where a second training begins, on new scenes, with a raised learning rate.",
)
around = list(learning.around_switch(recording))  # two moments
for name in ("AP", "duplicates", "count_right"):
    before, after = recording[f"evaluation_{name}"][around]  # count_right: the share of scenes
    print(f"{name:11} at step {steps[around[0]]:,}: {before:5.2f}   at step {steps[around[1]]:,}: {after:5.2f}")

# %% [markdown]
# ## What AP measures
#
# Rank all boxes of a class by score. A box is a hit if its IoU with an object not yet hit reaches a threshold. Going down,
# [**precision**](glossary.md#precision) is the share of hits so far, [**recall**](glossary.md#recall) the share of objects
# found. AP is the area under precision over recall, a mean over classes and ten thresholds.
#
# <details><summary>Do all programs compute the same AP?</summary>
#
# Nearly. The [reference](reference.md#evaluators) has cases in which they differ.
#
# </details>

# %%
found = decode(outputs, [(128, 128)] * 600)  # of the trained detector, the last in the loop above
precision = precision_table(found, annotations)  # (10, 101): IoU, recall
print(f"mean area {precision.mean():.2f}, AP {average_precision(found, annotations)['AP']:.2f}")
figure = learning.precision_recall_figure(precision)
figures.show(figure, "Precision over recall of the trained detector; each curve demands a higher IoU for a hit.")

# %% [markdown]
# ## Exercise: a flood that AP does not see
#
# *Break it.* You get one scene's detections, a dict of `boxes` (M, 4), `scores` (M,) and `labels` (M,). Return another dict,
# with at least 80 [duplicates](glossary.md#duplicate) per 100 objects, and an AP that falls by no more than 0.01. Only boxes
# with a score over 0.5 count as duplicates.
#
# <details><summary>A hint</summary>
#
# AP reads nothing but the order of the scores, over all scenes. Where in this order does a second box do no harm?
#
# </details>
#
# [A solution](solutions/09.ipynb)


# %% tags=["exercise"]
def hide_duplicates(found):
    return None  # {"boxes": ..., "scores": ..., "labels": ...}


# %%
check_hide_duplicates(hide_duplicates, found[:150], annotations[:150])

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
# Before a long training comes a check: can the network [learn eight scenes by heart](glossary.md#overfitting)? If not,
# something is broken. Like the recorded training, it begins with a network that can classify single digits. Will it wait here,
# too? (*Stop*
# ends it early; outside of JupyterLab, interrupt the kernel. Calling `run` again goes on.)

# %% tags=["live"]
eight = [*HandwrittenScenes("train", 8, seed=3, objects=(1, 6))]
eight_arrays = SceneArrays(eight)
training = live.overfit(eight_arrays.pixel_values(range(8), IMAGE_MEAN, IMAGE_STD), eight_arrays.targets(range(8)))
training.run(
    steps=240,
    draw=lambda training: learning.overfit_figure(training, [image for image, _ in eight]),
    caption="Overfitting eight scenes: the loss and the flips fall, and nearly all right boxes and names appear.",
)

# %% [markdown]
# It hardly waits, probably because eight scenes can be remembered without looking for anything.
#
# ## Live: the real recipe
#
# If you have ten minutes: the recorded training goes on here from step 5,000, with its optimiser's state, its scenes and its
# learning rate. Set `steps` to 4,000 and watch your AP beside the recorded one. (Five only show that it runs.)
#
# <details><summary>In a terminal</summary>
#
# Hours belong there. At the root of the project, the first line learns eight scenes by heart; without `--quick` it is the
# recorded training. The second starts two processes; what changes then, [11](11_fast_and_safe.ipynb) tells.
#
# ```
# python -m helpers.training --quick
# python -m torch.distributed.run --standalone \
#     --nproc-per-node 2 -m helpers.training --quick
# ```
#
# </details>

# %% tags=["live"]
training = live.continue_recipe(recording["about"]["recipe"], step=5000)
training.run(
    steps=5,
    draw=lambda training: learning.recipe_figure(training, recording),
    caption="The recorded loss and AP around step 5,000 in grey; in blue, what this machine adds.",
)

# %% [markdown]
# ## Exercise, if you like: find the end of the wait
#
# A program should notice the moment by itself. `step` and `curve` are arrays (M,), a loss term with a point every 50 steps; return
# the step at which the plateau ends, to about 15 %. It must work on curves that you have not seen.
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
# ## What we learned
#
# - In this training tokens first take places; then they use the picture, for names slightly before boxes.
# - A loss that stands still need not be a fault: overfit eight scenes.
# - AP hides duplicates. Count them.
#
# **Test yourself.** Matched boxes have IoU 0.4, and with another picture, too. What has been learned?
#
# <details><summary>To find objects, roughly</summary>
#
# Nothing of the picture yet: with another picture the overlap is the same. Only a place for each token.
#
# </details>
#
# <details><summary>A place for each token</summary>
#
# Yes. Nothing of the picture yet: another one gives the same overlap.
#
# </details>
#
# **Next:** [10, what one-to-one buys](10_break_it.ipynb).
