# %% [markdown]
# # How does a token come to know about an object?
#
# Each of the twelve guesses starts as a *detection token*: a learned vector, the same for every image. When they leave the
# network, one of them knows that there is a "5" at the lower right. We follow an image through the transformer and watch
# where that knowledge comes from.

# %% [markdown]
# **You will be able to** draw the sequence that YOLOS reads, say where an attention map comes from, and tell in
# what DETR differs.
#
# **Time** 20 minutes to read, 40 with the exercises. **You need** [00](00_start_here.ipynb).
#
# **One click about 00.** Which guess does the loss of the set compare with a digit?
#
# <details><summary>The guess at the digit's place in the file</summary>
#
# No: that was the loss by position. The match decides, by the least total cost. How a guess comes to fit a digit at all
# is the question here.
#
# </details>
#
# <details><summary>The one that the match gives it</summary>
#
# Yes, by the least total cost. How a guess comes to fit a digit at all is the question here.
#
# </details>
#
# <details><summary>Sources</summary>
#
# YOLOS is Fang et al. 2021, *You Only Look at One Sequence*; DETR is Carion et al. 2020, *End-to-End Object Detection with
# Transformers*.
#
# </details>

# %%
import torch
from transformers import DetrConfig, DetrForObjectDetection, ResNetConfig

from helpers import HungarianMatcher, SetCriterion, figures
from helpers.checks.states import check_largest_image, check_pixels_of
from helpers.detector import detection_states, load_detector
from helpers.figures.attention import draw_receivers, draw_share_by_layer, draw_spotlight, patch_coverage
from helpers.figures.comparison import compare
from helpers.figures.sequence import draw_layers, draw_sequence
from helpers.scenes import HandwrittenScenes, running_example

# %% [markdown]
# ## From a picture to `pixel_values`
#
# The image processor turns image and COCO annotation into tensors. Pixels become numbers around zero: light paper lies
# above it, ink below. Their shape is (B, 3, height, width), here with B = 1 image of 128 by 128 pixels. Letters in shapes
# are sizes, never guesses. The `labels` are the subject of notebook 03.

# %%
image, annotation = running_example()
model, image_processor = load_detector()
inputs = image_processor(images=image, annotations=annotation, return_tensors="pt")
pixel_values = inputs["pixel_values"]  # (B, 3, 128, 128)
targets = [{name: inputs["labels"][0][name] for name in ("class_labels", "boxes")}]
print("pixel_values", tuple(pixel_values.shape), f"from {pixel_values.min():.1f} to {pixel_values.max():.1f}")

# %% [markdown]
# ## The sequence
#
# The image is cut into [patches](glossary.md#patch) of 16 × 16 pixels; one matrix turns the 3 · 16 · 16 = 768 numbers of
# each into a vector of H = 96. In front stands [CLS], learned, left over from ViT, the classifier that YOLOS is built on. Behind
# stand the N = 12 [**detection tokens**](glossary.md#detection-token), A to L: S = 1 + 64 + 12 = 77.
#
# <details><summary>Two details</summary>
#
# In code the cutting and the matrix are one convolution whose stride is its size. And the YOLOS paper (section two) drops
# [CLS]; the authors' code and `transformers` keep it.
#
# </details>

# %%
figure, (top, bottom) = figures.new_figure(12, 6.4, rows=2, height_ratios=[3.1, 1])
draw_sequence(top, bottom, image, model.config.num_detection_tokens)
figures.show(figure, "The image as 64 patches, and the 77 places of the sequence: [CLS], patches, detection tokens.")

# %% [markdown]
# A learned *position* is added at each place. Positions, [CLS] and detection tokens are **parameters**. Four words for
# A to L:
#
# - **token**: the vector that goes in, loosely also what becomes of it;
# - **state**: what leaves a layer;
# - **guess**: what two networks, *class head* and *box head*, make of the last state;
# - **[slot](glossary.md#slot)**: the place itself (DETR: *object query*).
#
# <details><summary>Positions that are added again</summary>
#
# A `YolosConfig` with its default settings adds another vector for each place after every layer but the last, the *mid-layer
# positions*. Our detector does without them: its config has `use_mid_position_embeddings=False`.
#
# </details>

# %%
parts = model.vit.embeddings
with torch.no_grad():
    tokens = torch.cat([parts.cls_token, parts.patch_embeddings(pixel_values), parts.detection_tokens], 1)  # (B, S, H)
    embeddings = tokens + parts.position_embeddings  # (B, S, H)
    assert torch.allclose(embeddings, parts(pixel_values), atol=1e-5)
print("embeddings", tuple(embeddings.shape))

# %% [markdown]
# ## Through the layers
#
# A layer lets every place look at all places ([**attention**](glossary.md#attention)); then a small network, two matrices
# with a GELU between, transforms each state by itself. Both results are added to the state. We keep all states and all
# attention for 32 test scenes. PyTorch's fast attention keeps none, so we ask for the plain one, `"eager"`.

# %%
model.set_attn_implementation("eager")
scenes = HandwrittenScenes("test", length=32, seed=1, objects=(3, 6))
pictures, annotations = map(list, zip(*scenes))
batch = image_processor(images=pictures, annotations=annotations, return_tensors="pt")
with torch.no_grad():
    run = model(batch["pixel_values"], output_hidden_states=True, output_attentions=True)
print(f"{len(run.hidden_states)} hidden states", tuple(run.hidden_states[0].shape), "the embeddings, then each layer")
print(f"{len(run.attentions)} attentions   ", tuple(run.attentions[0].shape), "images, heads, from, to")

# %% [markdown]
# **Predict first.** At one place, 32 scenes give 32 states. We call *evidence* how far they lie from their mean, divided
# by their length (norm): 0 where all scenes give the same state. Before the first layer only patches have any. Do patches
# or detection tokens have more after the last?
#
# <details><summary>The patches: they hold the picture</summary>
#
# They did at first. In the middle of the network the detection tokens, which read from all patches, overtake them.
#
# </details>
#
# <details><summary>The detection tokens</summary>
#
# Yes: they begin with nothing, read from all patches, and overtake them in the middle of the network.
#
# </details>

# %%
places = {"[CLS]": slice(0, 1), "patches": slice(1, 65), "detection tokens": slice(65, 77)}
states = torch.stack(run.hidden_states)  # (6, 32, S, H)
length = states.norm(dim=-1).mean(1)  # (6, S)
distance = (states - states.mean(1, keepdim=True)).norm(dim=-1).mean(1)  # (6, S): from the mean of the scenes
evidence = distance / length
figure, (left, right) = figures.new_figure(12, 4.4, columns=2)
draw_layers(left, length, places, "Each layer adds to the states", "mean length of a state")
draw_layers(
    right, evidence, places, "Only patches start with evidence", "distance from the mean / length", "lower right"
)
figures.show(
    figure, "Left, the length of a state; right, how much of it depends on the scene: at first only patches do."
)
print(
    "after the last layer:", *(f"{name} {evidence[-1, where].mean():.2f}" for name, where in places.items()), sep="  "
)

# %% [markdown]
# On the right, detection tokens begin at zero: attention gathered all their evidence.
#
# ## A trap: the last hidden state, twice
#
# On the left, states grow. So a [LayerNorm](glossary.md#layernorm) follows the last layer, and brings each to a common
# scale. The list `hidden_states` ends *before* it; `last_hidden_state` comes *after* it. The heads read the latter; 02
# shows what the other gives.

# %%
before, after = run.hidden_states[-1], run.last_hidden_state  # both (32, S, H)
assert before.shape == after.shape
assert torch.allclose(model.vit.layernorm(before), after, atol=1e-5)
read = detection_states(after, 12)
torch.testing.assert_close(model.class_labels_classifier(read), run.logits)
print(f"mean length of a state: {before.norm(dim=-1).mean():.1f} before, {after.norm(dim=-1).mean():.1f} after")

# %% [markdown]
# ## Where does a token look?
#
# After a LayerNorm, learned matrices turn each state into a query $q$, a key $k$ and a value $v$, of $d$ numbers each:
#
# $$a_{ij} = \operatorname{softmax}_j \left( q_i \cdot k_j \, / \sqrt{d} \right)$$
#
# Row $i$ holds 77 weights that sum to 1; place $i$ receives $\sum_j a_{ij} v_j$. Four *attention heads* do this at once.
# We average their weights, and keep the rows of [**matched**](glossary.md#matched-token) tokens.

# %% [markdown]
# **Predict first.** A box covers a small part of the image. If a token spread its attention evenly over the patches, the
# same part of that attention would fall inside its box. How much of it really does, in the last layer?
#
# <details><summary>About as much: it must look everywhere</summary>
#
# Far more: more than half of its attention to patches, as the next cell prints.
#
# </details>
#
# <details><summary>About twice as much</summary>
#
# More than that: more than half of its attention to patches.
#
# </details>
#
# <details><summary>More than half of it</summary>
#
# Yes, though the box covers less than a tenth of the image.
#
# </details>

# %%
weights = torch.stack(run.attentions, dim=1).mean(2)  # (32, 5, S, S): image, layer, from, to
assert torch.allclose(weights.sum(-1), torch.ones(1))
match = HungarianMatcher()(run, [dict(label) for label in batch["labels"]])
scene, token = torch.tensor([(b, n) for b, (tokens, _) in enumerate(match) for n in tokens]).T  # (M,): all matched
rows = weights[scene, :, 65 + token]  # (M, 5, S): for each matched token its row of attention in its own scene
inside = patch_coverage(run.pred_boxes[scene, token]).flatten(1)  # (M, 64): the part of each patch in the box
to_patches = rows[..., 1:65]  # (M, 5, 64)
shares = 100 * ((to_patches * inside[:, None]).sum(-1) / to_patches.sum(-1)).mean(0)  # (5,)
print(f"the box covers {100 * inside.mean():.0f} % of the image and gets {shares[-1]:.0f} % of the patch attention")

# %%
figure, (left, right) = figures.new_figure(12, 4.8, columns=2)
draw_share_by_layer(left, shares, 100 * inside.mean(), "Tokens look into their own box")
draw_receivers(right, rows, 65 + token, 12, "Where all their attention goes")
figures.show(figure, "Left, the share of patch attention inside a token's box; right, where all their attention goes.")

# %% [markdown]
# Nothing in the loss asks for this: it grades classes and boxes alone. In the first layer a token's query is made of
# parameters, so it asks the same of every image; here the share inside the box is no more than chance. On the right: in the
# first two layers tokens look at each other, too.
#
# <details><summary>Does a token use what it looks at?</summary>
#
# Attention shows where a token looks, not how it uses what it finds. [CLS] looks at the patches as well, its states
# differ most of all, and neither the class head nor the box head reads them.
#
# </details>
#
# <details><summary>Do the tokens agree in these layers on who takes which digit?</summary>
#
# Not in this detector. In layer 1 no token has seen a patch yet, so what the others say is the same for every image.
# And if nobody may read another token in layers 2 to 5, the detector is as good as before. Notebook 10 tries it.
#
# </details>

# %% [markdown]
# ## Layer by layer
#
# The five matched tokens of the running example, one column each, in the order of the labels. The image is washed out
# where the token does not look. From which layer on does each token look at its own digit? Change `layers_to_show` and run
# the cell again.
#
# <details><summary>What to expect</summary>
#
# In layer 1 none looks mainly at its own: no query knows the image yet. In layer 3 all but G do, though F's outlined
# patches lie at the top edge of its box. G looks above its "1" there. Run layers 2 and 4 to see it look at the "3" first,
# then at its "1".
#
# </details>

# %%
layers_to_show = [1, 3, 5]  # any of 1 to 5
with torch.no_grad():
    outputs = model(pixel_values, output_attentions=True)
matched, digit = HungarianMatcher()(outputs, targets)[0]
matched = matched[digit.argsort()].tolist()  # in the order of the labels
figure, grid = figures.new_figure(11, 2.3 * len(layers_to_show), 5, len(layers_to_show), squeeze=False)
for layer, row in zip(layers_to_show, grid):
    looks = outputs.attentions[layer - 1][0].mean(0)[65:, 1:65].reshape(12, 8, 8)
    for axes, token in zip(row, matched):
        draw_spotlight(axes, image, looks[token], outputs.pred_boxes[0, token], figures.LETTERS[token])
    row[0].set_ylabel(f"layer {layer}", fontsize=14)
for axes, label in zip(grid[0], targets[0]["class_labels"]):
    axes.set_title(f"matched with {figures.label_name(label)}", fontsize=12)
figures.show(figure, "Where each token looks, one row a layer, every panel scaled to its brightest patch; "
             "the three brightest are outlined, and dashed is the box that the token answers in the end.")  # fmt: skip

# %% [markdown]
# ## Break it: shuffle the patches
#
# The patches stand in image order. Does the network need that? We shuffle the 64 patches inside the sequence, once after
# their positions were added and once before.
#
# <details><summary>What to expect, and why</summary>
#
# After: no harm at all. Attention is a weighted sum, and a sum has no order; each patch carries its position along. To the
# transformer its input is a set, as its answer is.
#
# Before: the patches get each other's positions, and the network sees a jigsaw puzzle that was put together wrongly. So it
# knows from the positions alone how patches lie to each other, and they were learned: nobody told it that place 9 lies below
# place 1. Notebook 02 does the same to the detection tokens.
#
# </details>

# %%
criterion = SetCriterion(HungarianMatcher(), num_classes=10, eos_coef=model.config.eos_coefficient)
shuffle = torch.randperm(64, generator=torch.Generator().manual_seed(0))
order = torch.cat([torch.tensor([0]), 1 + shuffle, torch.arange(65, 77)])  # [CLS] and detection tokens stay


@torch.no_grad()
def loss_from(embeddings):
    states = model.vit.encoder(embeddings, height=128, width=128).last_hidden_state
    states = detection_states(model.vit.layernorm(states), 12)
    answer = {"logits": model.class_labels_classifier(states), "pred_boxes": model.bbox_predictor(states).sigmoid()}
    return float(criterion.total(criterion(answer, targets)))


print(f"as it is                         {loss_from(embeddings):.4f}")
print(f"shuffled after adding positions  {loss_from(embeddings[:, order]):.4f}")
print(f"shuffled before                  {loss_from(tokens[:, order] + parts.position_embeddings):.4f}")

# %% [markdown]
# ## YOLOS beside DETR
#
# The loss came with DETR. There convolutions make tokens of the image, which look at each other in an **encoder**. Slots,
# in a second stack, the [**decoder**](glossary.md#decoder), look at the image tokens by
# [*cross-attention*](glossary.md#cross-attention). In YOLOS, image and slots are one sequence. Below, YOLOS beside an
# untrained DETR: from which row on do the shapes agree?
#
# <details><summary>Was DETR the first?</summary>
#
# No: Stewart, Andriluka and Ng trained a detector of people in 2015 with a "Hungarian loss" on sets of boxes, and needed
# no *non-maximum suppression*, which strikes out duplicates (*End-to-end people detection in crowded scenes*). A recurrent
# network gave one box after another. DETR made it work for all boxes at once, with a transformer, and on COCO.
#
# </details>

# %%
backbone = ResNetConfig(
    embedding_size=16, hidden_sizes=[16, 32, 64, 96], depths=[1, 1, 1, 1], layer_type="basic", out_features=["stage4"]
)
config = DetrConfig(
    use_timm_backbone=False, backbone_config=backbone, d_model=96, num_queries=12, num_labels=10,
    encoder_layers=3, encoder_attention_heads=4, encoder_ffn_dim=192,
    decoder_layers=3, decoder_attention_heads=4, decoder_ffn_dim=192,
)  # fmt: skip
torch.manual_seed(0)
detr = DetrForObjectDetection(config).eval()
assert model.loss_function is detr.loss_function
for name, (yolos_value, detr_value) in compare(model, detr, pixel_values, targets).items():
    print(f"{name:30}{yolos_value:18}{detr_value}")

# %% [markdown]
# <details><summary>From which row on do the shapes agree?</summary>
#
# DETR's convolutions shrink the image by 32: 4 × 4 = 16 tokens. Their positions are computed, not learned. From "what the
# heads read" on the shapes agree; its class head is one layer, that of YOLOS three. Matching and loss work on these two
# outputs alone, so they do not depend on how the network made them. In `transformers` it is the same function.
#
# </details>
#
# ## Exercise: which pixels?
#
# An attention map names places in the sequence; you want pixels. Given the place of a patch, the image's width and the
# patch size, return its (left, top, right, bottom). Place 1 is the top left patch; `pixels_of(10, 128, 16)` is
# `(16, 16, 32, 32)`.
#
# [A solution](solutions/01.ipynb)


# %% tags=["exercise"]
def pixels_of(position, image_width, patch_size):
    return None  # your code


# %%
check_pixels_of(pixels_of)

# %% [markdown]
# ## Exercise: the largest image
#
# Design a detector. Attention compares every place with every other, so its work grows with S². You can afford S = 1,000 at
# most. Patches are 16 × 16, and you want N = 100 detection tokens. What is the largest square image, in pixels a side?
#
# <details><summary>A hint</summary>
#
# Three kinds of token share the 1,000 places, and the side must be a whole number of patches.
#
# </details>
#
# <details><summary>Beyond the exercise: the memory</summary>
#
# It grows with S², too, where all weights are kept, as `"eager"` attention does. Fused attention works through them piece by
# piece, and its memory grows with S alone.
#
# </details>
#
# [A solution](solutions/01.ipynb)


# %% tags=["exercise"]
def largest_image():
    return None  # for example 224


# %%
check_largest_image(largest_image)

# %% [markdown]
# ## What we learned
#
# - The sequence: [CLS], patches in image order, N detection tokens; S = 1 + patches + N.
# - Detection tokens enter without evidence and gather it by attention, in the end mostly from their own box.
# - YOLOS and DETR differ in how the image becomes tokens, how slots meet it, and in the class head. Matching and loss are
#   the same.

# %% [markdown]
# **Test yourself.** Two images, one network: at which places of the sequence do the *embeddings* differ, and at which
# the *last hidden state*?
#
# <details><summary>Both at the patches</summary>
#
# The embeddings do, at places 1 to 64. The last hidden state differs everywhere, also at [CLS]: by then every place has looked
# at the patches.
#
# </details>
#
# <details><summary>The embeddings at the patches, the last state everywhere</summary>
#
# Yes: only patches enter with something of the image, and by the end every place has looked at them.
#
# </details>
#
# **Next:** [02, what the twelve states become](02_detection_tokens.ipynb).
