# %% [markdown]
# # How do you grade a set of guesses?
#
# A detection transformer answers a picture with a [**set**](glossary.md#set-prediction) of boxes. To learn, it needs one number that says how wrong
# the set is. Here you walk the whole way once, to that number: the loss of DETR (2020), which YOLOS (2021) uses with a
# plain vision transformer.

# %% [markdown]
# **You will be able to** name every stage, and say why the loss must not care about order.
# **Time** 20 minutes, 35 with the exercise. **You need** PyTorch tensors.
#
# <details><summary>How to read along, how to lecture with it</summary>
#
# Run the cells from top to bottom with Shift + Enter; everything works without a network. Every result is stored, so
# you can also just read. Where it says *predict*, decide first and open the answer then. In a lecture, show the
# picture, let the room vote, open the fold.
#
# </details>

# %%
from itertools import permutations

import torch
from scipy.optimize import linear_sum_assignment

from helpers import HungarianMatcher, SetCriterion, figures
from helpers.checks.start import check_gentlest_swap
from helpers.detector import detection_states, load_detector
from helpers.figures import slots
from helpers.scenes import running_example
from helpers.widgets import MatchingPlayground

# %% [markdown]
# ## One image, five objects
#
# Five digits, written by real people, laid on a sheet of paper. The detector below has never seen these five. Two of
# them are of the same class; keep an eye on them.

# %%
image, annotation = running_example()
names = [f'"{thing["category_id"]}"' for thing in annotation["annotations"]]
print("labels:", *names)
annotation["annotations"][0] | {"segmentation": "..."}

# %% [markdown]
# An annotation in COCO's format gives `bbox` as left, top, width, height in pixels, and `category_id`, the class. The
# [image processor](glossary.md#image-processor) turns image and annotations into what a model takes: `pixel_values` and `labels`.

# %%
model, image_processor = load_detector()
inputs = image_processor(images=image, annotations=annotation, return_tensors="pt")
targets = [{name: inputs["labels"][0][name] for name in ("class_labels", "boxes")}]
{name: tuple(value.shape) for name, value in targets[0].items()}

# %% [markdown]
# ## Twelve guesses
#
# The detector, a YOLOS of half a million parameters, always answers with twelve guesses, named A to L. Each has a box
# and eleven logits: ten digits, and one last class that means [**no object**](glossary.md#no-object).

# %%
with torch.no_grad():
    outputs = model(inputs["pixel_values"])
probabilities = outputs.logits[0].softmax(-1)  # (12, 11)
object_probability = 1 - probabilities[:, -1]
print("pred_boxes", tuple(outputs.pred_boxes.shape), " logits", tuple(outputs.logits.shape))
print("guesses that claim an object:", int((object_probability > 0.5).sum()))

figure, (left, right) = figures.new_figure(10, 5.2, columns=2)
figures.draw_image(left, image, "The truth: five targets")
figures.draw_targets(left, image, targets[0])
figures.draw_image(right, image, "The answer: twelve guesses")
slots.draw_guesses(right, figures.pixel_corners(outputs.pred_boxes[0], image), probabilities)
figures.show(figure, "Five targets in orange; twelve guesses in blue, named where they claim an object.")

# %% [markdown]
# The faint ones say "no object", and there have to be some: twelve guesses, five digits. A good answer, though not a
# sure one: one "1" looks much like a "7", and a second guess stands on the "3". How wrong are the twelve together? A
# loss must compare guesses with targets. But which guess with which target?

# %% [markdown]
# ## The first idea: compare by position
#
# The first guess with the first label, the second with the second. To give this idea its best chance, we cheat: a
# matcher, explained below, picks the best guess for each label. Then good guess `k` is compared with label `order[k]`,
# by the real loss; ignore its arguments for now.

# %%
matcher = HungarianMatcher()
guesses, labels = matcher(outputs, targets)[0]
good = guesses[labels.argsort()]  # the good guess of each label, in the labels' order
print(*(f"{name} <- {figures.LETTERS[guess]}" for name, guess in zip(names, good)), sep="   ")


def positional_loss(order):
    """The loss when the labels stand in this order and are compared with the guesses by position."""
    criterion = SetCriterion(lambda *_: [(good, torch.tensor(order))], num_classes=10, eos_coef=1.0)
    return float(criterion.total(criterion(outputs, targets)))


print(f"labels in the order of the good guesses: {positional_loss([0, 1, 2, 3, 4]):.2f}")

# %% [markdown]
# **Predict first.** Somebody saves the annotation file again, and the same five digits come out in another order. The
# picture has not changed, nor has a single guess. What happens to this loss?
#
# <details><summary>Predict, then open</summary>
#
# It explodes. For nearly every one of the 120 orders it calls a good answer terrible. The next cells show
# by how much.
#
# </details>

# %%
losses = {order: positional_loss(order) for order in permutations(range(5))}
ranked = sorted(losses.values())
mean = sum(ranked) / len(ranked)
print(f"best order {ranked[0]:.2f}, next best {ranked[1]:.2f}, mean of all {len(ranked)}: {mean:.1f}")

figure, axes = figures.new_figure(10, 3.6)
axes.hist(ranked[1:], bins=40, color=figures.NO_OBJECT, edgecolor="white")
axes.hist(ranked[:1], bins=[ranked[0] - 0.15, ranked[0] + 0.15], color=figures.MATCH)
axes.annotate("the right order", (ranked[0], 1.3), (ranked[0] + 1.2, 6), ha="center", color=figures.MATCH,
              fontweight="bold", arrowprops={"arrowstyle": "-|>", "color": figures.MATCH})  # fmt: skip
axes.set(xlabel="loss", ylabel="orders of the labels", title="119 of 120 orders punish a good answer")
figures.show(figure, "The loss by position, for all 120 orders of the same five labels; one of them is fair.")

# %% [markdown]
# A network trained on this would learn the habits of the annotation file. **A set has no order, so its loss must not
# see one.** Think of twelve [taxis](glossary.md#taxi) and five passengers: first it is decided, jointly, who picks up whom. Then each
# taxi is judged by its own fare, and an idle taxi by whether it says "nothing".

# %% [markdown]
# ## The way, on one page
#
# That is the [set-prediction loss](glossary.md#set-prediction-loss) of DETR and YOLOS. The rest of this notebook walks the map once, in short steps. The
# numbers below the stages are the notebooks that explain them.

# %%
figure, axes = figures.new_figure(11, 3.7)
figures.draw_course_map(axes)
figures.show(figure, "From one image to one number: seven stages, the targets joining at the costs.")

# %% [markdown]
# ## Image to hidden states
#
# The image is cut into 8 rows of 8 patches, each 16 × 16 pixels. With one extra token, [CLS], in front and twelve [**detection
# tokens**](glossary.md#detection-token) at the end, that is a sequence of 1 + 64 + 12 = 77 places, 96 numbers each. Every layer lets each place
# look at all the others.

# %%
with torch.no_grad():
    sequence = model.vit(inputs["pixel_values"]).last_hidden_state
states = detection_states(sequence, model.config.num_detection_tokens)  # the last 12
print("last_hidden_state", tuple(sequence.shape), "-> detection states", tuple(states.shape))

# %% [markdown]
# Only the last twelve states go on. Two small heads read each of them: one gives the class logits, one the box as
# center x, center y, width, height, in fractions of the image.

# %%
with torch.no_grad():
    logits = model.class_labels_classifier(states)
    pred_boxes = model.bbox_predictor(states).sigmoid()
print("logits", tuple(logits.shape), "pred_boxes", tuple(pred_boxes.shape))
torch.testing.assert_close(logits, outputs.logits)
torch.testing.assert_close(pred_boxes, outputs.pred_boxes)

# %% [markdown]
# ## Three costs for every pair
#
# Twelve guesses and five targets make sixty pairs, and each pair has three [costs](glossary.md#cost). **Class**: minus the probability of
# the target's class. **L1**: the differences of the four box numbers, summed. **−GIoU**: −1 where the boxes are the
# same, towards 1 where they lie far apart. Their weights: 1, 5, 2.

# %%
costs = matcher.cost_matrices(outputs, targets)[0]
print({name: tuple(matrix.shape) for name, matrix in costs.items()})
total = costs["total"].numpy()
guess = total[:, 0].argmin()  # the cheapest guess for the first target
class_cost, l1, giou_cost, cost = (float(matrix[guess, 0]) for matrix in costs.values())
print(
    f"{figures.LETTERS[guess]} and {names[0]}:  1 · ({class_cost:.2f}) + 5 · {l1:.2f} + 2 · ({giou_cost:.2f}) = {cost:.2f}"
)

# %% [markdown]
# ## One match for all
#
# Now the joint decision: choose five cells, no two in the same row or column, with the least sum. There are 95,040
# ways; SciPy finds the best at once.

# %%
guess, label = linear_sum_assignment(total)
print("match:", *(f"{figures.LETTERS[g]}-{names[t]}" for g, t in zip(guess, label)))
print(f"its cost: {total[guess, label].sum():.2f}")

titles = {
    "class_cost": "class: −p",
    "bbox_cost": "L1",
    "giou_cost": "−GIoU",
    "total": "1 · class + 5 · L1 + 2 · (−GIoU)",
}
figure, panels = figures.new_figure(13, 5.6, columns=4, width_ratios=[1, 1, 1, 1.1])
for axes, (name, title) in zip(panels, titles.items()):
    figures.draw_matrix(axes, costs[name], title, names, rings=(guess, label))
    figures.draw_column_thumbnails(axes, figures.thumbnails(image, targets[0]))
figures.show(figure, "Three costs and their weighted sum; the five matched cells, ringed, are dark in the sum: cheap.")

# %% [markdown]
# ## From the match to the loss
#
# The cost only *chose* the pairs. The loss *grades* the answer. All twelve guesses are graded on class, by [cross-entropy](glossary.md#cross-entropy):
# five should name their digit, seven say "no object". The matched are also graded on their box, by L1 and 1 − GIoU, so
# that perfect is 0. (`eos_coef` weighs "no object": see 07.)

# %%
criterion = SetCriterion(matcher, num_classes=10, eos_coef=model.config.eos_coefficient)
terms = criterion(outputs, targets)
loss = criterion.total(terms)
for name, value in terms.items():
    print(f"{name:18}{float(value):.4f}  weight {criterion.weights.get(name, 0):g}")

figure, axes = figures.new_figure(10, 2.6)
figures.draw_loss_bar(axes, terms, criterion.weights, "One number, three parts")
figures.show(figure, "The loss of the running example: class, L1 and GIoU, each times its weight.")

# %% [markdown]
# ## Is it the real loss?
#
# The model comes from the `transformers` library, and computes its own loss when it gets labels. Two programs, one
# number. (The fourth term, `cardinality_error`, counts objects claimed too many or too few. It has no weight and no
# gradient, so it is no part of the sum.)

# %%
with torch.no_grad():
    reference = model(inputs["pixel_values"], labels=targets).loss
print(f"helpers       {float(loss):.6f}")
print(f"transformers  {float(reference):.6f}")
assert abs(loss - reference) < 1e-6

# %% [markdown]
# ## Move it, break it
#
# Now shuffle the labels yourself: change `new_order` and run the cell. The last line breaks it: one label is listed
# twice, and one is left out.
#
# <details><summary>Predict first, then open</summary>
#
# Any shuffle moves the loss by position; the set-prediction loss stays where it is, since columns of the cost matrix
# change places and the match goes with them.
#
# The doubled label is wrong. By position the loss more than triples; as a set it rises much less, from 0.52 to 0.74:
# H, the second guess on the "3", takes the second one, and the "1" that looked like a "7" is gone. A loss knows only
# its targets.
#
# </details>

# %%
new_order = [4, 0, 3, 1, 2]
for order in ([0, 1, 2, 3, 4], new_order, [0, 0, 2, 3, 4]):
    shuffled = [{name: values[order] for name, values in targets[0].items()}]
    as_a_set = float(criterion.total(criterion(outputs, shuffled)))
    guess, label = matcher(outputs, shuffled)[0]
    graded = "".join(figures.LETTERS[n] for n in guess[label.argsort()])
    print(order, f"by position {positional_loss(order):.2f}, as a set {as_a_set:.2f}, by", graded)

# %% [markdown]
# ## Everything in your hands
#
# Below, the whole chain is alive, even before you run a cell: drag a box, and costs, match and loss follow. Drag B
# slowly off the "3": who takes over, and when?

# %%
MatchingPlayground(outputs=outputs, targets=targets, image=image, eos_coef=model.config.eos_coefficient)

# %% [markdown]
# ## Exercise: the gentlest swap
#
# Two labels change places, and the loss by position rises. Which two do the least harm? Return their positions, 0 to
# 4, and say why before you run the check.
#
# [A solution](solutions/00.ipynb)


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
# - A detector's answer is a set. A loss that compares by position punishes good answers for their order.
# - So the loss decides first, jointly, which guess answers for which target: least total cost, one guess each.
# - Then every guess is judged on its class, the matched ones on their box: here exactly the number `transformers` has.

# %% [markdown]
# **Test yourself.** A picture shows no object at all. Which of the four terms can still be above zero?
#
# <details><summary>Answer</summary>
#
# The class term, since all twelve guesses should say "no object", and the cardinality error, which only counts. The
# box terms are zero: nothing is matched.
#
# </details>
#
# **Next:** [01, what happens between the image and the hidden states](01_image_to_hidden_states.ipynb).
