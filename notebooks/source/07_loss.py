# %% [markdown]
# # Who learns what from one match?
#
# The match is made: a green dot ties a guess to its target; guesses without one are faint. All twelve get a report
# card.
#
# **Fill them in.** What must each guess say, a digit or "no object"? Is its box graded? A card filled in correctly shows
# which terms of the [loss](glossary.md#loss) grade it.

# %%
from helpers.widgets import ReportCards

ReportCards()

# %% [markdown]
# **You will be able to** compute the loss by hand, say which guesses each of its terms teaches, and ask four questions of
# any set-prediction loss.
#
# **Time** 25 minutes to read, 50 with the exercises. **You need** [04](04_three_costs.ipynb) and
# [06](06_matcher.ipynb).
#
# **One click about 06.** H stands on the "3", too, and half says so. Why is B matched with it?
#
# <details><summary>B comes first in the list</summary>
#
# The order of the list plays no part. If B and H changed places in it, B would still have the "3".
#
# </details>
#
# <details><summary>With B, the five costs have the least sum</summary>
#
# Yes. B is surer of the "3", and that decides between two boxes that fit about equally well.
#
# </details>

# %% [markdown]
# ## Four questions for any set loss
#
# Every set-prediction loss has to answer four questions. Later losses ([12](12_where_the_field_went.ipynb)) answer them
# differently.
#
# 1. Who is paired?
# 2. Who is graded on what?
# 3. Divided by what?
# 4. Who answers at test time?
#
# The first is settled here: five guesses, one for each target. The others come one by one.

# %%
import torch

from helpers import HungarianMatcher, SetCriterion, center_to_corners, figures, generalized_box_iou
from helpers.checks.loss import check_classification_loss, check_set_loss
from helpers.detector import load_detector
from helpers.figures import loss_terms as drawn
from helpers.scenes import HandwrittenScenes, running_example
from helpers.training.free import start_of
from helpers.training.recipe import Recipe, build_model

image, annotation = running_example()
model, image_processor = load_detector()
inputs = image_processor(images=image, annotations=annotation, return_tensors="pt")
targets = [{name: inputs["labels"][0][name] for name in ("class_labels", "boxes")}]
with torch.no_grad():
    outputs = model(inputs["pixel_values"])  # logits (1, 12, 11), pred_boxes (1, 12, 4)
tokens, order = HungarianMatcher()(outputs, targets)[0]  # (5,), (5,): guess tokens[k] has target order[k]
labels, boxes = targets[0]["class_labels"][order], targets[0]["boxes"][order]  # (5,), (5, 4)
print("match:", *(f'{figures.LETTERS[token]}-"{label}"' for token, label in zip(tokens, labels)))

# %% [markdown]
# ## Who is graded on what?
#
# Guess *n* must say $c_n$: the label of its target or, without a target, no object, index *K* = `num_labels`. Its class
# grade is $-\log p_n(c_n)$. A guess with a target is also graded on its box, by L1 and by 1 − GIoU. Low is good.
#
# **Predict first.** Which of the twelve has the worst class grade?
#
# <details><summary>G, which is unsure of its "1"</summary>
#
# G comes second. H is worse: it must say "no object" and half says "3". A guess without a target is graded, too.
#
# </details>
#
# <details><summary>H, which must be silent</summary>
#
# Yes. It half says "3", but B has that digit, so H must say "no object". The worst grade of all goes to a guess without a
# target.
#
# </details>
#
# <details><summary>F, whose "4" is the largest digit</summary>
#
# F is nearly sure of its "4", so its class grade is close to 0. The size of a digit does not count in this term. The worst
# is H: it must say "no object" and half says "3".
#
# </details>

# %%
K = model.config.num_labels  # 10; logits have K + 1 columns
probabilities = outputs["logits"][0].softmax(-1)  # (12, 11)
must_say = torch.full((12,), K)  # no object for everybody,
must_say[tokens] = labels  # a label for those with a target
said = probabilities[range(12), must_say]  # (12,): what each gives to what it must say
class_grades = -said.log()
pred_boxes = outputs["pred_boxes"][0, tokens]  # (5, 4)
l1 = (pred_boxes - boxes).abs().sum(-1)  # (5,)
one_minus_giou = 1 - generalized_box_iou(center_to_corners(pred_boxes), center_to_corners(boxes))  # (5,)

names = [None if label == K else f'"{label}"' for label in must_say.tolist()]
box_grades = [dict(zip(tokens.tolist(), values.tolist())) for values in (l1, one_minus_giou)]
figure, axes = figures.new_figure(10, 5.9)
drawn.draw_report_card(axes, names, said.tolist(), class_grades.tolist(), *box_grades)
figures.show(figure, "Twelve grades for class, five for boxes; the darkest class grade is H's, which has no target.")

# %% [markdown]
# ## Divided by what?
#
# Box grades are summed and divided by the number of targets, [`num_boxes`](glossary.md#num-boxes). Class grades make a
# [**weighted mean**](glossary.md#weighted-mean):
#
# $$\text{loss\_ce} = \frac{\sum_n w_n \, (-\log p_n(c_n))}{\sum_n w_n}$$
#
# A guess with a target has $w_n = 1$, one without has [`eos_coef`](glossary.md#eos-coef). DETR takes 0.1, because most
# guesses have no target; our detector began with 0.1 and ended with 1, which is used here. [07b](07b_honest_scores.ipynb)
# asks what it does.
#
# <details><summary>Why −log p, and not −p as in the cost?</summary>
#
# The cost only compares. The loss teaches by its gradient, and that of p fades for a guess that is sure and wrong; that of
# log p does not.
#
# </details>

# %% [markdown]
# ## Exercise: the class term
#
# Write it for a batch: `logits` (B, N, K + 1), one dict of targets for each image, and the matcher's `pairs`, one
# `(tokens, order)` for each image.
#
# [A solution](solutions/07.ipynb)


# %% tags=["exercise"]
def classification_loss(logits, targets, pairs, eos_coef):
    return None  # a scalar


# %%
used_classification_loss = check_classification_loss(classification_loss)

# %% [markdown]
# ## Three programs, one number
#
# The first does it by hand: the class term that you wrote, or ours, and the box grades divided by 5. Then come `SetCriterion`
# and `transformers`. The total is 1 · loss_ce + 5 · loss_bbox + 2 · loss_giou; the `cardinality_error` is explained below.
# The last column: can a term teach, that is, has it a gradient?

# %%
by_hand = {
    "loss_ce": used_classification_loss(outputs.logits, targets, [(tokens, order)], model.config.eos_coefficient),
    "loss_bbox": l1.sum() / 5,
    "loss_giou": one_minus_giou.sum() / 5,
    "cardinality_error": ((probabilities.argmax(-1) != K).sum() - 5).abs().float(),
}

# %%
criterion = SetCriterion(HungarianMatcher(), num_classes=K, eos_coef=model.config.eos_coefficient)
reference = model(inputs["pixel_values"], labels=targets)
columns = [by_hand, criterion(outputs, targets), reference.loss_dict]
totals = [criterion.total(terms) for terms in columns]
assert abs(totals[-1] - reference.loss) < 1e-5
print(f"{'':20}{'by hand':>9}{'ours':>9}{'theirs':>9}   can teach")
for name, values in [*((name, [c[name] for c in columns]) for name in by_hand), ("total", totals)]:
    print(f"{name:20}" + "".join(f"{value:9.4f}" for value in values), f"  {values[-1].requires_grad}")
    assert max(values) - min(values) < 1e-5

# %% [markdown]
# ## Who answers at test time?
#
# All *N*, each with its best class: without targets there is no match. Those that *claim* are shown:
# here, whose largest logit is a digit's. The [`cardinality_error`](glossary.md#cardinality-error) is how far claims and labels
# differ in number.
#
# **Predict first.** The "4" is taken out of the picture; its label stays. What does the cardinality error become?
#
# <details><summary>1: one claim is missing</summary>
#
# F does fall silent, so one claim is missing. But the cell below prints 0: in the new picture C, which was silent, claims
# a "7". The two faults cancel: there are as many claims as labels.
#
# </details>
#
# <details><summary>0, as before</summary>
#
# Yes, and for a bad reason: F falls silent, and C, which was silent, claims a "7" that nobody drew. The two faults cancel:
# there are as many claims as labels.
#
# </details>

# %%
without, _ = running_example(hidden=[4])
young = build_model(Recipe()).eval()  # untrained
answers = {}
for name, network, picture in (
    ("as it is", model, image),
    ('without "4"', model, without),
    ("untrained", young, image),
):
    with torch.no_grad():
        seen = answers[name] = network(image_processor(images=picture, return_tensors="pt")["pixel_values"])
    terms = criterion(seen, targets)
    print(f"{name:11} loss {criterion.total(terms):.2f}, cardinality error {terms['cardinality_error']:.0f}")
shown = {"as it is": (image, outputs), 'without "4"': (without, answers['without "4"'])}
figures.show(drawn.claims_figure(shown), 'What is claimed, with the "4" and without it: five claims each time.')

# %% [markdown]
# The loss has noticed: F still has the "4", and says nothing. The cardinality error has not. (Untrained, twelve claim: seven
# too many.) It cannot teach the right number of claims: an argmax has no gradient. Which term does?
#
# ## Who is pulled?
#
# A gradient carries each grade back to its guess. The match gets none: its indices are whole numbers.


# %%
def pulls(outputs, eos_coef):
    """How long the gradient is at each guess's logits and at its box, 12 each; and the name of its target."""
    outputs = {name: outputs[name].detach().requires_grad_() for name in ("logits", "pred_boxes")}
    tokens, order = HungarianMatcher()(outputs, targets)[0]
    assert (tokens.dtype, tokens.requires_grad) == (torch.int64, False)  # nothing to pull at
    criterion = SetCriterion(lambda *_: [(tokens, order)], num_classes=K, eos_coef=eos_coef)
    criterion.total(criterion(outputs, targets)).backward()
    names = dict(zip(tokens.tolist(), (f'"{label}"' for label in targets[0]["class_labels"][order])))
    return *(value.grad[0].norm(dim=-1).tolist() for value in outputs.values()), [names.get(n) for n in range(12)]


# %%
figure = drawn.gradient_figure(pulls(answers["untrained"], 0.1), pulls(outputs, 1.0), (0.1, 1.0))
figures.show(figure, "Length of the gradient at each guess: green with the name of its target, or grey without one.")

# %% [markdown]
# **All learn class, few learn boxes.** Left: untrained guesses are equally wrong, so `eos_coef` alone makes the
# difference; at 1 all twelve bars would be equal. Right: H is pulled hardest, towards "no object": the class term holds
# the number of claims down.
#
# In a picture without objects `eos_coef` cancels. How hard are its guesses pulled beside another picture?

# %%
pictures, notes = zip(*(HandwrittenScenes("test", length=21, seed=1)[i] for i in (8, 20, 11)))  # 0, 2, 6 digits
batch = image_processor(images=list(pictures), annotations=list(notes), return_tensors="pt")
with torch.no_grad():
    seen = young(batch["pixel_values"])
for company, chosen in {"alone": [0], "beside two digits": [0, 1], "beside six digits": [0, 2]}.items():
    lengths = []
    for weight in (1.0, 0.1):
        few = {"logits": seen.logits[chosen].requires_grad_(), "pred_boxes": seen.pred_boxes[chosen]}
        SetCriterion(HungarianMatcher(), K, weight)(few, [batch["labels"][i] for i in chosen])["loss_ce"].backward()
        lengths.append(few["logits"].grad[0].norm())
    print(f"no digit, {company:17}: pulled by {lengths[0]:.3f} at eos_coef 1, {lengths[1]:.3f} at 0.1")

# %% [markdown]
# At 1 the pull halves: two pictures share the mean. At 0.1 it shrinks with the other's objects: each weighs as much as ten
# idle guesses.
#
# ## Exercise: the whole loss
#
# Assemble it from what you wrote, or from `HungarianMatcher`, `used_classification_loss` and `generalized_box_iou`. The
# weights are 1, 5, 2; `num_boxes` counts the targets of the batch, at least 1. [A solution](solutions/07.ipynb)
#
# <details><summary>First on paper: the three guesses of 04 go on</summary>
#
# In 05 A got target 1, an *a*, and C got target 2, a *b*. A gives ¼ to *a*, B ½ to "no object", C ¼ to *b*. A's box is
# perfect; C's has the right size and lies four tenths of the image below its target. What is the loss at `eos_coef` 1?
#
# </details>
# <details><summary>Their loss, term by term</summary>
#
# | guess | must say | p | −log p | L1 | 1 − GIoU |
# |---|---|---|---|---|---|
# | A | *a* | ¼ | 2 log 2 | 0 | 0 |
# | B | no object | ½ | log 2 | – | – |
# | C | *b* | ¼ | 2 log 2 | 0.4 | 1 |
#
# Class: 5 log 2 over three guesses, 1.16. L1: 0.4 over two targets, 0.20. C touches its target without overlap, and the two
# fill their hull: GIoU is 0, so 1 over two targets, 0.50. In all 1 · 1.16 + 5 · 0.20 + 2 · 0.50 = 3.16.
#
# </details>


# %% tags=["exercise"]
def set_loss(outputs, targets, eos_coef=1.0):
    return None  # a scalar


# %%
used_set_loss = check_set_loss(set_loss)

# %% [markdown]
# ## Play with your loss
#
# No network now: the numbers of twelve guesses are themselves moved by gradient descent on the loss that you wrote. What will
# the guesses without a target do at `eos_coef` 0? **Then change the loss:** leave out a term, or a weight, and run the cells
# again. Which guesses stop learning what?
#
# <details><summary>What stops</summary>
#
# Without the class term no logit changes: five boxes find their digits, and all guesses claim what they claimed at first.
# Without L1 and GIoU no box moves. Without one of the two, the other still brings the five boxes home.
#
# </details>


# %%
def descend(loss, steps=300):
    numbers = torch.tensor(start_of(2), dtype=torch.float32).requires_grad_()  # (12, 4 + 11), random, of seed 2
    optimizer = torch.optim.Adam([numbers], lr=0.05)
    for _ in range(steps):
        guesses = {"logits": numbers[None, :, 4:], "pred_boxes": numbers[None, :, :4].sigmoid()}
        optimizer.zero_grad()
        loss(guesses, targets).backward()
        optimizer.step()
    return {name: value.detach() for name, value in guesses.items()}


# %%
losses = {"eos_coef 1": used_set_loss, "eos_coef 0": lambda *batch: used_set_loss(*batch, eos_coef=0.0)}
figure = drawn.claims_figure({name: (image, descend(loss)) for name, loss in losses.items()})
figures.show(
    figure, "At eos_coef 1 five are left, all true; at 0 six others, graded by nothing, claim what they did at first."
)

# %% [markdown]
# ## What we learned
#
# - Paired: a guess per target.
# - Graded: all on class, paired on boxes.
# - Divided: class by the sum of weights, boxes by `num_boxes`.
# - At test time: all answer. The class term teaches silence, cardinality nothing.
#
# **Test yourself.** Is a batch's L1 term the mean of its pictures' terms?
#
# <details><summary>Yes: each picture counts the same</summary>
#
# Each *object* counts the same: a picture with six digits has six times the weight of one with one. (The class term is a
# weighted mean over all guesses of the batch: at `eos_coef` 1 that is the mean of two, at 0.1 the full picture weighs more.)
#
# </details>
#
# <details><summary>No: each object counts the same</summary>
#
# Right: with six digits and one, the sum of seven is divided by seven. (The class term is a weighted mean over all guesses
# of the batch: at `eos_coef` 1 that is the mean of two, at 0.1 the full picture weighs more.)
#
# </details>
#
# **Next:** [08, masks, earlier layers](08_masks_and_auxiliary.ipynb); beside it [07b, honest
# scores](07b_honest_scores.ipynb).
