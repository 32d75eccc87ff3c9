# %% [markdown]
# # How do you know that no other match is better?
#
# You have a cost for every pair of a guess and a target. Now choose: each target gets one guess of its own, at the least
# sum. This notebook finds the best choice, shows where nearest-first fails, and **proves** in one line that a match is the
# best.

# %% [markdown]
# **You will be able to** say what the matcher optimises, build a scene in which greedy loses, and prove that a match
# is the best.
#
# **Time** 20 minutes to read, 45 with the exercises. **You need** [04](04_three_costs.ipynb).
#
# **One click about 04.** A guess has a perfect box and a wrong class. What does the pair cost?
#
# <details><summary>About 0: the wrong class spoils it</summary>
#
# No. The class cost is about 0, and so is L1. But −GIoU is −1, times 2: the pair costs about −2, and only 1 less with the
# right class.
#
# </details>
#
# <details><summary>About −2</summary>
#
# Yes: −GIoU is −1, times 2; L1 and the class cost are about 0. The right class would make it −3, the lowest there is.
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
from helpers.widgets import AssignmentStepper

# %% [markdown]
# ## Choose five cells
#
# The running example: twelve guesses as rows, five targets as columns, and in each cell the cost of the pair, the weighted
# sum of 04. **Choose five cells by eye**, one in each column, no two in the same row, with the least sum. Write down their
# rows.

# %%
image, annotation = running_example()
model, image_processor = load_detector()
inputs = image_processor(images=image, annotations=annotation, return_tensors="pt")
targets = [{name: inputs["labels"][0][name] for name in ("class_labels", "boxes")}]
with torch.no_grad():
    outputs = model(inputs["pixel_values"])
cost = HungarianMatcher().cost_matrices(outputs, targets)[0]["total"].double().numpy()  # C, (12, 5)
names = [figures.label_name(label) for label in targets[0]["class_labels"]]
figure = drawn.matrix_figure(cost, "Five cells: no row twice, no column twice", names, image, targets[0])
figures.show(figure, "The cost matrix of the running example: dark cells are cheap pairs.")

# %% [markdown]
# ## Try them all
#
# A [match](glossary.md#match) is a function σ that gives target t the guess σ(t), never the same guess twice. We want
#
# $$\hat\sigma = \arg\min_\sigma \sum_{t=1}^{T} C_{\sigma(t),\,t}$$
#
# where $C_{nt}$ is the cost of guess n for target t (equation 1 of the [DETR paper](https://arxiv.org/abs/2005.12872)). Here
# all matches can be listed, each as rows (guesses) and their columns (targets).

# %%
chosen, totals = every_assignment(cost)
guess, target = linear_sum_assignment(cost)
np.testing.assert_array_equal((guess, target), brute_force(cost))
print(f"12 guesses, 5 targets: {len(totals):,} matches; 100 guesses: {math.perm(100, 5):,}")
print(f"best {totals.min():.2f}, next {np.sort(totals)[1]:.2f}, mean {totals.mean():.1f}")
print("match:", *(f"{figures.LETTERS[g]}-{names[t]}" for g, t in zip(guess, target)))

# %% [markdown]
# With DETR's hundred guesses there are nine billion matches for five targets, too many to list. SciPy's
# `linear_sum_assignment` finds the best match without a list; its time grows at worst with the cube of the matrix's size.
# People call it the [Hungarian algorithm](glossary.md#hungarian-algorithm); it is a related one, by
# [Jonker and Volgenant](glossary.md#jonker-volgenant-algorithm).
#
# <details><summary>Twelve rows, five columns: does the matrix have to be square?</summary>
#
# No. DETR's paper (3.1) *pads the targets with no-object* up to N, and many texts repeat it; the code never does. It makes
# no difference: in an added column every guess has the same cost, and every match of the square matrix uses all seven added
# columns, so each match gets the same constant added.
#
# </details>

# %% [markdown]
# ## Nearest first
#
# A simpler rule: [**argmin**](glossary.md#argmin), each target takes its cheapest guess. Here that is the best match;
# elsewhere two targets may want one guess. [**Greedy**](glossary.md#greedy-matching) takes the cheapest pair, crosses out
# its row and column, and repeats. Two taxis, two passengers; the cost is the distance.

# %%
taxis, passengers = [0.0, 5.1], [2.6, 7.8]
street = np.abs(np.subtract.outer(taxis, passengers))  # (2, 2)
figure = drawn.street_figure(taxis, passengers, greedy(street), brute_force(street))
figures.show(figure, "Greedy sends taxi B to the passenger it is nearest to, and taxi A has to cross the whole street.")

# %% [markdown]
# Greedy saves 0.1 on the first ride (2.5 in place of 2.6) and pays 5.1 more on the second (7.8 in place of 2.7).
#
# **Predict first.** In 200 scenes, with our trained detector: how often does greedy cost more than the best match?
#
# <details><summary>In most scenes</summary>
#
# Far from it: in none of these. Greedy errs where targets want the same guess, and here nearly every digit has guesses of
# its own. Plenty of guesses is not enough: of twelve random points for as few targets, greedy errs in one scene of seven
# or so; in a crowd, 20 for 18, nearly always.
#
# </details>
#
# <details><summary>In about one of five</summary>
#
# Less often: in none of these. For that, two targets must want the same guess, and here nearly every digit has guesses of
# its own. Of twelve random points, for as few targets, argmin uses one twice in a third of the scenes.
#
# </details>
#
# <details><summary>In none or hardly any</summary>
#
# Yes, in none of these. Not because twelve guesses are plenty: give each scene the guesses that our detector made for
# another picture, and targets compete in a quarter of the scenes. It is that guesses fit their picture: nearly every
# digit has some of its own. In a crowd of random points, 20 for 18, greedy nearly always errs.
#
# </details>

# %%
pictures, annotations = zip(*HandwrittenScenes("test", length=200, seed=1))
batch = image_processor(images=list(pictures), annotations=list(annotations), return_tensors="pt")


def shares(matrices):
    """In how many matrices argmin uses a guess twice, and in how many greedy pays too much."""
    twice = [len(set(argmin(c)[0])) < c.shape[1] for c in matrices]
    dearer = [total_cost(c, greedy(c)) > total_cost(c, linear_sum_assignment(c)) + 1e-6 for c in matrices]
    return {"argmin uses a guess twice": np.mean(twice), "greedy pays more than needed": np.mean(dearer)}


def matrices_of(answers):
    return [each["total"].numpy() for each in HungarianMatcher().cost_matrices(answers, batch["labels"])]


situations = {}
for name, step in (("step 1,000", 1000), ("step 9,000", 9000), ("trained", None)):  # steps of our training
    with torch.no_grad():
        answers = load_detector(step=step)[0](batch["pixel_values"])
    situations[name] = shares(matrices_of(answers))

# %%
rng = np.random.default_rng(0)
places = rng.random((200, 20, 1, 2)), rng.random((200, 1, 18, 2))  # 20 guesses and 18 targets, as random points
crowds = np.abs(places[0] - places[1]).sum(-1)  # (200, 20, 18), their cost: the L1 distance
foreign = {name: answers[name].roll(1, 0) for name in ("logits", "pred_boxes")}  # each scene gets another's guesses
situations["trained, guesses\nof another scene"] = shares(matrices_of(foreign))
few = [c[:12, : len(label["boxes"])] for c, label in zip(crowds, batch["labels"])]  # 12 for as many as here
situations["random points,\n12 for 0 to 6"] = shares(few)
situations["crowd"] = shares(crowds)
caption = (
    "Where argmin collides and greedy loses: our detector, three times; other scenes' guesses; random points, "
    "twelve for as few targets, and 20 for 18."
)
figures.show(drawn.shares_figure(situations), caption)

# %% [markdown]
# ## Exercise: write greedy
#
# On this detector greedy would nearly do; in a crowd it would not, and finding the best match takes next to no time
# ([11](11_fast_and_safe.ipynb)). Write greedy: return the pairs in the order you take them. It must work for more targets
# than guesses, too, and leave the caller's matrix alone.
#
# <details><summary>A hint</summary>
#
# `np.unravel_index(cost.argmin(), cost.shape)` gives row and column of the cheapest cell. What number can you write
# into a cell so that it is never the cheapest?
#
# </details>
#
# [A solution](solutions/05.ipynb)


# %% tags=["exercise"]
def greedy_match(cost):
    return None  # a list of (row, column)


# %%
check_greedy_match(greedy_match)

# %% [markdown]
# ## Exercise: make greedy lose by 3
#
# Now with boxes and the real cost, 5 · L1 − 2 · GIoU; all guesses are equally sure of the class, so it plays no part. Place
# two guesses and two targets as center boxes inside the image, sides at least 0.05, so that greedy costs at least 3 more
# than the best match.
#
# <details><summary>A hint</summary>
#
# Use the street. One guess stands between two targets, a little nearer to the one that has another guess on its far
# side.
#
# </details>
#
# [A solution](solutions/05.ipynb)


# %% tags=["exercise"]
def trap_for_greedy():
    return None  # two guesses, two targets: [[0.2, 0.5, 0.2, 0.2], [0.8, 0.5, 0.2, 0.2]], for example, for each


# %%
check_trap_for_greedy(trap_for_greedy)

# %% [markdown]
# ## What is a guess worth?
#
# Take one guess away and match again: the total rises or stays the same. How far it rises is the
# [**price**](glossary.md#price) of that guess. The seven guesses without a target, the *idle* ones, have price 0.
#
# **Predict first.** Which of the five matched guesses has the lowest price?
#
# <details><summary>G or J, whose cells are the dearest</summary>
#
# No: B, although its cell is the second cheapest. The cell says what a guess costs; the price says how much more its
# replacement would cost. H lies beside B and is nearly as good.
#
# </details>
#
# <details><summary>B, whose box H nearly shares</summary>
#
# Yes. B's cell is the second cheapest of the five, but H is nearly as good for the "3" and would replace it.
#
# </details>
#
# <details><summary>A, whose cell is the cheapest</summary>
#
# A has the highest price of all: no other guess is nearly as good for its "1". B has the lowest, because of H.
#
# </details>

# %%
best = total_cost(cost, (guess, target))
prices = np.zeros(len(cost))  # u, one for each guess
for n in range(len(cost)):
    without = np.delete(cost, n, axis=0)
    prices[n] = total_cost(without, linear_sum_assignment(without)) - best
for g, t in zip(guess, target):
    print(f"{figures.LETTERS[g]}-{names[t]}  cell {cost[g, t]:.2f}  price {prices[g]:.2f}")
figure = drawn.prices_figure(cost, prices, (guess, target), names, image, targets[0])
figures.show(figure, "The matched cells, ringed, and beside each guess its price: zero for the idle ones.")

# %% [markdown]
# ## Charge the prices
#
# Now let every target pay for its guess: the cell and the price. Look at one column, the "3". At B it pays just what it
# would pay at H, its [**understudy**](glossary.md#understudy): B's price is what H costs more. Everywhere else it would pay
# more. So leaving saves nothing.
#
# <details><summary>On paper: the three guesses and two targets of 04</summary>
#
# The costs for targets 1 and 2 are −9 and 6 for A, −1 and 13 for B, 19 and 7 for C. The best match is A-1 and C-2, with the
# sum −2. Take A away, and the best that is left, B-1 and C-2, costs 6. So A has the price 8. Find the other two prices, and
# what each target pays.
#
# </details>
# <details><summary>What you should find</summary>
#
# B is idle: price 0. Without C, A-1 and B-2 cost 4, so C has the price 6. Target 1 pays −9 + 8 = −1, as much as at B;
# target 2 pays 7 + 6 = 13, as much as at B.
#
# </details>

# %%
column = names.index('"3"')
pays_at = cost[:, column] + prices  # (12,)
for n in pays_at.argsort(stable=True)[:4]:
    print(f"{figures.LETTERS[n]}: cell {cost[n, column]:6.3f} + price {prices[n]:.3f} = {pays_at[n]:6.3f}")

# %% [markdown]
# ## The proof in one line
#
# Let $v_t$ be what target t pays in our match, $u_n$ the price of guess n. No target would pay less elsewhere:
# $C_{nt} + u_n \ge v_t$ in all 60 cells, as the code checks. Then for *any* match σ:
#
# $$\sum_t C_{\sigma(t),t} \;\ge\; \sum_t \big(v_t - u_{\sigma(t)}\big) \;\ge\; \sum_t v_t - \sum_n u_n \;=\; \text{our total}$$
#
# Say why each of the three signs holds before you open this.
#
# <details><summary>Why they hold</summary>
#
# - The first ≥: move $u_n$ to the other side of $C_{nt} + u_n \ge v_t$, and add up the cells of σ.
# - The second ≥: σ uses no guess twice, so it subtracts only some of the prices, and none is negative.
# - The =: our targets pay their cells and the prices of their guesses, and all other guesses have price 0. So taking away
#   all prices leaves the cells.
#
# Every best match passes the check in all cells: a theorem, not proved here.
#
# </details>

# %%
certificate = optimality_certificate(cost, (guess, target))
assert np.allclose(certificate.prediction_prices, prices, atol=1e-9)  # the same prices, without twelve new matches
pays = certificate.target_prices  # v, (5,)
slack = cost + prices[:, None] - pays  # (12, 5): how much more a target would pay elsewhere
print(f"cells with negative slack: {(slack < -1e-9).sum()} of {slack.size}")
print(f"what targets pay {pays.sum():.2f} - all prices {prices.sum():.2f} = {pays.sum() - prices.sum():.2f}")
print(f"total of the match {best:.2f}, proven best: {certificate.optimal}")
crowd = crowds[0]  # (20, 18)
wanted, proof = set(argmin(crowd)[0]), optimality_certificate(crowd, linear_sum_assignment(crowd))
print(f"crowd: argmin uses {len(wanted)} guesses for 18 targets; SciPy's match proven best: {proof.optimal}")
figure = drawn.slack_figure(slack, "Nobody can pay less elsewhere", (guess, target), names, image, targets[0])
figures.show(figure, "The slack of every cell: nowhere negative; zero, in green, at the match and at each understudy.")

# %% [markdown]
# You looked at 60 numbers, not 95,040 matches. The same line proves the crowd's.
#
# **Move it:** bidding also finds prices, here for 6 guesses, 4 targets. In turn, each target *offers* what it pays at its
# cheapest guess, cell and price. Where two want one, its price rises until one prefers another. Last, prices rise to what
# guesses are worth.

# %%
steps = [AssignmentStepper(step=step) for step in (6, 12, 15, -1)]  # the first step is 0
caption = "Two targets are served; t4 enters and wants B, too, so its price rises; all four are served; the last step."
figures.show(drawn.bidding_figure(steps), caption)
AssignmentStepper()

# %% [markdown]
# ## What we learned
#
# - The matcher picks one guess for each target, jointly, at the least sum.
# - Greedy picks the nearest first; that costs more where targets compete.
# - If nobody can pay less elsewhere, no other match is cheaper.
#
# **Test yourself.** Two guesses are exactly alike. What is the matched one's price?
#
# <details><summary>High: it is matched</summary>
#
# It is zero. Without it, its twin takes over at the same cost. A duplicate is a guess that nobody would miss.
#
# </details>
#
# <details><summary>Zero</summary>
#
# Yes: without it, its twin takes over at the same cost. A duplicate is a guess that nobody would miss.
#
# </details>
#
# **Next:** [06, who decides which guess is matched](06_matcher.ipynb).
