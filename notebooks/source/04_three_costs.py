# %% [markdown]
# # What makes a guess expensive for a target?
#
# Before guesses and targets can be paired, every pair needs a [cost](glossary.md#cost). DETR and YOLOS take three costs and add them up.
# Each of the three is blind to something. This notebook shows what, and why three blind judges together see well.

# %% [markdown]
# **You will be able to** compute the three cost matrices, name a blind spot of each, and say why none can be left out.
#
# **Time** 25 minutes to read, 45 with the exercises. **You need** [03](03_targets.ipynb).
#
# <details><summary>The three questions of this notebook</summary>
#
# What does each cost measure, for one pair and for all at once? What does each not see? Why are they added with the
# weights 1, 5 and 2? Many arrive with the belief that overlap alone says how good a box is. Keep yours in mind.
#
# </details>

# %%
import torch

from helpers import HungarianMatcher, box_iou, center_to_corners, figures, generalized_box_iou
from helpers.checks.costs import check_class_cost, check_giou, check_two_guesses
from helpers.detector import load_detector
from helpers.figures import geometry
from helpers.scenes import running_example
from helpers.widgets import BoxLab, MatchingPlayground

image, annotation = running_example()
model, image_processor = load_detector()
inputs = image_processor(images=image, annotations=annotation, return_tensors="pt")
target = {name: inputs["labels"][0][name] for name in ("class_labels", "boxes")}
with torch.no_grad():
    outputs = model(inputs["pixel_values"])
logits, pred_boxes = outputs.logits[0], outputs.pred_boxes[0]
costs = HungarianMatcher().cost_matrices(outputs, [target])[0]
print({name: tuple(matrix.shape) for name, matrix in costs.items()})

# %% [markdown]
# Twelve guesses, A to L, are the rows; five targets, the columns. N = 12 and T = 5 give 60 pairs, and each cost is a
# [matrix](glossary.md#cost-matrix) (N, T). We take one pair through all three: the digit "4", and the guess that is surest of it.

# %% [markdown]
# ## Class: do you know my name?
#
# Guess $i$ gives every class a probability $\hat p_i$, by a softmax over its K + 1 logits. It is cheap for target $j$ if
# the class $c_j$ of that target gets a high one. The cost is its negative (DETR, section 3.1):
#
# $$C^{\text{class}}_{ij} = -\hat p_i(c_j)$$

# %% [markdown]
# ## Exercise: the class cost
#
# Write it for all pairs at once: `logits` (N, K + 1) and `class_labels` (T,) give (N, T). An image may have no target.
#
# [A solution](solutions/04.ipynb)


# %% tags=["exercise"]
def class_cost(logits, class_labels):
    return None  # (N, T)


# %%
used_class_cost = check_class_cost(class_cost)

# %% [markdown]
# <details><summary>A hint</summary>
#
# The classes are the last dimension. A list of column numbers as index, `[:, class_labels]`, takes a column for each.
#
# </details>


# %%
place = target["class_labels"].tolist().index(4)
guess = int(logits.softmax(-1)[:, 4].argmax())
cell = (guess, place)  # the pair that we follow
by_class = used_class_cost(logits, target["class_labels"])
print(f"guess {figures.LETTERS[guess]}, target 4: {by_class[cell]:.2f}")
assert torch.allclose(by_class.float(), costs["class_cost"])
figure = geometry.class_figure(image, target, pred_boxes, by_class, cell, "Class: −p")
figures.show(figure, "The class cost of all 60 pairs; the ringed cell belongs to the pair drawn on the left.")

# %% [markdown]
# **Predict first.** Two columns of this matrix agree to the last digit, in this picture and with any detector. Which,
# and what does it tell you?
#
# <details><summary>Predict, then open</summary>
#
# The two digits "1". The class cost asks for the name only; two targets of one name are one target for it. It is blind
# to place: no class cost can say *which* "1" a guess has found.
#
# </details>

# %% [markdown]
# ## L1: are the four numbers right?
#
# The next judge looks at the boxes, $\hat b_i$ of the guess and $b_j$ of the target, as four numbers each, center and
# size. It adds up the differences, all taken positive:
#
# $$C^{\text{L1}}_{ij} = \lVert \hat b_i - b_j \rVert_1$$
#
# Zero is perfect. With boxes in fractions of the image it can be 4 at most.

# %%
differences = (pred_boxes[guess] - target["boxes"][place]).abs()  # (4,)
assert torch.isclose(differences.sum(), costs["bbox_cost"][cell])
figure = geometry.l1_figure(image, target, pred_boxes, costs["bbox_cost"], cell, "L1")
figures.show(figure, "Left, the four differences of our pair; right, their sum for all 60: dark is nearly right.")

# %% [markdown]
# ## GIoU: how well do they cover each other?
#
# The third judge looks at areas. [**IoU**](glossary.md#iou) is intersection over union. It is 0 for all boxes that do not touch, however
# far apart. So the [generalised IoU](glossary.md#giou) takes the [**hull**](glossary.md#hull), the smallest box around both, and subtracts the share of it that
# neither covers:
#
# $$\text{GIoU} = \frac{\text{intersection}}{\text{union}} - \frac{\text{hull} - \text{union}}{\text{hull}}$$

# %%
far = int(costs["giou_cost"][:, place].argmax())  # the guess that fits the "4" least
for row in (guess, far):
    corners = center_to_corners(pred_boxes[row]), center_to_corners(target["boxes"][place])
    iou, value = box_iou(*corners), generalized_box_iou(*corners)
    print(f"{figures.LETTERS[row]}: IoU {iou:.2f} minus empty share of the hull {iou - value:.2f} is GIoU {value:.2f}")
    assert torch.isclose(-value, costs["giou_cost"][row, place])
figure = geometry.giou_figure(image, target, pred_boxes, costs["giou_cost"], [cell, (far, place)], "−GIoU")
figures.show(figure, "Two pairs in pieces, and minus GIoU for all 60: −1 is a perfect fit, near 1 is far apart.")

# %% [markdown]
# GIoU is 1 for equal boxes and falls towards −1 as they part (Rezatofighi and others, 2019). The
# **cost**, low for good pairs, is −GIoU. The **loss**, later, is 1 − GIoU.

# %% [markdown]
# ## Exercise: GIoU
#
# Corner boxes (..., 4) in, one number for each pair out: (N, 1, 4) and (T, 4) must give (N, T). Mind the boxes that do
# not touch, and stay with tensors: further down a box follows the gradient of what you write.
#
# [A solution](solutions/04.ipynb)


# %% tags=["exercise"]
def giou(boxes1, boxes2):
    return None  # (...)


# %%
used_giou = check_giou(giou)

# %% [markdown]
# <details><summary>A hint</summary>
#
# The intersection's left edge is the larger of the two left edges; its width is never below 0, so `.clamp(min=0)`. For
# the hull, take the smaller left edge.
#
# </details>


# %% [markdown]
# ## Each is blind somewhere
#
# You have seen the class cost's blind spot: place. The box judges have theirs. In each column below, the judge named in
# the title gives both pairs the same grade. Would you? Plain IoU is no cost in DETR; it stands here to show why GIoU
# was invented.

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
# L1 counts 0.1 alike: little for a large box, everything for a small one. IoU and GIoU go further, and lose gradient.
# Apart, IoU has none at all. Inside, GIoU equals IoU: it says which size, but on the center, the first two of the four
# numbers, its gradient is 0. L1 sees both.

# %% [markdown]
# **Predict first.** A guess stands on the far left, its target of the same size on the far right. You follow the
# gradient of 1 − GIoU, in small steps. What will the guess do first: move or grow?
#
# <details><summary>Predict, then open</summary>
#
# It grows faster than it moves. At first the left edge stays and the right edge reaches out, which covers more of the
# empty hull. The box becomes more than twice as wide, covers the target, and only then shrinks onto it.
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
    "5 · L1 + 2 · (1 − GIoU)": lambda box: (5 * l1_loss(box) + 2 * giou_loss(box)) / 7,  # 7: steps of like size
}
_, giou_loss, l1_loss, _ = losses.values()
ways = {name: follow(loss) for name, loss in losses.items()}
figure = geometry.chase_figure(ways.values(), goal, ways)
figures.show(figure, "Time runs down: what each guess covers from left to right, on its way to the orange target.")

# %% [markdown]
# Three measures of boxes, and a sum. IoU gives no advice at all. GIoU arrives, by a detour: a box as wide as half the
# picture. L1 walks straight there. With both, GIoU and L1, the box keeps its size on the way. (The trembling at the end
# is the fixed step.)

# %% [markdown]
# ## Move it: two boxes in your hands
#
# The figure draws, in black, the guess after one step down each loss. Below, the pair is alive: drag, or choose a
# scene, and let the guess follow one loss. In *nested*, which losses still move its center? **Break it:** find a pair
# for which two judges move the guess in different directions.

# %%
my_guess, my_target = (0.25, 0.3, 0.25, 0.25), (0.72, 0.68, 0.25, 0.25)  # change these
figure = geometry.pull_figure(my_guess, my_target)
figures.show(figure, "The same pair before three judges: where each pulls the guess, in black; IoU, apart, nowhere.")
BoxLab(prediction=my_guess, target=my_target, loss="giou")

# %% [markdown]
# ## Exercise: fool L1
#
# The target is (0.5, 0.5, 0.2, 0.2), as center and size. Find two guesses, both at an L1 distance of exactly 0.2 from
# it: the first with IoU 0, the second with IoU 0.5. Draw them on paper first.
#
# [A solution](solutions/04.ipynb)


# %% tags=["exercise"]
def two_guesses():
    return None  # (center x, center y, width, height), (center x, center y, width, height)


# %%
check_two_guesses(two_guesses)

# %% [markdown]
# ## Three judges, one cost
#
# So all three are heard. The cost of a pair is the weighted sum, with the [weights](glossary.md#cost-weight) $\lambda$ = 1, 5 and 2 of DETR and
# YOLOS:
#
# $$C_{ij} = \lambda_{\text{class}}\, C^{\text{class}}_{ij} + \lambda_{\text{L1}}\, C^{\text{L1}}_{ij} + \lambda_{\text{GIoU}}\, C^{\text{GIoU}}_{ij}$$

# %%
parts = {"1 · class": 1 * costs["class_cost"], "5 · L1": 5 * costs["bbox_cost"], "2 · (−GIoU)": 2 * costs["giou_cost"]}
assert torch.allclose(sum(parts.values()), costs["total"])
for name, part in parts.items():
    ours, least, most = part[cell], part.min(), part.max()
    print(f"{name:12} {ours:z5.2f} for our pair, from {least:z5.2f} to {most:z4.2f} in the whole matrix")
figure = geometry.price_figure(image, target, parts, [cell, (far, place)], "The cost: their sum")
figures.show(
    figure, "Left, the costs of two pairs and their parts; right, all 60: in each column a good guess stands out dark."
)

# %% [markdown]
# The weights decide how loud each judge is. With 5, L1 has the widest range of the three: it keeps far guesses away.
# Among near ones L1 hardly differs, and class and GIoU have their say.
#
# <details><summary>Why −p and not 1 − p?</summary>
#
# Because the 1 changes nothing. Every choice of one guess per target adds up T cells; with 1 more in each cell, every
# choice costs T more, and the cheapest stays the cheapest. Why −p and not −log p, as in the loss? Notebook 06 tries
# both.
#
# </details>

# %% [markdown]
# ## Break it: silence a judge
#
# Three weights, yours to change. With 1, 0, 0 only the class is heard, and both digits "1" ask for the same guess: one
# taxi for two passengers. Which weights part them again? With 0, 1, 0, for which targets does the cheapest guess stay
# the same?
#
# <details><summary>What to expect</summary>
#
# A box judge that is loud enough parts the two digits "1": they stand in different places. With L1 alone only these two
# keep their guesses. Around the "3", the "4" and the "5" several guesses stand about equally near, and their names and
# overlaps decided.
#
# </details>

# %%
my_weights = (1, 0, 0)  # class, L1, GIoU: change these
mine = HungarianMatcher(*my_weights).cost_matrices(outputs, [target])[0]["total"]
for name, matrix in {"weights 1, 5, 2": costs["total"], f"weights {my_weights}": mine}.items():
    cheapest = [figures.LETTERS[row] for row in matrix.argmin(0)]
    print(f"{name:18} the cheapest guess for each target:", *cheapest)
MatchingPlayground(image, outputs, [target], show_match=False, view="all", controls=["weights", "view"])

# %% [markdown]
# ## What we learned
#
# - Class is blind to place, L1 to scale, IoU to distance, GIoU to what happens inside.
# - From afar, GIoU inflates a box before it moves it; L1 moves it. With both, the box keeps its size.
# - The cost of a pair is −p, L1 and −GIoU, weighted 1, 5, 2: one matrix (N, T) for an image.

# %% [markdown]
# **Test yourself.** A guess covers its target exactly, but is sure of another class. What is the cost of the pair?
#
# <details><summary>Answer</summary>
#
# About −2. The class cost is −p, near 0; L1 is 0; −GIoU is −1, times 2. With the right class as well it would be −3, the
# lowest cost there is.
#
# </details>
#
# **Next:** [05, who takes whom](05_assignment.ipynb).
