# %% [markdown]
# # Solutions of [10](../10_break_it.ipynb)
#
# *What does one-to-one buy?* One right answer for each exercise; there are others.

# %%
import numpy as np

from helpers.checks.breaking import check_crowd, check_two_each

# %% [markdown]
# ## One too few


# %%
def crowd():
    return [[30, 30, 90, 90], [42, 34, 102, 94]]


check_crowd(crowd)

# %% [markdown]
# ## Two each


# %%
def two_each(cost):
    from scipy.optimize import linear_sum_assignment

    guesses, wishes = linear_sum_assignment(np.repeat(cost, 2, axis=1))
    return guesses, wishes // 2


check_two_each(two_each)
