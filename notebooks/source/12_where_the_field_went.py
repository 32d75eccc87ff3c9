# %% [markdown]
# # What have later detectors changed?
#
# A cost for every pair, a match, a loss: that frame is from [2020](https://arxiv.org/abs/2005.12872), and later detectors
# kept it. Here seven methods grade the **same twelve guesses** of our detector, each exchanging one part or more. Which guess is taught what?

# %% [markdown]
# **You will be able to** read the loss of a detector you have never seen: name its cost, count its [positives](glossary.md#positive), say what
# the rest learn. And to plug a new cost into the matcher you know.
#
# **Time** 25 minutes to read, 50 with the exercises. **You need** [06](06_matcher.ipynb), the matcher, and
# [07](07_loss.ipynb), the loss.

# %%
import torch
from IPython.display import Markdown, display

from helpers import HungarianMatcher, SetCriterion, box_iou, center_to_corners, figures
from helpers.checks.field import check_disagreement, check_focal_cost, check_sharp_plan
from helpers.detector import load_detector
from helpers.figures import LETTERS, field
from helpers.later import costs as later
from helpers.later.matches import by_transport, estimated_supply, in_groups, repeated, transport_plan
from helpers.scenes import running_example

model, image_processor = load_detector(step=36_000)  # a little less sure than the final weights
image, annotation = running_example()
inputs = image_processor(image, annotation, return_segmentation_masks=True, return_tensors="pt")
targets = [{name: inputs["labels"][0][name] for name in ("class_labels", "boxes", "masks")}]
with torch.no_grad():
    answer = model(inputs["pixel_values"], labels=targets)
outputs = {"logits": answer.logits, "pred_boxes": answer.pred_boxes}  # (1, 12, 11), (1, 12, 4)
labels = targets[0]["class_labels"]  # (5,)
print("logits", tuple(outputs["logits"].shape), " targets", labels.tolist())
criterion = SetCriterion(HungarianMatcher(), 10, eos_coef=model.config.eos_coefficient)
print(f"DETR's loss: ours {criterion.total(criterion(outputs, targets)):.4f}, theirs {answer.loss:.4f}")

# %% [markdown]
# ## Five years on three lanes
#
# Dates are those of the first version on arXiv. OTA and [VarifocalNet](https://arxiv.org/abs/2008.13367) are no relatives
# of DETR: they need suppression, but lent it an idea each. What `transformers` has, we compare with its class; H-DETR
# and OTA it has not, so ours follow the papers alone.
#
# <details><summary>Names on it that this notebook leaves out</summary>
#
# [DN-DETR](https://arxiv.org/abs/2203.01305) and [DINO](https://arxiv.org/abs/2203.03605) brought the spoiled targets
# that you will meet with RT-DETR. [Grounding DINO](https://arxiv.org/abs/2303.05499) compares a guess with the words of a
# sentence instead of a list of classes; the cost is focal. [D-FINE](https://arxiv.org/abs/2410.13842) predicts for each
# edge of a box a distribution of places, and grades that, too; its cost is RT-DETR's. In the
# [authors' code](https://github.com/Peterande/D-FINE/blob/master/src/zoo/dfine/dfine_criterion.py) boxes are graded on the
# union of all layers' matches; in `transformers` DEIMv2, its successor, does so, D-FINE does not.
#
# </details>

# %%
caption = "Papers by date: above those that changed the cost, in the middle the match, below what is learned."
figures.show(field.timeline_figure(), caption)

# %% [markdown]
# ## Reading the same logits with sigmoids
#
# Most later models have no column for "no object". Each class is a yes or no of its own, $p_c = \sigma(z_c)$; all no
# means nothing is there. So we **drop the last logit**. Our detector was not trained so: what we read shows how the
# costs work, not how good those models are.

# %% [markdown]
# *Break it:* softmax does not notice a constant, added to all logits of a guess.
#
# **Predict first.** Guesses C and G both stand on the upper "1". C says "no object". Add 3 to all logits: what happens
# to softmax, and what to the sigmoids?
#
# <details><summary>Predict, then open</summary>
#
# Softmax gives the same numbers: it compares the logits of one guess with each other. A sigmoid compares each logit with
# 0, so every class becomes more likely. Training with softmax never fixed that constant. And C's loud "no object" is
# gone with its column: its sigmoid for "1" is as high as G's.
#
# </details>

# %%
plain = {"logits": outputs["logits"][..., :-1], "pred_boxes": outputs["pred_boxes"]}  # (1, 12, 10), (1, 12, 4)
for name, added in (("as it is", 0), ("3 added", 3)):
    for guess in (2, 6):
        softmax = (outputs["logits"][0, guess] + added).softmax(-1)  # (11,)
        sigmoid = (plain["logits"][0, guess] + added).sigmoid()  # (10,)
        said = f'softmax: "1" {softmax[1]:.2f}, no object {softmax[10]:.2f}'
        print(f'{name:9} {LETTERS[guess]}   {said};   sigmoid: "1" {sigmoid[1]:.2f}')
matches = {"DETR's match": HungarianMatcher()(outputs, targets)[0], "C and G": ([2, 6], [1, 1])}
figure = field.scenes_figure(image, outputs, targets[0], matches)
figures.show(figure, 'The match of DETR, and the two guesses that stand on the upper "1".')

# %% [markdown]
# ## Deformable DETR: the focal cost
#
# In [Deformable DETR](https://arxiv.org/abs/2010.04159) the loss of a class is the focal loss of 08, one term for goal 1 and one for goal 0. A match
# **flips** one goal from 0 to 1. The [focal cost](glossary.md#focal-cost) is what this flip adds:
#
# $$C^{\text{focal}} = \alpha (1-p)^2 (-\log p) \; - \; (1-\alpha)\, p^2 (-\log(1-p)), \quad \alpha = 0.25$$
#
# Why subtract? [People ask](https://github.com/fundamentalvision/Deformable-DETR/issues/200).

# %% [markdown]
# ## Exercise: write the focal cost
#
# `logits` (N, K) and `class_labels` (T,) give (N, T): for each pair, *p* is the sigmoid of the target's class. Make it
# finite for logits of 50, too.
#
# [A solution](solutions/12.ipynb)


# %% tags=["exercise"]
def focal_cost(logits, class_labels):
    return None  # (N, T)


# %%
used_focal_cost = check_focal_cost(focal_cost)

# %% [markdown]
# ## A flip, 120 times
#
# Is the cost really a difference of losses? Flip each of the 12 × 10 goals once, with the loss of `transformers`, and
# compare all pairs with the focal cost. Then match.
#
# **Predict first.** DETR gave the upper "1" to G. Does the focal cost?
#
# <details><summary>Predict, then open</summary>
#
# No, to C. G has the better box by a little, as the cell prints. Softmax counted C's "no object" against it; without
# that column C's "1" is even a little surer than G's. And the focal cost is steep there: 0.05 of *p* make 0.2 of cost.
#
# </details>

# %%
from transformers.loss import loss_deformable_detr as deformable

goals = torch.eye(120).view(120, 1, 12, 10)  # each has a single 1
loss = [deformable.sigmoid_focal_loss(plain["logits"], goal, num_boxes=1) * 12 for goal in (0 * goals[0], *goals)]
flips = (torch.stack(loss[1:]) - loss[0]).view(12, 10)[:, labels]  # (12, 5); * 12 undoes its mean over the guesses
torch.testing.assert_close(flips, used_focal_cost(plain["logits"][0], labels).float(), atol=1e-4, rtol=0)
print(f'flip C to "1": {flips[2, 1]:.3f}, flip G: {flips[6, 1]:.3f}; all 60 pairs equal the focal cost')

matchers = {"DETR": HungarianMatcher(), "Deformable DETR": HungarianMatcher(costs=later.FOCAL_COSTS)}
for name, matcher in matchers.items():
    print(f"{name:16}", field.by_target(matcher(outputs, targets)[0], labels))
cost = matchers["DETR"].cost_matrices(outputs, targets)[0]
boxes = (cost["total"] - cost["class_cost"])[[2, 6], 1]  # 5 L1 - 2 GIoU
print("what their boxes cost: C {:.2f}, G {:.2f}".format(*boxes))
pairs = matchers["Deformable DETR"](outputs, targets)
theirs = deformable.DeformableDetrImageLoss(deformable.DeformableDetrHungarianMatcher(1, 5, 2), 10, 0.25, ["labels"])
ours = later.focal_loss(plain["logits"], later.class_goals(plain, targets, pairs)[0], num_boxes=5)
print(f"loss_ce: ours {ours:.4f}, theirs {theirs(plain, targets)['loss_ce']:.4f}")
torch.testing.assert_close(ours, theirs(plain, targets)["loss_ce"])

# %% [markdown]
# The five matched learn "yes" for one class; **every other logit of all twelve learns "no"**. There is no no-object
# class, and no `eos_coef`: α and the squares keep the many easy zeros quiet.
#
# <details><summary>Three things to know about the code</summary>
#
# The class weight of the match is 1 in the config of `transformers`, and 2 in the authors' code. Here it is 1.
#
# `HungarianMatcher` got `outputs` with all eleven columns: it takes the last for no object and checks the labels. The
# focal cost never reads it. The loss reads every column, so it got `plain`. In `transformers`, the *segmentation* loss
# of Deformable DETR still matches with softmax, over ten columns, and trains with sigmoids; a test of this project
# reproduces it.
#
# </details>

# %% [markdown]
# ## Exercise: make them disagree
#
# The target is a "1". Two guesses have the same box; invent their logits, three each: "1", "7", no object. DETR's −p
# must prefer A and the focal cost B, or the other way round, both by 0.1 at least.
#
# [A solution](solutions/12.ipynb)


# %% tags=["exercise"]
def disagreement():
    return None  # [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]], for example: guess A, guess B


# %%
check_disagreement(disagreement)

# %% [markdown]
# ## Group DETR and H-DETR: one target, several guesses
#
# One positive a target is little to learn from. [Group DETR](https://arxiv.org/abs/2207.13085) trains several groups of
# queries, each [matched one to one](glossary.md#group-matching); one group stays. [H-DETR](https://arxiv.org/abs/2207.13080) adds a branch where each
# target is listed *k* times.
#
# Both pay $2\,C^{\text{focal}} + 5\,\text{L1} - 2\,\text{GIoU}$, like RT-DETR. Our twelve
# stand in: groups A–F and G–L; H-DETR's branch, *k* = 2.

# %%
from transformers.loss import loss_lw_detr as lw_detr

focal = {"class_cost": 2, "costs": later.FOCAL_COSTS}  # weights 2, 5, 2
matchers |= {
    "Group DETR": HungarianMatcher(**focal, assign=in_groups(2)),
    "H-DETR": HungarianMatcher(**focal, assign=repeated(2)),
}
for name in ("Group DETR", "H-DETR"):
    print(f"{name:11}", field.by_target(matchers[name](outputs, targets)[0], labels))
pairs = matchers["Group DETR"](outputs, targets)
theirs = lw_detr.LwDetrImageLoss(lw_detr.LwDetrHungarianMatcher(2, 5, 2), 10, 0.25, ["labels", "boxes"], group_detr=2)
ours = SetCriterion(lambda *_: pairs, 10, losses=("boxes",))(outputs, targets, num_boxes=10)  # 2 groups of 5
ours["loss_ce"] = later.quality_loss(plain["logits"], *later.class_goals(plain, targets, pairs), num_boxes=10)
for name, value in theirs(plain, targets).items():
    print(f"{name:10} ours {ours[name]:.4f}, theirs {value:.4f}")
    torch.testing.assert_close(ours[name], value, atol=1e-5, rtol=1e-5)
louder = plain | {"logits": 3 * plain["logits"]}
ours = later.quality_loss(louder["logits"], *later.class_goals(louder, targets, pairs), num_boxes=10)
reference = theirs.loss_labels(louder, targets, pairs, num_boxes=10)["loss_ce"]
print(f"loss_ce of three times the logits: ours {ours:.1f}, theirs {reference:.1f}")

# %% [markdown]
# Equal, until a sigmoid rounds to 1: the reference takes log(0). This `loss_ce` is
# [LW-DETR](https://arxiv.org/abs/2406.03458)'s, from [Align-DETR](https://arxiv.org/abs/2304.07527): a matched guess should
# say a blend of its *p* and its IoU.
#
# Groups never see each other, and inside each the rule is one to one: no duplicates. Ours were not trained so: E must
# take a "5" far away.

# %% [markdown]
# ## RT-DETR: a softer goal, and spoiled answers
#
# The class loss of [RT-DETR](https://arxiv.org/abs/2304.08069) is [*varifocal*](glossary.md#varifocal-loss): the goal of a matched guess is its **IoU**
# *q*, so that scores rank boxes.
#
# $$-q \left( q \log p + (1-q) \log (1-p) \right) \;\text{ if matched}, \qquad -0.75\, p^2 \log (1-p) \;\text{ if not}$$
#
# And [**denoising**](glossary.md#denoising-group): spoiled targets enter as extra queries. Whose they are is known, so they need no match.

# %%
from transformers import RTDetrConfig
from transformers.loss.loss_rt_detr import RTDetrLoss
from transformers.models.rt_detr.modeling_rt_detr import get_contrastive_denoising_training_group as spoil

matchers["RT-DETR"] = HungarianMatcher(**focal)
pairs = matchers["RT-DETR"](outputs, targets)
criterion = RTDetrLoss(RTDetrConfig(num_labels=10))
ours = later.varifocal_loss(plain["logits"], *later.class_goals(plain, targets, pairs), num_boxes=5)
print(f"loss_vfl: ours {ours:.4f}, theirs {criterion(plain, targets)['loss_vfl']:.4f}")
torch.testing.assert_close(ours, criterion(plain, targets)["loss_vfl"])

torch.manual_seed(0)
classes, boxes, _, about = spoil(targets, 10, 12, lambda classes: classes, num_denoising_queries=5, box_noise_scale=0.5)
((query, target),) = RTDetrLoss.get_cdn_matched_indices(about, targets)
print("spoiled classes", classes[0].tolist(), " query", query.tolist(), "belongs to target", target.tolist())
figure = field.spoiled_figure(image, targets[0], boxes[0].sigmoid(), classes[0])
figures.show(figure, "Ten denoising queries: blue ones must find back to their target, grey ones say no object.")

# %% [markdown]
# Half of RT-DETR's noise, so that you can tell the boxes apart. Attention is masked: the other queries must not see
# these answers. Mini-YOLOS cannot take them; the picture shows what it *would* be asked.
#
# <details><summary>What does not run</summary>
#
# `RTDetrLoss` lists the losses "labels" and "focal", too. Both raise errors
# ([a pull request](https://github.com/huggingface/transformers/pull/32658) would mend them). The defaults, "vfl" and
# "boxes", are fine. A test of this project watches all three.
#
# </details>

# %% [markdown]
# ## Mask2Former: masks, at some points
#
# In [MaskFormer](https://arxiv.org/abs/2107.06278) and [Mask2Former](https://arxiv.org/abs/2112.01527) the *match* asks for
# masks, and boxes play no part. In the latter:
#
# $$C = -2\,p + 5 \cdot \text{cross-entropy} + 5 \cdot \text{dice}$$
#
# What is new there: the two mask costs look at [random points](glossary.md#point-sampling), not at all pixels. Mini-YOLOS
# has no mask head, so we let a guess claim all ink inside its box.

# %% [markdown]
# **Predict first.** Mask2Former takes 12,544 points. Our canvas is small, 128 × 128. How many points does it need for the
# match that all pixels give? And who gets the upper "1", C or G?
#
# <details><summary>Predict, then open</summary>
#
# A hundred will nearly do. With 32, one draw of five misses the ink of both "1"s: to every guess they cost the same, and
# who gets which is a toss-up. With 4, most draws are. With 112, a few points hit each digit. What is left is to choose
# between C and G, which claim nearly the same ink: G, by a little, as the class is a softmax again and hears C's
# "no object".
#
# </details>

# %%
from transformers.models.mask2former.modeling_mask2former import Mask2FormerHungarianMatcher as TheirMatcher

masked = outputs | {"pred_masks": field.ink_inside(inputs["pixel_values"][0], outputs["pred_boxes"][0])[None]}


def match_at(points):
    matcher = matchers["Mask2Former"] = HungarianMatcher(2, 0, 0, costs=later.point_costs(points))
    match, cost = matcher(masked, targets)[0], matcher.cost_matrices(masked, targets)[0]["total"]
    clear = field.lead(cost, match) > 1e-3  # else another match costs the same, and the last digit chooses
    return field.by_target(match, labels) if clear else "a toss-up"


pixels = torch.cartesian_prod(*[(torch.arange(128) + 0.5) / 128] * 2)  # (16384, 2), their centres
print(f"{'all pixels':21}", everywhere := match_at(pixels))
for count in (4, 32, 112):
    torch.manual_seed(0)
    found = [match_at(torch.rand(count, 2)) for _ in range(100)]
    print(f"{count:6} points, 100 draws: {found.count(everywhere):2} like this, {found.count('a toss-up'):2} a toss-up")
torch.manual_seed(0)
theirs = TheirMatcher(2, 5, 5, 12544)(masked["pred_masks"], outputs["logits"], [targets[0]["masks"]], [labels])[0]
torch.manual_seed(0)
print("12,544 points, ours  ", match_at(points := torch.rand(12544, 2)))
print("12,544 points, theirs", field.by_target(theirs, labels))
figure = field.points_figure(targets[0]["masks"][1], points[:112], masked["pred_masks"][0, [2, 6]].sigmoid(), "CG")
figures.show(figure, 'The upper "1" with the first 112 points; enlarged, the ink that C and G claim: much the same.')

# %% [markdown]
# ## OTA: how much of each guess for whom?
#
# [OTA](https://arxiv.org/abs/2103.14259) softens the match by [*optimal transport*](glossary.md#optimal-transport). A target supplies as many labels
# as it wants, the sum of its IoUs; no object supplies the rest. A plan *P*, guess *n* to target *j*, shares them out at
# the least
#
# $$\sum_{nj} P_{nj} C_{nj} + \varepsilon \sum_{nj} P_{nj} \log P_{nj}$$
#
# [Sinkhorn's algorithm](glossary.md#sinkhorn-s-algorithm) scales rows and columns in turn.

# %%
guesses, boxes = center_to_corners(outputs["pred_boxes"][0]), center_to_corners(targets[0]["boxes"])  # (12, 4), (5, 4)
supply = estimated_supply(box_iou(guesses[:, None], boxes))  # (5,)
matchers["OTA"] = HungarianMatcher(**focal, assign=by_transport(supply, epsilon=0.1, steps=50))
cost = matchers["RT-DETR"].cost_matrices(outputs, targets)[0]["total"].double().numpy()  # (12, 5)
plans = {f"ε = {e}, {s:,} steps": transport_plan(cost, supply, e, s) for e, s in ((1, 50), (0.1, 50), (0.02, 1000))}
print("labels that the five targets supply:", supply.tolist(), " rows sum to")
for name, plan in plans.items():
    print(f"   {name:20} {plan.sum(1).min():.2f} to {plan.sum(1).max():.2f}")
figure = field.plans_figure(plans, [figures.label_name(label) for label in labels])
figures.show(figure, "Three transport plans, rows are guesses, columns targets and no object: soft, unsettled, sharp.")

# %% [markdown]
# OTA takes ε = 0.1 and 50 steps. At our scale of costs that is not settled: columns are right, rows are not, and D gets
# as much of the "3" as B. The column of no object costs 0: a focal cost already *is* the difference to no object.

# %% [markdown]
# ## Exercise: back to one to one
#
# With a supply of 1 each and a small ε, transport **is** the Hungarian match. Find ε and a number of steps, at most
# 2,000: each pair of the match holds 0.95 at least, each row sums to 1 within 0.05.
#
# [A solution](solutions/12.ipynb)


# %% tags=["exercise"]
def sharp_plan(cost):
    return None  # epsilon, steps: for example 0.1, 50


# %%
check_sharp_plan(sharp_plan, cost, matchers["RT-DETR"](outputs, targets)[0])

# %% [markdown]
# ## All seven, side by side
#
# *Move it:* choose a method below the picture. The table under it is to keep; its positives are counted here, and NMS is
# suppression: "no" where each guess that *answers* was taught one to one. Which cells of the picture would bring
# duplicates back?

# %%
order = ("DETR", "Deformable DETR", "RT-DETR", "Mask2Former", "Group DETR", "H-DETR", "OTA")
matches = {name: matchers[name](masked, targets)[0] for name in order}
costs = {name: matchers[name].cost_matrices(masked, targets)[0]["total"] for name in order}
caption = "Which target grades which guess: one picture for each positive, an empty cell must say no object."
figures.show(field.supervision_figure(image, targets[0], matches), caption)

# %%
display(field.method_chooser(image, outputs, targets[0], matches, costs, chosen="Deformable DETR"))
Markdown(field.take_home(matches, num_targets=5))

# %% [markdown]
# ## What we learned
#
# - The frame of 2020 is alive: a cost, a match, a loss. Later models exchange its parts.
# - The focal cost is what a pair adds to a sigmoid loss, one flipped goal. Softmax and sigmoid can disagree.
# - A target may have several positives; without suppression, only guesses taught one to one may answer.

# %% [markdown]
# **Test yourself.** A new detector lists every target six times for the queries it also answers with. What will you see,
# and what mends it?
#
# <details><summary>Answer</summary>
#
# About six boxes for each object, all taught to say so: duplicates. Suppression hides them. Or answer with another branch,
# matched one to one, as H-DETR does.
#
# </details>
#
# What fine-tuning these models meets today: [reference](reference.md).
#
# **Next:** [13, twelve broken losses and their cures](13_clinic.ipynb).
