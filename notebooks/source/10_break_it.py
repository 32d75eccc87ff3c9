# %% [markdown]
# # What does one-to-one buy?
#
# The match looks like bookkeeping: the loss teaches, the match only sorts. Break it and see. Here a trained detector
# gets fifty more steps with another match, and in fifty steps it unlearns what took more than an hour.
#
# A guess that most readers arrive with: a worse match makes the boxes worse.

# %% [markdown]
# **You will be able to** say what the match alone teaches, why detectors before DETR needed non-maximum suppression,
# and which measures would have shown the damage.
#
# **Time** 25 minutes to read, 45 with the exercises. **You need** [05](05_assignment.ipynb) and
# [07](07_loss.ipynb). The cells that train take up to half a minute each on two cores, and about twice that on Binder.

# %%
import numpy as np

from helpers import HungarianMatcher, box_iou, figures, live
from helpers.checks.breaking import check_crowd, check_two_each
from helpers.detector import load_detector
from helpers.evaluation import corner_boxes
from helpers.figures import breaking
from helpers.pairings import by_index, everyone_near, one_to_many
from helpers.recipe import IMAGE_MEAN, IMAGE_STD
from helpers.scene_arrays import SceneArrays
from helpers.scenes import HandwrittenScenes, running_example
from helpers.widgets import MatchingPlayground

test_scenes = HandwrittenScenes("test", 200, seed=1)
scenes = [running_example(), *(test_scenes[i] for i in range(1, 200))]
images, annotations = [image for image, _ in scenes], [annotation["annotations"] for _, annotation in scenes]
pixel_values = SceneArrays(scenes).pixel_values(range(200), IMAGE_MEAN, IMAGE_STD)
print("200 scenes of unseen digits, pixel_values", tuple(pixel_values.shape))

# %% [markdown]
# ## What to measure
#
# [AP](glossary.md#average-precision) ranks all boxes by score; 1 is perfect. A [duplicate](glossary.md#duplicate), a second box on an object, costs it little if
# its score is low. So we also count **duplicates** per 100 objects at a score over 0.5, and the share of **scenes
# counted right**.

# %% [markdown]
# [Non-maximum suppression](glossary.md#non-maximum-suppression) (NMS) keeps the best box of a class and strikes out all others of that class that overlap it by
# more than half; then the next best, and so on. **AP after NMS** (`suppressed`) tells what it would mend: here, next to nothing.

# %%
model, _ = load_detector()
trained = breaking.state(model, pixel_values, annotations)
empty = np.mean([not things for things in annotations])
print({name: round(trained[name], 2) for name in ("AP", "suppressed", "count_right", "duplicates")})
print(f"scenes without any object: {empty:.2f}")

# %% [markdown]
# ## First a control
#
# Fifty steps of 16 scenes, with the loss of the real training, but a fresh optimiser and a constant learning rate. That
# alone may do harm.
#
# **Predict first.** What do fifty such steps do with the *right* match?
#
# <details><summary>Predict, then open</summary>
#
# They shake the detector: AP falls by a tenth, duplicates stay away. What another match does has to be compared
# with this, not with the detector as trained.
#
# </details>

# %% tags=["live"]
steady, _ = load_detector()
live.train_on(steady, 50, HungarianMatcher())
control = breaking.state(steady, pixel_values, annotations)
figure = breaking.states_figure(images, {"as trained": trained, "fifty steps one-to-one": control})
figures.show(figure, "Before and after the control: here a 1 is now read as 7; on 200 scenes AP falls by a tenth.")

# %% [markdown]
# ## First break: by position
#
# Guess A is paired with the first target in the list, guess B with the second: notebook 00's bad idea, now as a match to
# train with. `by_index` goes into the same `HungarianMatcher`, in the place of SciPy.
#
# **Predict first.** What happens to the boxes in fifty steps?
#
# <details><summary>Predict, then open</summary>
#
# The order of a list cannot be seen in a picture. Each of the first guesses is told to be anywhere at all, and learns
# the mean of it: a box in the middle that no digit has, and a bit of every name. The second figure draws all twelve
# guesses, whatever their score.
#
# </details>

# %% tags=["live"]
model, _ = load_detector()
live.train_on(model, 50, HungarianMatcher(assign=by_index))
by_position = breaking.state(model, pixel_values, annotations)
figure = breaking.states_figure(images, {"fifty steps one-to-one": control, "fifty steps by position": by_position})
figures.show(figure, "Fifty steps by position: nothing is found any more, and only empty scenes are counted right.")

figure, panels = figures.new_figure(9, 4.8, columns=2)
for axes, title, detector in zip(panels, ("one-to-one", "by position"), (steady, model)):
    figures.draw_image(axes, images[0], f"All guesses, {title}")
    figures.draw_predictions(axes, images[0], detector(pixel_values[:1]).pred_boxes[0].detach())
figures.show(figure, "All twelve guesses: one-to-one they stand on the digits, by position they crowd in the middle.")

# %% [markdown]
# The network did what it was told. It fell because what it was told changes with the order of a list, which no image
# shows. The match takes the order out of the question.

# %% [markdown]
# ## Second break: one to many
#
# Now a match that looks at the boxes, and drops one rule: a target may have **every** guess near it, by IoU over 0.4:
# [one-to-many](glossary.md#one-to-many-matching). Many detectors before DETR were trained like this, thousands of [anchors](glossary.md#anchor) for a few objects. `everyone_near` sees minus the
# IoU as cost:

# %%
cost = -np.array([[0.9, 0.0], [0.5, 0.0], [0.0, 0.7], [0.1, 0.2]])
guesses, targets = everyone_near(cost)
print("guesses", guesses.tolist(), "go to targets", targets.tolist())

# %% [markdown]
# Guess 1 was told "no object" before, since guess 0 had won. From now on it hears "well done, come closer".
#
# **Predict first.** Fifty steps without one-to-one: how many boxes on a digit? Are they worse boxes? And how much of AP
# does NMS bring back?
#
# <details><summary>Predict, then open</summary>
#
# About three on a digit; twelve guesses are the limit, with a hundred it would be more. Silence is lost, the boxes suffer
# little. NMS brings back a part: compare the bars with the control.
#
# </details>

# %% tags=["live"]
model, _ = load_detector()
live.train_on(model, 50, one_to_many())
crowded = breaking.state(model, pixel_values, annotations)
figure = breaking.states_figure(images, {"fifty steps one-to-one": control, "fifty steps one-to-many": crowded})
figures.show(
    figure, "Fifty steps one-to-many: a pile of boxes on most digits; suppression mends most of the damage, not all."
)

# %% [markdown]
# Look into the piles: how many boxes with a score over 0.5 lie on a digit (IoU over 0.5), how many names they give it,
# and how well the best of them fits.


# %%
def piles(found, things):
    """For each object with a box on it: the boxes, their different names, and the best IoU: (objects, 3)."""
    kept = found["scores"] > 0.5
    overlap = box_iou(found["boxes"][kept][:, None], corner_boxes(things))  # (boxes, objects)
    on = [(column > 0.5).nonzero()[:, 0] for column in overlap.T]
    names = [len(found["labels"][kept][rows].unique()) for rows in on]
    return [(len(rows), n, float(column[rows].max())) for rows, n, column in zip(on, names, overlap.T) if len(rows)]


for name, measured in (("one-to-one", control), ("one-to-many", crowded)):
    rows = [row for one, things in zip(measured["found"], annotations) for row in piles(one, things)]
    boxes, names, iou = np.mean(rows, axis=0)
    print(f"{name:11}  boxes on a digit {boxes:.1f}, names {names:.1f}, IoU of the best {iou:.1f}")

# %% [markdown]
# So the opening guess is wrong: the boxes are nearly as good, there are too many. NMS works name by name, so a second
# name stays. This was detection before 2020: a network that answers many times, and a rule outside of it, which nobody
# trained, to clean up. One-to-one matching moves the rule into the loss.

# %% [markdown]
# ## Heal it
#
# The same weights, fifty more steps, and the match that you know. Beside it the control, a hundred steps one-to-one by
# now.
#
# **Predict first.** Will the duplicates go as fast as they came?
#
# <details><summary>Predict, then open</summary>
#
# About as fast. The tokens still see the same things; one-to-one only has to say again who of them may speak. AP comes
# back to what the control has; what both still lack, the fresh optimiser took. Right counts need a little longer.
#
# </details>

# %% tags=["live"]
live.train_on(model, 50, HungarianMatcher(), first_step=50)
healed = breaking.state(model, pixel_values, annotations)
live.train_on(steady, 50, HungarianMatcher(), first_step=50)
hundred = breaking.state(steady, pixel_values, annotations)
figure = breaking.states_figure(images, {"one-to-one all along": hundred, "one-to-many, then healed": healed})
figures.show(figure, "After fifty steps one-to-one the duplicates are gone, and AP is nearly that of the control.")

# %% [markdown]
# So exclusivity is not in the architecture, and not in the loss terms, which were the same all along. It is in the
# match. (And it has to be kept up: nothing else in the training asks for it.)

# %% [markdown]
# ## Move it: the rule of the match
#
# Two guesses for two digits, at `eos_coef` 0.1. Choose optimal, greedy, argmin: who gets whom, and who is told to be
# silent? Then drag A towards the left digit. When do all three rules agree?

# %%
playground = MatchingPlayground(preset="greedy loses", controls=["matching", "weights"])
figures.show(playground.figure(), "The optimal match: A for the left digit, B for the right; greedy crosses them.")
playground

# %% [markdown]
# ## What NMS cannot know
#
# NMS is a guess about the world: objects of one class do not overlap by half. Where they do, a right answer is struck
# out. The set loss counts objects instead.

# %% [markdown]
# ## Exercise: one too few
#
# Place two objects of one class so that NMS loses one of two perfect boxes: return two corner boxes (left, top, right,
# bottom) in a picture of 128 pixels. The check draws what is left.


# %% tags=["exercise"]
def crowd():
    return None  # [[left, top, right, bottom], [left, top, right, bottom]]


# %%
check_crowd(crowd)


# %% tags=["solution"] jupyter={"source_hidden": true, "outputs_hidden": true}
def crowd():
    return [[30, 30, 90, 90], [42, 34, 102, 94]]


check_crowd(crowd)

# %% [markdown]
# ## A middle way
#
# One-to-one gives few guesses a box to learn; one-to-many needs NMS. Later models train with both
# ([12](12_where_the_field_went.ipynb)). The smallest step: each target has **two** guesses, chosen jointly, none used
# twice.

# %% [markdown]
# ## Exercise: two each
#
# Write `two_each(cost)` for a matrix (*N*, *T*) with *N* at least 2*T*. It returns two arrays, guesses
# and targets, each 2*T* long, with the least total.
#
# <details><summary>A hint</summary>
#
# A target with two wishes is two columns.
#
# </details>


# %% tags=["exercise"]
def two_each(cost):
    return None  # guesses, targets


# %%
check_two_each(two_each)


# %% tags=["solution"] jupyter={"source_hidden": true, "outputs_hidden": true}
def two_each(cost):
    from scipy.optimize import linear_sum_assignment

    guesses, wishes = linear_sum_assignment(np.repeat(cost, 2, axis=1))
    return guesses, wishes // 2


check_two_each(two_each)

# %% [markdown]
# ## What we learned
#
# - Pairing by position asks for what no image shows: in fifty steps nothing is found.
# - One-to-many gives good boxes many times over, and NMS mends a part; one-to-one teaches silence instead.
# - Measure against a control. AP hides duplicates: count them, and count objects.

# %% [markdown]
# **Test yourself.** A colleague trains with `argmin` instead of the Hungarian match: each target takes its cheapest guess,
# and a guess may serve several targets. Would you expect duplicates?
#
# <details><summary>Answer</summary>
#
# No: each target has one guess, all others are told to be silent. What can go wrong is the reverse: one guess serves two
# targets and has only one box and one class to give, so objects are missed.
#
# </details>
#
# **Next:** [11, why the matcher is fast, and when it breaks](11_fast_and_safe.ipynb).
