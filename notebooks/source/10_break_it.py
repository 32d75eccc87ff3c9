# %% [markdown]
# # What does one-to-one buy?
#
# The match looks like bookkeeping: the loss teaches, the match only sorts. Break it and see. First a trained detector
# gets fifty more steps with another match; then detectors are trained from the start, each with one thing changed.
#
# A guess that most readers arrive with: a worse match makes the boxes worse.

# %% [markdown]
# **You will be able to** say what the match alone teaches, why detectors before DETR needed non-maximum suppression,
# which parts of DETR's recipe carry it, and how to tell a difference from chance.
#
# **Time** 35 minutes to read, 55 with the exercises. **You need** [05](05_assignment.ipynb) and
# [07](07_loss.ipynb). Cells that train take half a minute on two cores.

# %% [markdown]
# ## Four rules, no network
#
# Take the network away: twelve free boxes and class scores, five targets, and the real loss. Choose owners, move, choose
# again: [k-means](https://en.wikipedia.org/wiki/K-means_clustering) has the same two steps. Start 3, 300 steps.
#
# **Predict first.** Which of these rules finds the five?
#
# <details><summary>argmin: each target takes its cheapest guess</summary>
#
# Not from here. The "3" and a "1" both want G, and G can name only one of them. It ends on the "1", and nobody is left
# for the "3". From the starts 1 and 2 it finds all five: no two targets want the same guess.
#
# </details>
#
# <details><summary>by position, the list in a fixed order</summary>
#
# It does, as well as the optimal match. On one picture with a fixed list, position names an owner for each target, once
# and for all, and that is enough.
#
# </details>
#
# <details><summary>by position, the list shuffled at every step</summary>
#
# No. Each of the first five guesses is told to be every target in turn, so most of them crowd in one place and say "1",
# the commonest label. Order does harm because it is arbitrary from picture to picture; the shuffle makes one picture
# feel it. To the optimal match the shuffle does nothing.
#
# </details>
#
# <details><summary>one-to-many, two guesses for each target</summary>
#
# It finds each of them twice: ten claims for five targets, with good boxes.
#
# </details>

# %%
from helpers import figures
from helpers.widgets import SetPlay

play = SetPlay(start=2)
figures.show(play.figure(), "Choose owners, move, choose again: the set loss brings five of twelve free guesses home.")
play

# %% [markdown]
# Press Play, then choose another rule and Restart: the grey shadow is the run before. **Find out by moving:** let "optimal"
# settle, press Play once more, and drag the "3" across the sheet. Can you carry it so that its owner follows? And so that
# another guess takes over?
#
# <details><summary>What decides it</summary>
#
# Your speed. Carried slowly, about two seconds across the sheet, it keeps its owner, who is sure of the name and never
# far behind. Thrown, it goes to a guess that idled near the new place: distance then costs more than the name. Left alone,
# free guesses hardly change hands; in a network they do, because the same weights serve many pictures.
#
# </details>

# %% [markdown]
# ## What to measure
#
# [AP](glossary.md#average-precision) ranks all boxes by score. A [duplicate](glossary.md#duplicate), a second box on an object, costs it little if its score is
# low. So we also count **duplicates** per 100 objects at a score over 0.5, and **scenes counted right**.

# %% [markdown]
# [Non-maximum suppression](glossary.md#non-maximum-suppression) (NMS) strikes out a box that overlaps a better one of its class by over half:
# **AP after NMS** (`suppressed`) tells what that would mend.

# %%
import numpy as np

from helpers import HungarianMatcher, box_iou
from helpers.checks.breaking import check_crowd, check_two_each
from helpers.detector import load_detector
from helpers.evaluation import corner_boxes
from helpers.figures import ablations, breaking, learning
from helpers.scenes import HandwrittenScenes, running_example
from helpers.training.arrays import SceneArrays
from helpers.training.pairings import by_index, everyone_near, one_to_many
from helpers.training.recipe import IMAGE_MEAN, IMAGE_STD
from helpers.widgets import live

test_scenes = HandwrittenScenes("test", 200, seed=1)
scenes = [running_example(), *(test_scenes[i] for i in range(1, 200))]
images, annotations = [image for image, _ in scenes], [annotation["annotations"] for _, annotation in scenes]
pixel_values = SceneArrays(scenes).pixel_values(range(200), IMAGE_MEAN, IMAGE_STD)
print("200 scenes of unseen digits, pixel_values", tuple(pixel_values.shape))

model, _ = load_detector()
trained = breaking.state(model, pixel_values, annotations)
print({name: round(trained[name], 2) for name in ("AP", "suppressed", "count_right", "duplicates")})
print(f"scenes without any object: {np.mean([not things for things in annotations]):.2f}")

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
# guesses, whatever their score. The network did what it was told; the match takes the order out of the question.
#
# </details>

# %% tags=["live"]
model, _ = load_detector()
live.train_on(model, 50, HungarianMatcher(assign=by_index))
by_position = breaking.state(model, pixel_values, annotations)
figure = breaking.states_figure(images, {"fifty steps one-to-one": control, "fifty steps by position": by_position})
figures.show(figure, "Fifty steps by position: nothing is found any more, and only empty scenes are counted right.")

figure, panels = figures.new_figure(8, 4.3, columns=2)
for axes, title, detector in zip(panels, ("one-to-one", "by position"), (steady, model)):
    figures.draw_image(axes, learning.calm(images[0]), f"All guesses, {title}")
    figures.draw_predictions(axes, images[0], detector(pixel_values[:1]).pred_boxes[0].detach())
figures.show(figure, "All twelve guesses: one-to-one they stand on the digits, by position they crowd in the middle.")

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
# name stays. Most detectors before 2020 were like this: many answers, and an untrained rule outside to clean up.
# One-to-one matching moves the rule into the loss; [few](https://arxiv.org/abs/1506.04878) had tried it.

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
# So it is the match that asks for exclusivity, and it has to keep asking: architecture and loss terms were the same all
# along. How the network delivers it is another question. The [paper](https://arxiv.org/abs/2005.12872) (4.2) points to
# self-attention: tokens that talk. Our detector does without from layer 2 on: if no token there may look at another,
# AP, right counts and duplicates stay as they are (and a run below never lets them talk). Try it on a picture of your own: in the lab of
# [02](02_detection_tokens.ipynb), pull the "twins" together until one falls silent, then tick *tokens may not be read*.
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
# ## Trained from the start
#
# Fifty steps show what a trained network unlearns. What would it never learn? In [ablations](glossary.md#ablation), each run is a whole training with
# **one** thing changed (but see `one-to-many`). The baseline has DETR's loss, and three seeds; **bold** lies outside of
# their range. Three are few: a fourth seed would, too, every second time. Trust wide gaps.

# %%
runs = ablations.load_ablations()
about = runs["baseline"]["about"]
first, steps, batch = (about["recipe"][name] for name in ("classifier_steps", "detection_steps", "batch_size"))
print(f"{len(runs)} runs on plain 64-px scenes: {first:,} steps to read single digits, {steps:,} steps to detect,")
print(f"{batch} scenes each, measured on 1,000 others; to detect, the baseline took {about['minutes']:.0f} minutes")
print("on one core of two, while another run had the other")
figures.show(ablations.answers_figure(runs, ablations.SEEDS), "The running example, as three baselines see it.")
ablations.show_table(runs, ablations.SEEDS)

# %% [markdown]
# At `eos_coef` 0.1 ([07](07_loss.ipynb)) duplicates are part of the baseline. In all runs Muon trains the
# encoder's matrices, where DETR has AdamW. The others have one seed: read each as "in this run". Anyone can repeat one:
# `python -m helpers.training --ablation no-giou`.

# %% [markdown]
# ## Who is told to be silent?
#
# `eos-1`: no-object counts 1; `eos-late-1`: from half way on; `eos-0`: unmatched guesses learn no class. `one-to-many`
# changes three things: every guess near a target is its own, the cost is minus the IoU alone, and `eos_coef` is 0.
#
# **Predict first.** Sort the four by duplicates. Whom does NMS save?
#
# <details><summary>Predict, then open</summary>
#
# **eos-late-1**, 1.4 duplicates per 100 objects, and the best row of the four. Names come first; at the switch duplicates
# fall from over 40 to under 4 in 500 steps, and AP loses nothing. NMS has nothing left to give. The detector of the
# other notebooks was trained like this.
#
# **eos-1**, 1.8. As few, but at a price. With three objects for twelve guesses, three quarters of the weight say
# "nothing". That is the quickest lesson, and names wait until step 3,000. What it then says is honest, and too little:
# it runs out of steps.
#
# **eos-0**, 182. Nobody ever heard "nothing", so all speak, in empty scenes, too: not one scene is counted right. NMS
# lifts AP from 0.34 to 0.53, but cannot silence a box that stands alone: 7 % are counted right.
#
# **one-to-many**, 241. A pile on each digit that is easy to find, and NMS triples AP, from 0.16 to 0.51. So most of the
# damage was duplicates. It stays below the baseline, which needs no NMS for its 0.57. Set it beside eos-0, which shares
# its silence about "nothing": what is left between them is the match and its cost together.
#
# </details>

# %%
silence = ["eos-1", "eos-late-1", "eos-0", "one-to-many"]
figures.show(ablations.curves_figure(runs, silence), "Silence first delays AP; without any, duplicates keep growing.")
figures.show(ablations.answers_figure(runs, silence), "One says too little, one less than it should, two never stop.")
ablations.show_table(runs, silence)
for name in ("baseline", *silence):
    after = runs[name]["about"]["measures_suppressed"]
    duplicates, right = after["duplicates"], 100 * after["count_right"]
    print(f"{name:12} after NMS: {duplicates:4.1f} duplicates per 100, {right:2.0f} % counted right")

# %% [markdown]
# ## What the match sees, and how it chooses
#
# `log-p`: minus log *p* in the class cost, where DETR has minus *p*. `no-l1`, `no-giou`: one box term less, in cost and
# loss. `greedy`, `argmin`: the rules of the first section.
#
# **Predict first.** Which of the five can you see in AP? And which in the count?
#
# <details><summary>Predict, then open</summary>
#
# **no-l1**, **no-giou**: a surprise. AP hardly moves, duplicates are halved, and far more scenes are counted right. A guess
# at the cause: with one box term less the class term weighs more. At step 2,000 it is lower in both runs, 1.3 and 1.1,
# than in any baseline, 1.5 or more. A run with a heavier class term would tell. The boxes pay a little. In DETR's long
# training (table 4 of the [paper](https://arxiv.org/abs/2005.12872)) boxes were what was missing: AP 40.6, 39.9 without
# L1, 35.8 without GIoU. Here, too, AP misses GIoU more.
#
# **log-p**: no ceiling, so a sure name outbids a better place ([06](06_matcher.ipynb)). In this run the boxes end worst of
# the five, and AP 0.04 below the lowest baseline: one seed for the authors' choice of minus *p*.
#
# **greedy**: the baseline again. With twelve guesses for two or three objects the joint choice hardly matters, as
# [05](05_assignment.ipynb) counted.
#
# **argmin**: a little worse, with more duplicates, though each target still takes a single guess. A likely reason, not
# shown here: while all boxes lie together, one guess is the cheapest for many targets, and nobody makes the others part.
#
# </details>

# %%
rules = ["log-p", "no-l1", "no-giou", "greedy", "argmin"]
figures.show(ablations.curves_figure(runs, rules), "AP hardly tells the five apart; duplicates do.")
ablations.show_table(runs, rules)
for name in (*ablations.SEEDS, *rules):
    early, *late = (runs[name][f"curve_loss_{term}"] for term in ("ce", "bbox", "giou"))
    l1, giou = (curve[-5:].mean() for curve in late)
    print(f"{name:15} class term at step 2,000 {early[39]:.1f}; at the end L1 {l1:.3f}, 1 - GIoU {giou:.2f}")

# %% [markdown]
# ## Eyes and seats
#
# `no-classifier`: no first stage, the network meets digits and boxes at once. `tokens-6`: as many tokens as the fullest
# scene has objects. `tokens-24`: twice as many as the baseline.
#
# **Predict first.** Are more seats better?
#
# <details><summary>Predict, then open</summary>
#
# **no-classifier**: the curve comes a thousand steps later and ends at AP 0.44. Eyes that know digits shorten the wait;
# they are not needed for it to end. Nor are they free: the first stage is 3,000 steps more.
#
# **tokens-6**: in this run earlier than the baseline, as good in AP, and four scenes in five are counted right. Three
# objects for six seats: each is taken, and taught, twice as often, and fewer idle ones claim what is not theirs. A scene
# of seven it could never answer.
#
# **tokens-24**: the reverse, in this run. Each seat is taken half as often, and it waits longest of all; the budget ends
# in the middle of the duplicates. Whether that is the cause is not shown: at the same `eos_coef`, idle seats together
# also weigh more than twice as much.
#
# </details>

# %%
network = ["no-classifier", "tokens-6", "tokens-24"]
figures.show(ablations.curves_figure(runs, network), "Fewer seats learn earlier, more seats later.")
ablations.show_table(runs, network)

# %% [markdown]
# ## Two claims, tried
#
# `muted`: in every layer a token reads the image and itself, never another token, and no patch reads a token.
# `no-class-cost`: the match sees boxes only; the loss is as before.
#
# **Predict first.** One of the two runs is the baseline once more. Which one?
#
# <details><summary>Predict, then open</summary>
#
# **muted**: the baseline once more, in every column. So in this network duplicates are not kept down by tokens that
# talk: what one token says depends on no other, in training and afterwards. The match is enough to give each its part of
# the sheet. DETR's [paper](https://arxiv.org/abs/2005.12872) (4.2) points to self-attention, for a hundred queries and
# crowded photos; three digits on a sheet are an easier world, and this is one seed.
#
# **no-class-cost**: 122.0 duplicates per 100 objects, four times the baseline, though each target still has a single
# guess, whose box is as good as ever. A likely reason, not shown here: of two boxes on a digit the match takes now one,
# now the other, whatever they say, so both learn the name. [Sun and others](https://arxiv.org/abs/2012.05780) report the
# same of photos: without a class in its cost, one-to-one leaves duplicates.
#
# </details>

# %%
claims = ["muted", "no-class-cost"]
figures.show(
    ablations.curves_figure(runs, claims), "Muted tokens follow the baseline; a match by place alone piles up."
)
ablations.show_table(runs, claims)

# %% [markdown]
# ## Exercise: one too few
#
# NMS is a guess about the world: objects of one class do not overlap by half. Place two objects of one class so that it
# strikes out one of two perfect boxes: return two corner boxes (left, top, right, bottom) in a picture of 128 pixels.
# The check draws what is left.
#
# [A solution](solutions/10.ipynb)


# %% tags=["exercise"]
def crowd():
    return None  # [[left, top, right, bottom], [left, top, right, bottom]]


# %%
check_crowd(crowd)

# %% [markdown]
# ## Exercise: two each
#
# Later models train one-to-one and one-to-many together ([12](12_where_the_field_went.ipynb)). The smallest step: each
# target has **two** guesses, none used twice. Write `two_each(cost)` for a matrix (*N*, *T*), *N* at least 2*T*: it
# returns two arrays, guesses and targets, each 2*T* long, with the least total.
#
# <details><summary>A hint</summary>
#
# A target with two wishes is two columns.
#
# </details>
#
# [A solution](solutions/10.ipynb)


# %% tags=["exercise"]
def two_each(cost):
    return None  # guesses, targets


# %%
check_two_each(two_each)

# %% [markdown]
# ## What we learned
#
# - Pairing by position asks for what no image shows: in fifty steps nothing is found.
# - One-to-many gives good boxes many times over, and NMS mends a part; one-to-one teaches silence instead, and best
#   when names come first.
# - Measure against a control and against other seeds. AP hides duplicates: count them, and count objects.

# %% [markdown]
# **Test yourself.** NMS lifts the AP of a colleague's DETR from 0.40 to 0.52. What does that tell about its training?
# Name two lines of code that you would read first.
#
# <details><summary>Answer</summary>
#
# Sure duplicates: unmatched guesses were not told to be silent, or not enough. Read the weight of no-object (`eos_coef`,
# and that it multiplies the last class), and the match: can a target have several guesses? In the tables NMS gives most
# where one of these was changed. It may also be too early in the training.
#
# </details>
#
# **Next:** [11, why the matcher is fast, and when it breaks](11_fast_and_safe.ipynb).
