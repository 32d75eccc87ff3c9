# %% [markdown]
# # Solutions of [11](../11_fast_and_safe.ipynb)
#
# *What do the images of a batch do to each other?* One right answer for each exercise; there are others.

# %%
from helpers.checks.speed import check_accumulated_loss, check_trap_for_the_solver

# %% [markdown]
# ## A trap for the solver


# %%
def trap_for_the_solver():
    nan = float("nan")
    return [[nan, 6.0], [nan, 2.0]], 1e20


check_trap_for_the_solver(trap_for_the_solver)

# %% [markdown]
# ## Accumulate


# %%
def accumulated_loss(criterion, parts):
    objects = sum(len(target["boxes"]) for _, targets in parts for target in targets)
    guesses = sum(outputs["logits"].shape[:2].numel() for outputs, _ in parts)
    weights = objects + criterion.eos_coef * (guesses - objects)
    return sum(criterion.total(criterion(*part, max(objects, 1), weights)) for part in parts)


check_accumulated_loss(accumulated_loss)
