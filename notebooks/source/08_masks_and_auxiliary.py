# %% [markdown]
# # When can a match be used again?
#
# Beside a class and a box, a guess can give a [**mask**](glossary.md#mask): the pixels of its object. And every layer of the
# network has states of the twelve tokens, so every layer can make twelve guesses. Do masks need a match of their own? Do the
# guesses of an earlier layer?

# %% [markdown]
# **You will be able to** compute focal and dice loss by hand, say why a mask has two losses, and say which match each
# layer's loss uses.
#
# **Time** 25 minutes to read, 45 with the exercises. **You need** [06](06_matcher.ipynb) and
# [07](07_loss.ipynb).
#
# **One click about 07.** Which of the twelve guesses are graded on their box?
#
# <details><summary>All twelve</summary>
#
# No: only those with a target, since a box can only be compared with a box. All twelve are graded on their class.
#
# </details>
#
# <details><summary>Those that the match gave a target</summary>
#
# Yes. A mask is one more such grade, as you will see: for matched guesses only.
#
# </details>

# %%
import torch
from torch import nn
from torch.nn import functional as F
from transformers.loss.loss_for_object_detection import ImageLoss

from helpers import HungarianMatcher, SetCriterion, figures
from helpers.checks.masks import check_dice_loss, check_same_focal
from helpers.detector import detection_outputs, detection_states, load_detector
from helpers.figures import masks as mask_figures
from helpers.scenes import HandwrittenScenes, running_example

model, image_processor = load_detector()
images, annotations = zip(running_example(), *HandwrittenScenes("train", 64, seed=11, objects=(1, 6)))
batch = image_processor(list(images), list(annotations), return_segmentation_masks=True, return_tensors="pt")
pixel_values, targets = batch["pixel_values"], batch["labels"]  # (65, 3, 128, 128), 65 dicts
print({name: tuple(targets[0][name].shape) for name in ("class_labels", "boxes", "masks")})

# %% [markdown]
# ## A third field
#
# COCO stores the outline of an object as polygons, and a crowd as a [run-length code](glossary.md#run-length-encoding): so many zeros, so
# many ones, column by column. Our scenes store every mask as such a code; the mask of a digit is its ink. With
# `return_segmentation_masks=True` the image processor turns both forms into `masks`, bools (T, height, width).

# %%
figure = mask_figures.ink_figure(images[0], targets[0])
figures.show(figure, "The running example and its five target masks, one for each object, on the same canvas.")

# %% [markdown]
# ## A head for masks
#
# DETR adds a head that gives every guess a map of mask logits (section 4.4). Ours is tiny. One part compares a token's state
# with those of the 64 patches and says *where* its object is; the other finds *ink* among the pixels. Their sum is the mask
# logit, at half of the image's resolution.

# %%
torch.manual_seed(0)
query, key = nn.Linear(96, 32), nn.Linear(96, 32)
ink_detector = nn.Sequential(nn.Conv2d(3, 8, 3, stride=2, padding=1), nn.ReLU(), nn.Conv2d(8, 1, 1))
head = nn.ModuleList([query, key, ink_detector])


def predict_masks(pixel_values, sequence):
    scores = query(detection_states(sequence, 12)) @ key(sequence[:, 1:65]).mT  # (B, 12, 64)
    where = F.interpolate(scores.unflatten(-1, (8, 8)), scale_factor=8, mode="bilinear")  # (B, 12, 64, 64)
    return where + ink_detector(pixel_values)  # (B, 12, 64, 64) + (B, 1, 64, 64)


# %% [markdown]
# ## Focal loss: pixel by pixel
#
# Let $p_t$ be what the guess gives to the truth at a pixel, ink or not.
# [Focal loss](glossary.md#focal-loss) (RetinaNet, equation 5) is the mean of $-\alpha_t (1 - p_t)^2 \log p_t$ over all
# pixels: cross-entropy in which nearly right pixels count little. $\alpha_t$ is 0.25 on ink, though ink is rare, else 0.75: the
# square already makes easy paper cheap.

# %% [markdown]
# ## Dice loss: object by object
#
# $$\text{dice} = 1 - \frac{2 \sum p \, m + 1}{\sum p + \sum m + 1}$$
#
# *p* is the predicted ink, *m* the true ink, 0 or 1, summed over the pixels: one minus twice the overlap divided by the two
# areas (DETR, appendix A.2). The ones prevent a division by 0. Focal and dice are summed over the matched pairs and divided
# by `num_boxes`, like the box losses.

# %% [markdown]
# ## Which guess, which mask?
#
# The matcher has no cost for masks. So the mask loss **reuses** the match of class and box: a guess is graded on the mask of
# its target.
#
# The detector stays as it is. We hand its match to `SetCriterion`, and fit the head alone on both mask losses: 120 steps, 64
# scenes.

# %% tags=["live"]
with torch.no_grad():
    sequence = model.vit(pixel_values).last_hidden_state  # (65, 77, 96)
    outputs = detection_outputs(model, pixel_values)
matches = HungarianMatcher()(outputs, targets)
optimizer = torch.optim.Adam(head.parameters(), lr=0.01)
for step in range(120):
    chosen = [1 + (16 * step + i) % 64 for i in range(16)]  # scene 0, the running example, is never trained on
    criterion = SetCriterion(lambda *_, chosen=chosen: [matches[i] for i in chosen], 10, losses=("masks",))
    part = {name: outputs[name][chosen] for name in ("logits", "pred_boxes")}
    part["pred_masks"] = predict_masks(pixel_values[chosen], sequence[chosen])
    optimizer.zero_grad()
    criterion.total(criterion(part, [targets[i] for i in chosen])).backward()
    optimizer.step()
with torch.no_grad():
    pred_masks = predict_masks(pixel_values[:1], sequence[:1])  # (1, 12, 64, 64)
tokens, order = matches[0]
figure = mask_figures.pairs_figure(pred_masks[0, tokens].sigmoid(), targets[0], order, tokens)
figures.show(
    figure, "Target masks above; below, the ink that the matched tokens predict: their own digit, and some of others."
)

# %% [markdown]
# All five find their digit, and some paint a neighbour, too. Now one of these pairs by hand: its focal loss; then the share of
# its digit that is found, and the share of what it paints that belongs to its digit. Dice is one minus the harmonic mean of
# these two shares, but for the ones in its formula.


# %%
def focal_of(p, m):
    """The focal loss of each pair: (M, pixels) both, predicted and true ink, give (M,)."""
    right = p * m + (1 - p) * (1 - m)  # p_t
    return ((0.25 * m + 0.75 * (1 - m)) * (1 - right) ** 2 * -right.log()).mean(1)  # to train, from logits


p = F.interpolate(pred_masks[:, tokens], size=(128, 128), mode="bilinear")[0].sigmoid().flatten(1)  # (5, 16384)
m = targets[0]["masks"][order].flatten(1).float()  # (5, 16384)
focal, both = focal_of(p, m), (p * m).sum(1)  # (5,) each
found, own = both / m.sum(1), both / p.sum(1)  # (5,) each
print(f"token {figures.LETTERS[tokens[0]]}: its digit fills {m[0].mean():.0%} of the image; focal {focal[0]:.3f}")
print(f"it finds {found[0]:.0%} of its digit; of what it paints, {own[0]:.0%} is its digit")

# %% [markdown]
# ## Exercise: the dice loss
#
# Write it for *M* pairs at once: `mask_logits` and `ink`, both (*M*, pixels), give (*M*,). It must stay
# differentiable.
#
# [A solution](solutions/08.ipynb)


# %% tags=["exercise"]
def dice_loss(mask_logits, ink):
    return None  # (M,)


# %%
used_dice_loss = check_dice_loss(dice_loss)

# %% [markdown]
# ## Three programs again
#
# By hand, `SetCriterion` with `losses=("masks",)`, and `transformers`' `ImageLoss`, which DETR's segmentation model
# uses. All three get the same five pairs, and call the focal loss `loss_mask`.
#
# Below: what would each digit cost if its guess painted nothing at all?

# %%
one = {"logits": outputs["logits"][:1], "pred_boxes": outputs["pred_boxes"][:1], "pred_masks": pred_masks}
by_hand = {"loss_mask": focal.sum() / 5, "loss_dice": used_dice_loss(p.logit(), m).sum() / 5}
ours = SetCriterion(lambda *_: matches[:1], 10, losses=("masks",))(one, targets[:1])
theirs = ImageLoss(lambda *_: matches[:1], 10, 1.0, ["masks"])(one, targets[:1])
print(f"{'':12}{'by hand':>9}{'ours':>9}{'theirs':>9}")
for name, value in by_hand.items():
    print(f"{name:12}{value:9.3f}{ours[name]:9.3f}{theirs[name]:9.3f}")
    assert abs(value - ours[name]) < 1e-4
    assert abs(ours[name] - theirs[name]) < 1e-5
blank = torch.full_like(m, -8.0)  # logits that are sure of no ink anywhere
left_out = zip(targets[0]["class_labels"][order], m.mean(1), focal_of(blank.sigmoid(), m), used_dice_loss(blank, m))
for label, share, focal_alone, dice_alone in left_out:
    print(f'"{label}", {share:.0%} of the image, left out: focal {focal_alone:.3f}, dice {dice_alone:.3f}')

# %% [markdown]
# ## Exercise: equal for focal, unequal for dice
#
# Why two losses? Focal is a mean over the image: a smaller digit costs less if it is left out. Dice divides by the
# digit's size: each costs nearly 1. Return two predicted masks of the "3" with equal focal and different dice loss; `ink`
# is the truth, bools (height, width).
#
# <details><summary>A hint</summary>
#
# The check takes masks as logits of +8 and −8. Then an invented pixel of ink costs three times as much focal loss as a missed
# one. `ink.roll(1, 1)` is the digit one pixel further right.
#
# </details>
#
# [A solution](solutions/08.ipynb)


# %% tags=["exercise"]
def same_focal(ink):
    return None  # (first, second)


# %%
check_same_focal(same_focal, targets[0]["masks"][0])

# %% [markdown]
# ## Padding is not paper
#
# Images of one batch share a canvas; what an image does not fill is [padding](glossary.md#padding).
#
# **Predict first.** Beside a wider image, our scene gets 64 columns of padding. Does what the head says there change the
# scene's loss, in `SetCriterion` and in the reference?
#
# <details><summary>In neither: nothing can be right or wrong there</summary>
#
# So it should be, and so it is in ours. In the reference it does change the loss; a comment in its code says *TODO*.
#
# </details>
#
# <details><summary>In the reference only</summary>
#
# Yes. It takes the mean over 192 columns in place of 128: easy padding brings focal down to two thirds, and padding that is
# called ink is punished, though it lies outside the image. So an object's loss depends on the other images of its batch.
#
# </details>
#
# <details><summary>In both</summary>
#
# In the reference it does. Ours leaves the padding out: it finds the border by the size of the target masks.
#
# </details>

# %%
neighbour = {"class_labels": targets[0]["class_labels"][:0], "boxes": torch.zeros(0, 4)}  # wider, and without objects
neighbour["masks"] = torch.zeros(0, 128, 192, dtype=torch.bool)
pairs = [matches[0], (tokens[:0], order[:0])]
full_size = F.interpolate(pred_masks, size=(128, 128), mode="bilinear")
for said, logit in (("paper", -8.0), ("ink", 8.0)):
    padded = F.pad(full_size, (0, 64), value=logit).expand(2, -1, -1, -1)  # (2, 12, 128, 192)
    two = {name: outputs[name][:2] for name in ("logits", "pred_boxes")} | {"pred_masks": padded}
    ours = SetCriterion(lambda *_: pairs, 10, losses=("masks",))(two, [targets[0], neighbour])
    theirs = ImageLoss(lambda *_: pairs, 10, 1.0, ["masks"])(two, [targets[0], neighbour])
    values = [f"{loss['loss_mask']:.3f}, {loss['loss_dice']:.3f}" for loss in (ours, theirs)]
    print(f"padding called {said:5}   focal, dice: ours {values[0]}   reference {values[1]}")
    torch.testing.assert_close(ours["loss_mask"], by_hand["loss_mask"], atol=1e-4, rtol=0)  # as without a neighbour

# %% [markdown]
# ## Twelve guesses in every layer
#
# Take the states after an earlier layer, apply the final LayerNorm, keep the last twelve, apply the heads: that is its
# answer. DETR grades all decoder layers with [*auxiliary losses*](glossary.md#auxiliary-loss), which help to get the number
# of objects right (section 3.2). The library's switch for it fails for YOLOS, as the next cell shows.
#
# <details><summary>Why the switch fails</summary>
#
# With `config.auxiliary_loss`, the heads are handed `hidden_states`, which is missing, or a tuple of all layers with
# [CLS] and patches, before the final LayerNorm. The library leaves out the LayerNorm and the slicing. (Pull
# request 28406 of `transformers` speaks of an incompatibility.)
#
# </details>

# %%
model.config.auxiliary_loss = True  # the library's own way
for wanted in (False, True):
    try:
        model(pixel_values[:1], labels=targets[:1], output_hidden_states=wanted)
    except TypeError as error:
        print(f"output_hidden_states={wanted}: {error}")
model.config.auxiliary_loss = False

layers = [*outputs["auxiliary_outputs"], {name: outputs[name] for name in ("logits", "pred_boxes")}]
remade = SetCriterion(HungarianMatcher(), 10, model.config.eos_coefficient)  # matches every layer anew
print("terms of layer 1 in helpers:", *[name for name in remade(outputs, targets) if name.endswith("_0")])

# %% [markdown]
# Five answers, first layer first. We count layers from 1 to 5; the code counts from 0, so layer 1 is `layers[0]`, and
# its terms of the loss end in `_0`.
#
# **Predict first.** Each layer is matched by itself. How many of the digits get the same guess as from the last layer?
#
# <details><summary>All, from every layer</summary>
#
# Most, not all. An early layer has other boxes and other classes, so other costs. In the figure a green cell holds the guess
# that the last layer chose, too; the bars count over 65 scenes.
#
# </details>
#
# <details><summary>Most, from every layer</summary>
#
# Yes, as the green cells and the bars of the figure show. An early layer has other boxes and other classes, so other costs,
# and some digits go to another guess.
#
# </details>
#
# <details><summary>Hardly any from the early layers</summary>
#
# More than that: most digits keep their guess from the first layer on, as the bars of the figure show.
#
# </details>

# %%
layer_matches = HungarianMatcher().match_layers(layers, targets)  # one list of 65 pairs per layer
owners = [torch.cat([tokens[order.argsort()] for tokens, order in pairs]) for pairs in layer_matches]
shares = [float((tokens == owners[-1]).float().mean()) for tokens in owners]
figure = mask_figures.layers_figure(images[0], targets[0], [tokens[:5] for tokens in owners], shares)
figures.show(figure, "Which token each layer's match gives each target, and how many of all 65 scenes' targets agree.")

# %% [markdown]
# *Move it:* choose a layer. Named guesses are matched, a green line leads to the center of their digit; the faint ones are
# idle. In which layers are the lines short?
#
# <details><summary>The answer</summary>
#
# In the last alone. On average over the scenes a line is about one pixel long there, in each of the others more than ten.
# Our detector was graded on its last layer alone: nothing asked the heads to read the states of earlier layers.
#
# That most matches agree all the same is, in layers 1 and 2, probably due to the tokens' stands
# ([02](02_detection_tokens.ipynb)): there a box lies in nearly the same place in every picture.
#
# </details>

# %%
layer = 2  # 1 to 5
pairs_by_layer = [pairs[0] for pairs in layer_matches]  # the running example's, one for each layer
figure = mask_figures.layer_figure(images[0], targets[0], layers, pairs_by_layer, layer)
figures.show(figure, "The matched guesses of an earlier layer and of the last, each with a line to its target.")
mask_figures.layer_slider(images[0], targets[0], layers, pairs_by_layer, layer)

# %% [markdown]
# ## The loss of every layer
#
# `SetCriterion` matches each layer by itself and adds all terms with the weights 1, 5, 2, masks in the last layer only.
#
# *Break it:* we give the last layer's match to all layers. A matched guess is *silenced* if its own layer's match gives it a
# target and the last one's does not.

# %%
reused = SetCriterion(lambda *_: layer_matches[-1], 10, model.config.eos_coefficient)
busy = [set(tokens.tolist()) for tokens, _ in layer_matches[-1]]  # of each scene
for number, (answers, pairs) in enumerate(zip(layers, layer_matches), start=1):
    own, given = (criterion.total(criterion(answers, targets)) for criterion in (remade, reused))
    silenced = sum(len(set(tokens.tolist()) - kept) for (tokens, _), kept in zip(pairs, busy)) / len(owners[-1])
    print(f"layer {number}: loss {own:.2f} with its own match, {given:.2f} with the last; {silenced:.0%} silenced")

# %% [markdown]
# The loss hardly tells the two apart; in layer 4 the borrowed match has the lower one: a match minimises the cost, not the
# loss. But in layers 1 to 4 it silences a fifth of the matched guesses. The reference matches each layer anew; which trains
# better, we did not measure. **Masks reuse a match, layers make their own.**

# %% [markdown]
# ## What we learned
#
# - A mask is one more grade for a matched pair: focal judges pixels, dice judges objects, padding is left out.
# - The match itself looks at class and box only, and the masks reuse it.
# - Auxiliary losses grade every layer, each with a match of its own; their loss weights are those of the last layer.

# %% [markdown]
# **Test yourself.** A model of six decoder layers trains with boxes, masks and auxiliary losses. How often is the
# assignment problem solved for one image, and how many mask losses are computed?
#
# <details><summary>Once, and two mask losses</summary>
#
# The mask losses are right: two, for the last layer alone. But every layer is matched by itself, so the problem is solved six
# times.
#
# </details>
#
# <details><summary>Six times, and two mask losses</summary>
#
# Yes: once a layer. Focal and dice are computed for the last layer alone.
#
# </details>
#
# <details><summary>Six times, and twelve mask losses</summary>
#
# The problem is solved six times, once a layer. But masks are graded in the last layer alone: two losses, focal and dice.
#
# </details>
#
# This was the last stage of the map in [00](00_start_here.ipynb): the whole loss.
#
# **Next:** [09, what a detector learns from it first](09_watch_it_learn.ipynb).
