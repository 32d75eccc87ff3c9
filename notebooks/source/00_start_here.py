# %% [markdown]
# # How do you grade a set of guesses?
#
# A detector was shown five digits (the truth is in orange) and answered with twelve guesses, in blue. Five are right, box
# and digit: a good answer.
#
# **Press the button.** It saves the same five labels, each a digit and its box, in another order. Nothing else changes.
# Watch the two losses.

# %%
from helpers.widgets import SavedAgain

SavedAgain()

# %% [markdown]
# *By position* compares the first guess with the first label, the second with the second, and so on; the others
# should say "nothing". Every press changes it: it grades the order of a file. *As a set* first asks which guess belongs to
# which label, and stays put. This loss, our subject, trains the detectors DETR (2020) and YOLOS (2021).

# %% [markdown]
# **You will be able to** say why the loss of a detector must not see any order, and name every step from a picture to
# that loss.
#
# **Time** 20 minutes, 30 with the exercise. **You need** PyTorch tensors.
#
# <details><summary>How to read along, how to lecture with it</summary>
#
# Run the cells from top to bottom with Shift + Enter; everything works without the internet. Every result is stored, so
# you can also just read. Where it says *predict*, decide first: a click on your choice is your vote, and opens an answer
# to it. In a lecture, let the room vote with raised hands.
#
# </details>

# %%
from itertools import permutations

import torch
from scipy.optimize import linear_sum_assignment

from helpers import HungarianMatcher, SetCriterion, figures
from helpers.checks.start import check_gentlest_swap
from helpers.detector import load_detector
from helpers.figures import assignment, slots
from helpers.scenes import running_example

# %% [markdown]
# ## One picture, twelve guesses
#
# Five digits, written by real people (the upper "1" is no "7"); the detector has never seen these. It always answers
# with twelve guesses, A to L: each is a box, and eleven logits for ten digits and one more class, [**no
# object**](glossary.md#no-object). The labels, as tensors, are called *targets*.

# %%
image, annotation = running_example()
model, image_processor = load_detector()
inputs = image_processor(images=image, annotations=annotation, return_tensors="pt")
targets = [{name: inputs["labels"][0][name] for name in ("class_labels", "boxes")}]  # all that the loss reads
with torch.no_grad():
    outputs = model(inputs["pixel_values"])
print("labels", targets[0]["class_labels"].tolist(), " target boxes", tuple(targets[0]["boxes"].shape))
print("logits", tuple(outputs.logits.shape), " pred_boxes", tuple(outputs.pred_boxes.shape))

# %%
figure, (left, right) = figures.new_figure(10, 5.2, columns=2)
figures.draw_image(left, image, "The truth: five targets")
figures.draw_targets(left, image, targets[0])
figures.draw_image(right, image, "The answer: twelve guesses")
corners, probabilities = figures.pixel_corners(outputs.pred_boxes[0], image), outputs.logits[0].softmax(-1)
slots.draw_guesses(right, corners, probabilities)
figures.show(figure, "Five targets in orange; twelve guesses in blue, named where they claim an object.")

# %% [markdown]
# The faint guesses say "no object". The good ones are in no order: the first guess, A, has a "1", while the first label is
# the "3".
#
# **Predict first.** As a set, this answer has a loss of about a half. Five labels have 120 orders: in how many does the
# loss by position fall below 1?
#
# <details><summary>In about half of them</summary>
#
# In none. Of the first five guesses, C, D and E say "no object". Whatever label comes to stand beside them, they are
# called wrong.
#
# </details>
#
# <details><summary>In one: the order that agrees with that of the guesses</summary>
#
# Not even in one. The five good guesses are A, B, F, G and J. By position A to E are compared with the labels, so F, G
# and J are told to say "no object" in every order.
#
# </details>
#
# <details><summary>In none</summary>
#
# Yes. The good guesses are A, B, F, G and J, but by position A to E are compared with the labels. No
# order of the labels can mend that.
#
# </details>


# %%
def by_position(order, guesses=(0, 1, 2, 3, 4)):
    """The loss when the k-th of these guesses is compared with label order[k], the others with "no object"."""
    pairs = [(torch.tensor(guesses), torch.tensor(order))]  # given, so no matcher is asked
    # eos_coef is the weight of "no object", see 07
    criterion = SetCriterion(lambda *_: pairs, num_classes=10, eos_coef=model.config.eos_coefficient)
    return float(criterion.total(criterion(outputs, targets)))


losses = [by_position(order) for order in permutations(range(5))]
print(f"by position, in the order of the file: {by_position((0, 1, 2, 3, 4)):.1f}")
print(f"in all 120 orders: least {min(losses):.1f}, mean {sum(losses) / 120:.1f}, most {max(losses):.1f}")

# %% [markdown]
# The same answer gets all these grades. To lower such a loss, a network would have to learn in which order somebody wrote
# the file. **A set has no order, so its loss must not see one.** Think of twelve
# [taxis](glossary.md#taxi) and five passengers: first it is decided, for all of them together, who picks up whom.

# %% [markdown]
# ## The way, on one page
#
# That is the [set-prediction loss](glossary.md#set-prediction-loss). The map shows the whole way from a picture to its
# loss; the numbers are the notebooks that explain each step. What follows here is a first, quick look at its right half.

# %%
figure, axes = figures.new_figure(10.5, 3.7)
figures.draw_course_map(axes)
figures.show(figure, "From one image to one number: seven stages, the targets joining at the costs.")

# %% [markdown]
# ## A cost for every pair, then one match
#
# Each of the sixty pairs has a [cost](glossary.md#cost): is the guess sure of the target's class, do the boxes' numbers
# agree, do they overlap? Differing boxes raise it; certainty and overlap lower it, below zero for a good pair. Five cells
# are chosen, no row or column twice, with the least sum.

# %%
matcher = HungarianMatcher()
cost = matcher.cost_matrices(outputs, targets)[0]["total"].numpy()  # (12, 5)
guess, label = linear_sum_assignment(cost)
names = [f'"{digit}"' for digit in targets[0]["class_labels"].tolist()]
print("match:", *(f"{figures.LETTERS[g]}-{names[t]}" for g, t in zip(guess, label)))
print(f"cost of the match {cost[guess, label].sum():.1f}")
figure = assignment.matrix_figure(cost, "Sixty pairs, five chosen", names, image, targets[0], rings=(guess, label))
figures.show(figure, "The cost of all sixty pairs; the five matched cells, ringed, are dark: cheap.")

# %% [markdown]
# Certainty counts once, overlap twice (see 04): a perfect pair would cost −3. Here each ringed cell is the lowest of its
# column: every target gets the guess that suits it best. Where two targets want the same guess, only one can have it.
# Notebook 05 is about that.

# %% [markdown]
# ## From the match to the loss
#
# The match *pairs*, the loss *grades*: all twelve guesses on their class, by [cross-entropy](glossary.md#cross-entropy);
# seven should say "no object". The other five are graded on their box, too, and their grades averaged: L1, the four
# absolute differences, summed, and 1 − GIoU (GIoU measures overlap, 1 for equal boxes). A perfect answer nears 0.

# %%
criterion = SetCriterion(matcher, num_classes=10, eos_coef=model.config.eos_coefficient)
terms = criterion(outputs, targets)
loss = criterion.total(terms)
figure, axes = figures.new_figure(10, 2.6)
figures.draw_loss_bar(axes, terms, criterion.weights, "One number, three parts")
figures.show(figure, "The loss of this answer: class, L1 and GIoU, each times its weight, which DETR's authors chose.")

# %% [markdown]
# The model comes from the `transformers` library, which computes this loss, too, when it gets labels. Our `helpers` and
# the library should give the same number:

# %%
with torch.no_grad():
    reference = model(inputs["pixel_values"], labels=targets).loss
print(f"helpers       {float(loss):.6f}")
print(f"transformers  {float(reference):.6f}")
assert abs(loss - reference) < 1e-6

# %% [markdown]
# ## Drag B off the "3"
#
# **Predict first.** D and H lie on the "3", too: compare the first column above. Go back to the top, press Reset, and drag B
# slowly away from the "3". Who takes over?
#
# <details><summary>D: its box fits well</summary>
#
# D has a good box, but is nearly sure of "no object", as 02 shows. H has a good box, too, and half says "3": H takes
# over, when B has gone about five pixels. The loss as a set jumps at that moment.
#
# </details>
#
# <details><summary>H: it half says "3"</summary>
#
# Yes, when B has gone about five pixels. The loss jumps at that moment: H is less sure than B was, and B, which still says
# "3", should now say "no object".
#
# </details>
#
# <details><summary>Nobody, as long as B touches the digit</summary>
#
# B loses it much earlier, after about five pixels, although it still covers most of the "3". H stands there, half says
# "3", and is then the cheaper of the two.
#
# </details>
#
# Then drag B on. The loss as a set stands still: nobody grades the box of a guess that has no target.

# %% [markdown]
# ## Exercise: the gentlest swap
#
# The cell below gives the loss by position the five matched guesses, in the order of the labels: now it equals the loss
# of the set. Then let two labels, digit and box, change places. Which two do the least harm? Return their places, 0 to 4.
#
# [A solution](solutions/00.ipynb)

# %%
matched = tuple(guess[label.argsort()].tolist())  # each label's guess, in the order of the labels
print(f"in the order of the match {by_position((0, 1, 2, 3, 4), matched):.2f}, as a set {float(loss):.2f}")


def positional_loss(order):
    """What you may call: the loss for an order of the labels, such as (0, 1, 2, 3, 4)."""
    return by_position(order, matched)


# %% tags=["exercise"]
def gentlest_swap():
    return None  # for example (0, 2)


# %%
check_gentlest_swap(gentlest_swap, positional_loss, names)

# %% [markdown]
# <details><summary>A hint</summary>
#
# The loss has a part for the class and a part for the box. Which swap leaves one of the parts as it was?
#
# </details>


# %% [markdown]
# ## What we learned
#
# - A detector's answer is a set. A loss that compares by position grades the order of a file.
# - So it is decided first, for all together, which guess belongs to which target: least total cost, one guess each.
# - Then every guess is graded on its class, and the matched ones on their box.

# %% [markdown]
# **Test yourself.** A picture shows no object at all. Can its loss still be above zero?
#
# <details><summary>No: there is nothing to find</summary>
#
# It can. Nothing is matched, so no box is graded. But all twelve guesses should say "no object", and each that does not
# adds to the class part.
#
# </details>
#
# <details><summary>Yes</summary>
#
# Yes, by its class part alone: all twelve guesses should say "no object". The box parts are zero, since nothing is
# matched.
#
# </details>
#
# **Next:** [01, what happens between the image and the hidden states](01_image_to_hidden_states.ipynb).
