# %% [markdown]
# # What is token F for?
#
# The detector answers with twelve guesses, A to L, one from each detection token. They look like a list: first, second,
# third.
#
# **Your move:** run the next cell (Shift and Enter), then slide the "3" slowly from left to right. Which letters answer? Where
# must it lie so that F answers?

# %%
from helpers.widgets import SceneLab

lab = SceneLab("a digit to slide")
lab

# %% [markdown]
# **You will be able to** go from hidden states to guesses by hand, recognise a wrong slice, and say what makes one token
# differ from another.
#
# **Time** 20 minutes to read, 40 with the exercises. **You need** [01](01_image_to_hidden_states.ipynb).
#
# **One click about 01.** At which places do the last hidden states of two pictures differ?
#
# <details><summary>At the 64 patches</summary>
#
# There they differ on entering. In the layers every token reads from the patches, so in the end all 77 places differ, also
# those of the detection tokens.
#
# </details>
#
# <details><summary>At all 77</summary>
#
# Yes. On entering only the patches differ; by the end every token has read from them, and so have the detection tokens.
#
# </details>

# %%
import copy

import torch

from helpers import HungarianMatcher, SetCriterion, figures
from helpers.checks.tokens import check_order_of_slots, check_slice_detection_states
from helpers.detector import load_detector
from helpers.figures.slots import draw_answers, draw_guesses, draw_slots, draw_stands
from helpers.scenes import HandwrittenScenes, running_example

model, image_processor = load_detector()
scenes = [running_example(), *HandwrittenScenes("test", length=200, seed=3)]  # one picture, then 200 unseen scenes
pictures, annotations = map(list, zip(*scenes))
inputs = image_processor(images=pictures, annotations=annotations, return_tensors="pt")
image, pixel_values, targets = pictures[0], inputs["pixel_values"][:1], [dict(inputs["labels"][0])]
many_targets = [dict(target) for target in inputs["labels"][1:]]
with torch.no_grad():
    outputs = model(pixel_values, output_hidden_states=True)
    many = model(inputs["pixel_values"][1:], output_hidden_states=True)
print("last_hidden_state:", tuple(outputs.last_hidden_state.shape), "and", tuple(many.last_hidden_state.shape))

# %% [markdown]
# ## Seventy-seven states, twelve of interest
#
# The transformer gives `last_hidden_state` (B, S, H): B images, S = 77 places, H = 96 numbers (sizes, no tokens). Places
# are [CLS], 64 patches, N = 12 detection tokens. Only tokens' states go on.
#
# **Exercise.** Slice them, in one line, for any batch and length: (B, S, H) and N in, (B, N, H) out.
#
# [A solution](solutions/02.ipynb)


# %% tags=["exercise"]
def slice_detection_states(last_hidden_state, num_detection_tokens):
    return None  # your code


# %%
used_slice = check_slice_detection_states(slice_detection_states)

# %% [markdown]
# ## Two heads, by hand
#
# A [head](glossary.md#head) is a small network that reads **one** state at a time; tokens do not meet here. One head
# gives K + 1 = 11 [logits](glossary.md#logit) (K: ten digits, not token K), no object last. The other gives a
# [box](glossary.md#center-box) $(c_x, c_y, w, h)$: center and size, which a sigmoid makes fractions of the image. Its
# left edge is $c_x - \tfrac{1}{2} w$.


# %%
def head(network, states):
    first, second, third = network.layers
    return third(second(first(states).relu()).relu())


@torch.no_grad()
def guesses_from(states):
    logits = head(model.class_labels_classifier, states)  # (B, N, K + 1)
    boxes = head(model.bbox_predictor, states).sigmoid()  # (B, N, 4)
    return {"logits": logits, "pred_boxes": boxes}


by_hand = guesses_from(used_slice(outputs.last_hidden_state, 12))
torch.testing.assert_close(by_hand["logits"], outputs.logits)
torch.testing.assert_close(by_hand["pred_boxes"], outputs.pred_boxes)

# %% [markdown]
# ## Read the wrong rows
#
# The heads take any twelve states, so a wrong slice raises no error. Below are the right reading and four slips. Drawn are
# the guesses that claim an object: their [**object probability**](glossary.md#object-probability), 1 minus that of "no
# object", is above 0.5. Which slips would you notice in the picture?

# %%
N = model.config.num_detection_tokens
readings = {  # each takes twelve rows of a run's states
    "the last N": lambda run: run.last_hidden_state[:, -N:],
    "one too early": lambda run: run.last_hidden_state[:, -N - 1 : -1],
    "[CLS] + 11 tokens": lambda run: run.last_hidden_state[:, [0, *range(65, 76)]],
    "before LayerNorm": lambda run: run.hidden_states[-1][:, -N:],
    "the first N": lambda run: run.last_hidden_state[:, :N],
}
criterion = SetCriterion(HungarianMatcher(), num_classes=10, eos_coef=model.config.eos_coefficient)
figure, panels = figures.new_figure(13, 3.4, columns=5)
print(f"{'loss':18}{'of this picture':>16}{'of 200 scenes':>16}")
for axes, (name, read) in zip(panels, readings.items()):
    here, there = guesses_from(read(outputs)), guesses_from(read(many))
    loss, mean = (float(criterion.total(criterion(*pair))) for pair in ((here, targets), (there, many_targets)))
    draw_answers(axes, image, here, f"{name}\nloss {loss:.2f}")
    print(f"{name:18}{loss:16.2f}{mean:16.2f}")
figures.show(figure, "Five readings of one run, and the guesses that claim an object.")

# %% [markdown]
# The last two spoil all twelve rows. The two before lose only token L, which says "no object" here: a patch in its place
# claims one, which you see; [CLS] does not, and only the 200 scenes tell.
#
# ## Always twelve boxes
#
# The [**score**](glossary.md#score) is the largest of the ten digit probabilities; their sum is the object probability.

# %%
probabilities = outputs.logits[0].softmax(-1)  # (N, K + 1)
figure, (left, right) = figures.new_figure(12, 5.4, columns=2, width_ratios=[1, 1.1])
figures.draw_image(left, image, "Always twelve boxes")
draw_guesses(left, figures.pixel_corners(outputs.pred_boxes[0], image), probabilities)
draw_slots(right, probabilities, "What each token says")
figures.show(
    figure,
    "Left, all boxes, faint without a claim; "
    "right, dark blue is the score, dark and light blue together the object probability.",
)

# %% [markdown]
# ## What does each token claim?
#
# An [idle](glossary.md#idle-token) token says "no object", and its box is ignored: a taxi without a passenger.
#
# **Predict first.** What does token F claim, over 200 unseen scenes?
#
# <details><summary>The sixth object of a picture</summary>
#
# There is no sixth object: a picture has no order. F claims digits of every name, in one part of the picture, as the next
# figure shows.
#
# </details>
#
# <details><summary>Digits of one name, such as the "4"</summary>
#
# It has the "4" of the running example by its place, not by its name. Over many scenes F claims all ten digits, in one part
# of the picture.
#
# </details>
#
# <details><summary>Whatever lies in its part of the picture</summary>
#
# Yes. It claims all ten digits, and all of them in one region, up on the right: there it answered your "3".
#
# </details>

# %%
claims = 1 - many.logits.softmax(-1)[..., -1]  # (200, N): the object probability
figure, panels = figures.new_figure(12, 4.6, 6, 2)
draw_stands(panels.flat, many.pred_boxes, claims, highlight="F")
figures.show(figure, "A map of the image for each token: a dot is the center of a box that it claims, F's in a frame.")

# %%
place = figures.LETTERS.index("F")
digits = many.logits[:, place, :-1].argmax(-1)[claims[:, place] > 0.5].bincount(minlength=10)  # (K,)
print(f"F claimed {digits.sum()}:", ", ".join(f'{count} × "{digit}"' for digit, count in enumerate(digits.tolist())))

# %% [markdown]
# Like taxis, tokens have [*stands*](glossary.md#stand): slid straight across, your "3" passed from B to A, C, J, K, I and,
# on the right, F and E. Nobody assigned these: they arose in training, from random beginnings. (Figure 7 of DETR's paper is
# such a map.) D and G claim few: their dots lie within the stands of B and H.

# %% [markdown]
# ## Swap two tokens
#
# So what makes F wait where it waits? Two vectors enter at its **slot**, *added*: its detection token and its position.
# Exchange both vectors of F, which has the "4", with those of B, which has the "3", and run the network.
#
# **Predict first.** What happens to the loss?
#
# <details><summary>It stays exactly the same</summary>
#
# Yes: the two guesses change places, and that is all. Attention is a sum over places, and a sum has no order; the heads read
# each state alone; the match picks rows wherever they stand.
#
# </details>
#
# <details><summary>It changes a little</summary>
#
# It does not change at all. Only the letters change places: attention is a sum over places, and a sum has no order; the heads
# read each state alone; the match picks rows wherever they stand.
#
# </details>
#
# <details><summary>It more than doubles</summary>
#
# It does if you exchange the tokens and leave the positions, as on the right of the figure. With both, it stays: attention is
# a sum over places, the heads read each state alone, and the match picks rows wherever they stand.
#
# </details>


# %%
@torch.no_grad()
def rearranged(order, with_positions=True):
    """A copy of the model in which place k of the detection tokens holds what stood at place order[k]."""
    other = copy.deepcopy(model)
    embeddings = other.vit.embeddings
    embeddings.detection_tokens[:] = embeddings.detection_tokens[:, order]
    if with_positions:
        embeddings.position_embeddings[:, -N:] = embeddings.position_embeddings[:, -N:][:, order]
    return other


first, second = figures.LETTERS.index("B"), figures.LETTERS.index("F")  # or any other two
order = list(range(N))
order[first], order[second] = second, first

# %%
with torch.no_grad():
    both, alone = rearranged(order)(pixel_values), rearranged(order, with_positions=False)(pixel_values)
assert torch.allclose(both.pred_boxes, outputs.pred_boxes[:, order], atol=1e-4)
figure, panels = figures.new_figure(10.4, 3.9, columns=3)
for axes, name, answer in zip(panels, ("as trained", "both vectors", "tokens alone"), (outputs, both, alone)):
    loss = float(criterion.total(criterion(answer, targets)))
    draw_answers(axes, image, answer, f"{name}: loss {loss:.4f}", [figures.LETTERS[n] for n in (first, second)])
figures.show(figure, "Two tokens swapped: with their positions, only the letters change places.")

# %%
token, position = model.vit.embeddings.detection_tokens[0], model.vit.embeddings.position_embeddings[0, -N:]  # (N, H)
alike = torch.cosine_similarity(token, position).mean()
before, after = token + position, token[order] + position  # what enters, as trained and with the tokens alone swapped
apart = ((sums[first] - sums[second]).norm() for sums in (before, after))
print("token and its position: cosine {:.2f}; distance of the two sums: {:.1f}, then {:.1f}".format(alike, *apart))

# %% [markdown]
# *Tokens alone*: entering as a sum, token and position got the same gradients and grew alike: B's token plus F's position
# is nearly F's token plus B's. Near twins: here both answer the "3", nobody the "4".
#
# ## Break it: two of a kind
#
# Make exact twins: C, idle here, gets both vectors of F. Would training keep them alike?

# %%
good, idle = figures.LETTERS.index("F"), figures.LETTERS.index("C")
twins = rearranged([good if n == idle else n for n in range(N)])
answer = twins(pixel_values)
assert torch.allclose(answer.pred_boxes[0, good], answer.pred_boxes[0, idle], atol=1e-4)  # both answer the "4"
terms = criterion(answer, targets)
print(f"class term as trained {criterion(outputs, targets)['loss_ce']:.3f}, with twins {terms['loss_ce']:.3f}")

# %%
criterion.total(terms).backward()
gradient = twins.vit.embeddings.detection_tokens.grad[0]  # (N, H)
cosine = torch.cosine_similarity(gradient[good], gradient[idle], dim=0)
print(f"gradients of F and its twin C: cosine {cosine:.1f}")

# %% [markdown]
# No: one twin gets the "4", the other should say "no object", which raises the class term. Their gradients point
# apart.
#
# ## Exercise: put the slots in order
#
# By position, guess k met label k. Make that work: return an order of tokens in which guess k answers label k. Token
# `prediction_index[i]` answers label `target_index[i]`; idle tokens follow.
#
# [A solution](solutions/02.ipynb)
#
# <details><summary>Would this order serve the next picture?</summary>
#
# No. There the digits lie elsewhere, so other tokens answer for them.
#
# </details>


# %% tags=["exercise"]
def order_of_slots(prediction_index, target_index, num_tokens):
    return None  # a list: place k names the token that should stand there


# %%
check_order_of_slots(order_of_slots, outputs, targets)

# %% [markdown]
# ## What we learned
#
# - The heads read the last N states; a wrong slice has the right shape.
# - Here tokens are for parts of the picture. Their vectors decide which, not their numbers.
#
# **Test yourself.** Guesses are sorted by score before the loss. Does training change?
#
# <details><summary>No</summary>
#
# Right, if logits and boxes are sorted together: the cost matrix gets its rows in another order, and the match goes with
# them. Sorting the logits alone would give each box the class of another token.
#
# </details>
#
# <details><summary>Yes, the order has changed</summary>
#
# Nothing on the way looks at the order. If logits and boxes are sorted together, the cost matrix gets its rows in another
# order, and the match goes with them.
#
# </details>
#
# **Your own photo:** `from helpers.widgets.photos import try_photo`, then, online, `try_photo("hustvl/yolos-tiny")`.
#
# **Next:** [03, wrong targets](03_targets.ipynb).
