# %% [markdown]
# # What makes a guess expensive for a target?
#
# A guess is dashed blue, its target orange. L1 adds up how far centers and sizes differ. IoU is the shared area, divided
# by all they cover. GIoU comes later. *Pulls* say how each would change the guess.
#
# **Your move:** drag the guess off the target, far away. Which number stops noticing?

# %%
from helpers.widgets import BoxLab

BoxLab()

# %% [markdown]
# IoU does: without overlap it is 0. Every measure is blind somewhere, so DETR adds up three costs: class, L1 and GIoU.
#
# **You will be able to** compute them, name their blind spots, and weigh them.
#
# **Time** 25 minutes, 45 with the exercises. **You need** [03](03_targets.ipynb).
#
# **One click about 03.** The targets are wrong. What does the training loss do?
#
# <details><summary>It stays high</summary>
#
# No: it falls as with healthy targets, because a network learns what it is told. The loss, and the costs below, trust the
# targets.
#
# </details>
#
# <details><summary>It falls</summary>
#
# Yes, wrong targets train silently. The loss trusts the targets, and so do the costs below.
#
# </details>

# %%
import torch

from helpers import HungarianMatcher, box_iou, center_to_corners, corners_to_center, figures, generalized_box_iou
from helpers.checks.costs import check_class_cost, check_giou
from helpers.detector import load_detector
from helpers.figures import geometry
from helpers.scenes import HandwrittenScenes, running_example

image, annotation = running_example()
model, image_processor = load_detector()
inputs = image_processor(images=image, annotations=annotation, return_tensors="pt")
target = {name: inputs["labels"][0][name] for name in ("class_labels", "boxes")}
with torch.no_grad():
    outputs = model(inputs["pixel_values"])
logits, pred_boxes = outputs.logits[0], outputs.pred_boxes[0]
costs = HungarianMatcher().cost_matrices(outputs, [target])[0]
print("rows: 12 guesses, A to L; columns: 5 targets")
print({name: tuple(matrix.shape) for name, matrix in costs.items()})

# %% [markdown]
# ## Class: do you know my name?
#
# Guess $n$ gives each class a probability $\hat p_n$, by softmax. It is cheap for target $t$ if sure of
# that target's class $c_t$ (DETR paper, 3.1):
#
# $$C^{\text{class}}_{nt} = -\hat p_n(c_t)$$
#
# **Exercise.** Write it: `logits` (N, K + 1), where K counts classes, and `class_labels` (T,) in, the
# [matrix](glossary.md#cost-matrix) (N, T) out. T may be 0.
#
# <details><summary>A hint</summary>
#
# The classes are the last dimension. A list of column numbers as index, `[:, class_labels]`, takes a column for each.
#
# </details>
#
# [A solution](solutions/04.ipynb)


# %% tags=["exercise"]
def class_cost(logits, class_labels):
    return None  # (N, T)


# %%
used_class_cost = check_class_cost(class_cost)

# %% [markdown]
# **Predict first.** The running example shows the digits 3 1 4 1 5. Two columns of its class cost are exactly equal,
# whatever the detector says. Which?
#
# <details><summary>Those of the "3" and the "5"</summary>
#
# Each asks for a name of its own, so they differ. The two digits "1" ask for the same name. The class cost asks for nothing
# else, so it cannot say *which* "1" a guess has found.
#
# </details>
#
# <details><summary>Those of the two digits "1"</summary>
#
# Yes. The class cost asks for the name only, and is blind to place: it cannot say *which* "1" a guess has found.
#
# </details>
#
# <details><summary>None: the five digits look different</summary>
#
# They do, but a column asks only how sure each guess is of a name, and two digits have the same one. The class cost is blind
# to place: it cannot say *which* "1" a guess has found.
#
# </details>

# %%
guess, column = int(logits.softmax(-1)[:, 4].argmax()), target["class_labels"].tolist().index(4)
cell = (guess, column)  # the pair that we follow: the "4", and the guess that is surest of it
by_class = used_class_cost(logits, target["class_labels"])
figure = geometry.class_figure(image, target, pred_boxes, by_class, cell, "Class: −p")
figures.show(figure, "Left, the pair that we follow; right, its cost, ringed, and those of all pairs. Blank is 0.00.")

# %% [markdown]
# ## L1: are the four numbers right?
#
# The next cost compares the box of the guess, $\hat b_n$, with that of the target, $b_t$: four numbers each, center and
# size. It adds up the differences, all taken positive:
#
# $$C^{\text{L1}}_{nt} = \lVert \hat b_n - b_t \rVert_1$$
#
# Zero is perfect. Since boxes are fractions of the image, it is never more than 4.

# %%
differences = (pred_boxes[guess] - target["boxes"][column]).abs()  # (4,)
assert torch.isclose(differences.sum(), costs["bbox_cost"][cell])
figure = geometry.l1_figure(image, target, pred_boxes, costs["bbox_cost"], cell, "L1")
figures.show(figure, 'Left, the four differences of our pair; right, their sum for all 60: K fits the "4" even better.')

# %% [markdown]
# ## GIoU: how well do they cover each other?
#
# [**IoU**](glossary.md#iou), intersection over union, is 0 for all boxes that do not overlap. The
# [generalised IoU](glossary.md#giou) goes on: it takes the [**hull**](glossary.md#hull), the smallest box around both, and
# subtracts the share of it that neither covers:
#
# $$\text{GIoU} = \frac{\text{intersection}}{\text{union}} - \frac{\text{hull} - \text{union}}{\text{hull}}$$
#
# The **cost** is −GIoU, so that a good pair is cheap.

# %%
far = int(costs["giou_cost"][:, column].argmax())  # the guess that fits the "4" least
for row in (guess, far):
    corners = center_to_corners(pred_boxes[row]), center_to_corners(target["boxes"][column])
    iou, value = box_iou(*corners), -costs["giou_cost"][row, column]
    print(f"{figures.LETTERS[row]}: IoU {iou:.2f} minus empty share of the hull {iou - value:.2f} is GIoU {value:.2f}")
figure = geometry.giou_figure(image, target, pred_boxes, costs["giou_cost"], [cell, (far, column)], "−GIoU")
figures.show(figure, "Two pairs in pieces, and minus GIoU for all 60: −1 is a perfect fit, near 1 is far apart.")

# %% [markdown]
# ## Exercise: GIoU
#
# Write it: corner boxes (..., 4) in, one number for each pair out; (N, 1, 4) and (T, 4) must give (N, T). Equal boxes have 1;
# the further apart two boxes are, the nearer they come to −1 (Rezatofighi and others, 2019). Stay with tensors: further down
# a box follows the gradient of what you write.
#
# <details><summary>A hint</summary>
#
# The intersection's left edge is the larger of the two left edges; its width is never below 0, so `.clamp(min=0)`. For
# the hull, take the smaller left edge.
#
# </details>
#
# [A solution](solutions/04.ipynb)


# %% tags=["exercise"]
def giou(boxes1, boxes2):
    return None  # (...)


# %%
used_giou = check_giou(giou)

# %% [markdown]
# ## Each is blind somewhere
#
# You have seen one blind spot: the class cost knows no place. Here are those of the boxes. In each column, the measure named
# in the title gives the pair above and the pair below the same number. Would you call them equally good? (IoU is no cost in
# DETR.)

# %%
pairs = {
    "L1 does not see scale": ("L1", [([0.6, 0.5, 0.7, 0.7], [0.5, 0.5, 0.7, 0.7]),
                                     ([0.6, 0.5, 0.11, 0.11], [0.5, 0.5, 0.11, 0.11])]),
    "IoU does not see distance": ("IoU", [([0.3, 0.5, 0.2, 0.2], [0.6, 0.5, 0.2, 0.2]),
                                          ([0.15, 0.2, 0.2, 0.2], [0.8, 0.8, 0.2, 0.2])]),
    "GIoU does not see inside": ("GIoU", [([0.5, 0.5, 0.8, 0.8], [0.5, 0.5, 0.3, 0.3]),
                                          ([0.5, 0.5, 0.8, 0.8], [0.26, 0.74, 0.3, 0.3])]),
}  # fmt: skip
figure = geometry.blind_spots_figure(pairs)
figures.show(
    figure, "Dashed guesses, solid targets: the bold number is the same above and below, the pairs are not alike."
)

outer, inner = (torch.tensor(box, requires_grad=True) for box in pairs["GIoU does not see inside"][1][1])
generalized_box_iou(center_to_corners(outer), center_to_corners(inner)).backward()
print("gradient of GIoU on the outer box:", *(f"{value + 0.0:.2f}" for value in outer.grad.tolist()))

# %% [markdown]
# Left, the same shift costs the same L1, though the large box still covers most of its target, the small one hardly any.
# Right, wherever one box lies inside the other, GIoU equals IoU and is the same: its gradient on the center, the first two
# numbers, is 0. Here, in the loss, only L1 pulls the center.

# %% [markdown]
# **Predict first.** The loss, too, uses L1 and 1 − GIoU, and its gradient moves boxes. A guess stands on the far left,
# its target of the same size on the far right. You go down the gradient of 1 − GIoU, in small steps. What does the guess do
# first?
#
# <details><summary>It moves towards the target</summary>
#
# Its center does, but only because it grows: the left edge stays at first, and the right edge reaches out, because that
# covers more of the empty hull. The box becomes more than twice as wide before it shrinks onto the target.
#
# </details>
#
# <details><summary>It grows</summary>
#
# Yes. The left edge stays at first, and the right edge reaches out, because that covers more of the empty hull. The box
# becomes more than twice as wide before it shrinks onto the target.
#
# </details>
#
# <details><summary>It stands still, since the boxes do not touch</summary>
#
# That is what 1 − IoU makes of it. GIoU has a gradient here, since the hull has an empty part. But first the box grows, to
# more than twice its width, and only then it shrinks onto the target.
#
# </details>


# %%
def follow(loss, steps=450, rate=0.002):
    """Gradient descent on the four numbers of one box; returns its way, (steps + 1, 4)."""
    box, way = torch.tensor([0.15, 0.5, 0.2, 0.2], dtype=torch.float64, requires_grad=True), []
    for _ in range(steps + 1):
        way.append(box.detach().clone())
        (gradient,) = torch.autograd.grad(loss(box), box)
        box.data -= rate * gradient
    return torch.stack(way)


goal = torch.tensor([0.8, 0.5, 0.2, 0.2], dtype=torch.float64)
losses = {
    "1 − IoU stands still": lambda box: 1 - box_iou(center_to_corners(box), center_to_corners(goal)),
    "1 − GIoU inflates first": lambda box: 1 - used_giou(center_to_corners(box), center_to_corners(goal)),
    "L1 moves": lambda box: (box - goal).abs().sum(),
}
_, giou_loss, l1_loss = losses.values()
losses["5 · L1 + 2 · (1 − GIoU)"] = lambda box: (5 * l1_loss(box) + 2 * giou_loss(box)) / 7  # 7: steps stay as long
ways = {name: follow(loss) for name, loss in losses.items()}
figures.show(geometry.chase_figure(ways.values(), goal, ways), "Time runs down: what each guess covers on its way.")

# %% [markdown]
# IoU gives no advice, GIoU makes a detour, L1 walks straight. In the sum, L1 keeps GIoU from inflating the box. (At the
# end the fixed step makes boxes tremble.) Try it at the top: *far apart*, then *Follow the gradient*.
#
# ## Three costs, one sum
#
# The cost of a pair is
#
# $$C_{nt} = \lambda_{\text{class}}\, C^{\text{class}}_{nt} + \lambda_{\text{L1}}\, C^{\text{L1}}_{nt} + \lambda_{\text{GIoU}}\, C^{\text{GIoU}}_{nt}$$
#
# with the [weights](glossary.md#cost-weight) $\lambda$ = 1, 5 and 2.

# %%
parts = {"1 · class": 1 * costs["class_cost"], "5 · L1": 5 * costs["bbox_cost"], "2 · (−GIoU)": 2 * costs["giou_cost"]}
assert torch.allclose(sum(parts.values()), costs["total"])
for name, part in parts.items():
    ours, least, most = part[cell], part.min(), part.max()
    print(f"{name:12} {ours:z5.2f} for our pair, from {least:z5.2f} to {most:z4.2f} in the whole matrix")
figure = geometry.price_figure(image, target, parts, [cell, (far, column)], "The cost: their sum")
figures.show(
    figure, "Left, the costs of two pairs and their parts; right, all 60: two or three good guesses a column are dark."
)

# %% [markdown]
# L1 has the widest range: it keeps far guesses away. Among near ones the class decides: K fits the "4" better, but F is
# sure of its name.
#
# ## Why 1, 5 and 2?
#
# Nobody derived them: DETR's authors chose them, YOLOS kept them. With other weights, how many targets get another cheapest
# guess? We count in 200 unseen scenes.

# %%
pictures, notes = zip(*HandwrittenScenes("test", length=200, seed=1))
many = image_processor(images=list(pictures), annotations=list(notes), return_tensors="pt")
with torch.no_grad():
    many_outputs = model(many["pixel_values"])


def cheapest(weights):
    """The cheapest guess of each target, in all scenes one after another."""
    matrices = HungarianMatcher(*weights).cost_matrices(many_outputs, many["labels"])
    return torch.cat([matrix["total"].argmin(0) for matrix in matrices])


usual = cheapest((1, 5, 2))
others = {"all doubled": (2, 10, 4), "class doubled": (2, 5, 2), "L1 doubled": (1, 10, 2), "GIoU doubled": (1, 5, 4),
          "all equal": (1, 1, 1), "L1 tenfold": (1, 50, 2), "no class": (0, 5, 2), "class alone": (1, 0, 0)}  # fmt: skip
print(f"of {len(usual)} targets, another cheapest guess with")
for name, weights in others.items():
    changed = (cheapest(weights) != usual).float().mean()
    print(f"{name:14} {weights!s:11} {changed:6.1%}")

# %% [markdown]
# Doubling all three can change nothing. In this trained detector, doubling one or making all equal changes next to
# nothing, leaving out the class or the boxes much. [06](06_matcher.ipynb) asks younger ones.
#
# ## On paper
#
# **Take paper**, cover the output, and compute the six costs of three guesses and two targets, with weights 4, 20 and 8.
#
# <details><summary>The task: three guesses, two targets</summary>
#
# Boxes are left, top, right, bottom, in tenths of the image. There are two classes, *a* and *b*.
#
# - Target 1 is an *a* at (0, 0, 4, 4), target 2 a *b* at (4, 0, 8, 4).
# - Guess A lies at (0, 0, 4, 4) and gives *a* ¼, *b* ½.
# - Guess B lies at (0, 1, 4, 3) and gives *a* ¼, *b* ¼.
# - Guess C lies at (4, 4, 8, 8) and gives *a* ¼, *b* ¼.
#
# L1 takes centers and sizes. The weights are four times the usual, so that all costs are whole.
#
# </details>

# %%
guesses = torch.tensor([[0, 0, 4, 4], [0, 1, 4, 3], [4, 4, 8, 8]]) / 10  # A, B, C: left, top, right, bottom
said = torch.tensor([[1, 2, 1], [1, 1, 2], [1, 1, 2]]) / 4  # what each gives to a, to b, to "no object"
corners = torch.tensor([[0, 0, 4, 4], [4, 0, 8, 4]]) / 10  # targets 1 and 2
truth = [{"class_labels": torch.tensor([0, 1]), "boxes": corners_to_center(corners)}]  # an a and a b
small = {"logits": said.log()[None], "pred_boxes": corners_to_center(guesses)[None]}

# four times the usual weights: the choice is the same, and all costs are whole
on_paper = HungarianMatcher(4, 20, 8).cost_matrices(small, truth)[0]
weighted = 4 * on_paper["class_cost"], 20 * on_paper["bbox_cost"], 8 * on_paper["giou_cost"], on_paper["total"]
for n, t in ((n, t) for n in range(3) for t in range(2)):
    by_name, by_l1, by_giou, whole = (round(float(matrix[n, t])) for matrix in weighted)
    print(f"{figures.LETTERS[n]} and {t + 1}: class {by_name}, L1 {by_l1}, GIoU {by_giou}, in all {whole}")

# %% [markdown]
# ## What we learned
#
# - Class is blind to place, L1 to scale, IoU to distance, GIoU to places inside a box.
# - From afar, GIoU inflates boxes.
# - The cost is −p, L1 and −GIoU, with weights 1, 5, 2.
#
# **Test yourself.** Somebody writes 1 − p for −p. Which guess is now cheapest?
#
# <details><summary>The same as before</summary>
#
# Yes: every cell rises by 1, so the order in each column stays. Every choice of one guess per target costs T more, and the
# cheapest choice stays the cheapest, too. (Why −p and not −log p, as in the loss? [06](06_matcher.ipynb) tries both.)
#
# </details>
#
# <details><summary>Perhaps another</summary>
#
# No: every cell rises by 1, so the order in each column stays. Every choice of one guess per target costs T more, and the
# cheapest choice stays the cheapest, too.
#
# </details>
#
# **Next:** [05, who takes whom, and how to prove it](05_assignment.ipynb).
