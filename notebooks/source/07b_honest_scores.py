# %% [markdown]
# # How far can you believe a score?
#
# A detector says of a box: an object, 85 %. Does that mean 85 times in 100? It depends on one number of the loss,
# [`eos_coef`](glossary.md#eos-coef), which changes the scores that a user sees.
#
# This page stands beside the course: nothing later needs it.

# %% [markdown]
# **You will be able to** say what a score means at a given `eos_coef`, mend scores that are too high, and say why the match
# is not the one with the least loss.
#
# **Time** 15 minutes to read, 25 with the exercise. **You need** [07](07_loss.ipynb).
#
# **One click about 07.** Where does `eos_coef` stand in the loss?
#
# <details><summary>In the match: it makes silent guesses cheap</summary>
#
# No. The costs do not know it, so the match is the same at any `eos_coef`.
#
# </details>
#
# <details><summary>In the class term: it weighs guesses without a target</summary>
#
# Yes, and there twice: above the fraction bar, as the weight of such a guess, and below it, in the sum of all weights.
#
# </details>

# %%
import torch

from helpers import HungarianMatcher, SetCriterion, box_iou, center_to_corners, figures
from helpers.checks.loss import check_fair_eos_coef
from helpers.detector import load_detector, weights_folder
from helpers.figures import honest as drawn
from helpers.figures.batch import matches_figure
from helpers.scenes import HandwrittenScenes
from helpers.training.recording import load_recording
from helpers.widgets import NoObjectDial

# %% [markdown]
# ## What is 85 % worth?
#
# We take our detector at step 9,000, trained at `eos_coef` 0.1, and 300 new scenes. Here *every* guess claims an object, with its
# object probability. The claim is *true* if the match gives the guess a target.
#
# **Predict first.** Of 100 claims between 80 and 90 %, how many are true?
#
# <details><summary>About 85</summary>
#
# Far fewer. At `eos_coef` 0.1, a false claim costs a tenth of what a missed object costs. So the loss is lower if the guess
# claims too much.
#
# </details>
#
# <details><summary>More than 90: a detector is careful</summary>
#
# It was taught the opposite. At `eos_coef` 0.1, a false claim costs a tenth of what a missed object costs.
#
# </details>
#
# <details><summary>About 35</summary>
#
# Yes, roughly: the cells below count them. At `eos_coef` 0.1, a false claim costs a tenth of what a missed object costs, and
# the guess has learned to claim accordingly.
#
# </details>

# %%
recipe = load_recording(weights_folder() / "recording.npz")["about"]["recipe"]
switch = int(recipe["final_from"] * recipe["detection_steps"])
print(f"eos_coef {recipe['eos_coef']} up to step {switch:,}, then {recipe['final_eos_coef']}")

# %%
model, image_processor = load_detector()
images, annotations = zip(*HandwrittenScenes("test", 300, seed=7))
batch = image_processor(images=list(images), annotations=list(annotations), return_tensors="pt")
with torch.no_grad():
    early, final = (network(batch["pixel_values"]) for network in (load_detector(step=9000)[0], model))


# %%
def claims(outputs):
    """What the guesses claim, and whether they are matched: (300, 12) both."""
    matched = torch.zeros(300, 12, dtype=torch.bool)
    for picture, (tokens, _) in enumerate(HungarianMatcher()(outputs, batch["labels"])):
        matched[picture, tokens] = True
    return 1 - outputs.logits.softmax(-1)[..., -1], matched


# %%
claimed, matched = claims(early)
near = (claimed > 0.8) & (claimed < 0.9)
print(f"step 9,000, claims of 80 to 90 %: matched in {100 * matched[near].float().mean():.0f} %")

# %% [markdown]
# ## Ten times the odds
#
# Leave aside which digit a guess names. Take all guesses that the network cannot tell apart: all claim an object with the same
# *p*, and a share *q* of them has a target. At `eos_coef` 0.1 their mean class grade, before the division, is
#
# $$-q \log p - 0.1\,(1-q) \log(1-p)$$

# %% [markdown]
# It is least where its derivative is 0: $q / p = 0.1\,(1-q) / (1-p)$. In other words,
#
# $$\frac{p}{1-p} = 10 \cdot \frac{q}{1-q}$$
#
# The ratio of yes to no, $p / (1-p)$, is called the [odds](glossary.md#odds). So the odds of a claim are ten times the true ones.

# %% [markdown]
# <details><summary>What that makes of 85 %</summary>
#
# 85 % is odds of 5.7 to 1; a tenth of that, 0.57 to 1, is 36 %.
#
# </details>
#
# The figure sorts the claims into ten groups, up to 10 %, up to 20 %, and so on. A point shows how often the claims of its group
# are true; [on the diagonal](glossary.md#reliability-curve), 85 % means 85 %. Groups of fewer than 25 claims are left out.

# %%
corrected = claimed / (claimed + 10 * (1 - claimed))  # a tenth of the odds
figure = drawn.reliability_figure((claimed, matched), (corrected, matched), claims(final))
figures.show(
    figure, "How often claims are true: at step 9,000, as they are and with their odds divided by ten; and at the end."
)

# %% [markdown]
# The odds were **too high by a known factor**, and dividing by it mends most. (In logits:
# `logits[..., -1] -= math.log(eos_coef)`.) At the end nearly all claims lie near 0 or near 100 %, and are as often true as they
# say. (The final detector also had 35,000 steps more, so the figure does not show what `eos_coef` 1 alone did.)

# %% [markdown]
# **Your move:** which of `eos_coef`, *N* and *T* changes how often a claim of 85 % is true? The curves show how hard a guess
# with a target is pulled up, and one without is pulled down. Where do claims come to rest?
#
# <details><summary>The answer</summary>
#
# Only `eos_coef`. Claims rest where the two pulls cancel, each times the share of the guesses that it pulls. At 85 %, with a
# target for 36 of 100 guesses, they do: 36 · 0.0263 is nearly 64 · 0.0149. *N* and *T* change both pulls alike; they change how
# much of the weight the guesses without a target have, and that is the next question.
#
# </details>

# %%
NoObjectDial(N=12, T=5, eos_coef=0.1, p=0.85)

# %% [markdown]
# ## How much do guesses without a target weigh?
#
# DETR has *N* = 100 guesses and about *T* = 7 objects: a [class imbalance](glossary.md#class-imbalance) that 0.1 should soften
# (section 3.1 of its paper). A guess with a target weighs 1, one without weighs 0.1.
#
# **Predict first.** What share of the whole weight do DETR's guesses without a target have?
#
# <details><summary>About 1 %</summary>
#
# Each weighs only 0.1, but there are 93 of them: 9.3 together, beside 7 for the objects. That is 57 %.
#
# </details>
#
# <details><summary>About 10 %</summary>
#
# 0.1 is what each of them weighs, not what all weigh together. 93 of them make 9.3, beside 7 for the objects. That is 57 %.
#
# </details>
#
# <details><summary>More than half</summary>
#
# Yes: 93 guesses without a target weigh 9.3 together, beside 7 for the objects. That is 57 %. With our twelve guesses and five
# targets the same 0.1 makes it 12 %.
#
# </details>

# %% [markdown]
# ## Exercise: a fair weight
#
# Which `eos_coef` gives the guesses without a target, all together, the same weight as those with one? Take *N* > *T*. The
# check draws how the share of the weight depends on `eos_coef`, and marks your answer.
#
# [A solution](solutions/07b.ipynb)


# %% tags=["exercise"]
def fair_eos_coef(num_predictions, num_targets):
    return None  # a float


# %%
check_fair_eos_coef(fair_eos_coef)

# %% [markdown]
# So `eos_coef` has two aims, and they disagree. *Equal weight* needs the number that you have just found. *Honest scores*
# need 1, or a correction afterwards, whatever *N* and *T*. DETR takes about equal weight, so its scores should be too high;
# that is derived here, and not measured.

# %% [markdown]
# ## Does the match minimise the loss?
#
# Many texts say so. But `eos_coef` stands in the loss alone, and the cost has −p where the loss has −log p. What does a pair add
# to the class grades? With it, its guess must say *c*; without it, "no object". At `eos_coef` 0.1:
#
# $$\begin{aligned}
# \text{with the pair} \quad & -\log p(c) \\
# \text{without it} \quad & -0.1 \log p(\text{no object}) \\
# \text{the pair adds} \quad & 0.1 \log p(\text{no object}) - \log p(c)
# \end{aligned}$$

# %% [markdown]
# In the loss, this is divided by the sum of the weights, the box grades by *T*. A matcher with this as its class cost, scaled
# to fit the box costs, finds the match with the least loss. We count the scenes in which that match has a lower loss than the
# usual one, for the detector at step 9,000.


# %%
def added_loss(outputs, targets, image_index):
    """A class cost: what each pair adds to the class term, times T, since box costs are not divided by T either.

    The targets of all images come in one row; image_index (T,) names the image of each. Returns (N, T).
    """
    log_p = outputs["logits"].log_softmax(-1)[image_index]  # (T, N, K + 1), one row a target
    own = log_p[range(len(image_index)), :, targets["class_labels"]]  # (T, N)
    size = image_index.bincount()[image_index]  # (T,): how many targets that image has
    weight = size + 0.1 * (12 - size)  # the sum of the class weights in that image
    return size / weight * (0.1 * log_p[..., -1] - own).T


# %%
def loss_of(match, scene):
    criterion = SetCriterion(lambda *_: [match[scene]], num_classes=10, eos_coef=0.1)
    part = {name: early[name][scene : scene + 1] for name in ("logits", "pred_boxes")}
    return float(criterion.total(criterion(part, batch["labels"][scene : scene + 1])))


# %%
matchers = HungarianMatcher(), HungarianMatcher(costs={"class_cost": added_loss})
by_cost, by_loss = (matcher(early, batch["labels"]) for matcher in matchers)
gain = torch.tensor([loss_of(by_cost, i) - loss_of(by_loss, i) for i in range(300)])
assert gain.min() > -1e-4  # never the other way round
print(f"another match has a lower loss in {100 * (gain > 1e-4).float().mean():.0f} % of the scenes")
i = int(gain.argmax())  # where the two differ most
matches = {f"least {name}: loss {loss_of(m, i):.2f}": m[i] for name, m in (("cost", by_cost), ("loss", by_loss))}
guesses = {name: early[name][[i]] for name in ("logits", "pred_boxes")}
figure = matches_figure(images[i], guesses, batch["labels"][i], matches, sure=True)
figures.show(
    figure, "One scene at step 9,000: each guess with the probability that it gives to the digit of its target."
)

# %%
owners = [torch.cat([tokens[order.argsort()] for tokens, order in match]) for match in (by_cost, by_loss)]
differ = owners[0] != owners[1]  # for each target of the 300 scenes
labels, boxes = (torch.cat([target[key] for target in batch["labels"]]) for key in ("class_labels", "boxes"))
scene = torch.cat([torch.full_like(target["class_labels"], i) for i, target in enumerate(batch["labels"])])
print(f"{differ.sum()} of {len(differ)} targets have another guess")
for name, guess in zip(("cost", "loss"), owners):
    p = early.logits.softmax(-1)[scene, guess, labels]
    overlap = box_iou(center_to_corners(early.pred_boxes[scene, guess]), center_to_corners(boxes))
    print(
        f"matched by {name}: it gives the right digit {p[differ].mean():.0%}, and has IoU {overlap[differ].mean():.2f}"
    )

# %% [markdown]
# Matched by loss, the target goes to a guess that is surer of the digit, mostly from one with a better box. By cost, this
# one keeps it, and is taught the digit. For −p in the cost DETR's authors give another reason
# (section 3.1): a probability has a range like that of the box costs, and worked better.

# %% [markdown]
# ## What we learned
#
# - At `eos_coef` 0.1 the odds of "object" are tenfold. Honest scores need 1, or a correction; equal weight
#   needs another number.
# - The match minimises the cost, not the loss.
#
# **Test yourself.** A detector was trained at `eos_coef` 0.5. By what do you divide the odds of its claims?
#
# <details><summary>By 5, half of ten</summary>
#
# The factor is 1 / `eos_coef`: ten at 0.1, and two at 0.5. A false claim costs half of what a missed object costs.
#
# </details>
#
# <details><summary>By 2</summary>
#
# Yes, by 1 / `eos_coef`: a false claim costs half of what a missed object costs.
#
# </details>
#
# **Next:** [08, what masks and earlier layers add](08_masks_and_auxiliary.ipynb).
