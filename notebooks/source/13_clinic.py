# %% [markdown]
# # What is wrong with this training?
#
# Fourteen tickets, nearly all from the trackers of DETR and `transformers`, each brought by a person whose detector did
# not learn, or did not even start. You reproduce every symptom in a few lines, name its cause, and mend it.

# %% [markdown]
# **You will be able to** get from a symptom to its cause in five questions, and write three safeguards that close most
# of these tickets.
#
# **Time** 25 minutes to read, 55 with the exercises. **You need** [03](03_targets.ipynb),
# [06](06_matcher.ipynb), [07](07_loss.ipynb); for single tickets 02, 08, 11.
#
# We tell the symptoms in our own words; the links lead to the threads.

# %%
import torch
from transformers import YolosForObjectDetection, YolosImageProcessorPil
from transformers.loss.loss_for_object_detection import HungarianMatcher as TheirMatcher
from transformers.loss.loss_for_object_detection import ImageLoss, box_iou

from helpers import HungarianMatcher, SetCriterion, center_to_corners, figures, validate_targets
from helpers.checks.clinic import check_deep_loss, check_mended, check_padded
from helpers.detector import detection_outputs, load_detector
from helpers.figures import clinic
from helpers.meters import outcome
from helpers.scenes import HandwrittenScenes, running_example
from helpers.training.recipe import Recipe, build_model

model, image_processor = load_detector()
images, annotations = zip(running_example(), *HandwrittenScenes("test", 7, seed=1))
batch = image_processor(list(images), list(annotations), return_tensors="pt")
pixel_values = batch["pixel_values"]  # (8, 3, 128, 128)
targets = [{name: target[name] for name in ("class_labels", "boxes")} for target in batch["labels"]]
theirs = ImageLoss(TheirMatcher(1, 5, 2), 10, 0.1, ["labels", "boxes", "cardinality"])  # the loss of transformers
ours = SetCriterion(HungarianMatcher(), 10)
outputs = model.requires_grad_(False)(pixel_values)  # logits (8, 12, 11), pred_boxes (8, 12, 4)
figures.show(clinic.triage_figure(), "Five questions, in this order; the circles are the numbers of the tickets below.")

# %% [markdown]
# Ask in this order: cheap questions come first. There are five wards. In each: read the complaints,
# bet on a cause, run the ward's cell, then open the folds.
#
# *Theirs* is the loss of `transformers`, *ours* that of `helpers`. `outcome` calls a function and says in one
# line what came: a number, warnings, or an error.

# %% [markdown]
# ## Ward 1: the targets
#
# **Ticket 1.** *A dataset of another origin stops with "index 3 is out of bounds for dimension 0 with size 3"; the one
# before had trained well.* ([detr 190](https://github.com/facebookresearch/detr/issues/190))
#
# **Predict first.** Three numbers came from the model, so *K* is 2. Which labels crash, and which wrong one does not?
#
# <details><summary>Diagnosis and cure</summary>
#
# Logits have *K* + 1 columns. Label 3 asks for a fourth. Label 2 is just as wrong, but finds a column, the last one:
# "no object" ([detr 108](https://github.com/facebookresearch/detr/issues/108) asks which it is). So labels counted
# from 1 train in silence, and only a larger id crashes. There are two cures. Map the ids to 0 … *K* − 1; or keep them
# and make *K* the largest id plus 1, as COCO's own checkpoints do: ids 1 to 90, *K* = 91, and column 0 stays unused.
# Either way let [`validate_targets`](glossary.md#target-check) see the whole data set.
#
# </details>

# %% [markdown]
# **Ticket 2.** *Boxes are left, top, right, bottom, divided by the image. Must they be converted before the loss?*
# ([detr 75](https://github.com/facebookresearch/detr/issues/75); which format is meant confuses many:
# [transformers 32835](https://github.com/huggingface/transformers/issues/32835))
#
# **Predict first.** Would the loss of a fresh detector tell you? Would that of a trained one?
#
# <details><summary>Diagnosis and cure</summary>
#
# Yes, convert: the loss reads center and size, whatever it is given. A fresh detector is wrong everywhere, so wrong
# targets cost it no more. Only pixels are loud. A detector that already works is a probe: its loss on your targets says
# at once that one of the two is wrong. `corners_to_center`, divide by the image, draw.
#
# </details>

# %% [markdown]
# **Ticket 3.** *The loss of DETR stops: "tensors used as indices must be long". The indices are whole numbers, surely?*
# ([transformers 28376](https://github.com/huggingface/transformers/issues/28376); how to annotate an image without
# objects: [detr 82](https://github.com/facebookresearch/detr/issues/82))
#
# **Predict first.** Which single image spoils the labels of a whole batch?
#
# <details><summary>Diagnosis and cure</summary>
#
# An image without objects will do it. `torch.tensor([])` is float32, and labels are indices. It need not be alone:
# `torch.cat` makes the labels of the whole batch float. The answer in the DETR thread is the cure: boxes of shape (0,
# 4), labels of shape (0,) and type int64. Healthy images can bring the same error: albumentations 2.0.8 takes labels
# as whole numbers and returns them as floats. Convert after augmenting.
#
# </details>


# %%
from textwrap import fill


def changed(field, change):
    return [{**target, field: change(target[field])} for target in targets]


@torch.no_grad()
def their_loss(detector, targets):
    return f"{detector(pixel_values, labels=targets).loss:.2f}"


data_sets = {
    "healthy": targets,
    "1, labels + 1": changed("class_labels", lambda labels: labels + 1),
    "1, labels + 2": changed("class_labels", lambda labels: labels + 2),
    "2, corners": changed("boxes", center_to_corners),
    "2, pixels": changed("boxes", lambda boxes: boxes * 128),
    "3, empty image": [dict.fromkeys(targets[0], torch.tensor([])), *targets[1:]],
}
untrained = build_model(Recipe()).eval()
for name, sick in data_sets.items():
    losses = [outcome(their_loss, detector, sick) for detector in (untrained, model)]
    print(f"{name:15}", losses[0] if losses[0] == losses[1] else "loss untrained {}, trained {}".format(*losses))
    said = f"validate_targets: {outcome(validate_targets, sick, 10, width=200)}"
    print(fill(said, 120, initial_indent=" " * 16, subsequent_indent=" " * 20))

# %% [markdown]
# ## Exercise: mend a data set
#
# Write what would have closed all three. You get the targets of a whole data set: perhaps healthy, perhaps with
# labels from 1, with corner boxes (in fractions), with empty images as `torch.tensor([])`, or all of it. Return
# healthy targets. First, do no harm.
#
# <details><summary>A hint</summary>
#
# One label *K* anywhere says how all were counted. One box that, read as a centre box, leaves the image says what all
# are.
#
# </details>
#
# [A solution](solutions/13.ipynb)


# %% tags=["exercise"]
from helpers import corners_to_center  # yours to use  # noqa: F401


def mend_data_set(targets, num_classes):
    return None  # a list of targets


# %%
check_mended(mend_data_set)

# %% [markdown]
# ## Ward 2: the numbers
#
# **Ticket 4.** *At a learning rate ten times as high, a check on `boxes1` inside `generalized_box_iou` fails; at the
# lower one training works. What has the rate to do with boxes?* ([detr
# 285](https://github.com/facebookresearch/detr/issues/285))
#
# **Predict first.** What are these boxes?
#
# <details><summary>Diagnosis and cure</summary>
#
# NaN, as the maintainer answers: training diverged, and NaN ≥ NaN is false, so the check on corners fails. The error
# names the wrong thing. `boxes1` are the predictions: lower the rate, warm up, clip gradients. `boxes2` are your
# targets: [detr 459](https://github.com/facebookresearch/detr/issues/459). In `transformers` a later guard means to
# let NaN pass, but the check raises before it. Our matcher matches such pairs last and says so: one bad guess does
# not stop a run. If *all* are NaN, stop; `MatchWatch`, at the end, tells you what made them so.
#
# </details>

# %% [markdown]
# **Ticket 5.** *On a custom dataset the loss sinks below zero in the first epoch, down to −800 or −900; the GIoU term
# is to blame.* ([detr 352](https://github.com/facebookresearch/detr/issues/352))
#
# **Predict first.** 1 − GIoU is at least 0. Which box breaks this, and what will a guess learn from it?
#
# <details><summary>Diagnosis and cure</summary>
#
# The question leaves it open; this is one way. COCO's left, top, width, height is read as corners, so a box that begins
# further right than it is wide, and lower than it is high, gets two negative sides. Their product is a positive area:
# where nobody checks, the "union" is larger than the hull, and the loss is 2 − (both areas) / (hull). The smaller the
# guess, the smaller the hull: it is *paid to vanish*. With one negative side the loss rises instead.
# `validate_targets` refuses such a box, and the GIoU of `helpers` stays in its range. A loss term that ends near −1 has
# another cause: the cost −GIoU is used as loss.
#
# </details>

# %% [markdown]
# **Ticket 6.** *`sum(loss_dict.values())` is huge and hardly moves.* ([transformers
# 42199](https://github.com/huggingface/transformers/issues/42199)) *And: the loss falls, but [`class_error`](glossary.md#class-error) stays at
# 100.* ([detr 41](https://github.com/facebookresearch/detr/issues/41))
#
# **Predict first.** Mini-YOLOS after 1,000 steps: which share of *all* its guesses says what it should?
#
# <details><summary>Diagnosis and cure</summary>
#
# The dict holds a metric, `cardinality_error`, and terms without their weights. Sum by weight, or take `loss`. (The
# thread is about models with sigmoids, where the metric was wrong besides: it looked for a background column that is not
# there. [A pull request](https://github.com/huggingface/transformers/pull/43513) mended the metric; the sum is the same.)
# `class_error` looks at matched guesses only. Early on everybody says "no object", which is right for most and wrong
# for all matched: 100, on a healthy way. If it stays there long after the boxes are good, no-object may weigh too
# much: see ticket 8.
#
# </details>

# %%
broken = {**outputs, "pred_boxes": outputs.pred_boxes.clone()}
broken["pred_boxes"][0, 3] = float("nan")
print("4  transformers:", outcome(theirs, broken, targets).partition(", but")[0])
print("4  helpers:", outcome(HungarianMatcher(), broken, targets))

target = torch.tensor([[0.6, 0.5, 0.2, 0.3]])  # left, top, width, height, read as corners
for side in (0.2, 0.1, 0.05, 0.01):
    guess = center_to_corners(torch.tensor([[0.5, 0.5, side, side]]))  # (1, 4)
    iou, union = box_iou(guess, target)
    hull = (guess[:, 2:].maximum(target[:, 2:]) - guess[:, :2].minimum(target[:, :2])).clamp(min=0).prod()
    loss = 1 - iou.sum() + (hull - union.sum()) / hull  # as in the reference, without its check
    print(f"5  a guess of side {side}: loss {loss:.0f}")

early_answer = load_detector(step=1000)[0].requires_grad_(False)(pixel_values, labels=targets)
classes = torch.full((8, 12), 10)
for image, (tokens, order) in enumerate(HungarianMatcher()(early_answer, targets)):
    classes[image, tokens] = targets[image]["class_labels"][order]
right = early_answer.logits.argmax(-1) == classes  # (8, 12)
print(f"6  sum of the dict {sum(early_answer.loss_dict.values()):.2f}, loss {early_answer.loss:.2f}")
class_error = 100 - 100 * right[classes != 10].float().mean()
print(f"6  class_error {class_error:.0f}, yet {100 * right.float().mean():.0f} % of all guesses are right")

# %% [markdown]
# ## Ward 3: the model
#
# **Ticket 7.** *Trained from scratch with ten [queries](glossary.md#object-query): ten boxes that are all the same, with the same probabilities.*
# ([detr 202](https://github.com/facebookresearch/detr/issues/202))
#
# **Predict first.** A new YOLOS of `transformers` starts with all its detection tokens at zero. Can they ever part?
#
# <details><summary>Diagnosis and cure</summary>
#
# They can: the match takes one of the twins and leaves the other, so they get different gradients (02). It costs steps;
# start them apart, as `build_model` does. In the thread the answer is time: too few steps, too little data, so
# fine-tune a trained model. But test first: can it overfit eight scenes (09)? In
# [detr 294](https://github.com/facebookresearch/detr/issues/294) it could not overfit one; another reader's could.
# Suspect a fault before a lack of data.
#
# </details>

# %% [markdown]
# **Ticket 8.** *At most 17 objects in an image. May there be 30 queries in place of 100, and what of [`eos_coef`](glossary.md#eos-coef)?*
# ([detr 126](https://github.com/facebookresearch/detr/issues/126)) *Or: there are up to 3,000.*
# ([detr 570](https://github.com/facebookresearch/detr/issues/570))
#
# **Predict first.** Eighteen objects, twelve tokens: what does the loss do with six?
#
# <details><summary>Diagnosis and cure</summary>
#
# It drops them, in silence, and still divides by 18. Take clearly more tokens than objects. `eos_coef` belongs to
# *N*: with fewer idle guesses, no-object weighs less at the same 0.1, and more is claimed. That idle guesses are not
# graded at all, as [detr 365](https://github.com/facebookresearch/detr/issues/365) fears, is not so: the class term
# grades all, and `eos_coef` is their weight (07). It plays no part in the matching.
#
# </details>

# %% [markdown]
# **Ticket 9.** *A pull request wants the documentation of YOLOS to say: leave [`auxiliary_loss`](glossary.md#auxiliary-loss) alone, it is
# incompatible.* A reviewer asks why. ([transformers 28406](https://github.com/huggingface/transformers/pull/28406))
#
# **Predict first.** What will `auxiliary_loss=True` say?
#
# <details><summary>Diagnosis and cure</summary>
#
# The heads are handed `hidden_states`: None unless you ask for them, else a tuple of whole sequences, before the
# final LayerNorm. `detection_outputs` normalises, slices and applies the heads layer by layer; `SetCriterion` matches
# each layer by itself (08).
#
# </details>

# %%
for name, fresh in {"helpers": build_model(Recipe()), "transformers": YolosForObjectDetection(model.config)}.items():
    optimizer, boxes = torch.optim.AdamW(fresh.parameters(), lr=1e-3), []
    for _ in range(11):
        answer = fresh(pixel_values, labels=targets)
        boxes.append(answer.pred_boxes[0].detach())  # (12, 4)
        optimizer.zero_grad()
        answer.loss.backward()
        optimizer.step()
    first, one, ten = (128 * (rows - rows[0]).abs().max() for rows in (boxes[0], boxes[1], boxes[10]))  # in pixels
    print(f"7  {name}: apart at first: {first > 1e-4}; after one step: {one > 1e-4}; by a pixel after ten: {ten > 1}")
crowd = [{name: torch.cat([target[name] for target in targets[:5]]) for name in targets[0]}, *targets[1:]]
print(f"8  transformers: {len(theirs.matcher(outputs, crowd)[0][0])} of {len(crowd[0]['boxes'])} matched, and no word")
print("8  helpers:", outcome(ours, outputs, crowd))
shares = [f"{100 * (n - 17) / (n - 17 + 170):.0f} % at N = {n}" for n in (100, 30)]
print("8  no-object's share of the weight, 17 objects, eos_coef 0.1:", ", ".join(shares))
model.config.auxiliary_loss = True
print("9  transformers:", outcome(model, pixel_values, targets))
print("9  and when asked:", outcome(model, pixel_values, targets, output_hidden_states=True))
model.config.auxiliary_loss = False
print("9  helpers:", *(name for name in ours(detection_outputs(model, pixel_values), targets) if "loss_ce" in name))

# %% [markdown]
# ## Exercise: all layers, no object lost
#
# The loss of all layers of a YOLOS, with 1, 5, 2 and the `eos_coefficient` of its config, as one scalar that teaches.
# If an image has more objects than the model has tokens, raise a `ValueError`. The config knows both *N* and *K*.
#
# [A solution](solutions/13.ipynb)


# %% tags=["exercise"]
def deep_loss(model, pixel_values, targets):
    return None  # a scalar


# %%
check_deep_loss(deep_loss)

# %% [markdown]
# ## Ward 4: the scale
#
# **Ticket 10.** *Why is the [number of boxes](glossary.md#num-boxes) divided by the number of GPUs?*
# ([detr 267](https://github.com/facebookresearch/detr/issues/267)) *And why do results depend on that number?*
# ([detr 354](https://github.com/facebookresearch/detr/issues/354))
#
# **Predict first.** Is the mean of two small batches' losses the loss of both together?
#
# <details><summary>Diagnosis and cure</summary>
#
# No: each divides by its own objects, so an object in a sparse batch counts more. DETR shares one `num_boxes`: summed
# over the processes, divided by their number, because gradients are averaged. The class term stays each process's own
# mean; hence the second ticket. Under accelerate, `ImageLoss` of `transformers` and its children (DETR, YOLOS,
# Conditional and Deformable DETR, Grounding DINO) divide twice, for `reduce` is a mean already: 11 counts it. LW-DETR and
# RF-DETR sum, and divide once; RT-DETR, D-FINE and DEIMv2 share nothing, so each process counts its own objects. For small batches one after the other, `SetCriterion.normalizers` gives both numbers (an exercise of 11).
#
# </details>

# %% [markdown]
# **Ticket 11.** *With [mixed precision](glossary.md#half-precision) training crashes in the criterion, inside the matcher: half where float is
# expected.* ([detr 167](https://github.com/facebookresearch/detr/issues/167))
#
# **Predict first.** Does the matcher need more than half precision?
#
# <details><summary>Diagnosis and cure</summary>
#
# It needs hardly more, but its tools do: `cdist` has no half version on a CPU, SciPy none at all for bfloat16. And
# 16-bit costs are coarse. Compute costs and loss in float32; they are a tiny part of the work. `helpers` does so for
# whatever comes; elsewhere, call `.float()` on logits and boxes before the criterion.
#
# </details>

# %% [markdown]
# **Ticket 12.** *Annotations, drawn after the processor, do not fit those images of a batch that were padded.*
# ([transformers 28153](https://github.com/huggingface/transformers/issues/28153)) *And masks: [padding](glossary.md#padding) counts in their
# loss.* ([transformers 43466](https://github.com/huggingface/transformers/pull/43466))
#
# **Predict first.** Beside an image twice as wide, what becomes of a target's center x?
#
# <details><summary>Diagnosis and cure</summary>
#
# Half of it: in `transformers` fractions are of the padded canvas, since
# [28363](https://github.com/huggingface/transformers/pull/28363). Before, they were of the image's own size, as in DETR's
# code to this day. Both are right, if you decode with the sizes that you trained with: canvas fractions, decoded with
# the image's own width, give boxes half as wide here. Draw these on the canvas. The mask loss of the reference takes the
# mean over the canvas, so its value depends on what is said outside the image; ours leaves that out (08).
#
# </details>

# %%
parts = [({name: outputs[name][p] for name in ("logits", "pred_boxes")}, targets[p]) for p in (slice(3), slice(3, 8))]
alone = sum(ours.total(ours(*part)) for part in parts) / 2
print(f"10  one batch of eight: {ours.total(ours(outputs, targets)):.3f}, mean of three and five: {alone:.3f}")
for dtype in (torch.float16, torch.bfloat16):
    half = {name: outputs[name].to(dtype) for name in ("logits", "pred_boxes")}
    print(f"11  transformers: {outcome(theirs, half, targets)}\n11  helpers: {ours.total(ours(half, targets)):.3f}")
padder, blank = YolosImageProcessorPil(do_resize=False), {"image_id": 2, "annotations": []}
for company in ([], [(images[0].resize((256, 128)), blank)]):
    padded = padder(*map(list, zip((images[0], annotations[0]), *company)), return_tensors="pt")
    box, canvas = padded["labels"][0]["boxes"][0], padded["pixel_values"].shape[2:]
    print("12  first box", box.double().round(decimals=3).tolist(), "of a canvas", tuple(canvas))
thing = {"class_labels": torch.tensor([3]), "boxes": torch.full((1, 4), 0.5)}
pair = [thing | {"masks": torch.ones(1, 8, width, dtype=torch.bool)} for width in (4, 8)]
guess = {"logits": torch.zeros(2, 1, 11), "pred_boxes": torch.full((2, 1, 4), 0.5)}
both = ImageLoss(theirs.matcher, 10, 0.1, ["masks"]), SetCriterion(ours.matcher, 10, losses=("masks",))
for said in (0.0, 9.0):
    guess["pred_masks"] = torch.zeros(2, 1, 8, 8)
    guess["pred_masks"][0, ..., 4:] = said  # outside the first image
    values = [f"{criterion(guess, pair)['loss_mask']:.3f}" for criterion in both]
    print(f"12  padding called {said:.0f}: mask loss of transformers {values[0]}, of helpers {values[1]}")

# %% [markdown]
# ## Exercise: a batch of unequal images
#
# A data loader makes one tensor of `images` (3, h, w) of all sizes. Fill up with zeros, right and below, as little as
# you can. Return targets in fractions of this canvas. Leave the given ones as they are: the next epoch wants them. The
# check draws your batch.
#
# [A solution](solutions/13.ipynb)


# %% tags=["exercise"]
def pad_batch(images, targets):
    return None  # pixel_values (B, 3, H, W), targets


# %%
check_padded(pad_batch)

# %% [markdown]
# ## Ward 5: the ports
#
# Two of DETR's children, as `transformers` has them. For their sigmoid heads we leave out the no-object column.
#
# **Ticket 13.** *LW-DETR learns well, until one step's loss is infinite. All logits and boxes are finite.* (No thread:
# found [while measuring](reference.md#ports).)
#
# **Predict first.** Which single guess can do that?
#
# <details><summary>Diagnosis and cure</summary>
#
# One that is sure and wrong. The class term takes the logarithm of 1 − *p*, and *p* comes from a sigmoid in float32,
# which rounds to 1 before its logit is 17; in half precision far sooner. RF-DETR has the same lines. From the logit
# *z* it is no problem: −log(1 − *p*) is softplus(*z*), nearly *z* itself, so the worst guess costs most and learns
# most. `quality_loss` of `helpers` does so. Hand a loss logits, not probabilities.
#
# </details>

# %% [markdown]
# **Ticket 14.** *RT-DETR, asked with `use_focal_loss=False`, gives wrong scores.*
# ([transformers 32578](https://github.com/huggingface/transformers/issues/32578)) *And: Conditional DETR with masks
# matches otherwise than without.*
#
# **Predict first.** Both take a softmax. Over what?
#
# <details><summary>Diagnosis and cure</summary>
#
# RT-DETR names no dimension, and torch, with a warning, takes that of the images: alone, every guess has score 1 for
# every class; in company they share it. Conditional DETR takes it over classes, as DETR does, but its head has sigmoids
# and no column for "no object": a guess that says *no* to everything still looks sure of something. [A pull
# request](https://github.com/huggingface/transformers/pull/19644) mended this for boxes in 2022; the loss with masks,
# that of Deformable DETR too, still does it. So it matches some guesses and praises others. The match must read a score
# as the loss does (06). `FOCAL_COSTS` of `helpers` reads sigmoids.
#
# </details>

# %%
from transformers import RTDetrImageProcessorPil
from transformers.loss.loss_lw_detr import LwDetrImageLoss

from helpers.later.costs import FOCAL_COSTS, class_goals, quality_loss

heads = {"logits": outputs.logits[..., :-1], "pred_boxes": outputs.pred_boxes}  # (8, 12, 10), (8, 12, 4)
by_sigmoid = HungarianMatcher(2, 5, 2, costs=FOCAL_COSTS)(heads, targets)
port, num_boxes = LwDetrImageLoss(None, 10, 0.25, ["labels"], group_detr=1), sum(len(t["boxes"]) for t in targets)
for logit in (16.6, 16.7):
    wrong = {**heads, "logits": heads["logits"].clone()}
    wrong["logits"][0, 2, 3] = logit  # C, which has no target, sees a "3"
    losses = (port.loss_labels(wrong, targets, by_sigmoid, num_boxes)["loss_ce"],)
    losses += (quality_loss(wrong["logits"], *class_goals(wrong, targets, by_sigmoid), num_boxes),)
    print("13  with a logit of {}: transformers {:.2f}, helpers {:.2f}".format(logit, *losses))


def least_score(company):
    some = type(outputs)(logits=outputs.logits[:company], pred_boxes=outputs.pred_boxes[:company])
    found = RTDetrImageProcessorPil().post_process_object_detection(some, 0, use_focal_loss=False)
    return f"{found[0]['scores'].min():.2f}"


for company in (1, 8):
    print(f"14  first of {company}, least score:", outcome(least_score, company))
for name, pairs in {"softmax": TheirMatcher(2, 5, 2)(heads, targets), "sigmoid": by_sigmoid}.items():
    print(f"14  matched by {name}:", *("ABCDEFGHIJKL"[guess] for guess in pairs[0][0]))

# %% [markdown]
# ## The last ticket: yours
#
# Somebody made a COCO file of our scenes and hid three faults in it. `examine` reads a file, a list of targets or a data
# set, and says what makes this loss learn something wrong.
#
# **Predict first.** Which of the tickets will come back? After the cure nothing may be called an *error*.
#
# <details><summary>What <code>cured</code> does, when you have the diagnosis</summary>
#
# It counts labels from 0, makes width and height of right and bottom, and keeps one of two annotations that agree in
# image, label and box. The code is in `helpers/checks/last_ticket.py`.
#
# </details>

# %%
from helpers.checks.last_ticket import cured, sick_data_set
from helpers.clinic import MatchWatch, examine

sick = sick_data_set()  # a dict, as json.load gives it
print(examine(sick, model="mini-yolos").screen(), "\n\nCured:\n")
print(examine(cured(sick), model="mini-yolos").screen())

# %% [markdown]
# A training can be watched, too: `MatchWatch` takes three lines in a loop, or is a callback for `Trainer`. Here the
# trained detector goes on with ticket 2, then with the cure.
#
# Then take your own: `python -m helpers.clinic annotations.json` in a terminal, and the page
# [from a COCO file to AP](from_coco_to_ap.md).


# %%
def watched(labels):
    detector, watch = load_detector()[0].train(), MatchWatch()
    watch.begin(detector)
    optimizer = torch.optim.AdamW(detector.parameters(), lr=1e-5)
    for _ in range(3):
        optimizer.zero_grad()
        detector(pixel_values, labels=labels).loss.backward()
        watch.step()
        optimizer.step()
    watch.save()  # with a path it writes a recording for the replay of 09
    print("things said:", len(watch.said))


watched(data_sets["2, corners"])
watched(targets)

# %% [markdown]
# ## To take home
#
# *Move it:* choose what you see, and read what it may be. The table holds the same, ticket by ticket. *Break it:*
# give a neighbour one of your own broken runs and only its symptom. They may ask for shapes, ranges and drawings,
# nothing else.

# %%
clinic.show_symptom_table()
clinic.symptom_list()

# %% [markdown]
# ## What we learned
#
# - An error often names the wrong thing: ask first whose numbers they are, the guesses' or the targets'.
# - Silence is worse: wrong targets, dropped objects and other denominators all give a loss that falls.
# - Five cheap questions, asked in order, and three small safeguards find nearly all of it.

# %% [markdown]
# **Test yourself.** The loss falls, the boxes are good, `class_error` is 0, and no detection passes. The only class has
# the id 1. What is it?
#
# <details><summary>Answer</summary>
#
# Ticket 1. With *K* = 1, label 1 is "no object": all guesses learn to say nothing, and `class_error` calls that
# right. Boxes learn on, for the match still finds the nearest guess.
#
# </details>
#
# **This was the last notebook.** You can take a set loss apart, build it, watch it teach, and mend it. Who goes where
# is decided jointly; every grade follows. Back to [the start](00_start_here.ipynb).
