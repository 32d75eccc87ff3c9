# %% [markdown]
# # What did later detectors change, and what did it buy?
#
# Since 2020 two complaints have been heard about this loss. Only a few guesses have a target to learn from, the
# [positives](glossary.md#positive). And the match moves: an object changes its owner, the [flip](glossary.md#flip) of 09.
# Both can be seen in our detector. Do they cost anything?

# %%
from helpers import figures
from helpers.detector import load_detector, weights_folder
from helpers.figures import field
from helpers.training.recording import load_recording

figure = field.complaints_figure(load_recording(weights_folder() / "recording.npz"))
caption = "Left, guesses that are taught an object; right, objects that change hands within one step of training."
figures.show(figure, caption)

# %% [markdown]
# **You will be able to** read the loss of a detector you have never seen: four questions are enough.
#
# **Time** 25 minutes to read, 45 with the exercises. **You need** [06](06_matcher.ipynb), [07](07_loss.ipynb) and
# [10](10_break_it.ipynb).
#
# **One click about 11.** The reference also computes costs of guesses of one image with targets of another. Do these change
# the match?
#
# <details><summary>Yes: images get mixed</summary>
#
# They do not. These pairs are computed and thrown away; they cost time and memory alone.
#
# </details>
#
# <details><summary>No, they only take time</summary>
#
# Yes: time and memory, more with each image of the batch.
#
# </details>

# %%
import torch

from helpers import HungarianMatcher
from helpers.checks.field import check_focal_cost, check_four_answers
from helpers.figures import LETTERS
from helpers.later import costs as later
from helpers.later.matches import in_groups, repeated
from helpers.scenes import running_example

model, image_processor = load_detector(step=36_000)  # here two costs disagree about a target
image, annotation = running_example()
inputs = image_processor(image, annotation, return_tensors="pt")
targets = [{name: inputs["labels"][0][name] for name in ("class_labels", "boxes")}]
with torch.no_grad():
    answer = model(inputs["pixel_values"])
outputs = {"logits": answer.logits, "pred_boxes": answer.pred_boxes}  # (1, 12, 11), (1, 12, 4)
labels = targets[0]["class_labels"]  # (5,)
matchers = {"DETR": HungarianMatcher()}
print("DETR's match:", field.by_target(matchers["DETR"](outputs, targets)[0], labels))

# %% [markdown]
# ## Four questions for any set loss
#
# From 07, with DETR's answers:
#
# | question | DETR |
# |:--|:--|
# | who is paired | each target with one guess |
# | who is graded on what | all on class, the paired on boxes |
# | divided by what | class: sum of weights; boxes: targets |
# | who answers at test time | all *N*, each with its best class; shown are those that claim |

# %% [markdown]
# ## Sigmoid and focal
#
# [Deformable DETR](https://arxiv.org/abs/2010.04159) drops "no object". Each class has a sigmoid and a goal, 0 or 1,
# graded by [focal loss](glossary.md#focal-loss).
#
# | question | answer |
# |:--|:--|
# | who is paired | each target with one guess |
# | who is graded on what | all on *K* goals, paired on boxes |
# | divided by what | targets |
# | who answers at test time | best pairs of guess and class |

# %% [markdown]
# ## Exercise: one goal changed
#
# A match turns one goal of a guess from 0 to 1: its target's class. The [focal cost](glossary.md#focal-cost) of a pair is
# what this change adds to the focal loss (that of 08, here for classes). Write it as a loop over all pairs: `logits` (N, K)
# and `class_labels` (T,) give (N, T).
#
# <details><summary>A hint</summary>
#
# All goals 0 give one loss, which is the same for every pair. For each pair set one goal to 1, and subtract.
#
# </details>
#
# [A solution](solutions/12.ipynb)


# %% tags=["exercise"]
from helpers.later.costs import focal_loss  # yours to use: focal_loss(logits, goals, num_boxes=1)  # noqa: F401


def focal_cost(logits, class_labels):
    return None  # (N, T)


# %%
used_focal_cost = check_focal_cost(focal_cost)

# %% [markdown]
# DETR's cost gave the upper "1" to G. Does the focal cost, too? We read the logits with sigmoids, without the last column.
# They are those of step 36,000, where the costs disagree; the finished detector is surer of G. It was not trained so: what
# we see is how the cost works, not how good such models are.

# %%
from transformers.loss.loss_deformable_detr import DeformableDetrHungarianMatcher

plain = {"logits": outputs["logits"][..., :-1], "pred_boxes": outputs["pred_boxes"]}  # (1, 12, 10), (1, 12, 4)
softmax, sigmoid = outputs["logits"][0].softmax(-1), plain["logits"][0].sigmoid()  # (12, 11), (12, 10)
focal = used_focal_cost(plain["logits"][0], labels)  # (12, 5)
for name in "CG":
    n = LETTERS.index(name)
    print(f'{name}: softmax "1" {softmax[n, 1]:.2f}, no object {softmax[n, 10]:.2f};  '
          f'sigmoid "1" {sigmoid[n, 1]:.2f};  focal cost of the upper "1" {focal[n, 1]:.2f}')  # fmt: skip
matchers["focal"] = HungarianMatcher(costs=later.FOCAL_COSTS)  # leaves out the last column by itself
focal_match, theirs = matchers["focal"](outputs, targets)[0], DeformableDetrHungarianMatcher(1, 5, 2)(plain, targets)[0]
print("focal match:", field.by_target(focal_match, labels))
assert field.by_target(focal_match, labels) == field.by_target(theirs, labels)  # the matcher of transformers

# %% [markdown]
# C gets the "1" now: its "no object" no longer counts.
#
# Now one that is trained so: the small DETR of 10. Its decoder with twelve queries learns, the encoder is a finished one
# ([all runs](ablations.md)). With softmax and `eos_coef` 0.1 it shows 38 to 50 duplicates per 100 objects.
#
# **Predict first.** How many with sigmoids and the focal loss?
#
# <details><summary>About as many: both match one to one</summary>
#
# Nearly none: fewer than one per 100. Both match one to one. The match decides who is taught to be silent, the loss what
# silence weighs.
#
# </details>
#
# <details><summary>More: nobody learns to say nothing</summary>
#
# Nearly none. All *K* goals of an idle guess are 0, and that is how it learns to say nothing.
#
# </details>
#
# <details><summary>Nearly none</summary>
#
# Yes, fewer than one per 100, and suppression adds nearly nothing to AP.
#
# </details>

# %%
from helpers.figures import ablations

runs = ablations.load_decoders()  # their table is further down
caption = "A small DETR with softmax and with sigmoids: AP comes later, and hardly a box too many passes 0.5."
figures.show(ablations.curves_figure(runs, ["decoder-focal"]), caption)
objects = runs["decoder"]["target_counts"][:8].sum()  # of eight recorded scenes
for name in ("decoder", "decoder-focal"):
    added = ablations.measured(runs, name, "suppressed") - ablations.measured(runs, name, "AP")
    logits = torch.from_numpy(runs[name]["logits"][-1]).float()  # (8, 12, 11)
    score = logits.softmax(-1)[..., :-1].amax(-1)  # (8, 12); recorded so that this is a run's best sigmoid, too
    print(f"{name:14} seed 0: suppression adds {added:.3f} to AP; "
          f"{(score > 0.5).sum()} boxes over 0.5 for {objects} objects of eight scenes")  # fmt: skip

# %% [markdown]
# So fewer boxes pass 0.5, right ones too. A likely reason, not shown here: at `eos_coef` 0.1 a wrong claim costs little; in
# the focal loss a wrong "yes" weighs three times a missed one.
#
# DETR reads each guess's best class alone. In RT-DETR the *N* best *pairs* of guess and class answer. Which guess appears
# twice?

# %%
from transformers import RTDetrImageProcessorPil

both = type(answer)(logits=plain["logits"], pred_boxes=plain["pred_boxes"])  # again the detector of the first cells
(found,) = RTDetrImageProcessorPil().post_process_object_detection(both, threshold=0)
score = sigmoid.flatten()  # (120,)
best = score.topk(12).indices
assert torch.equal(found["labels"], best % 10)
said = [f'{LETTERS[pair // 10]} "{pair % 10}" {score[pair]:.2f}' for pair in sorted(best.tolist())]
print(*said[:6], sep="   ")
print(*said[6:], sep="   ")
print(len(found["boxes"].unique(dim=0)), "different boxes among", len(found["boxes"]))

# %% [markdown]
# C comes as "7" and as "1", and E is left out. Two sigmoids of one guess can both be high. Two probabilities of one softmax
# cannot both pass 0.5. So with sigmoids a box may come back under two names, though training asks each guess for one at
# most.

# %% [markdown]
# ## Denoising
#
# [DN-DETR](https://arxiv.org/abs/2203.01305) adds [extra queries](glossary.md#denoising-group) in training: spoiled copies of
# targets. Each knows its target: no match, no flips.
#
# | question | answer |
# |:--|:--|
# | who is paired | as before; a copy with its target |
# | who is graded on what | as before; copies on both |
# | divided by what | 5 targets; two copies of each: 10 |
# | who answers at test time | as before, without copies |

# %%
from transformers.loss.loss_rt_detr import RTDetrLoss
from transformers.models.rt_detr.modeling_rt_detr import get_contrastive_denoising_training_group as spoil

torch.manual_seed(0)  # 10 classes, 12 queries; the class numbers stay numbers, they are not embedded
classes, boxes, _, about = spoil(targets, 10, 12, lambda classes: classes, num_denoising_queries=5, box_noise_scale=0.5)
((query, target),) = RTDetrLoss.get_cdn_matched_indices(about, targets)
print("spoiled classes", classes[0].tolist(), " query", query.tolist(), "belongs to target", target.tolist())
figure = field.spoiled_figure(image, targets[0], boxes[0].sigmoid(), classes[0])
figures.show(
    figure, "Ten denoising queries of RT-DETR: blue ones must find back to their target, grey ones say nothing."
)

# %% [markdown]
# RT-DETR, like DINO, adds a badly spoiled copy to each lightly spoiled one, to be told that it shows nothing.
# The divisor does not count it. A mask hides the copies, which hold the answers, from usual queries.
#
# RT-DETR and D-FINE also change a goal: that of a paired guess's class is the IoU of its box, not 1 (`loss_labels_vfl`).

# %% [markdown]
# ## Groups
#
# [Group DETR](https://arxiv.org/abs/2207.13085) trains several [groups](glossary.md#group-matching) of queries, which never
# hear of each other, and uses one at test time.
#
# | question | answer |
# |:--|:--|
# | who is paired | each target with one guess *of each group* |
# | who is graded on what | all on class, the paired on boxes |
# | divided by what | 5 targets, two groups: 10 |
# | who answers at test time | one group |

# %% [markdown]
# ## An extra one-to-many branch
#
# [H-DETR](https://arxiv.org/abs/2207.13080) adds a [branch](glossary.md#hybrid-matching) of queries, with each target listed
# *k* times.
#
# | question | answer |
# |:--|:--|
# | who is paired | each target with one guess; there with *k* |
# | who is graded on what | all on class, the paired on boxes |
# | divided by what | 5 targets; there *k* times 5 |
# | who answers at test time | the first branch |

# %%
matchers |= {
    "groups": HungarianMatcher(assign=in_groups(2)),  # A to F and G to L
    "the branch": HungarianMatcher(assign=repeated(2)),  # k = 2
}
matches = {name: matcher(outputs, targets)[0] for name, matcher in matchers.items()}
for name in ("groups", "the branch"):
    print(f"{name:11}", field.by_target(matches[name], labels))
caption = "Which target teaches which guess: one picture for each positive, an empty cell must say nothing."
figures.show(field.supervision_figure(image, targets[0], matches), caption)
costs = {name: matcher.cost_matrices(outputs, targets)[0]["total"] for name, matcher in matchers.items()}
field.method_chooser(image, outputs, targets[0], matches, costs, chosen="groups")

# %% [markdown]
# *Move it:* choose a method. For show, our twelve guesses play all parts; in the papers the other groups and the branch are
# extra queries.
#
# Ten of twelve are positives now. At test time only one group answers, and the branch does not: those that answer were
# matched one to one.

# %% [markdown]
# ## What did they buy?
#
# Three more runs of the small DETR give each target three positives: one by denoising, one by groups, one by a branch.
#
# **Predict first.** With softmax alone it shows 38 to 50 duplicates. A branch of 24 more queries is taught to claim each digit
# twice; only the first twelve answer. Their duplicates?
#
# <details><summary>More than 50</summary>
#
# Fewer than with any seed of softmax alone, and AP is higher, though both kinds of queries go through the same layers.
#
# </details>
#
# <details><summary>38 to 50</summary>
#
# Fewer than with any seed of softmax alone, and AP is higher. Why they are fewer, no run here tells: denoising and groups give as many
# positives, and the table shows what they leave.
#
# </details>
#
# <details><summary>Fewer than 38</summary>
#
# Yes, and AP is higher. Why they are fewer, no run here tells: denoising and groups give as many positives, and the table
# shows what they leave.
#
# </details>

# %%
cards = [f"decoder-{card}" for card in ("focal", "denoising", "groups", "hybrid")]
caption = "The small DETR: the branch (hybrid) is ahead in AP, and leaves fewer duplicates than softmax alone."
figures.show(ablations.curves_figure(runs, cards), caption)
ablations.show_table(runs, ["decoder", *cards, "decoder-twice", "decoder-borrowed"])
print("time of a step:", ablations.step_costs(["decoder", *cards]))

# %% [markdown]
# In bold all three seeds lie on one side of `decoder`'s ([all runs](ablations.md)). The curves count 200 scenes, the table
# 1,000.
#
# With groups and the branch AP is higher; with denoising, after NMS alone. But a step takes up to 2.4 times as long (last line).
# **Which row gives the baseline that much time?**
#
# <details><summary>The last but one, and it is ahead of all three</summary>
#
# Twice the steps take as long as the branch, and bring more AP with fewer duplicates. So here none of the three pays. But
# here a step is all decoder: what the encoder sees is computed once. In a large detector the backbone takes most of a step,
# and more queries cost little.
#
# </details>
#
# <details><summary>What the papers report on COCO, in AP</summary>
#
# | | without | with |
# |:--|:--|:--|
# | [focal loss, 300 queries and other changes](https://github.com/fundamentalvision/Deformable-DETR), DETR-DC5, 50 epochs | 35.3 | 36.2 |
# | [denoising](https://arxiv.org/abs/2203.01305), DAB-DETR, 50 epochs | 42.2 | 44.1 |
# | [a branch](https://github.com/HDETR/H-Deformable-DETR), Deformable DETR, 12 epochs | 47.0 | 48.7 |
#
# [Group DETR](https://arxiv.org/abs/2207.13085) reports faster training of several detectors.
#
# </details>

# %% [markdown]
# ## What does a moving match cost?
#
# Now mini-YOLOS once more, trained with the match of a finished detector: from the first step on, each target keeps one
# guess. How far ahead will it be on the way? Bet, then look.

# %%
caption = "AP and duplicates of mini-YOLOS, with a borrowed match and with its own: AP is ahead from step 1,500 on."
figures.show(ablations.curves_figure(ablations.load_ablations(), ["borrowed"]), caption)

# %% [markdown]
# Its own match reaches AP 0.45 about 770 steps later, in the small DETR (last row above) 250. Not all of that is moving: the
# borrowed match is also wiser.
#
# ## Exercise: a loss you have never seen
#
# For *N* = 12 guesses and *T* = 2 targets, return four numbers: pairs; guesses graded on class; divisor; guesses that can
# answer.
#
# [A solution](solutions/12.ipynb)

# %%
import inspect

from helpers.checks import unknown_loss

print(inspect.getsource(unknown_loss).partition("\n\n\n")[2])


# %% tags=["exercise"]
def four_answers():
    return None  # pairs, guesses graded on their class, divisor, guesses that can answer


# %%
check_four_answers(four_answers)

# %% [markdown]
# ## What we learned
#
# - In these detectors, guesses that answer are still matched one to one. What changed: the class cost and its
#   loss, more positives, pairs without a match.
# - In our small DETR focal loss left few duplicates and few boxes over 0.5. Groups and a branch lifted AP, twice the
#   steps more.
# - With sigmoids a guess may answer twice.

# %% [markdown]
# **Test yourself.** A new detector lists every target six times and has no branch: the same queries answer. What will you see?
#
# <details><summary>Better boxes, and nothing else</summary>
#
# Perhaps better boxes. But about six for each object, all taught to say so: duplicates, which suppression can hide. With
# two each, our small DETR has more than twice the duplicates ([all runs](ablations.md)).
#
# </details>
#
# <details><summary>About six boxes for each object</summary>
#
# Yes, all taught to say so; with two each, our small DETR has more than twice the duplicates ([all runs](ablations.md)).
# Suppression hides them; or another branch answers, matched one to one, as in H-DETR.
#
# </details>
#
# What you meet today when you fine-tune these models: [reference.md](reference.md).
#
# **Next:** [13, nine broken trainings and their cures](13_clinic.ipynb).
