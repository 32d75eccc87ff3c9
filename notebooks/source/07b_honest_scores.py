# %% [markdown]
# # How far can you believe a score?
#
# A detector says of a box: an object, 85 %. Does that mean 85 times in 100? It depends on one number of the loss,
# [`eos_coef`](glossary.md#eos-coef), and the scores that a user sees carry it with them.
#
# This page stands beside the course: nothing later needs it.

# %% [markdown]
# **You will be able to** say what a score means at a given `eos_coef`, mend scores that are too high, and tell the least
# cost from the least loss.
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
# Yes, and there twice: above the line, as the weight of such a guess, and below it, in the sum of all weights.
#
# </details>

# %%
import torch

from helpers import HungarianMatcher, SetCriterion, figures
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
# We take our detector at step 9,000, which has seen `eos_coef` 0.1 only, and 300 new scenes. A guess claims an object with
# 1 − p(no object). The claim is true if the match gives the guess a target.
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
# Yes, roughly: the next cell counts them. At `eos_coef` 0.1, a false claim costs a tenth of what a missed object costs, and
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
# Say a guess claims *p* wherever the truth is *q*. At `eos_coef` 0.1 it pays, on average, $-q \log p - 0.1\,(1-q) \log(1-p)$. That
# is least where
#
# $$\frac{p}{1-p} = 10 \cdot \frac{q}{1-q}$$
#
# So the [odds](glossary.md#odds) of a claim are ten times the true ones.

# %% [markdown]
# <details><summary>What that makes of 85 %</summary>
#
# 85 % is odds of 5.7 to 1; a tenth of that, 0.57 to 1, is 36 %.
#
# </details>
#
# The figure goes from claim to claim: [on the diagonal](glossary.md#reliability-curve), 85 % means 85 %. On its left, we also
# divide the odds of each claim by ten.

# %%
corrected = claimed / (claimed + 10 * (1 - claimed))  # a tenth of the odds
figure = drawn.reliability_figure((claimed, matched), (corrected, matched), claims(final))
figures.show(figure, "How often a claim is true: far below the diagonal at eos_coef 0.1, near it where that is mended.")

# %% [markdown]
# The claims were **too high by a known factor**, and dividing the odds mends most of it. So does training on at 1, as far as
# its few unsure claims tell.
#
# **Your move:** which of `eos_coef`, *N* and *T* changes what 85 % means ("at rest")? Then set *T* to 0.

# %%
NoObjectDial(N=100, T=7, eos_coef=0.1, p=0.85)

# %% [markdown]
# ## How much does no object weigh?
#
# Then why 0.1? With *T* targets and *N* guesses, the guesses without a target weigh `eos_coef` · (*N* − *T*) together, the others *T*.
# DETR has *N* = 100 and about seven objects: a [class imbalance](glossary.md#class-imbalance) that 0.1 should soften
# (section 3.1).
#
# **Predict first.** At 0.1, which share of the weight has no object in DETR?
#
# <details><summary>About 1 %</summary>
#
# That would be a tenth of 7 %. The many guesses without a target weigh 0.1 each: 9.3 together, beside 7 for the objects. That
# is 57 %.
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
# Which `eos_coef` lets no object weigh exactly as much as all objects together? Take *N* > *T*. The check draws the share
# of no object over `eos_coef`, and where your answer stands.
#
# [A solution](solutions/07b.ipynb)


# %% tags=["exercise"]
def fair_eos_coef(num_predictions, num_targets):
    return None  # a float


# %%
check_fair_eos_coef(fair_eos_coef)

# %% [markdown]
# So `eos_coef` has two aims, and they disagree. *Equal weight* needs *T* / (*N* − *T*). *Honest scores* need 1, whatever *N* and
# *T*. DETR takes about equal weight, so its scores should be too high; that is derived here, and not measured.

# %% [markdown]
# ## Does the match minimise the loss?
#
# Many texts say so. But the cost has −p where the loss has −log p. A pair makes its guess say *c* instead of no object, so
# it adds to the class term, at `eos_coef` 0.1,
#
# $$\begin{aligned}
# \text{with the pair} \quad & -\log p(c) \\
# \text{without it} \quad & -0.1 \log p(\text{no object}) \\
# \text{the pair adds} \quad & 0.1 \log p(\text{no object}) - \log p(c)
# \end{aligned}$$

# %% [markdown]
# and that over the sum of the weights, as the box terms come over *T*. Handed this as its class cost, the matcher finds the
# least loss of a scene. We count the scenes of step 9,000 in which that is another match than by cost, and a lower loss.


# %%
def added_loss(outputs, targets, image_index):
    """What a pair adds to the class term at eos_coef 0.1, times T as the box costs are: (N, T)."""
    log_p = outputs["logits"].log_softmax(-1)[image_index]  # (T, N, K + 1), one row a target
    own = log_p[range(len(image_index)), :, targets["class_labels"]]  # (T, N)
    size = image_index.bincount()[image_index]  # (T,)
    return size / (size + 0.1 * (12 - size)) * (0.1 * log_p[..., -1] - own).T


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
figure = matches_figure(images[i], {"pred_boxes": early.pred_boxes[[i]]}, batch["labels"][i], matches)
figures.show(figure, "One scene after 9,000 steps, matched by cost and by loss.")

# %% [markdown]
# By loss, a guess that *stands* well can lose its target to one that already knows the name. By cost, it keeps the target
# and is taught the name. DETR's reason (section 3.1) is another: probabilities keep class and box costs in scale, and worked
# better.

# %% [markdown]
# ## What we learned
#
# - At `eos_coef` 0.1 the odds of "object" are tenfold. Honest scores need 1; equal weight needs *T* / (*N* − *T*).
# - The match minimises the cost, not the loss.
#
# **Test yourself.** All pictures of a batch are empty. What would `eos_coef` 1 change, in place of 0.1?
#
# <details><summary>The loss would be ten times as large</summary>
#
# It stays. All weights are equal, and a weighted mean divides by their sum: they cancel.
#
# </details>
#
# <details><summary>Nothing</summary>
#
# Right. All weights are equal, and a weighted mean divides by their sum: they cancel.
#
# </details>
#
# **Next:** [08, what masks and earlier layers add](08_masks_and_auxiliary.ipynb).
