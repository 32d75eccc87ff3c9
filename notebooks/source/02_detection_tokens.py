# %% [markdown]
# # What is token F for?
#
# The detector answers with twelve guesses, A to L. They look like a list: first, second, third. This notebook takes them
# apart until nothing of the list is left, and finds twelve [**slots**](glossary.md#slot) that could stand in any order.

# %% [markdown]
# **You will be able to** go from hidden states to boxes in pixels by hand, recognise the usual slicing errors by what they
# do to the loss, and say what makes one token differ from another.
#
# **Time** 20 minutes to read, 45 with the exercises. **You need** [01](01_image_to_hidden_states.ipynb).
#
# <details><summary>The three questions of this notebook, and an idea to leave behind</summary>
#
# Which states do the heads read? How do numbers become boxes? What does the place of a token in the sequence mean?
#
# The idea to leave behind: "the first token finds the first object". There is no first object.
#
# </details>

# %%
import copy

import torch

from helpers import HungarianMatcher, SetCriterion, figures
from helpers.checks.tokens import check_decode_boxes, check_order_of_slots, check_slice_detection_states
from helpers.detector import decode, load_detector
from helpers.figures.slots import draw_answers, draw_guesses, draw_slots, draw_stands
from helpers.scenes import HandwrittenScenes, running_example
from helpers.widgets import SceneLab

# %% [markdown]
# ## Seventy-seven states, twelve of interest
#
# The transformer gives `last_hidden_state` (B, S, H): B images, S = 77 places, H = 96 numbers each. Places are [CLS], 64
# patches, N = 12 detection tokens. Only the tokens' states go on. We run the detector on the running example, and on 200
# more scenes that training never saw.


# %%
def read_in(pictures, annotations):
    """The image processor's tensors: pixel_values (B, 3, 128, 128) and the targets, a list of B dicts."""
    inputs = image_processor(images=pictures, annotations=annotations, return_tensors="pt")
    return inputs["pixel_values"], [dict(target) for target in inputs["labels"]]


model, image_processor = load_detector()
image, annotation = running_example()
pixel_values, targets = read_in([image], [annotation])
many_pixels, many_targets = read_in(*map(list, zip(*HandwrittenScenes("test", length=200, seed=3))))
with torch.no_grad():
    outputs, many = (model(pixels, output_hidden_states=True) for pixels in (pixel_values, many_pixels))
print("last_hidden_state:", tuple(outputs.last_hidden_state.shape), "and", tuple(many.last_hidden_state.shape))

# %% [markdown]
# ## Exercise: slice the detection states
#
# One line. It should work for any batch, any length, any number of tokens: (B, S, H) and N in, (B, N, H) out.
#
# [A solution](solutions/02.ipynb)


# %% tags=["exercise"]
def slice_detection_states(last_hidden_state, num_detection_tokens):
    return None  # your code


# %%
used_slice = check_slice_detection_states(slice_detection_states)

# %% [markdown]
# ## Two heads, applied by hand
#
# A [head](glossary.md#head) is a small network of three matrices with a ReLU between them. It reads **one** state at a time; tokens do not
# meet here. One head gives K + 1 = 11 [logits](glossary.md#logit): K = 10 digits, and no object last. The other gives four numbers, and a
# sigmoid brings them between 0 and 1.


# %%
def head(network, states):
    first, second, third = network.layers
    return third(second(first(states).relu()).relu())


@torch.no_grad()
def guesses_from(states):
    logits = head(model.class_labels_classifier, states)  # (B, N, K + 1)
    boxes = head(model.bbox_predictor, states).sigmoid()  # (B, N, 4): center x, center y, width, height
    return {"logits": logits, "pred_boxes": boxes}


# %%
by_hand = guesses_from(used_slice(outputs.last_hidden_state, 12))
torch.testing.assert_close(by_hand["logits"], outputs.logits)
torch.testing.assert_close(by_hand["pred_boxes"], outputs.pred_boxes)

# %% [markdown]
# ## Read the wrong rows
#
# The heads take any twelve states; a wrong slice raises no error. Here are four slips that people make. We draw guesses
# whose [**object probability**](glossary.md#object-probability) is above 0.5: 1 minus the probability of no object.
# **Predict first:** which one is the hardest to notice?
#
# <details><summary>Predict, then open</summary>
#
# The two that lose a single token, the last one, L: "one too early" reads the last patch in its place, the other reads
# [CLS]. Eleven of their guesses are right. In one scene the loss may hardly move, if L was idle there; over many scenes
# it does. "Before LayerNorm" loses no token, and "the first N" loses all.
#
# </details>

# %%
N = model.config.num_detection_tokens
slices = {
    "the last N": lambda run: run.last_hidden_state[:, -N:],
    "one too early": lambda run: run.last_hidden_state[:, -N - 1 : -1],
    "[CLS] + 11 tokens": lambda run: run.last_hidden_state[:, [0, *range(65, 76)]],
    "before LayerNorm": lambda run: run.hidden_states[-1][:, -N:],
    "the first N": lambda run: run.last_hidden_state[:, :N],
}
criterion = SetCriterion(HungarianMatcher(), num_classes=10, eos_coef=model.config.eos_coefficient)
figure, panels = figures.new_figure(12, 3.1, columns=5)
for axes, (name, rows) in zip(panels, slices.items()):
    here, there = guesses_from(rows(outputs)), guesses_from(rows(many))
    loss, mean = (float(criterion.total(criterion(*pair))) for pair in ((here, targets), (there, many_targets)))
    draw_answers(axes, image, here, f"{name}\nloss {loss:.2f}")
    print(f"{name:22}loss {loss:5.2f} here,{mean:6.2f} in 200 scenes")
figures.show(figure, "Five slices of the same states, and their guesses with an object probability above 0.5.")

# %% [markdown]
# Every slip gives twelve guesses of the right shape and no error. In this scene one hardly moves the loss; over 200
# scenes all raise it. So compute the loss once over many scenes, with a detector whose loss you know.

# %% [markdown]
# ## From four numbers to a box
#
# A guess has [center x, center y, width and height](glossary.md#center-box), as fractions of the image. People draw corners, in pixels. For an
# image W pixels wide:
#
# $$\text{left} = (c_x - \tfrac{1}{2} w)\,W, \qquad \text{right} = (c_x + \tfrac{1}{2} w)\,W$$
#
# and the same for top and bottom with the image's height. Fractions fit any size of the same picture.

# %% [markdown]
# ## Exercise: decode the boxes
#
# Turn `pred_boxes` (N, 4) into (left, top, right, bottom) in pixels, (N, 4).
#
# [A solution](solutions/02.ipynb)


# %% tags=["exercise"]
def decode_boxes(pred_boxes, width, height):
    return None  # your code


# %%
check_decode_boxes(decode_boxes, outputs, image)

# %% [markdown]
# ## All twelve guesses
#
# The softmax of the eleven logits gives each guess a probability for every digit and for "no object". The largest one of a
# digit is the [**score**](glossary.md#score) that detectors report; `decode` in `helpers` keeps guesses by it. All ten digits together make the
# object probability, so it is never below the score.

# %%
probabilities = outputs.logits[0].softmax(-1)  # (N, K + 1)
found = decode(outputs, [image.size], threshold=0.5)[0]
print(f"{len(found['scores'])} of {N} guesses have a score above 0.5")
figure, (left, right) = figures.new_figure(12, 5.4, columns=2, width_ratios=[1, 1.1])
figures.draw_image(left, image, "Always twelve boxes")
draw_guesses(left, figures.pixel_corners(outputs.pred_boxes[0], image), probabilities)
draw_slots(right, probabilities, "What each token says")
figures.show(figure, "Left, twelve boxes, faint where the object probability is below 0.5; "
             "right, the score in dark blue and as a number, the object probability as all the blue.")  # fmt: skip

# %% [markdown]
# Every token has a box, always: there is no way to leave it out. An [idle token](glossary.md#idle-token) says "no object", and then nobody looks at
# its box. Twelve taxis, five passengers: the others report that they are free.

# %% [markdown]
# ## Every token has its stand
#
# Does token F find the third object, or the "5"? Neither. Over the 200 scenes, we mark where each token found something,
# that is, where its object probability is above 0.5. Then we count which digits F found.

# %%
claims = 1 - many.logits.softmax(-1)[..., -1]  # (200, N): the object probability
figure, panels = figures.new_figure(12, 4.6, 6, 2)
draw_stands(panels.flat, many.pred_boxes, claims, highlight="F")
figures.show(
    figure,
    "One map of the image per token: a dot is the center of a box it found, the number counts them; F in the frame.",
)

# %%
place = figures.LETTERS.index("F")
digits = many.logits[:, place, :-1].argmax(-1)[claims[:, place] > 0.5].bincount(minlength=10)  # (K,)
print(f"F found {digits.sum()}:", ", ".join(f'{count} × "{digit}"' for digit, count in enumerate(digits.tolist())))

# %% [markdown]
# Like taxis, tokens have [*stands*](glossary.md#stand): each waits in its part of the town. Token F is for whatever lies in its region, whatever
# the digit. Nobody assigned the stands; training did, from random beginnings. (DETR's paper draws its slots like this, in
# Figure 7.) But a stand belongs to the token, not to its number in the list.

# %% [markdown]
# ## Move it: a digit along the sheet
#
# Here the picture is in your hands: the page runs the detector on every change. Slide the "3" slowly from left to right.
# Who answers, and what does the loss say of it?
#
# <details><summary>Move first, then open</summary>
#
# One token after the other, each in its stand: on the way you meet eight of them. The loss goes up and down a little, and
# does not care who answers. Then choose "the running example" and remove the "3": the "1" beside it is lost, too. A token
# answers to the whole picture, not to its own corner alone.
#
# </details>

# %%
lab = SceneLab("a digit to slide")
figures.show(lab.figure(), 'One "3" on an empty sheet, and the token that answers, B.')
lab

# %% [markdown]
# ## Swap two tokens
#
# Here a slot is two vectors: a detection token and a position. (With mid-layer positions it is more, and all must move.)
# Exchange both between two slots, the surest two, and run the network. **Predict first:** what happens to the guesses, and
# to the loss? And if you exchange the tokens but leave the positions?
#
# <details><summary>Predict, then open</summary>
#
# Both: the two guesses change places, and the loss stays, digit for digit. Tokens alone: each of the two is now a mixture
# that was never trained. The loss usually rises.
#
# </details>

# %%
matched = HungarianMatcher()(outputs, targets)[0][0].tolist()
first, second = sorted((1 - probabilities[:, -1]).topk(2).indices.tolist())  # or any two of 0 to 11


@torch.no_grad()
def rearranged(order, with_positions=True):
    """A copy of the model in which place k of the detection tokens holds what stood at place order[k]."""
    other = copy.deepcopy(model)
    embeddings = other.vit.embeddings
    embeddings.detection_tokens[:] = embeddings.detection_tokens[:, order]
    if with_positions:
        embeddings.position_embeddings[:, -N:] = embeddings.position_embeddings[:, -N:][:, order]
    return other


# %%
order = list(range(N))
order[first], order[second] = second, first
with torch.no_grad():
    both, alone = rearranged(order)(pixel_values), rearranged(order, with_positions=False)(pixel_values)
assert torch.allclose(both.pred_boxes, outputs.pred_boxes[:, order], atol=1e-4)
pair = [figures.LETTERS[first], figures.LETTERS[second]]
figure, panels = figures.new_figure(12, 4.4, columns=3)
answers = {"as trained": outputs, "tokens and positions": both, "tokens alone": alone}
for axes, (name, answer) in zip(panels, answers.items()):
    loss = float(criterion.total(criterion(answer, targets)))
    draw_answers(axes, image, answer, f"{name}: loss {loss:.4f}", pair)
figures.show(figure, "Two tokens swapped: with their positions, only the letters change places.")

# %% [markdown]
# Attention is a sum over places, and a sum has no order; the heads read each state alone; the matching picks rows wherever
# they stand. So nothing on the whole way knows which token is first. Place number 5 means no more than the letter F on
# its door.

# %% [markdown]
# ## Break it: two of a kind
#
# Now give another place the same token and the same position as a good one. **Predict first:** two identical taxis,
# one passenger. What do they answer, and what does the loss say?
#
# <details><summary>Predict, then open</summary>
#
# Both get the same numbers on the whole way, so both claim the object with the same box. The match takes one of them;
# the other should say "no object", and the class term rises.
#
# </details>

# %%
idle = next(token for token in range(N) if token not in matched)
good = int(matched[0])
twins = rearranged([good if token == idle else token for token in range(N)])
answer = twins(pixel_values)
assert torch.allclose(answer.pred_boxes[0, good], answer.pred_boxes[0, idle], atol=1e-4)
terms = {"as trained": criterion(outputs, targets), "twins": criterion(answer, targets)}
for name, losses in terms.items():
    values = (f"{term} {losses[term].item():.3f}" for term in ("loss_ce", "loss_bbox", "loss_giou"))
    print(f"{name:12}", *values, sep="  ")

# %%
criterion.total(terms["twins"]).backward()
pull = twins.vit.embeddings.detection_tokens.grad[0]  # (N, H)
apart = (pull[good] - pull[idle]).norm() > 0.1 * pull[good].norm()
print("the gradients of", figures.LETTERS[good], "and its twin", figures.LETTERS[idle], "differ:", bool(apart))

# %% [markdown]
# Would they stay twins for ever? No. The match must take one and leave the other, so the loss pulls them in different
# directions: the last line says so. One-to-one matching parts even identical tokens. Training starts them apart all the
# same: YOLOS draws them at random. (`transformers` leaves fresh ones at zero, all alike.)

# %% [markdown]
# ## Exercise: put the slots in order
#
# Notebook 00 had a loss that pairs guess k with label k, and it failed. Rescue it: order the N tokens so that guess k
# answers label k. The matcher's pairs say: token `prediction_index[i]` answers label `target_index[i]`. Idle tokens
# follow in any order. Will your order serve the next picture?
#
# [A solution](solutions/02.ipynb)


# %% tags=["exercise"]
def order_of_slots(prediction_index, target_index, num_tokens):
    return None  # a list: place k names the token that should stand there


# %%
check_order_of_slots(order_of_slots, outputs, targets)

# %% [markdown]
# ## What we learned
#
# - The heads read the last N states, after the LayerNorm, one by one. A wrong slice has the right shape and a wrong loss.
# - A guess is a box, always, and a class, which may be "no object".
# - Tokens are slots: what makes one is its vectors, not its place. Swap them, and the loss stays.

# %% [markdown]
# **Test yourself.** Someone sorts the twelve guesses by score before the loss is computed, logits and boxes alike. Does
# training change?
#
# <details><summary>Answer</summary>
#
# No. Sorting moves whole rows, the cost matrix gets its rows in another order, and the match goes with them. Sorting only
# the logits would be another matter: then classes and boxes belong to different tokens.
#
# </details>
#
# ## Your own photo
#
# With a network, run `from helpers.widgets.photos import try_photo` and `try_photo("hustvl/yolos-tiny")`: a YOLOS trained on COCO
# looks at your photo, and the playground opens on it.
#
# **Next:** [03, would you notice if your targets were wrong?](03_targets.ipynb)
