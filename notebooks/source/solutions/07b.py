# %% [markdown]
# # Solutions of [07b](../07b_honest_scores.ipynb)
#
# *How far can you believe a score?* One right answer for each exercise; there are others.

# %%
from helpers.checks.loss import check_fair_eos_coef

# %% [markdown]
# ## A fair weight


# %%
def fair_eos_coef(num_predictions, num_targets):
    return num_targets / (num_predictions - num_targets)


check_fair_eos_coef(fair_eos_coef)
