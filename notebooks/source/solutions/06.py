# %% [markdown]
# # Solutions of [06](../06_matcher.ipynb)
#
# *Who decides which guess is the right one?* One right answer for each exercise; there are others.

# %%
import torch
from scipy.optimize import linear_sum_assignment

from helpers import bbox_cost, class_cost, giou_cost
from helpers.checks.matcher import check_match_batch

# %% [markdown]
# ## The matcher from memory


# %%
@torch.no_grad()
def match_batch(outputs, targets):
    pairs = []
    for logits, pred_boxes, target in zip(outputs["logits"], outputs["pred_boxes"], targets):
        total = class_cost(logits, target["class_labels"]) + 5 * bbox_cost(pred_boxes, target["boxes"])
        total = total + 2 * giou_cost(pred_boxes, target["boxes"])
        pairs.append(tuple(torch.as_tensor(index) for index in linear_sum_assignment(total)))
    return pairs


check_match_batch(match_batch)
