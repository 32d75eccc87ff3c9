# %% [markdown]
# # Solutions of [05](../05_assignment.ipynb)
#
# *How do you know that no other match is better?* One right answer for each exercise; there are others.

# %%
import numpy as np

from helpers.checks.assignment import check_greedy_match, check_trap_for_greedy

# %% [markdown]
# ## Write greedy


# %%
def greedy_match(cost):
    left, pairs = cost.copy(), []
    for _ in range(min(cost.shape)):
        row, column = np.unravel_index(left.argmin(), left.shape)
        pairs.append((row, column))
        left[row], left[:, column] = np.inf, np.inf
    return pairs


check_greedy_match(greedy_match)

# %% [markdown]
# ## Make greedy lose by 3


# %%
def trap_for_greedy():
    pred_boxes = [[0.10, 0.5, 0.2, 0.2], [0.61, 0.5, 0.2, 0.2]]
    boxes = [[0.36, 0.5, 0.2, 0.2], [0.88, 0.5, 0.2, 0.2]]
    return pred_boxes, boxes


check_trap_for_greedy(trap_for_greedy)
