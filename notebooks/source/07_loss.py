# %% [markdown]
# # Who learns what from one match?
#
# The match is settled: five of the twelve guesses have a target. Now come the grades. This notebook takes the loss
# apart until every number in it is yours, and asks of each term which guesses it teaches.

# %% [markdown]
# **You will be able to** compute the three terms by hand, say which guesses get a gradient from each, choose
# `eos_coef`, and tell what a confidence of 85 % is worth.
#
# **Time** 25 minutes to read, 50 with the exercises. **You need** 04, the costs, and 06, the matcher.
#
# Is it true that only the five matched guesses learn?

# %%
import math

import torch

from helpers import HungarianMatcher, SetCriterion, center_to_corners, figures, generalized_box_iou
from helpers.checks.loss import check_classification_loss, check_fair_eos_coef, check_set_loss
from helpers.detector import detection_states, load_detector
from helpers.figures.loss_terms import draw_no_object_share, draw_report_card, gradient_figure, reliability_figure
from helpers.scenes import HandwrittenScenes, running_example
from helpers.training import Recipe, build_model
from helpers.widgets import NoObjectDial

model, image_processor = load_detector()
image, annotation = running_example()
inputs = image_processor(images=image, annotations=annotation, return_tensors="pt")
targets = [{name: inputs["labels"][0][name] for name in ("class_labels", "boxes")}]
with torch.no_grad():
    answer = model(inputs["pixel_values"])
outputs = {"logits": answer.logits, "pred_boxes": answer.pred_boxes}  # (1, 12, 11), (1, 12, 4)
tokens, order = HungarianMatcher()(outputs, targets)[0]  # (5,), (5,)
labels, boxes = targets[0]["class_labels"][order], targets[0]["boxes"][order]
print("match:", *(f'{figures.LETTERS[token]}-"{label}"' for token, label in zip(tokens, labels)))

# %% [markdown]
# ## The report card
#
# Every guess *i* gets a class $c_i$ that it should have named: the label of its target, or, without a target, index
# *K*, which means no object. Its class loss is $-\log p_i(c_i)$. Only a matched guess has a box to be compared with:
# by the L1 distance and by 1 − GIoU.

# %%
probabilities = outputs["logits"][0].softmax(-1)  # (12, 11)
classes = torch.full((12,), 10)  # no object for everybody,
classes[tokens] = labels  # a label for the matched
said = probabilities[range(12), classes]  # (12,) the probability of what should be said
class_losses = -said.log()
pred_boxes = outputs["pred_boxes"][0, tokens]  # (5, 4)
l1 = (pred_boxes - boxes).abs().sum(-1)  # (5,)
one_minus_giou = 1 - generalized_box_iou(center_to_corners(pred_boxes), center_to_corners(boxes))  # (5,)

owners = [None if label == 10 else f'"{label}"' for label in classes.tolist()]
by_token = [dict(zip(tokens.tolist(), values.tolist())) for values in (l1, one_minus_giou)]
figure, axes = figures.new_figure(10, 6.4)
draw_report_card(axes, owners, said.tolist(), class_losses.tolist(), *by_token)
figures.show(figure, "Twelve grades for class, five for boxes: a guess without a target has no box to be wrong.")

# %% [markdown]
# ## From grades to terms
#
# DETR's equation 2 adds all grades up; the code also normalises. The five box grades are summed and divided by
# `num_boxes`, the number of targets. The twelve class grades become a **weighted mean**:
#
# $$\text{loss\_ce} = \frac{\sum_i w_i \, (-\log p_i(c_i))}{\sum_i w_i}$$
#
# with $w_i = 1$ for a guess that has a target, and $w_i =$ `eos_coef` for one that has none.

# %% [markdown]
# ## Exercise: the class term
#
# Write it for a batch: `logits` (B, N, K + 1), one dict of targets per image, and the matcher's `pairs`, one
# `(tokens, order)` per image. Guess `tokens[k]` has target `order[k]`.


# %% tags=["exercise"]
def classification_loss(logits, targets, pairs, eos_coef):
    return None  # a scalar


# %%
check_classification_loss(classification_loss)


# %% tags=["solution"] jupyter={"source_hidden": true}
def classification_loss(logits, targets, pairs, eos_coef):
    no_object = logits.shape[-1] - 1
    classes = torch.full(logits.shape[:2], no_object)  # (B, N)
    for image, (tokens, order) in enumerate(pairs):
        classes[image, tokens] = targets[image]["class_labels"][order]
    weight = torch.ones(no_object + 1)
    weight[no_object] = eos_coef
    return torch.nn.functional.cross_entropy(logits.flatten(0, 1), classes.flatten(), weight)


check_classification_loss(classification_loss)

# %% [markdown]
# ## Three programs, one answer
#
# Your class term and our two sums, `SetCriterion`, and `transformers`: three columns that must be equal.

# %%
eos_coef = model.config.eos_coefficient
by_hand = {
    "loss_ce": classification_loss(outputs["logits"], targets, [(tokens, order)], eos_coef),
    "loss_bbox": l1.sum() / 5,
    "loss_giou": one_minus_giou.sum() / 5,
    "cardinality_error": ((probabilities.argmax(-1) != 10).sum() - 5).abs().float(),
}
ours = SetCriterion(HungarianMatcher(), num_classes=10, eos_coef=eos_coef)(outputs, targets)
theirs = model(inputs["pixel_values"], labels=targets).loss_dict
print(f"{'':20}{'by hand':>9}{'ours':>9}{'theirs':>9}   can teach")
for name, value in by_hand.items():
    print(f"{name:20}{value:9.4f}{ours[name]:9.4f}{theirs[name]:9.4f}   {theirs[name].requires_grad}")
    assert abs(value - ours[name]) < 1e-5
    assert abs(ours[name] - theirs[name]) < 1e-5

# %% [markdown]
# The total is 1 · loss_ce + 5 · loss_bbox + 2 · loss_giou. Look at the last column. `cardinality_error` counts, by an
# argmax, how many objects too many or too few are claimed. **It has no gradient and no weight.** It is often called
# the term that stops the model from claiming too much. Another term does that.

# %% [markdown]
# ## Who gets a gradient?
#
# **Predict first.** Take an untrained detector and `eos_coef` 0.1, as in DETR. How many of the twelve guesses receive
# a gradient from the class term, how many from the box terms? And how much larger is the class gradient of a matched
# guess?
#
# <details><summary>Predict, then open</summary>
#
# Class: all twelve. Boxes: five. An untrained detector is equally unsure everywhere, so the weights decide: about ten
# to one.
#
# </details>


# %%
def gradient_lengths(outputs, eos_coef):
    """How hard the loss pulls at each guess, at its logits and at its box, N each; and the name of its target."""
    outputs = {name: value.detach().requires_grad_() for name, value in outputs.items()}
    tokens, order = HungarianMatcher()(outputs, targets)[0]
    criterion = SetCriterion(lambda *_: [(tokens, order)], num_classes=10, eos_coef=eos_coef)
    criterion.total(criterion(outputs, targets)).backward()
    names = dict(zip(tokens.tolist(), (f'"{label}"' for label in targets[0]["class_labels"][order])))
    pulls = [value.grad[0].norm(dim=-1).tolist() for value in outputs.values()]
    return *pulls, [names.get(token) for token in range(12)]


with torch.no_grad():
    untrained = build_model(Recipe()).eval()(inputs["pixel_values"])
at_first = gradient_lengths({"logits": untrained.logits, "pred_boxes": untrained.pred_boxes}, eos_coef=0.1)
in_the_end = gradient_lengths(outputs, eos_coef)
figure = gradient_figure(at_first, in_the_end)
figures.show(figure, "Length of the gradient at each guess: green with its target's name, or grey without a target.")

# %% [markdown]
# So "only the five matched guesses learn" is false. **All learn class, few learn boxes.** The seven idle taxis learn
# from the class term to say "nothing": that holds the number of claims down.

# %% [markdown]
# In the trained detector the pull depends on who is still unsure or wrong, over several powers of ten. An idle guess can
# be the loudest of all: a taxi that drives to a taken fare.
#
# *Break it:* set `eos_coef=0` for the untrained one and run the cell again. Nobody teaches the idle.

# %% [markdown]
# ## How much does no-object weigh?
#
# With *T* targets and *N* guesses, the matched weigh *T* together, the others `eos_coef` · (*N* − *T*). DETR chose 0.1
# for *N* = 100 and about seven objects: a factor of ten against class imbalance (section 3.1).
#
# **Predict first.** Which share of the weight has no-object at 0.1, there and with our twelve and five?
#
# <details><summary>Predict, then open</summary>
#
# 57 %, still more than half; and 12 %. The same number nearly balances the two there, and nearly mutes no-object here.
#
# </details>

# %%
figure, axes = figures.new_figure(10, 4.4)
draw_no_object_share(axes, "At 0.1, no-object weighs half with 100 tokens, little with twelve")
figures.show(figure, "Share of the class term's weight that no-object carries; the dots mark eos_coef 0.1 and 1.")

# %% [markdown]
# ## Exercise: a fair weight
#
# Now backwards. Which `eos_coef` lets no-object weigh exactly as much as all objects together? Take *N* > *T*.


# %% tags=["exercise"]
def fair_eos_coef(num_predictions, num_targets):
    return None  # a float


# %%
check_fair_eos_coef(fair_eos_coef)


# %% tags=["solution"] jupyter={"source_hidden": true}
def fair_eos_coef(num_predictions, num_targets):
    return num_targets / (num_predictions - num_targets)


check_fair_eos_coef(fair_eos_coef)

# %% [markdown]
# ## What is 85 % worth?
#
# Our detector was trained with `eos_coef` 0.1 at first, and with 1 later. Take its weights from step 5,000. A guess gives
# "some object" the probability *p*, and is matched in a share *q* of such cases. On average it pays
# $-q \log p - 0.1\,(1-q) \log(1-p)$.
#
# **Predict first.** For which *q* is *p* = 85 % the cheapest answer?
#
# <details><summary>Predict, then open</summary>
#
# In theory 36 %. The derivative is zero where p / (1 − p) = 10 · q / (1 − q): the loss is least when the odds of "object"
# are ten times the true ones. 85 % is odds of 5.7 to 1; a tenth of that, 0.57 to 1, is 36 %. A detector in the middle of its training follows
# the theory roughly: the next cell prints what is measured.
#
# </details>

# %% [markdown]
# We collect the claims of all guesses in 300 unseen scenes: what each says for "some object", 1 − p(no object), and
# whether the matcher gives it a target. `correction` is added to the no-object logit: log 10 divides the odds by ten.

# %%
images, annotations = zip(*HandwrittenScenes("test", 300, seed=7))
batch = image_processor(images=list(images), annotations=list(annotations), return_tensors="pt")


def claims(model, correction=0.0):
    """What the guesses claim, and whether they are matched: (300, 12) both."""
    with torch.no_grad():
        outputs = model(batch["pixel_values"])
    matched = torch.zeros(outputs.logits.shape[:2], dtype=torch.bool)
    for image, (tokens, _) in enumerate(HungarianMatcher()(outputs, batch["labels"])):
        matched[image, tokens] = True
    outputs.logits[..., -1] += correction
    return 1 - outputs.logits.softmax(-1)[..., -1], matched


early, _ = load_detector(step=5000)
collected = {"step 5,000": claims(early), "corrected": claims(early, math.log(10)), "final": claims(model)}
for name, (claimed, true) in collected.items():
    print(f"{name:12} claims {100 * claimed.mean():3.0f} % objects, matched are {100 * true.float().mean():3.0f} %")
claimed, true = collected["step 5,000"]
near = (claimed > 0.8) & (claimed < 0.9)
print(f"step 5,000, where it claims 80 to 90 %: matched in {100 * true[near].float().mean():.0f} %")

# %% [markdown]
# Now claim by claim; a claim is true if the guess is matched. On the diagonal, 85 % means 85 %. Below is a **dial**: which
# of `eos_coef`, *N* and *T* changes what 85 % means, which only the share of the weight? Set *T* to 0: why does `eos_coef`
# stop mattering?

# %%
figure = reliability_figure(*collected.values())
figures.show(figure, "How often a claim is true: far below the diagonal at eos_coef 0.1, near it where that is mended.")
NoObjectDial(N=100, T=7, eos_coef=0.1, p=0.85)

# %% [markdown]
# The claims were **too high by a known factor**; log 10 on one logit brings them most of the way back, training on at 1
# does too. Two aims, then: balance wants *T* / (*N* − *T*), true scores want 1. DETR chose balance.
#
# `eos_coef` plays no part in the match, but in how often two speak up for one object.

# %% [markdown]
# ## Does the match minimise the loss?
#
# So it is often said. But it minimises the *cost*, which has −p where the loss has −log p, and no `eos_coef`. For one
# image, the loss is a sum over pairs, too. So the matcher can minimise it as well: we hand it what each pair adds to
# the loss. Step 5,000 again.


# %%
def added_loss(outputs, targets, image_index):
    """What a match adds to the class term at eos_coef 0.1, times T as the box costs are: (N, T)."""
    log_p = outputs["logits"].log_softmax(-1)[image_index]  # (T, N, K + 1), one row a target
    own = log_p[range(len(image_index)), :, targets["class_labels"]]  # (T, N)
    size = image_index.bincount()[image_index]  # (T,)
    weight = size / (size + 0.1 * (12 - size))
    return (weight[:, None] * (0.1 * log_p[..., -1] - own)).T


def loss_of_match(matches, scene):
    part = {name: early_outputs[name][scene : scene + 1] for name in ("logits", "pred_boxes")}
    criterion = SetCriterion(lambda *_: [matches[scene]], num_classes=10, eos_coef=0.1)
    return criterion.total(criterion(part, batch["labels"][scene : scene + 1]))


with torch.no_grad():
    early_outputs = early(batch["pixel_values"])
cheapest = HungarianMatcher()(early_outputs, batch["labels"])
least_loss = HungarianMatcher(costs={"class_cost": added_loss})(early_outputs, batch["labels"])
gain = torch.stack([loss_of_match(cheapest, i) - loss_of_match(least_loss, i) for i in range(300)])
lower, higher = (100 * float(part.float().mean()) for part in (gain > 1e-4, gain < -1e-4))
print(f"the other match has a lower loss in {lower:.0f} % of the scenes, a higher one in {higher:.0f} %")

# %% [markdown]
# In these scenes another match has the lower loss, and DETR does not take it. Its section 3.1 says why: probabilities,
# not log-probabilities, keep class and box costs in scale, and worked better. The match is a decision of its own.

# %% [markdown]
# ## Exercise: the whole loss
#
# Now assemble it. Costs and GIoU (04), assignment (05), the match of a batch (06): paste your own functions, or use
# `HungarianMatcher` and `generalized_box_iou` in their place. The class term is yours. The weights are 1, 5 and 2;
# `num_boxes` counts the targets of the whole batch, at least 1.


# %% tags=["exercise"]
def set_loss(outputs, targets, eos_coef=1.0):
    return None  # a scalar


# %%
check_set_loss(set_loss)


# %% tags=["solution"] jupyter={"source_hidden": true}
def set_loss(outputs, targets, eos_coef=1.0):
    pairs = HungarianMatcher()(outputs, targets)
    loss = classification_loss(outputs["logits"], targets, pairs, eos_coef)
    num_boxes = max(sum(len(target["class_labels"]) for target in targets), 1)
    for pred_boxes, target, (tokens, order) in zip(outputs["pred_boxes"], targets, pairs):
        guess, truth = pred_boxes[tokens], target["boxes"][order]
        giou = generalized_box_iou(center_to_corners(guess), center_to_corners(truth))
        loss = loss + (5 * (guess - truth).abs().sum() + 2 * (1 - giou).sum()) / num_boxes
    return loss


check_set_loss(set_loss)

# %% [markdown]
# ## Three steps
#
# Does it teach? An untrained detector, tokens sliced and decoded as in 02, three steps down **your** loss.
#
# And a last surprise: the loss of a batch is not the mean of its images' losses. In the box terms every object counts
# the same, so a scene with six counts six times a scene with one.

# %%
learner = build_model(Recipe())
optimizer = torch.optim.AdamW(learner.parameters(), lr=1e-3)
pixel_values, truths = batch["pixel_values"][:8], batch["labels"][:8]


def loss_of(part):
    states = detection_states(learner.vit(pixel_values[part]).last_hidden_state, 12)  # (B, 12, 96)
    logits, pred_boxes = learner.class_labels_classifier(states), learner.bbox_predictor(states).sigmoid()
    return set_loss({"logits": logits, "pred_boxes": pred_boxes}, truths[part])


with torch.no_grad():
    apart = sum(loss_of(slice(i, i + 1)) for i in range(8)) / 8
print("objects:", *(len(truth["boxes"]) for truth in truths))
print(f"one batch of eight {loss_of(slice(8)):.2f}, mean of eight images {apart:.2f}")
for step in range(4):
    loss = loss_of(slice(8))
    print(f"steps taken {step}, loss {loss:.2f}")
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()

# %% [markdown]
# ## What we learned
#
# - Class: a weighted mean over all *N* guesses. Boxes: L1 and 1 − GIoU of the matched, over the number of targets.
# - All learn class, few learn boxes; the cardinality error teaches nothing; the match minimises the cost, not the loss.
# - `eos_coef` balances objects and no-object. At 0.1 the odds of "object" are tenfold, at 1 true.

# %% [markdown]
# **Test yourself.** A batch holds only empty scenes, and `eos_coef` is 0.1. What would change at 1?
#
# <details><summary>Answer</summary>
#
# Nothing. All weights are 0.1, and a weighted mean divides by their sum: they cancel. The box terms are zero, and the
# class term pulls all guesses to "no object".
#
# </details>
#
# **Next:** [08, what masks and earlier layers add](08_masks_and_auxiliary.ipynb).
