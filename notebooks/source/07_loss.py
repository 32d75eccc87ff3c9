# %% [markdown]
# # Who learns what from one match?
#
# The match is settled: five of the twelve guesses have a target. Now come the grades. This notebook takes the [loss](glossary.md#loss)
# apart until every number in it is yours, and asks of each term which guesses it teaches.

# %% [markdown]
# **You will be able to** compute the three terms by hand, say which guesses get a gradient from each, choose
# `eos_coef`, and tell what a confidence of 85 % is worth.
#
# **Time** 25 minutes to read, 50 with the exercises. **You need** [04](04_three_costs.ipynb), the costs, and
# [06](06_matcher.ipynb), the matcher.
#
# Is it true that only the five matched guesses learn?

# %%
import torch

from helpers import HungarianMatcher, SetCriterion, center_to_corners, figures, generalized_box_iou
from helpers.checks.loss import check_classification_loss, check_fair_eos_coef, check_set_loss
from helpers.detector import detection_states, load_detector, weights_folder
from helpers.figures.batch import matches_figure
from helpers.figures.loss_terms import draw_report_card, gradient_figure, reliability_figure
from helpers.scenes import HandwrittenScenes, running_example
from helpers.training.recipe import Recipe, build_model
from helpers.training.recording import load_recording
from helpers.widgets import NoObjectDial, SetPlay

model, image_processor = load_detector()
image, annotation = running_example()
inputs = image_processor(images=image, annotations=annotation, return_tensors="pt")
targets = [{name: inputs["labels"][0][name] for name in ("class_labels", "boxes")}]
with torch.no_grad():
    answer = model(inputs["pixel_values"])
outputs = {"logits": answer.logits, "pred_boxes": answer.pred_boxes}  # (1, 12, 11), (1, 12, 4)
tokens, order = HungarianMatcher()(outputs, targets)[0]  # (5,), (5,)
labels, boxes = targets[0]["class_labels"][order], targets[0]["boxes"][order]  # (5,), (5, 4)
print("match:", *(f'{figures.LETTERS[token]}-"{label}"' for token, label in zip(tokens, labels)))

# %% [markdown]
# ## The report card
#
# Every guess *i* has a class $c_i$ that it should have named: its target's label or, without target, "no object", index
# 10 (*K* in formulas; not guess K). Its class loss is $-\log p_i(c_i)$. Only a matched guess has a box to compare, by L1
# and 1 − GIoU. `tokens`, `order`: 06's prediction and target index.

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
caption = "Twelve grades for class, five for boxes. The worst: H half claims the 3 that B owns; C and G are unsure about one 1."
figures.show(figure, caption)

# %% [markdown]
# ## From grades to terms
#
# The five box grades are summed and divided by [`num_boxes`](glossary.md#num-boxes), the number of targets. The twelve class grades make a
# [**weighted mean**](glossary.md#weighted-mean):
#
# $$\text{loss\_ce} = \frac{\sum_i w_i \, (-\log p_i(c_i))}{\sum_i w_i}$$
#
# with $w_i = 1$ for a guess with a target, and $w_i =$ [`eos_coef`](glossary.md#eos-coef) for one without. The name is a leftover, "end of
# sequence"; it weighs the no-object class. (DETR's equation 2 only adds.)

# %% [markdown]
# ## Exercise: the class term
#
# Write it for a batch: `logits` (B, N, K + 1), one dict of targets per image, and the matcher's `pairs`, one
# `(tokens, order)` per image. Guess `tokens[k]` has target `order[k]`.
#
# [A solution](solutions/07.ipynb)


# %% tags=["exercise"]
def classification_loss(logits, targets, pairs, eos_coef):
    return None  # a scalar


# %%
used_classification_loss = check_classification_loss(classification_loss)

# %% [markdown]
# ## Three programs, one answer
#
# The class term you wrote and our two sums, `SetCriterion`, and `transformers`: three columns that must be equal. All take
# the `eos_coef` of the trained detector; the cell prints it.

# %%
eos_coef = model.config.eos_coefficient
by_hand = {
    "loss_ce": used_classification_loss(outputs["logits"], targets, [(tokens, order)], eos_coef),
    "loss_bbox": l1.sum() / 5,
    "loss_giou": one_minus_giou.sum() / 5,
    "cardinality_error": ((probabilities.argmax(-1) != 10).sum() - 5).abs().float(),
}
ours = SetCriterion(HungarianMatcher(), num_classes=10, eos_coef=eos_coef)(outputs, targets)
reference = model(inputs["pixel_values"], labels=targets)
columns = [by_hand, ours, reference.loss_dict]
totals = [terms["loss_ce"] + 5 * terms["loss_bbox"] + 2 * terms["loss_giou"] for terms in columns]
assert abs(totals[-1] - reference.loss) < 1e-5
print(f"eos_coef {eos_coef}\n{'':20}{'by hand':>9}{'ours':>9}{'theirs':>9}   can teach")
for name, values in [*((name, [c[name] for c in columns]) for name in by_hand), ("total, 1 : 5 : 2", totals)]:
    print(f"{name:20}" + "".join(f"{value:9.4f}" for value in values), f"  {values[-1].requires_grad}")
    assert max(values) - min(values) < 1e-5

# %% [markdown]
# The total is 1 · loss_ce + 5 · loss_bbox + 2 · loss_giou. Look at the last column. [`cardinality_error`](glossary.md#cardinality-error) counts, by an
# argmax, how many objects too many or too few are claimed. **It has no gradient and no weight.** It is often called
# the term that stops the model from claiming too much. Another term does that.

# %% [markdown]
# ## Who gets a gradient?
#
# The gradient carries the grades back: for an untrained detector at `eos_coef` 0.1, as in DETR, then for the trained one.
#
# **Predict first.** Untrained: how much harder does the class term pull at a matched guess than at an idle one? Trained:
# can an idle guess be pulled harder than a matched one?
#
# <details><summary>Predict, then open</summary>
#
# Untrained: about ten to one. It is equally unsure everywhere, so the weights decide. Trained: it can. The pull depends
# on who is still unsure or wrong, over several powers of ten. An idle guess that half claims an object is wrong; a
# matched one that is sure of its class has next to nothing to learn. Compare grey and green in the panel on the right.
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
figure = gradient_figure(at_first, in_the_end, (0.1, eos_coef))
figures.show(figure, "Length of the gradient at each guess: green with its target's name, or grey without a target.")

# %% [markdown]
# So "only the five matched guesses learn" is false. **All learn class, few learn boxes.** The idle taxis learn from the
# class term to say "nothing": that holds the number of claims down.
#
# *Break it:* set `eos_coef=0` for the untrained one and run the cell again. Nobody teaches the idle.

# %% [markdown]
# ## Watch a whole set learn
#
# Twelve free guesses, without a network. Click on one, and see its grades. **Your bet:** which guess that owns nothing
# will move its *box* when you press Play?
#
# <details><summary>The one nearest to a target</summary>
#
# Not even that one. Its class grade falls, step by step: it learns to say "nothing". Its box stays where it lies, since
# no term looks at it.
#
# </details>
#
# <details><summary>None of them</summary>
#
# Yes. Seven boxes stay where they lie, and seven class grades fall: all learn class, few learn boxes.
#
# </details>

# %%
play = SetPlay(controls=["play", "speed"])
figures.show(
    play.figure(), "Five boxes move on to the targets. Seven stand still, and fall silent one after the other."
)
play

# %% [markdown]
# ## How much does no-object weigh?
#
# With *T* targets and *N* guesses, the matched weigh *T* together, the others `eos_coef` · (*N* − *T*). DETR chose 0.1
# for *N* = 100 and about seven objects: a factor of ten against [class imbalance](glossary.md#class-imbalance) (section 3.1).
#
# **Predict first.** Which share of the weight has no-object at 0.1, there and with our twelve and five?
#
# <details><summary>Predict, then open</summary>
#
# 57 %, still more than half; and 12 %. The same number nearly balances the two there, and nearly mutes no-object here.
# The check of the next exercise draws it.
#
# </details>

# %% [markdown]
# ## Exercise: a fair weight
#
# Now backwards. Which `eos_coef` lets no-object weigh exactly as much as all objects together? Take *N* > *T*. The check
# draws the share of no-object over `eos_coef`, and where your answer stands.
#
# [A solution](solutions/07.ipynb)


# %% tags=["exercise"]
def fair_eos_coef(num_predictions, num_targets):
    return None  # a float


# %%
check_fair_eos_coef(fair_eos_coef)

# %% [markdown]
# ## What is 85 % worth?
#
# Say a guess gives "some object" the probability *p*, and is matched in a share *q* of such cases. At `eos_coef` 0.1 it
# pays on average $-q \log p - 0.1\,(1-q) \log(1-p)$. The derivative is 0 where
#
# $$\frac{p}{1-p} = 10 \cdot \frac{q}{1-q}$$
#
# **Predict first.** Which *q* belongs to *p* = 85 %?
#
# <details><summary>Predict, then open</summary>
#
# In theory 36 %. The loss is least when the odds of "object" are ten times the true ones. 85 % is odds of 5.7 to 1; a
# tenth of that, 0.57 to 1, is 36 %. A detector in the middle of its training follows the theory roughly: the next cell
# prints what is measured.
#
# </details>

# %% [markdown]
# Our detector was trained at 0.1 first, and at 1 later; the step-9,000 weights have seen only 0.1. In 300 unseen scenes
# we collect what each guess claims, 1 − p(no object), and whether the matcher gives it a target. A second box on the
# same digit has none: its claim counts as false.

# %%
recipe = load_recording(weights_folder() / "recording.npz")["about"]["recipe"]
switch = int(recipe["final_from"] * recipe["detection_steps"])
print(f"eos_coef {recipe['eos_coef']} up to step {switch:,}, then {recipe['final_eos_coef']}")
images, annotations = zip(*HandwrittenScenes("test", 300, seed=7))
batch = image_processor(images=list(images), annotations=list(annotations), return_tensors="pt")
early, _ = load_detector(step=9000)
with torch.no_grad():
    early_outputs, final_outputs = early(batch["pixel_values"]), model(batch["pixel_values"])


def claims(outputs):
    """What the guesses claim, and whether they are matched: (300, 12) both."""
    matched = torch.zeros(300, 12, dtype=torch.bool)
    for image, (tokens, _) in enumerate(HungarianMatcher()(outputs, batch["labels"])):
        matched[image, tokens] = True
    return 1 - outputs.logits.softmax(-1)[..., -1], matched


claimed, matched = claims(early_outputs)
near = (claimed > 0.8) & (claimed < 0.9)
print(f"step 9,000, claims of 80 to 90 %: matched in {100 * matched[near].float().mean():.0f} %")

# %% [markdown]
# Now claim by claim: [on the diagonal](glossary.md#reliability-curve), 85 % means 85 %. Below is a **dial**. Which of `eos_coef`, *N* and *T* changes
# what 85 % means ("at rest"), and which only the share of the weight? Set *T* to 0: why does `eos_coef` stop mattering?

# %%
corrected = claimed / (claimed + 10 * (1 - claimed))  # a tenth of the odds
figure = reliability_figure((claimed, matched), (corrected, matched), claims(final_outputs))
figures.show(figure, "How often a claim is true: far below the diagonal at eos_coef 0.1, near it where that is mended.")
NoObjectDial(N=100, T=7, eos_coef=0.1, p=0.85)

# %% [markdown]
# The claims were **too high by a known factor**; dividing the odds mends most. So does training on at 1, as far as its
# few unsure claims tell.
#
# `eos_coef` has two aims. *Equal weight* needs *T* / (*N* − *T*). *Honest scores* need 1, whatever *N* and *T*. DETR takes
# equal weight, so its scores should be too high (derived, not measured).

# %% [markdown]
# ## Does the match minimise the loss?
#
# Often said; but the *cost* has −p where the loss has −log p. A matched guess pays $-\log p(c)$ instead of
# $-0.1 \log p(\text{no object})$; the difference is what the pair adds. Handed that, the matcher finds the least loss.
#
# **Predict first.** After 9,000 steps: in how many scenes is that another match?
#
# <details><summary>Predict, then open</summary>
#
# The next cell counts them. The two part where names are half learned: −log p tells apart hopeless guesses that are all
# the same to −p.
#
# </details>


# %%
def added_loss(outputs, targets, image_index):
    """What a pair adds to the class term at eos_coef 0.1, times T as the box costs are: (N, T)."""
    log_p = outputs["logits"].log_softmax(-1)[image_index]  # (T, N, K + 1), one row a target
    own = log_p[range(len(image_index)), :, targets["class_labels"]]  # (T, N)
    size = image_index.bincount()[image_index]  # (T,)
    return size / (size + 0.1 * (12 - size)) * (0.1 * log_p[..., -1] - own).T


def loss_of(match, scene):
    criterion = SetCriterion(lambda *_: [match[scene]], num_classes=10, eos_coef=0.1)
    part = {name: early_outputs[name][scene : scene + 1] for name in ("logits", "pred_boxes")}
    return float(criterion.total(criterion(part, batch["labels"][scene : scene + 1])))


matchers = HungarianMatcher(), HungarianMatcher(costs={"class_cost": added_loss})
by_cost, by_loss = (matcher(early_outputs, batch["labels"]) for matcher in matchers)
gain = torch.tensor([loss_of(by_cost, i) - loss_of(by_loss, i) for i in range(300)])
assert gain.min() > -1e-4  # never the other way round
print(f"another match has a lower loss in {100 * (gain > 1e-4).float().mean():.0f} % of the scenes")
i = int(gain.argmax())  # where the two differ most
matches = {f"least {name}: loss {loss_of(m, i):.2f}": m[i] for name, m in (("cost", by_cost), ("loss", by_loss))}
figure = matches_figure(images[i], {"pred_boxes": early_outputs.pred_boxes[[i]]}, batch["labels"][i], matches)
figures.show(figure, "One scene after 9,000 steps, matched by cost and by loss.")

# %% [markdown]
# By loss, a guess that *stands* well can lose its target to one that already knows the name. By cost, it keeps the target
# and is taught the name. DETR's reason (section 3.1): probabilities keep class and box costs in scale, and worked better.
# The match comes first, the loss takes it as given; no gradient passes through the choice.

# %% [markdown]
# ## Exercise: the whole loss
#
# Now assemble it. Costs and GIoU (04), assignment (05), the match of a batch (06): paste your own functions, or use
# `HungarianMatcher` and `generalized_box_iou` in their place. The class term is yours, or `used_classification_loss`. The weights are 1, 5, 2;
# `num_boxes` counts the targets of the whole batch, at least 1.
#
# [A solution](solutions/07.ipynb)


# %% tags=["exercise"]
def set_loss(outputs, targets, eos_coef=1.0):
    return None  # a scalar


# %%
used_set_loss = check_set_loss(set_loss)

# %% [markdown]
# ## Eight images in one batch
#
# **Predict first.** Eight scenes, one loss. Is it the mean of the losses that each scene has alone?
#
# <details><summary>Predict, then open</summary>
#
# No. In the box terms every object counts the same, so a scene with six counts six times a scene with one. The class
# term, too, is one weighted mean over all guesses of the batch. The two agree only by chance.
#
# </details>

# %%
eight, truths = {name: early_outputs[name][:8] for name in ("logits", "pred_boxes")}, batch["labels"][:8]
alone = [used_set_loss({name: value[[i]] for name, value in eight.items()}, truths[i : i + 1]) for i in range(8)]
print("objects:", *(len(truth["boxes"]) for truth in truths))
print(f"one batch of eight {used_set_loss(eight, truths):.2f}, mean of eight images {sum(alone) / 8:.2f}")

# %% [markdown]
# ## Three steps
#
# Does it teach? An untrained detector, tokens sliced and decoded as in 02, three steps down the loss of the exercise.

# %% tags=["live"]
learner = build_model(Recipe())
optimizer = torch.optim.AdamW(learner.parameters(), lr=1e-3)
losses = []
for _ in range(4):
    states = detection_states(learner.vit(batch["pixel_values"][:8]).last_hidden_state, 12)  # (8, 12, 96)
    logits, pred_boxes = learner.class_labels_classifier(states), learner.bbox_predictor(states).sigmoid()
    loss = used_set_loss({"logits": logits, "pred_boxes": pred_boxes}, truths)
    losses.append(loss.item())
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
print("lower after every step:", losses == sorted(losses, reverse=True))

# %% [markdown]
# ## What we learned
#
# - Class: a weighted mean over all *N* guesses. Boxes: L1 and 1 − GIoU of the matched, over the number of targets.
# - All learn class, few learn boxes; the cardinality error teaches nothing; the match minimises the cost, not the loss.
# - `eos_coef` balances objects and no-object. At 0.1 the odds of "object" are tenfold; honest scores need 1.

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
