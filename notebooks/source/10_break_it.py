# %% [markdown]
# # What does one-to-one buy?
#
# *One-to-one*: a target gets one guess, a guess at most one target. Below there is no network: twelve free guesses, five targets,
# the real loss. A rule pairs them, the guesses follow the gradient, the rule pairs again. The optimal match finds all five.
# **Four bets, before you press Play:** do these other rules, too?
#
# <details><summary>argmin: each target takes its cheapest guess</summary>
#
# Not from the start that is shown. The "3" and a "1" both find G cheapest, and G can name only one of them. It ends on the "1", and no
# other guess is ever sent to the "3". From the two other starts all five are found: there no two targets want one guess.
#
# </details>
# <details><summary>by position, the labels in a fixed order</summary>
#
# It does, as well as the optimal match. On one picture with a fixed list, position names an owner for each target, once
# and for all, and that is enough.
#
# </details>
# <details><summary>by position, the labels shuffled at every step</summary>
#
# No. Each of the first five guesses is told to be every target in turn, and most of them end in one place and say "1", the
# commonest label. To the optimal match the shuffle does nothing.
#
# </details>
# <details><summary>one-to-many, two guesses for each target</summary>
#
# It finds each of them twice: ten claims for five targets, with good boxes.
#
# </details>

# %%
from helpers import figures
from helpers.widgets import SetPlay

play = SetPlay(start=2)
play

# %% [markdown]
# **You will be able to** say what the rule of the match teaches, why detectors before DETR needed a clean-up afterwards, and
# whether tokens must talk.
#
# **Time** 25 minutes to read, 45 with the exercises. **You need** [05](05_assignment.ipynb) and [07](07_loss.ipynb).
#
# **One click about 09.** What does this detector learn first: where to stand, or what it sees?
#
# <details><summary>Where to stand</summary>
#
# Yes. Early in its training it puts its boxes at the same places in every picture, and the match gives each token a region.
# Only then do its eyes open.
#
# </details>
# <details><summary>What it sees</summary>
#
# No. Early in its training it puts its boxes at the same places in every picture, and the match gives each token a region.
# Only then do its eyes open.
#
# </details>

# %%
from helpers.checks.breaking import check_crowd, check_who_reads
from helpers.detector import load_detector
from helpers.figures import ablations, breaking

rules = {
    "optimal": {},
    "argmin": {"rule": "argmin"},
    "by position": {"rule": "by position"},
    "by position, shuffled": {"rule": "by position", "shuffle": True},
    "one-to-many": {"rule": "one-to-many"},
}
figure = breaking.rules_figure(play.target, rules, start=2)
figures.show(
    figure, "After 300 steps: position finds all five in a fixed order; shuffled, its guesses crowd in one place."
)

# %% [markdown]
# **On one picture, position does as well as the optimal match.** It fails when the order changes, and in a data set the order
# changes: the list of one picture says nothing about the next.
#
# The match also promises that no target has two guesses. Does a network need that promise? We break it and see.

# %% [markdown]
# ## Five measures
#
# - [AP](glossary.md#average-precision) ranks boxes by score, and hardly sees a weak second one.
# - **AP after NMS**: [non-maximum suppression](glossary.md#non-maximum-suppression) removes a box that a surer one of its class
#   overlaps by IoU 0.5.
#
# The others count scores over 0.5:
#
# - **Duplicates**: further boxes on an object, per 100; **missed**: objects without one.
# - **Counted right**: scenes with as many boxes as objects.

# %%
import numpy as np

from helpers import HungarianMatcher, box_iou
from helpers.evaluation import corner_boxes
from helpers.scenes import HandwrittenScenes, running_example
from helpers.training.ablations import bases
from helpers.training.arrays import SceneArrays
from helpers.training.muting import mute_tokens
from helpers.training.pairings import everyone_near, one_to_many
from helpers.training.recipe import IMAGE_MEAN, IMAGE_STD
from helpers.widgets import live

test_scenes = HandwrittenScenes("test", 200, seed=1)
scenes = [running_example(), *(test_scenes[i] for i in range(1, 200))]
images, annotations = [image for image, _ in scenes], [annotation["annotations"] for _, annotation in scenes]
pixel_values = SceneArrays(scenes).pixel_values(range(200), IMAGE_MEAN, IMAGE_STD)

# %%
model, _ = load_detector()
trained = breaking.state(model, pixel_values, annotations)
said = "AP {AP:.2f}, after NMS {suppressed:.2f}, counted right {count_right:.0%}, duplicates {duplicates:.1f} per 100"
print(said.format(**trained))

# %% [markdown]
# ## Fifty steps without one-to-one
#
# We train our finished detector on for fifty steps of 16 scenes, [one-to-many](glossary.md#one-to-many-matching): **every**
# guess near a target, by IoU over 0.4, gets it, or else the nearest. Beside it runs a control, the same steps one-to-one,
# since fifty steps at this learning rate do some harm by themselves.
#
# **Predict first.** What becomes of the boxes?
#
# <details><summary>They get worse: a worse match, worse boxes</summary>
#
# The best box on a digit stays nearly as good. What grows is the number: about three on a digit, and sometimes under two
# names.
#
# </details>
# <details><summary>They stay good, and there are too many</summary>
#
# Yes: about three on a digit, and sometimes under two names. The best of them fits nearly as well as in the control, and about
# as few digits are missed, if all scenes are counted.
#
# </details>
# <details><summary>Fifty steps change nothing</summary>
#
# They do. Guesses that were told "no object" hear "well done, come closer" from now on, and about three stand on a digit.
#
# </details>

# %%
cost = -np.array([[0.9, 0.0], [0.5, 0.0], [0.0, 0.7], [0.1, 0.2]])  # minus IoU
guesses, targets = everyone_near(cost)
print("guesses", guesses.tolist(), "go to targets", targets.tolist())

# %% tags=["live"]
steady, broken = load_detector()[0], load_detector()[0]
live.train_on(steady, 50, HungarianMatcher())
live.train_on(broken, 50, one_to_many())
control, crowded = (breaking.state(network, pixel_values, annotations) for network in (steady, broken))
figure = breaking.states_figure(
    images, {"as trained": trained, "fifty steps one-to-one": control, "fifty steps one-to-many": crowded}
)
figures.show(
    figure,
    "Fifty steps one-to-many: boxes pile up on most digits; NMS brings back two thirds of the lost AP.",
)


# %%
def piles(found, things):
    """For each object with a box on it: boxes, different names, IoU of the best and of the surest box: (objects, 4)."""
    boxes, scores, labels = (found[name][found["scores"] > 0.5] for name in ("boxes", "scores", "labels"))
    rows = []
    for overlap in box_iou(boxes[:, None], corner_boxes(things)).T:  # (boxes,), for each object
        on = overlap > 0.5
        if on.any():
            surest = overlap[on][scores[on].argmax()]
            rows.append((int(on.sum()), len(labels[on].unique()), float(overlap.max()), float(surest)))
    return rows


for name, measured in (("one-to-one", control), ("one-to-many", crowded)):
    rows = [row for one, things in zip(measured["found"], annotations) for row in piles(one, things)]
    boxes, names, best, surest = np.mean(rows, axis=0)
    print(
        f"{name:11}  boxes on a digit {boxes:.1f}, names {names:.1f}, IoU of the best {best:.2f}, of the surest {surest:.2f}"
    )
    kept_best = breaking.best_kept(measured["found"], annotations)
    print(f"{'':11}  AP after NMS {measured['suppressed']:.2f}, if it kept the best {kept_best:.2f}")

# %% [markdown]
# Good boxes, and too many. Detectors before 2020 were mostly trained like this, and cleaned up by NMS, a rule that nobody
# trains. It keeps the surest box; keeping the best would win back more AP. The rest stays open.
#
# **Heal it.** Fifty steps one-to-one for the crowded network, fifty more for the control. Do duplicates go as fast?

# %% tags=["live"]
live.train_on(broken, 50, HungarianMatcher(), first_step=50)
live.train_on(steady, 50, HungarianMatcher(), first_step=50)
healed, hundred = (breaking.state(network, pixel_values, annotations) for network in (broken, steady))
figure = breaking.states_figure(images, {"one-to-one all along": hundred, "one-to-many, then healed": healed})
figures.show(
    figure,
    "Fifty steps one-to-one: nearly no duplicates, AP near the control's; more digits are missed, fewer scenes right.",
)

# %% [markdown]
# Nearly all of them go, and the boxes of some digits with them. Only the matcher was changed, so **it is the match that asks
# for one claim per object**, and it must keep asking. But how does a guess know that another one claims? Tokens read one
# another: perhaps they agree who speaks.

# %% [markdown]
# ## Exercise: forbid them to talk
#
# Return a matrix (length, length): may place *i* read place *j*? The last `num_tokens` places are detection tokens: each may be
# read by itself alone; the other places, by all. [A solution](solutions/10.ipynb)
#
# **Predict first.** We mute our trained detector from layer 2 on. (In layer 1 no token has seen the picture.) What changes?
#
# <details><summary>Duplicates come back: nobody hears who has spoken</summary>
#
# DETR's [paper](https://arxiv.org/abs/2005.12872) (4.2) argues that self-attention in its decoder suppresses duplicates. Not
# here: the detector is what it was.
#
# </details>
# <details><summary>Almost nothing changes</summary>
#
# Yes: the detector is what it was.
#
# </details>
# <details><summary>Nothing is found any more</summary>
#
# It finds what it found: a token reads the patches itself.
#
# </details>


# %% tags=["exercise"]
def who_reads(length, num_tokens):
    return None  # (length, length), True where one may read


# %%
used_who_reads = check_who_reads(who_reads)

# %%
states = {"they talk": trained}
for title, first_layer in (("mute from layer 2 on", 2), ("mute in all five layers", 1)):
    muted, _ = load_detector()
    mute_tokens(muted, first_layer, used_who_reads)
    states[title] = breaking.state(muted, pixel_values, annotations)
for title, measured in states.items():
    print(f"{title}: {said.format(**measured)}")

# %% [markdown]
# Muted in layer 1, too, it suffers: what tokens say there is the same in every picture, but it learned to hear it. A fair
# test trains mute from the start: `muted`, below.
#
# <details><summary>Move it: twins, and a childhood</summary>
#
# In the lab of [02](02_detection_tokens.ipynb) choose "twins", pull the two "4" together until one claim is left, and tick
# *tokens may not be read*. Then choose "childhood", the weights of step 1,000: drag the "3", and digits that did not move change
# their owners.
#
# </details>
#
# ## Whole trainings
#
# The baseline has twelve tokens, the optimal match and `eos_coef` 0.1; three seeds show what chance does. Each other
# [run](glossary.md#ablation) changes **one** thing, *one-to-many* three.

# %%
runs = ablations.load_ablations()
about = runs["baseline"]["about"]
first, steps, batch = (about["recipe"][name] for name in ("classifier_steps", "detection_steps", "batch_size"))
print(
    f"{len(runs)} runs on plain 64-px scenes: {first:,} steps to read single digits, {steps:,} steps of {batch} to detect"
)
by_duplicates = sorted(bases(runs), key=lambda name: ablations.mean(runs, name, "duplicates"))
ablations.show_table(runs, by_duplicates)

# %% [markdown]
# Rows go by duplicates; **bold** lies outside the baseline's range. Trust wide gaps: most rows are one training.
# **Look for `muted`:** its ranges overlap the baseline's. Its tokens never heard each other: the match was enough. In a
# small DETR, a decoder on a finished encoder (last table), talk helps: without it AP is lower, with a third more duplicates.
#
# <details><summary>Rows that belong to the match</summary>
#
# **greedy**: nearly the baseline. Guesses that have learned to stand apart hardly need a joint choice, as
# [05](05_assignment.ipynb) counted.
#
# **argmin**: a little worse, with more duplicates. A likely reason, not shown here: while all boxes lie together, one guess is
# the cheapest for several targets, and no rule sends those targets to different guesses.
#
# **no-class-cost**: 122.0 to 133.4 duplicates per 100 objects, four times the baseline, though each target still has a single guess. A
# likely reason, not shown here: of two boxes on a digit the match takes now one, now the other, whatever they say, so both
# learn the name. [Sun and others](https://arxiv.org/abs/2012.05780) report the same of photos.
#
# **one-to-many**: 241.1 duplicates, and NMS lifts AP from 0.16 to 0.51. Three things differ here: the match, its cost, which is the IoU
# alone, and `eos_coef`, which is 0. Set it beside eos-0, which shares the last. Changed
# alone, in a small DETR, one-to-many leaves boxes as good and twice the duplicates ([all runs](ablations.md)).
#
# **log-p**: the class cost is −log p in place of −p. In this run AP is 0.04 below the lowest baseline.
#
# **borrowed**: no target ever changes its guess, and AP is higher with every seed. See [12](12_where_the_field_went.ipynb).
#
# </details>
# <details><summary>Rows that belong to silence</summary>
#
# **eos-0**: 182.2 duplicates. Nobody ever heard "nothing", so all speak, in empty scenes, too.
#
# **eos-1**: few duplicates, and AP 0.39: after 6,000 steps it says too little. A likely reason: with three objects for
# twelve guesses, three quarters of the weight say "nothing", and names have to wait.
#
# **eos-late-1**: 1.4, and AP 0.60. Up to half way it is the baseline; then duplicates fall, in its recording, from over 40 to
# under 4 within 500 steps. Our detector switched, too, earlier.
#
# **tokens-6**, **tokens-24**: few tokens leave few duplicates, many leave many. More tokens also give no object more weight in
# all. But a small DETR in which no object kept its share shows the same, with three seeds each ([all runs](ablations.md)).
#
# </details>
# <details><summary>Rows that belong to boxes and eyes</summary>
#
# **no-l1**, **no-giou**: the term leaves cost and loss. Duplicates are halved, perhaps because without one box term the class
# weighs more, in the match or in the loss. In **l1-matched** and **giou-matched** the term leaves the loss alone: that is
# enough for GIoU, and not for L1 (one run each). In DETR's long training (table 4, in percent) AP was 40.6, 39.9 without L1, 35.8 without GIoU.
#
# **no-classifier**: ends at AP 0.44. To learn single digits first makes training faster; the detector learns without it, too.
#
# </details>

# %%
shown = [name for name in ("baseline", "muted", "no-class-cost", "one-to-many") if name in runs]
figures.show(
    ablations.answers_figure(runs, shown),
    "The running example, plain: muted tokens leave as many boxes as the baseline; the two on the right pile them up.",
)

# %%
decoders = ablations.load_decoders()  # the small DETR; "silent" has no self-attention
ablations.show_table(decoders, ["decoder", "decoder-silent"])

# %% [markdown]
# ## Exercise: one too few
#
# NMS takes two near boxes of one class for one object. Place two objects of one class so that it strikes out one of two
# perfect boxes: return two corner boxes (left, top, right, bottom) in a picture of 128 pixels. The check draws what is
# left.
#
# [A solution](solutions/10.ipynb)


# %% tags=["exercise"]
def crowd():
    return None  # [[left, top, right, bottom], [left, top, right, bottom]]


# %%
check_crowd(crowd)

# %% [markdown]
# ## What we learned
#
# - One-to-one teaches silence, as `eos_coef` does, and not better boxes. Our tokens need no talk.
# - Compare with a control and other seeds. Count duplicates: AP hides them.
#
# **Test yourself.** NMS lifts a colleague's DETR from AP 0.40 to 0.52. Where do you look first?
#
# <details><summary>At the box loss</summary>
#
# The boxes are good: suppression only removes boxes. Look at what teaches silence: the weight of "no object", and whether the
# match gives a target one guess and its cost has a class.
#
# </details>
# <details><summary>At what teaches silence</summary>
#
# Yes: at the weight of "no object", and whether *no object* is the last column; and at the match, whether it gives a target
# one guess and its cost has a class. In the table, NMS lifts AP most for *one-to-many*, *eos-0* and *no-class-cost*.
#
# </details>
#
# **Next:** [11, what the images of a batch do to each other](11_fast_and_safe.ipynb).
