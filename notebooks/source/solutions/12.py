# %% [markdown]
# # Solutions of [12](../12_where_the_field_went.ipynb)
#
# *What have later detectors changed?* One right answer for each exercise; there are others.

# %%
import torch

from helpers import HungarianMatcher
from helpers.checks.field import check_disagreement, check_focal_cost, check_sharp_plan
from helpers.detector import load_detector
from helpers.later.costs import FOCAL_COSTS
from helpers.scenes import running_example

model, image_processor = load_detector(step=36_000)
inputs = image_processor(*running_example(), return_tensors="pt")
targets = [{name: inputs["labels"][0][name] for name in ("class_labels", "boxes")}]
with torch.no_grad():
    outputs = model(inputs["pixel_values"])
matchers = {"RT-DETR": HungarianMatcher(class_cost=2, costs=FOCAL_COSTS)}
cost = matchers["RT-DETR"].cost_matrices(outputs, targets)[0]["total"].double().numpy()  # (12, 5)

# %% [markdown]
# ## Write the focal cost


# %%
def focal_cost(logits, class_labels):
    z = logits[:, class_labels]  # (N, T)
    p, log = z.sigmoid(), torch.nn.functional.logsigmoid
    return -0.25 * (1 - p) ** 2 * log(z) + 0.75 * p**2 * log(-z)


used_focal_cost = check_focal_cost(focal_cost)

# %% [markdown]
# ## Make them disagree


# %%
def disagreement():
    return [[0.0, -9.0, -9.0], [3.0, 3.5, -9.0]]  # A: alone, but quiet. B: loud, but not alone.


check_disagreement(disagreement)

# %% [markdown]
# ## Back to one to one


# %%
def sharp_plan(cost):
    return 0.02, 1000


check_sharp_plan(sharp_plan, cost, matchers["RT-DETR"](outputs, targets)[0])
