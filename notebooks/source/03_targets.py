# %% [markdown]
# # Would you notice if your targets were wrong?
#
# The loss compares guesses with targets, and it believes the targets. This notebook writes targets by hand, breaks
# them in five ways that are common in practice, and asks who notices: the loss, the training, or only you.

# %% [markdown]
# **You will be able to** turn an annotation into a target, say which mistakes stay unnoticed, and check a data set.
#
# **Time** 20 minutes to read, 40 with the exercises. **You need** [00](00_start_here.ipynb); for box formats,
# [02](02_detection_tokens.ipynb).
#
# **One click about 00.** The labels are saved in another order. What does the loss of the set do?
#
# <details><summary>It rises</summary>
#
# No: the match finds for each label the guess that fits it, wherever the label stands. What does change that loss is a label
# or a box that is *wrong*. That is the subject here.
#
# </details>
#
# <details><summary>Nothing</summary>
#
# Yes: the match goes with the labels. So order is no mistake. Wrong labels and wrong boxes are, and they are the subject
# here.
#
# </details>

# %%
from textwrap import fill

import torch

from helpers import center_to_corners, figures, validate_targets
from helpers.checks.targets import check_to_targets, check_unnoticed_box
from helpers.detector import decode, load_detector
from helpers.figures.targets import draw_curves, draw_learned, draw_reading
from helpers.scenes import HandwrittenScenes, running_example
from helpers.training.recipe import Recipe, build_model

# %% [markdown]
# ## From an annotation to a target
#
# People annotate in pixels, most often in [COCO's format](glossary.md#coco-format): `bbox` is left, top, width, height. The loss wants something
# else. The image processor makes a *target* of it: it converts the box and takes `category_id` as it is. The first
# digit, before and after:

# %%
image, annotation = running_example()
_, image_processor = load_detector()
inputs = image_processor(images=image, annotations=annotation, return_tensors="pt")
pixel_values, target = inputs["pixel_values"], inputs["labels"][0]
first = annotation["annotations"][0]
print("annotation:", {name: first[name] for name in ("category_id", "bbox")})
print("target:    ", {name: target[name][0].tolist() for name in ("class_labels", "boxes")})

# %% [markdown]
# So a [**target**](glossary.md#target) is a dict for one image. For T objects of K classes it holds
#
# - `class_labels` (T,): whole numbers, int64, from 0 to K − 1;
# - `boxes` (T, 4): center x, center y, width, height, [as fractions of the image](glossary.md#normalised-box).
#
# A batch of B images is a list of B dicts. T varies, and may be 0.

# %%
left, top, width, height = first["bbox"]
by_hand = torch.tensor([left + width / 2, top + height / 2, width, height]) / 128  # the image is 128 by 128
labels, boxes = target["class_labels"], target["boxes"]
assert torch.allclose(by_hand, boxes[0])
print("class_labels", tuple(labels.shape), labels.dtype, " boxes", tuple(boxes.shape), boxes.dtype)

# %% [markdown]
# From the corner it went half a width right and half a height down; then x and width were divided by the image's width, y
# and height by its height, here both 128.
#
# <details><summary>What if pictures are padded to a common size, and what else a processor does</summary>
#
# Then processors of `transformers` divide by the size of the
# [padded canvas](https://github.com/huggingface/transformers/pull/28363), so that a target depends on the other pictures of
# its batch. DETR's own code divides by that of the
# [picture before padding](https://github.com/facebookresearch/detr/issues/286). Both are right, if the boxes of guesses are
# multiplied by that same size. Ours pads nothing. A processor also drops annotations with `iscrowd` 1: a crowd is no single
# object.
#
# </details>

# %% [markdown]
# ## Exercise: write it yourself
#
# `to_targets` gets an annotation in COCO's format and the size of the image in pixels. It returns the dict. Think of
# images that are not square, and of images without objects.
#
# <details><summary>A hint</summary>
#
# `torch.tensor([])` is float32 and has shape (0,). Give the labels `dtype=torch.int64`, and the boxes their shape with
# `.reshape(-1, 4)`.
#
# </details>
#
# [A solution](solutions/03.ipynb)


# %% tags=["exercise"]
def to_targets(annotation, width, height):
    return None  # {"class_labels": ..., "boxes": ...}


# %%
used_to_targets = check_to_targets(to_targets)

# %% [markdown]
# ## Five broken data sets
#
# Four mistakes that people asked about in DETR's repository: labels counted from 1
# ([32](https://github.com/facebookresearch/detr/issues/32)), boxes as corners
# ([75](https://github.com/facebookresearch/detr/issues/75)), labels that say "no object"
# ([108](https://github.com/facebookresearch/detr/issues/108)), images without objects
# ([82](https://github.com/facebookresearch/detr/issues/82)); and a fifth, boxes in pixels. Drawn is what the loss *reads*:
# it takes any four numbers for center and size.
#
# <details><summary>What each person did, and why</summary>
#
# - 1-based labels: counted the classes from 1, as the annotation file did, with K = 10 all the same. (One cure is to count
#   from 0. The other is K = 11, with a class 0 that no object has: DETR's models of COCO keep its ids, 1 to 90, and have
#   K = 91.)
# - Corner boxes: left the boxes as left, top, right, bottom, as a drawing tool wants them.
# - Pixel boxes: forgot to divide by the image. A width of 20 is read as 20 image widths: 20 · 128 = 2,560 pixels.
# - No-object labels: gave every object the label K, in the belief that it is a spare class.
# - Bad empty image: wrote `torch.tensor([])` for labels and boxes: float32, and the boxes in shape (0,).
#
# </details>

# %%
K = 10  # digits
datasets = {
    "healthy": {"class_labels": labels, "boxes": boxes},
    "1-based labels": {"class_labels": labels + 1, "boxes": boxes},
    "corner boxes": {"class_labels": labels, "boxes": center_to_corners(boxes)},
    "pixel boxes": {"class_labels": labels, "boxes": boxes * 128},
    "no-object labels": {"class_labels": torch.full_like(labels, K), "boxes": boxes},
    "bad empty image": {"class_labels": torch.tensor([]), "boxes": torch.tensor([])},
}

blank, _ = HandwrittenScenes("test", length=1, objects=(0, 0))[0]
figure, panels = figures.new_figure(8.8, 6.4, rows=2, columns=3)
for axes, (name, broken) in zip(panels.flat, datasets.items()):
    draw_reading(axes, blank if name == "bad empty image" else image, broken, name)
figures.show(figure, "Six data sets as the loss reads them: one healthy, five broken, each in its own way.")

# %% [markdown]
# **Predict first.** Each goes into the loss of `transformers`, with a detector that has learned nothing yet, as on your
# first day with a new data set. How many of the five raise an error?
#
# <details><summary>None</summary>
#
# One does: the bad empty image, with a sentence about indices that mentions neither image nor label. The others give a loss,
# and only the one of the pixel boxes looks strange.
#
# </details>
#
# <details><summary>One</summary>
#
# Yes: the bad empty image, with a sentence about indices that mentions neither image nor label. The pixel boxes stand out,
# by a loss a hundred times as large. The other three look healthy: a fresh detector finds all classes about equally likely,
# so wrong labels cost it about as much as right ones, and corner boxes are numbers between 0 and 1, too.
#
# </details>
#
# <details><summary>Three or more</summary>
#
# Only one does: the bad empty image. A label that is too high reads another column of the logits, and boxes in another
# format are four numbers like any others.
#
# </details>

# %%
detector = build_model(Recipe()).eval()  # fresh weights: nothing learned
for name, broken in datasets.items():
    try:
        with torch.no_grad():
            print(f"{name:18}{detector(pixel_values, labels=[broken]).loss:8.2f}")
    except IndexError as error:
        print(f"{name:18} {type(error).__name__}: {error}")

# %% [markdown]
# Label 10 reads the last of the K + 1 columns, ["no object"](glossary.md#no-object). Corner boxes even get a *lower* loss
# than the right ones.
#
# ## "But then it would not learn"
#
# A quick test: train [on one image alone](glossary.md#overfitting), with each of the four targets whose loss was ordinary.
#
# **Predict first.** Four loss curves, one healthy. Without names, could you tell which?
#
# <details><summary>Yes: the healthy one falls, the others stay up</summary>
#
# All four fall, and all end low. A network learns what it is told. A loss says how well guesses and targets agree, and
# nothing about the picture.
#
# </details>
#
# <details><summary>Yes: the healthy one falls fastest</summary>
#
# The loss of the labels that count from 1 falls just as fast. And in practice you have no healthy curve beside yours.
#
# </details>
#
# <details><summary>No: all fall</summary>
#
# Right, all fall, and all end low. A loss says how well guesses and targets agree, and nothing about the picture.
#
# </details>


# %% tags=["live"]
def overfit(broken, steps=160):
    """Train a fresh detector on this one image: what it then finds, and how its loss went."""
    detector, curve = build_model(Recipe()).train(), []
    optimizer = torch.optim.AdamW(detector.parameters(), lr=1e-3)
    for _ in range(steps):
        loss = detector(pixel_values, labels=[broken]).loss  # the loss of transformers
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(detector.parameters(), 1.0)
        optimizer.step()
        curve.append(loss.item())
    with torch.no_grad():
        outputs = detector.eval()(pixel_values)
    return decode(outputs, [image.size], threshold=0.5)[0], curve  # (width, height); transformers: (height, width)


runs = ("healthy", "1-based labels", "corner boxes", "no-object labels")
found, curves = zip(*(overfit(datasets[name]) for name in runs))

# %% tags=["live"]
figure, axes = figures.new_figure(10, 3.8)
draw_curves(axes, dict(zip(runs, curves)), "The loss falls, whether the targets are right or wrong")
figures.show(figure, "Four loss curves over 160 steps: all fall, and in the end nothing tells the healthy one apart.")

# %% [markdown]
# All losses fell, so the quick test is passed, four times. What does each of the four detectors now say about the image?
# The healthy one is the control: it has to find all five digits.

# %% tags=["live"]
figure, panels = figures.new_figure(13, 3.9, columns=4)
for axes, name, detections in zip(panels, runs, found):
    draw_learned(axes, image, detections, name)
caption = "From left to right: all digits right; all names one too high; wrong boxes, cut at the edge; no digit at all."
figures.show(figure, caption)

# %% [markdown]
# The detectors have learned the wrong targets just as well as the right ones. Even for "no object" the boxes were graded,
# and learned, or that loss could not have ended low; nobody claims them. **Wrong targets train silently.** So somebody
# must look at the targets *before* the training.

# %% [markdown]
# ## A contract, checked
#
# The definition of a target is a contract between the data and the loss. `validate_targets`
# [checks all of it](glossary.md#target-check): fields, shapes, types, the range of the labels, boxes inside the image. It
# names image, field and cure.


# %%
def complaint(target):
    """What `validate_targets` says of one image's target; None if it accepts it."""
    try:
        return validate_targets([target], num_classes=K)
    except (TypeError, ValueError) as error:
        return str(error)


for name, broken in datasets.items():
    print(fill(f"{name}: {complaint(broken) or 'accepted'}", 100), end="\n\n")

# %% [markdown]
# (Some annotations count in *thousandths* of the image.)
#
# Look again: the labels that count from 1 were **accepted**. In this image they are 4, 2, 5, 2, 6, all of them
# possible. Only a "9" would show the mistake: it becomes 10. So a data set must be checked whole. Here are 200 scenes.

# %%
scenes = HandwrittenScenes("test", length=200)
healthy = [used_to_targets(scene_annotation, 128, 128) for _, scene_annotation in scenes]
one_based = [{**scene, "class_labels": scene["class_labels"] + 1} for scene in healthy]
corners = [{**scene, "boxes": center_to_corners(scene["boxes"])} for scene in healthy]
for name, kind in {"healthy": healthy, "1-based labels": one_based, "corner boxes": corners}.items():
    caught = [complaint(scene) is not None for scene in kind]
    print(f"{name:16} {sum(caught):3} of {len(caught)} scenes refused")

# %% [markdown]
# One refused scene is enough to raise an error, so here both mistakes are found. But the scenes that pass tell you
# something: a check sees the *form* of the numbers, not what they mean. One more step is left to you, and it takes a minute.
# **Draw your targets once.**

# %%
passed = next(k for k, scene in enumerate(corners) if len(scene["boxes"]) and complaint(scene) is None)
figure, (before, after) = figures.new_figure(8.4, 4.5, columns=2)
draw_reading(before, scenes[passed][0], healthy[passed], "As annotated")
draw_reading(after, scenes[passed][0], corners[passed], "Corner boxes, accepted")
figures.show(figure, "A scene whose corner boxes pass every check: only the picture shows that they are wrong.")

# %% [markdown]
# ## Exercise: slip past the check
#
# Now make a mistake that the check does not find: a box given as *corners*, left, top, right, bottom in fractions of the
# image, at least 0.2 wide and high, that `validate_targets` accepts as a center box.
#
# <details><summary>A hint</summary>
#
# Read as a center box, `right` is a width around `left`. It must fit into the image on both sides. Which part of the
# image do such boxes lie in?
#
# </details>
#
# [A solution](solutions/03.ipynb)


# %% tags=["exercise"]
def unnoticed_box():
    return None  # (left, top, right, bottom)


# %%
check_unnoticed_box(unnoticed_box)

# %% [markdown]
# ## Move it, break it
#
# Corrupt one field, any way you like, and see who notices. Try `float("nan")`, a width of 0, a label of −1, labels as
# `float()`, boxes with one row missing. The loss of `transformers` gets the same target. First say what you expect.
#
# <details><summary>What to look for</summary>
#
# `validate_targets` names field and cure in every case. The loss of `transformers` stops at most of them, in words that
# do not point to the annotation: they speak of sizes, of indices, or of invalid corner boxes. A width of 0 gives it an
# ordinary loss.
#
# </details>

# %%
suspect = {"class_labels": labels.clone(), "boxes": boxes.clone()}
suspect["class_labels"][3] = -100  # change this line; -100 means "ignore" in PyTorch's cross-entropy, but not here

print("validate_targets:", complaint(suspect) or "accepted")
try:
    print(f"transformers:     a loss of {detector(pixel_values, labels=[suspect]).loss.item():.2f}")
except Exception as error:
    print(f"transformers:     {type(error).__name__}: {error}")

# %% [markdown]
# ## What we learned
#
# - A target is `class_labels` (T,), int64 from 0 to K − 1, and `boxes` (T, 4), normalised center boxes; T may be 0.
# - Of five mistakes one crashes, one has a huge loss, three train silently.
# - Check the whole data set with `validate_targets`, then draw some targets: only a drawing shows what numbers mean.

# %% [markdown]
# **Test yourself.** Your data set has the digits 0 to 8 only, and K = 10. Labels are counted from 1. Who notices?
#
# <details><summary><code>validate_targets</code></summary>
#
# It cannot: the labels become 1 to 9, all within 0 to K − 1. Nobody notices but you, with a drawing.
#
# </details>
#
# <details><summary>The loss</summary>
#
# It falls as ever: every digit is called by the next one's name, and that can be learned. Nobody notices but you, with a
# drawing.
#
# </details>
#
# <details><summary>Only somebody who draws the targets</summary>
#
# Yes. The labels become 1 to 9, all within 0 to K − 1; the loss falls, the boxes are right, and every digit is called by the
# next one's name.
#
# </details>
#
# The [reference page](reference.md) shows twelve unusual annotations and what a processor makes of each.
#
# **Next:** [04, what makes a guess expensive for a target](04_three_costs.ipynb).
