# %% [markdown]
# # What does one-to-one buy?
#
# The match looks like bookkeeping: the loss teaches, the match only sorts. Break it and see. Here a trained detector
# gets fifty more steps with another match, and in fifty steps it unlearns what took an hour.
#
# A guess that most readers arrive with: a worse match makes the boxes worse.

# %% [markdown]
# **You will be able to** say what the match alone teaches, why detectors before DETR needed non-maximum suppression,
# and which measures would have shown the damage.
#
# **Time** 25 minutes to read, 45 with the exercises. **You need** 05 and 07. The cells that train take up to half a
# minute each on two cores, and about twice that on Binder.

# %%
import numpy as np

from helpers import HungarianMatcher, figures, live
from helpers.checks.breaking import check_crowd, check_two_each
from helpers.detector import load_detector
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
# AP ranks all boxes by score, so duplicates with low scores cost it little. Three more numbers show them: **duplicates**
# per 100 objects at a score over 0.5, the share of **scenes counted right**, and **AP after NMS**.

# %% [markdown]
# Non-maximum suppression (NMS) keeps the best box of a class and strikes out all others of that class that overlap it by
# more than half; then the next best, and so on.

# %%
model, _ = load_detector()
trained = breaking.state(model, pixel_values, annotations)
print({name: round(trained[name], 2) for name in ("AP", "suppressed", "count_right", "duplicates")})

# %%
figure = breaking.states_figure(images, {"as trained": trained})
figures.show(
    figure, "The trained detector: six boxes, since the 3 is claimed twice; on 200 scenes NMS has little to mend."
)

# %% [markdown]
# ## First break: by position
#
# Guess A is paired with the first target in the list, guess B with the second: notebook 00's bad idea, now as a match to
# train with. `by_index` goes into the same `HungarianMatcher`, in the place of scipy.

# %%
print("by position:", [part.tolist() for part in by_index(np.zeros((12, 5)))])

# %% [markdown]
# Fifty steps of 16 scenes, with the loss of the real training.
#
# <details><summary>Predict, then open: what happens to the boxes?</summary>
#
# The order of a list cannot be seen in a picture. Each of the first guesses is told to be anywhere at all, and learns
# the mean of it: a box in the middle that no digit has.
#
# </details>

# %% tags=["live"]
model, _ = load_detector()
live.train_on(model, 50, HungarianMatcher(assign=by_index))
by_position = breaking.state(model, pixel_values, annotations)
figure = breaking.states_figure(images, {"as trained": trained, "fifty steps by position": by_position})
figures.show(figure, "After fifty steps with guesses paired by position, nothing is found any more.")

# %% [markdown]
# The network did what it was told. It fell because what it was told changes with the order of a list, which no image
# shows. The match takes the order out of the question.

# %% [markdown]
# ## Second break: one to many
#
# Now a match that looks at the boxes, and drops one rule: a target may have **every** guess near it, by IoU over 0.4.
# Detectors before DETR were trained like this, thousands of anchors for a few objects. `everyone_near` sees minus the
# IoU as cost:

# %%
cost = -np.array([[0.9, 0.0], [0.5, 0.0], [0.0, 0.7], [0.1, 0.2]])
guesses, targets = everyone_near(cost)
print("guesses", guesses.tolist(), "go to targets", targets.tolist())

# %% [markdown]
# Guess 1 was told "no object" before, since guess 0 had won. From now on it hears "well done, come closer".
#
# <details><summary>Predict, then open: fifty steps without one-to-one. How many boxes per digit?</summary>
#
# Most digits get three. Each box alone is right, so a box is no worse: what is lost is silence. Twelve guesses are the
# limit here; with a hundred it would be more.
#
# </details>

# %% tags=["live"]
model, _ = load_detector()
live.train_on(model, 50, one_to_many())
crowded = breaking.state(model, pixel_values, annotations)
figure = breaking.states_figure(images, {"as trained": trained, "fifty steps one-to-many": crowded})
figures.show(figure, "Fifty steps one-to-many: a pile of boxes on each digit; suppression brings much of AP back.")

# %% [markdown]
# The two bars tell the story of detection before 2020: a network that answers many times, and NMS, a rule outside of the
# network that nobody trained, to clean up. One-to-one matching moves the rule into the loss.

# %% [markdown]
# ## Heal it
#
# The same weights, fifty more steps, and the match that you know.
#
# <details><summary>Predict, then open: will the duplicates go as fast as they came?</summary>
#
# About as fast. The tokens still see the same things; one-to-one only has to say again who of them may speak. (AP
# needs longer: a fresh optimiser and a hundred steps at a high learning rate have shaken the rest.)
#
# </details>

# %% tags=["live"]
live.train_on(model, 50, HungarianMatcher(), first_step=50)
healed = breaking.state(model, pixel_values, annotations)
figure = breaking.states_figure(images, {"fifty steps one-to-many": crowded, "fifty steps one-to-one again": healed})
figures.show(figure, "Fifty steps one-to-one: the duplicates are gone, most of AP is back, and NMS has no work again.")

# %% [markdown]
# So exclusivity is not in the architecture, and not in the loss terms, which were the same all along. It is in the
# match. (And it has to be kept up: nothing else in the training asks for it.)

# %% [markdown]
# ## Move it: the rule of the match
#
# Two guesses stand on one digit. Change the rule from optimal to greedy and argmin, and read the class term: which guess
# is told to be silent? Then drag the second digit away until no rule gives it a guess of its own.

# %%
MatchingPlayground(preset="two fight over one", controls=["matching", "weights"])

# %% [markdown]
# ## What NMS cannot know
#
# NMS is a guess about the world: objects of one class do not overlap by half. Where they do, a right answer is struck
# out. The set loss counts objects instead.

# %% [markdown]
# **Exercise 1.** Place two objects of one class so that NMS loses one of two perfect boxes: return two corner boxes
# (left, top, right, bottom) in a picture of 128 pixels.


# %% tags=["exercise"]
def crowd():
    return None  # [[left, top, right, bottom], [left, top, right, bottom]]


# %%
check_crowd(crowd)


# %% tags=["solution"] jupyter={"source_hidden": true}
def crowd():
    return [[30, 30, 90, 90], [42, 34, 102, 94]]


check_crowd(crowd)

# %% [markdown]
# ## A middle way
#
# One-to-one gives few guesses something to learn from; one-to-many needs NMS. Later models train with both (notebook
# 12). The smallest step: each target has **two** guesses, chosen jointly, none used twice.

# %% [markdown]
# **Exercise 2.** Write `two_each(cost)` for a matrix (*N*, *T*) with *N* at least 2*T*. It returns two arrays, guesses
# and targets, each 2*T* long, with the least total.
#
# <details><summary>Hint</summary>
#
# A target with two wishes is two columns.
#
# </details>


# %% tags=["exercise"]
def two_each(cost):
    return None  # guesses, targets


# %%
check_two_each(two_each)


# %% tags=["solution"] jupyter={"source_hidden": true}
def two_each(cost):
    from scipy.optimize import linear_sum_assignment

    guesses, wishes = linear_sum_assignment(np.repeat(cost, 2, axis=1))
    return guesses, wishes // 2


check_two_each(two_each)

# %% [markdown]
# ## What we learned
#
# - Pairing by position asks for what no image shows: in fifty steps nothing is found.
# - One-to-many gives good boxes many times over, and needs NMS; one-to-one teaches silence instead.
# - AP hides duplicates. Count them, and count objects.

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

# %% [markdown]
# **Next**: [11, why is the matcher fast, and when does it break?](11_fast_and_safe.ipynb)
