# %% [markdown]
# # How do you know that no other match is better?
#
# You have a cost for every pair of a guess and a target. Now choose: each target gets one guess of its own, at the
# least sum. This notebook finds the best choice, shows where nearest-first fails, and ends with a **proof** in one
# line.

# %% [markdown]
# **You will be able to** say what the matcher optimises, build a scene in which greedy loses, and prove that a match
# is the best without trying the others.
#
# **Time** 20 minutes to read, 45 with the exercises. **You need** [04](04_three_costs.ipynb), where the costs come
# from.
#
# <details><summary>The three questions of this notebook</summary>
#
# How many matches are there, and which one is wanted? Why not give each target its cheapest guess? How can anyone be
# sure of the best one when there are billions?
#
# </details>

# %%
import math

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment

from helpers import HungarianMatcher, figures
from helpers.assignment import argmin, brute_force, every_assignment, greedy, optimality_certificate, total_cost
from helpers.checks.assignment import check_greedy_match, check_trap_for_greedy
from helpers.detector import load_detector
from helpers.figures import assignment as drawn
from helpers.scenes import HandwrittenScenes, running_example
from helpers.widgets import AssignmentStepper, MatchingPlayground

# %% [markdown]
# ## Choose five cells
#
# The running example: N = 12 guesses as rows, T = 5 targets as columns. Each cell holds the cost of one pair, the
# weighted sum of notebook 04. We call the matrix C.

# %%
image, annotation = running_example()
model, image_processor = load_detector()
inputs = image_processor(images=image, annotations=annotation, return_tensors="pt")
targets = [{name: inputs["labels"][0][name] for name in ("class_labels", "boxes")}]
with torch.no_grad():
    outputs = model(inputs["pixel_values"])
cost = HungarianMatcher().cost_matrices(outputs, targets)[0]["total"].double().numpy()
print("C", cost.shape)

names = [figures.label_name(label) for label in targets[0]["class_labels"]]
figure = drawn.matrix_figure(cost, "Five cells: no row twice, no column twice", names, image, targets[0])
figures.show(figure, "The cost matrix of the running example: dark cells are cheap pairs.")

# %% [markdown]
# **Predict first.** Choose five cells by eye, one in each column, no two in the same row, with the least sum. Write
# down their rows. How many choices did you pass over?
#
# <details><summary>Predict, then open</summary>
#
# The first target may take any of 12 guesses, the next any of the 11 that are left, and so on: 12 · 11 · 10 · 9 · 8 =
# 95,040. SciPy's five rows are printed further below.
#
# </details>

# %% [markdown]
# ## Try them all
#
# A [match](glossary.md#match) is a function σ that gives target t the guess σ(t), never the same guess twice. We want the cheapest one,
#
# $$\hat\sigma = \arg\min_\sigma \sum_{t=1}^{T} C_{\sigma(t),\,t}$$
#
# which is equation 1 of the [DETR paper](https://arxiv.org/abs/2005.12872), written for T targets. Twelve by five is
# small enough to list.

# %%
chosen, totals = every_assignment(cost)
print("guess of each target", chosen.shape, " total", totals.shape)
print(f"12 guesses, 5 targets: {math.perm(12, 5):,} matchings; 100 guesses: {math.perm(100, 5):,}")
print(f"best {totals.min():.2f}, next {np.sort(totals)[1]:.2f}, mean {totals.mean():.1f}")
caption = "The total cost of every possible matching of the running example; nearly all are far from the best."
figures.show(drawn.totals_figure(totals), caption)

# %% [markdown]
# Listing ends soon: DETR's hundred guesses already allow nine billion matchings for five targets. SciPy does not
# list. Its `linear_sum_assignment` returns two arrays, rows and columns.
#
# Everyone says [*Hungarian*](glossary.md#hungarian-algorithm). SciPy uses a younger relative, a modified [Jonker-Volgenant](glossary.md#jonker-volgenant-algorithm) method, and
# [says so](https://docs.scipy.org/doc/scipy/reference/generated/scipy.optimize.linear_sum_assignment.html).

# %%
guess, target = linear_sum_assignment(cost)
np.testing.assert_array_equal((guess, target), brute_force(cost))
print("prediction_index", guess.shape, " target_index", target.shape)
print("match:", *(f"{figures.LETTERS[g]}-{names[t]}" for g, t in zip(guess, target)))
print(f"total {total_cost(cost, (guess, target)):.2f}")

# %% [markdown]
# ## Nearest first
#
# Most people arrive with a simpler rule. [**argmin**](glossary.md#argmin): each target takes its cheapest guess. But two targets may want
# the same one. [**Greedy**](glossary.md#greedy-matching) repairs that: take the cheapest pair of all, cross out its row and its column, repeat. Two
# taxis, two passengers; the cost is the distance.

# %%
taxis, passengers = [0.0, 5.1], [2.6, 7.8]
street = np.abs(np.subtract.outer(taxis, passengers))  # (2, 2)
print("argmin:", [f"passenger {p + 1} calls taxi {figures.LETTERS[t]}" for t, p in zip(*argmin(street))])

figure = drawn.street_figure(taxis, passengers, greedy(street), brute_force(street))
figures.show(figure, "Greedy sends taxi B to the passenger it is nearest to, and taxi A has to cross the whole street.")

MatchingPlayground(preset="two fight over one", controls=["matching"])

# %% [markdown]
# Greedy saves a tenth at the first ride and pays for it at the last. Below the street: boxes to drag. Choose the rule,
# and make greedy lose.
#
# **Predict first.** In how many scenes does this happen to a real detector, early and late in training? And in a
# **crowd**: random points, distance only, 20 guesses for 18 targets?
#
# <details><summary>Predict, then open</summary>
#
# With the detector, in few. Greedy errs where targets compete for one guess, and twelve guesses for at most six targets
# leave room. In the crowd they compete everywhere. Read the bars.
#
# </details>

# %%
scenes = [HandwrittenScenes("test", length=200, seed=1)[i] for i in range(200)]
pictures, annotations = zip(*scenes)
batch = image_processor(images=list(pictures), annotations=list(annotations), return_tensors="pt")


def shares(matrices):
    """In how many matrices argmin uses a guess twice, and in how many greedy pays too much."""
    twice = [len(set(argmin(c)[0])) < c.shape[1] for c in matrices]
    dearer = [total_cost(c, greedy(c)) > total_cost(c, linear_sum_assignment(c)) + 1e-6 for c in matrices]
    return {"argmin uses a guess twice": np.mean(twice), "greedy pays more than needed": np.mean(dearer)}


situations = {}
for name, step in (("step 1,000", 1000), ("step 9,000", 9000), ("trained", None)):
    with torch.no_grad():
        answers = load_detector(step=step)[0](batch["pixel_values"])
    situations[name] = shares([c["total"].numpy() for c in HungarianMatcher().cost_matrices(answers, batch["labels"])])

# %%
rng = np.random.default_rng(0)
places = rng.random((200, 20, 1, 2)), rng.random((200, 1, 18, 2))  # crowds of points
situations["crowd"] = shares(np.abs(places[0] - places[1]).sum(-1))

caption = "Share of scenes in which argmin collides and greedy loses: three ages of the detector, and a crowd."
figures.show(drawn.shares_figure(situations), caption)

# %% [markdown]
# So be honest about it: on this detector, with guesses to spare, greedy would do nearly as well at any of these ages.
# In a crowd it would not. And the joint choice costs next to nothing: at this size there is nothing to save by doing
# without it.

# %% [markdown]
# ## Exercise: write greedy
#
# Take the cheapest cell of the whole matrix, cross out its row and column, repeat until rows or columns run out.
# Return the pairs in the order you took them. It must work for more targets than guesses, too, and leave the caller's
# matrix alone.
#
# [A solution](solutions/05.ipynb)


# %% tags=["exercise"]
def greedy_match(cost):
    return None  # a list of (row, column)


# %%
check_greedy_match(greedy_match)

# %% [markdown]
# <details><summary>A hint</summary>
#
# `np.unravel_index(cost.argmin(), cost.shape)` gives row and column of the cheapest cell. What number can you write
# into a cell so that it is never the cheapest?
#
# </details>


# %% [markdown]
# ## Exercise: make greedy lose by 3
#
# Now with boxes and the real cost, 5 · L1 − 2 · GIoU; all classes are equally sure. Place two guesses and two targets,
# all as center boxes, inside the image, sides at least 0.05, so that greedy costs at least 3 more than the best match. The check draws
# what you built.
#
# [A solution](solutions/05.ipynb)


# %% tags=["exercise"]
def trap_for_greedy():
    return None  # pred_boxes, boxes: for example [[0.2, 0.5, 0.2, 0.2], [0.8, 0.5, 0.2, 0.2]] for each


# %%
check_trap_for_greedy(trap_for_greedy)

# %% [markdown]
# <details><summary>A hint</summary>
#
# Use the street. One guess stands between two targets, a little nearer to the one that has another guess on its far
# side.
#
# </details>


# %% [markdown]
# ## What is a guess worth?
#
# Take one guess away and match again: the total can only rise. How far it rises is the [**price**](glossary.md#price) of that guess.
#
# **Predict first.** Which guesses have price zero? Of the five others: is the order of their cells, from the cheapest on,
# the order of their prices, from the highest on?
#
# <details><summary>Predict, then open</summary>
#
# The seven idle guesses are worth nothing: the match does without them already. And no. The cheapest cell is A's, −2.77,
# and A has the highest price, 1.87. But the next cell is B's, −2.67, and B has the *lowest* price, 0.61. A matched guess
# is worth what its [**understudy**](glossary.md#understudy) costs more, the guess that would step in: H stands beside B,
# and nobody beside A.
#
# </details>

# %%
best = total_cost(cost, (guess, target))
prices = np.zeros(len(cost))  # u, one for each guess
for n in range(len(cost)):
    without = np.delete(cost, n, axis=0)
    prices[n] = total_cost(without, linear_sum_assignment(without)) - best
print("prices", prices.shape, "zero:", (prices < 1e-9).sum(), "above zero:", (prices >= 1e-9).sum())
for g, t in zip(guess, target):
    print(f"{figures.LETTERS[g]}-{names[t]}  cell {cost[g, t]:.2f}  price {prices[g]:.2f}")

figure = drawn.prices_figure(cost, prices, (guess, target), names, image, targets[0])
figures.show(figure, "The matched cells, ringed, and beside each guess its price: zero for the idle ones.")

# %% [markdown]
# ## The proof in one line
#
# Now charge these prices. A target that takes guess n pays the cell's cost plus the price $u_n$. Let $v_t$ be what
# target t pays in our match (negative where costs are; only differences matter). The [**slack**](glossary.md#slack),
# $C_{nt} + u_n - v_t$, is how much more it would pay elsewhere. If none is negative, nobody wants to leave.

# %%
certificate = optimality_certificate(cost, (guess, target))
assert np.allclose(certificate.prediction_prices, prices, atol=1e-9)  # the same prices, without twelve new matches
pays = certificate.target_prices  # v, one for each target: (5,)
slack = cost + prices[:, None] - pays  # (12, 5)
print(f"cells with negative slack: {(slack < -1e-9).sum()} of {slack.size}")
print(f"what targets pay {pays.sum():.2f} - all prices {prices.sum():.2f} = {pays.sum() - prices.sum():.2f}")
print(f"total of the match {best:.2f}, proven best: {certificate.optimal}")
crowd = np.abs(places[0][0] - places[1][0]).sum(-1)  # (20, 18)
wanted, proof = set(argmin(crowd)[0]), optimality_certificate(crowd, linear_sum_assignment(crowd))
print(f"crowd: argmin uses {len(wanted)} guesses for 18 targets; SciPy's match proven best: {proof.optimal}")

figure = drawn.slack_figure(slack, "Nobody can pay less elsewhere", (guess, target), names, image, targets[0])
figures.show(figure, "The slack of every cell: nowhere negative; zero, in yellow, at the match and at each understudy.")

# %% [markdown]
# For any match σ:
#
# $$\sum_t C_{\sigma(t),t} \;\ge\; \sum_t \big(v_t - u_{\sigma(t)}\big) \;\ge\; \sum_t v_t - \sum_n u_n \;=\; \text{our total}$$
#
# First ≥: no slack is negative. Second: no row is taken twice, no price is negative. The =: our cells have slack 0, idle
# guesses price 0. You looked at 60 numbers, not at 95,040 matchings.

# %% [markdown]
# Where argmin does not collide, you could see the answer. In the crowd it does: argmin is no match there, and the same
# line proves the best one. The picture shows more. Where a price is above zero, its target has a second yellow cell,
# the understudy's: it could go there at the same expense.

# %% [markdown]
# ## Break it
#
# Greed in the other direction: raise the price of the dearest guess by 0.5. Which target leaves, and to whom? Change
# `dearest` or `extra` and run it again. Try an idle guess, too: nobody leaves, but an idle guess with a price breaks the
# = of the proof.

# %%
dearest, extra = prices.argmax(), 0.5
more = np.where(np.arange(12) == dearest, extra, 0)  # (12,)
pays_now = pays.copy()
pays_now[target] += more[guess]  # its own target pays more, too
slack_now = slack + more[:, None] - (pays_now - pays)
print(f"the dearest guess: {figures.LETTERS[dearest]}; least slack {slack_now.min():.2f}")

figure = drawn.slack_figure(slack_now, "One price too high", (guess, target), names, image, targets[0])
figures.show(figure, "With one price raised, the owner of that guess could pay less elsewhere: the red cell.")

# %% [markdown]
# ## Three shapes, one answer
#
# Does it matter that the matrix is not square? DETR's paper (3.1) *pads the targets with no-object* up to N, and many
# texts repeat it. The code never does. Every full match uses all seven extra columns and so pays 7 · 4.2 whatever it
# chooses; a constant changes no winner. Transposing changes nothing either.

# %%
padded = np.pad(cost, ((0, 0), (0, 7)), constant_values=4.2)  # (12, 12), seven "no object" columns
rows, columns = linear_sum_assignment(padded)
real = columns < 5
assert np.array_equal(rows[real], guess)
assert np.array_equal(columns[real], target)
target_first, guess_second = linear_sum_assignment(cost.T)
assert set(zip(guess_second, target_first)) == set(zip(guess, target))
print(cost.shape, padded.shape, cost.T.shape, "-> the same five pairs")

# %% [markdown]
# ## Move it: where the prices come from
#
# Targets enter one by one. Each takes the cheapest guess; where two want the same one, its price rises until one
# prefers another. Several sets of prices prove the same match: bidding finds low ones; the last step raises each as far
# as its understudy allows.

# %%
stepper = AssignmentStepper()
figures.show(
    AssignmentStepper(step=-1).figure(),
    "The last step: the pairs ringed, prices beside the rows; the offers below are what each target pays.",
)
stepper

# %% [markdown]
# ## What we learned
#
# - The matcher chooses one guess for every target so that the summed cost is least: a joint choice.
# - Argmin lets two targets share a guess; greedy is short-sighted, which hurts in crowds.
# - Prices prove a match: if nobody can pay less elsewhere, no other match is cheaper.

# %% [markdown]
# **Test yourself.** Two guesses are exactly alike, and one of them is matched. What is its price?
#
# <details><summary>Answer</summary>
#
# Zero. Without it, its twin takes over at the same cost. This is what a duplicate is: a guess nobody would miss.
#
# </details>
#
# **Next:** [06, who decides which guess is matched](06_matcher.ipynb).
