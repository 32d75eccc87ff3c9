# %% [markdown]
# # Solutions of [10](../10_break_it.ipynb)
#
# *What does one-to-one buy?* One right answer for each exercise; there are others.

# %%
import torch

from helpers.checks.breaking import check_crowd, check_who_reads

# %% [markdown]
# ## Forbid them to talk


# %%
def who_reads(length, num_tokens):
    readable = torch.eye(length, dtype=torch.bool)  # all read themselves
    readable[:, : length - num_tokens] = True  # and all read the patches
    return readable


used_who_reads = check_who_reads(who_reads)

# %% [markdown]
# ## One too few


# %%
def crowd():
    return [[30, 30, 90, 90], [42, 34, 102, 94]]


check_crowd(crowd)
