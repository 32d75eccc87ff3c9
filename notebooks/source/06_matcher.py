# %% [markdown]
# # Who decides which guess is the right one?
#
# You do, when you write the cost. The matcher finds the cheapest match; what *cheap* means is a choice. This notebook
# builds the [matcher](glossary.md#matcher) for a whole batch, and then bends its cost, to see what each part of it decides.

# %% [markdown]
# **You will be able to** write the matcher from memory, say what the [reference](glossary.md#reference) computes and throws away, and tell
# which mistakes in a cost change the match.
#
# **Time** 25 minutes to read, 50 with the exercises. **You need** [04](04_three_costs.ipynb) and
# [05](05_assignment.ipynb).
#
# <details><summary>The three questions of this notebook</summary>
#
# How does the matcher handle images with different numbers of objects? Which of the three costs decides? Which
# mistakes in a cost change the match, and when?
#
# </details>

# %%
import inspect
from textwrap import dedent

import torch
from IPython.display import Markdown
from scipy.optimize import linear_sum_assignment
from transformers.loss.loss_for_object_detection import HungarianMatcher as ReferenceMatcher

from helpers import HungarianMatcher, center_to_corners, figures, generalized_box_iou
from helpers.checks.matcher import MISTAKES, check_flip_with_log, check_match_batch
from helpers.costs import cost_matrices, cost_rows, weighted_sum
from helpers.detector import load_detector
from helpers.figures import batch as drawn
from helpers.figures.speed import growth_figure, measured
from helpers.matcher import solve
from helpers.scenes import HandwrittenScenes, running_example
from helpers.widgets import MatchingPlayground

# %% [markdown]
# ## Four scenes, thirteen targets
#
# A batch of B = 4: the running example with five digits, a sheet without any, one with two, one with six. Every scene
# gets N = 12 guesses; T differs, and may be 0.

# %%
test = HandwrittenScenes("test", length=200, seed=1)
images, annotations = zip(running_example(), test[8], test[20], test[11])
model, image_processor = load_detector()
inputs = image_processor(images=list(images), annotations=list(annotations), return_tensors="pt")
with torch.no_grad():
    outputs = model(inputs["pixel_values"])
targets = inputs["labels"]
print("logits", tuple(outputs.logits.shape), "pred_boxes", tuple(outputs.pred_boxes.shape))
figures.show(drawn.batch_figure(images, targets), "The four scenes of the batch, with 5, 0, 2 and 6 targets.")

# %% [markdown]
# ## The reference, in four steps
#
# DETR's matcher, and the one in `transformers`, take four steps; we rebuild them one by one. **One:** forget which
# image is which. All guesses go into one long list, all targets into another; `sizes` remembers how many are whose.

# %%
probabilities = outputs.logits.flatten(0, 1).softmax(-1)
pred_boxes = outputs.pred_boxes.flatten(0, 1)
labels = torch.cat([target["class_labels"] for target in targets])
boxes = torch.cat([target["boxes"] for target in targets])
sizes = [len(target["boxes"]) for target in targets]
print("probabilities", tuple(probabilities.shape), "pred_boxes", tuple(pred_boxes.shape))
print("labels", tuple(labels.shape), "boxes", tuple(boxes.shape), "sizes", sizes)

# %% [markdown]
# **Two:** the three [costs](glossary.md#cost) of notebook 04, for every guess of the batch with every target of the batch. Rows are
# guesses, columns are targets.

# %%
by_class = -probabilities[:, labels]
by_l1 = torch.cdist(pred_boxes, boxes, p=1)
by_giou = -generalized_box_iou(center_to_corners(pred_boxes)[:, None], center_to_corners(boxes))
print("class", tuple(by_class.shape), "L1", tuple(by_l1.shape), "GIoU", tuple(by_giou.shape))

# %% [markdown]
# **Three:** their weighted sum, one huge matrix of 48 × 13 = 624 pairs. Below it, what that costs, as measured by `make
# bench` ([11](11_fast_and_safe.ipynb) has the details): twice the images are twice the rows *and* twice the columns.
#
# **Predict first.** Most of them pair a guess of one image with a target of another. How many can ever be used?
#
# <details><summary>Predict, then open</summary>
#
# A target can only be matched with the N guesses of its own image, out of the B · N that were computed: one pair in B
# is of use, here 156. The scene without objects adds twelve rows, and no column.
#
# </details>

# %%
huge = 1 * by_class + 5 * by_l1 + 2 * by_giou
print("cost", tuple(huge.shape), "=", huge.numel(), "pairs;", sum(12 * size for size in sizes), "can be used")
for B in (4, 16, 64):  # as in a real training: N = 100 guesses, 7 targets an image
    print(f"B = {B:2}: {B * 100 * B * 7:9,} pairs computed, {B * 100 * 7:6,} used")
figure = drawn.huge_matrix_figure(huge, sizes, 12, "Only the coloured blocks can be matched")
figures.show(figure, "The huge matrix: pairs of one image in colour, pairs across images hatched.")
caption = "Time and memory of one match against the batch size; ×: the factor whenever the batch doubles, from 16 on."
figures.show(growth_figure(measured(predictions=100, targets=7)), caption)

# %% [markdown]
# **Four:** the images come back. `view` separates the rows, `split` the columns, and of part i only the slice
# `part[i]` is used and solved. So images never get mixed, which
# [people ask](https://github.com/facebookresearch/detr/issues/330). Their pairs are computed and dropped. The authors'
# reason, in that thread: on a GPU, one large computation takes fewer kernel calls than many small ones.

# %%
parts = huge.view(4, 12, -1).split(sizes, dim=-1)
print("parts", [tuple(part.shape) for part in parts])
pairs = [linear_sum_assignment(part[i]) for i, part in enumerate(parts)]
for i, (prediction_index, target_index) in enumerate(pairs):
    print(f"scene {drawn.ORDER[i]}: predictions {prediction_index}, targets {target_index}")

# %% [markdown]
# ## The pairs that exist
#
# `HungarianMatcher` in `helpers` throws nothing away. It remembers whose each target is, in `image_index`, and fetches
# for each target the guesses of its own image, and no others. Three lines do it; here for the class cost.

# %%
image_index = torch.repeat_interleave(torch.arange(4), torch.tensor(sizes))
p = outputs.logits.softmax(-1)[image_index]  # (13, 12, 11): for each target, twelve guesses
own_pairs = -p[range(13), :, labels].T  # (12, 13)
print("image_index", image_index.tolist())
print("class cost", tuple(own_pairs.shape), "=", own_pairs.numel(), "pairs, every one of use")
torch.testing.assert_close(own_pairs[:, :5], by_class[:12, :5])  # the block of scene one

# %% [markdown]
# Now the real one: the same matches as your four steps, and as `transformers`. Its source is folded below the cell.
#
# <details><summary>The source, line by line</summary>
#
# `_on_one_device` puts the targets of all images one after another. `cost_rows` takes layers as more images (08); each
# cost is called once, and a target gets a row, over the guesses of its own image. One copy to the CPU follows, in
# float64, where SciPy works. `solve` takes each image's rows. On a CPU, `fused_rows` makes the same sum in fewer calls.
#
# </details>

# %%
matcher = HungarianMatcher()  # weights 1, 5, 2
ours, reference = matcher(outputs, targets), ReferenceMatcher(class_cost=1, bbox_cost=5, giou_cost=2)(outputs, targets)
for a, b, c in zip(ours, reference, pairs):
    assert [index.tolist() for index in a] == [index.tolist() for index in b] == [index.tolist() for index in c]
print("one pair of index tensors per image:", [tuple(index.shape) for index, _ in ours])
parts = (HungarianMatcher._match_checked, cost_rows, cost_matrices, weighted_sum, solve)
source = "\n".join(dedent(inspect.getsource(part)) for part in parts)
Markdown(f"<details><summary>The source of the matcher</summary>\n\n```python\n{source}\n```\n\n</details>")

# %% [markdown]
# ## Who decides?
#
# Three costs, one sum. Delete one of them, or both costs that look at boxes, and count how many objects get another
# guess. Do it for a detector after 1,000 steps of training, after 5,000, after 9,000, and at the end.
#
# **Predict first.** Which deletion changes most, early? And late?
#
# <details><summary>Predict, then open</summary>
#
# Early, nothing is known about classes yet, so their cost is nearly the same for every guess: deleting it changes
# next to nothing, deleting both box costs nearly everything. Late, it depends on how many good guesses an object has. If
# one guess is best at everything, no deletion matters. If several stand about equally well, the class decides among
# them. If two digits of one name are in the scene, only the boxes tell them apart. The table says how much that makes.
#
# </details>

# %%
pictures, notes = zip(*(test[i] for i in range(200)))
many = image_processor(images=list(pictures), annotations=list(notes), return_tensors="pt")
stages = {}
for name, step in (("step 1,000", 1000), ("step 5,000", 5000), ("step 9,000", 9000), ("trained", None)):
    with torch.no_grad():
        stages[name] = load_detector(step=step)[0](many["pixel_values"])


def changed(other):
    """How many objects get another guess than the real matcher gives them, as a share, at each stage."""
    shares = {}
    for stage, answers in stages.items():
        both = [m(answers, many["labels"]) for m in (matcher, other)]
        right, wrong = (torch.cat([guess[target.argsort()] for guess, target in pairs]) for pairs in both)
        shares[stage] = float((right != wrong).float().mean())
    return shares


kept = {"class": (0, 5, 2), "L1": (1, 0, 2), "GIoU": (1, 5, 0), "both boxes": (1, 0, 0)}
deletions = {f"without {name}": changed(HungarianMatcher(*weights)) for name, weights in kept.items()}
early, late = deletions["without both boxes"]["step 1,000"], deletions["without class"]["trained"]
caption = f"Objects that get another guess: early {early:.0%} without both boxes, late {late:.0%} without class."
figures.show(drawn.changes_figure(deletions, stages, "Objects whose guess changes when a cost is deleted"), caption)

# %% [markdown]
# L1 and GIoU look at the same boxes: delete one, and the other still knows; delete both, and nobody knows where. The
# class is the only witness of its kind. But it can testify only once it has been learned.

# %% [markdown]
# ## Minus p, not minus log p
#
# The loss uses −log p, the matcher −p. [Why not the same?](https://github.com/facebookresearch/detr/issues/390) The
# authors' reason: probabilities are in scale with the box costs, and it worked better. Minus p lies between −1 and 0.
# So at weights 1 and 5, the class never counts for more than an L1 of 0.2.

# %%
p = torch.tensor([0.01, 0.0001])  # two hopeless guesses
print(f"with -p they differ by {p[0] - p[1]:.2f}, at weight 5 as much as an L1 of {(p[0] - p[1]) / 5:.3f}")
print(f"with -log p by {p[0].log() - p[1].log():.2f}, as much as an L1 of {(p[0].log() - p[1].log()) / 5:.2f}")
figures.show(
    drawn.class_costs_figure(), "Two class costs over p: minus p stays in a band, minus log p grows without end."
)

# %% [markdown]
# ## Exercise: flip a match
#
# One target, its box at (0.5, 0.5, 0.3, 0.3). Design two guesses, each with a probability for the target's class and
# a box, so that −p chooses one of them and −log p the other. Both decisions by at least 0.1. The check draws them.
#
# <details><summary>A hint</summary>
#
# Give one guess the better box and a hopeless class. How small must its p be before −log p gives it up? And what does
# −p say about that?
#
# </details>
#
# [A solution](solutions/06.ipynb)


# %% tags=["exercise"]
def flip_with_log():
    return None  # probabilities, pred_boxes: for example [0.9, 0.1], [[0.5, 0.5, 0.3, 0.3], [0.6, 0.5, 0.3, 0.3]]


# %%
check_flip_with_log(flip_with_log)

# %% [markdown]
# ## A gallery of mistakes
#
# None raises an error. Boxes: `b` guess, `t` target.
#
# | mistake | wrong | right |
# |---|---|---|
# | the raw logits | `-logits` | `-logits.softmax(-1)` |
# | minus log p | `-logits.log_softmax(-1)` | `-logits.softmax(-1)` |
# | GIoU with the wrong sign | `+2*giou` | `-2*giou` |
# | GIoU of center boxes | `giou(b,t)` | `giou(corners(b),corners(t))` |
# | L1 of corner boxes | `corners(b)-corners(t)` | `b-t` |
# | the mean of the four differences | `.abs().mean(-1)` | `.abs().sum(-1)` |
# | the weights 1, 1, 1 | `1,1,1` | `1,5,2` |

# %% [markdown]
# Two come from published posts: [raw logits](https://tursunboev.com/posts/2023-04-20-hungarian-matching-detr/), and
# [GIoU without its minus](https://blog.csdn.net/fh834625/article/details/131828808). The weights 1, 1, 1 are the
# default of the class in `transformers`. The others are slips that are easily made.
#
# **Predict first:** which do harm early, which late?
#
# <details><summary>Predict, then open</summary>
#
# The flipped sign is worst at first: only the box says anything then, and GIoU now says the opposite. A confident class
# hides part of it later. Mistakes in the class cost do nothing as long as nothing is known about classes, and strike while
# classes are being learned. When each object has a clear guess of its own, a mistake can fade again. A wrong scale of L1
# does little.
#
# </details>

# %%
gallery = {name: changed(mistake) for name, (mistake, _) in MISTAKES.items()}
title = "Objects that get another guess"
figures.show(drawn.changes_figure(gallery, stages, title), "Share of objects whose guess changes with each mistake.")

# %% [markdown]
# A mistake that changes next to nothing at step 1,000 may change a lot at step 9,000, and hide again in the end. That is
# why a wrong matcher can look right. Compare yours with a known one, as the last exercise does.

# %% [markdown]
# ## Does the matching minimise the loss?
#
# Many texts say so; but it minimises the *cost*, which has −p where the loss has −log p. How often the loss would choose
# otherwise, [07](07_loss.ipynb) measures.

# %% [markdown]
# ## Move the weights
#
# The running example, as the detector saw it after 9,000 steps. Below the picture, the same scene in your hands: move
# the [weights](glossary.md#cost-weight), drag a box. Which objects change their guess first when you lower L1 to 0? When you raise the class?

# %%
bent = HungarianMatcher(class_cost=20, bbox_cost=0, giou_cost=2)
with torch.no_grad():
    young = load_detector(step=9000)[0](inputs["pixel_values"][:1])
matches = {
    "class 1, L1 5, GIoU 2": matcher(young, targets[:1])[0],
    "class 20, L1 0, GIoU 2": bent(young, targets[:1])[0],
}
figures.show(
    drawn.matches_figure(images[0], young, targets[0], matches),
    "The same guesses, matched with two sets of weights: the 5 changes hands, from J to I.",
)
MatchingPlayground(outputs=young, targets=targets[:1], image=images[0])

# %% [markdown]
# ## Exercise: the matcher from memory
#
# Write all of it: for each image softmax, three costs, weights 1, 5, 2, solve. Return one pair of index tensors per
# image. `class_cost`, `bbox_cost` and `giou_cost` are yours to use, or write them by hand, as in 04.
#
# [A solution](solutions/06.ipynb)


# %% tags=["exercise"]
from helpers import bbox_cost, class_cost, giou_cost  # yours to use  # noqa: F401


def match_batch(outputs, targets):
    return None  # [(prediction_index, target_index), ...], one pair per image


# %%
check_match_batch(match_batch)

# %% [markdown]
# <details><summary>A hint</summary>
#
# `zip(outputs["logits"], outputs["pred_boxes"], targets)` goes through the images. SciPy is fine with a matrix that
# has no column. No gradient passes through a match, and SciPy takes none: work under `torch.no_grad()`.
#
# </details>


# %% [markdown]
# ## What we learned
#
# - Images are matched one by one; of the reference's huge matrix one part in B is used.
# - The cost is a design choice: −p, L1 and −GIoU with 1, 5, 2. Boxes decide early, the class joins in later.
# - A wrong cost raises no error, and may change nothing at first. Compare with a known matcher.

# %% [markdown]
# **Test yourself.** You double all three weights. What happens to the match?
#
# <details><summary>Answer</summary>
#
# Nothing: every total doubles, so the cheapest stays the cheapest. Only the ratios matter. In the loss, twice the
# weights are twice the gradient. With plain SGD that is twice the step; AdamW, which DETR and YOLOS use, divides by the
# gradient's size, so there it changes next to nothing.
#
# </details>
#
# **Next:** [07, what the loss makes of the match](07_loss.ipynb).
